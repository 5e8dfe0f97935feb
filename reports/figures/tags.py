"""Figures of tags, tempo and key: how often, together with what, and how sure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leitmotif.phrases import count as things
from leitmotif.reports.figures.figure import (
    MOST_BARS,
    PAPER,
    Figure,
    bin_rows,
    column,
    list_counts,
    quantiles_of,
)
from leitmotif.reports.figures.heatmaps import plot_density, plot_heatmap, plot_spreads
from leitmotif.reports.figures.plots import plot_bars
from leitmotif.reports.figures.svg import WIDTH, short
from leitmotif.reports.statistics.model.stats import Stats
from leitmotif.reports.statistics.tempo import LEAST_CORRELATED

_KINDS = {
    "moods": ("Moods", "Fig. 7"),
    "genres": ("Genres", "Fig. 8"),
    "instruments": ("Instruments", "Fig. 9"),
}
_TEMPOS = ("slow", "medium", "fast")
_MOST_SPREADS = 16


def draw_tags(stats: Stats) -> Iterator[Figure]:
    """Yield how often each tag, family, tempo class and key occurs."""
    tags: Mapping[str, Any] = stats["tags"]
    untagged: Mapping[str, Any] = stats["untagged"]
    for kind, (title, paper) in _KINDS.items():
        notes = (
            f"A clip has several or none: {untagged[kind]:,} have none.",
            f"As {paper} of {PAPER}.",
        )
        yield from _bars(stats, kind, title, tags[kind], column(stats, kind), notes=notes, kind="tag")
    families = stats["families"]
    if any(families.values()):
        yield Figure(
            name="families",
            title="Families of instruments",
            drawing=plot_bars(families, alt=list_counts("families", families), kind="tag", unit="tags"),
            count=sum(families.values()),
            of="instrument tags",
            source=f"{column(stats, 'instruments')}; taxonomy.yaml",
            head=("family", "tags"),
            rows=list(families.items()),
        )
    classes = stats["tempo_classes"]
    ordered = {name: classes[name] for name in _TEMPOS if name in classes} | dict(classes)
    yield from _bars(stats, "tempo-class", "Tempo class", ordered, column(stats, "tempo_class"))
    yield from _bars(stats, "key", "Musical key", stats["keys"], column(stats, "key"))


def draw_relations(stats: Stats) -> Iterator[Figure]:
    """Yield how tags, scores, tempo and motion go together."""
    yield from _scores(stats)
    yield from _tempo_by_genre(stats)
    yield from _motion_tempo(stats)
    yield from _cooccurrence(stats)


def _bars(
    stats: Stats,
    name: str,
    title: str,
    counts: Mapping[str, int],
    source: str,
    *,
    notes: tuple[str, ...] = (),
    kind: str = "kept",
) -> Iterator[Figure]:
    if not any(counts.values()):
        return
    kept = stats["counts"]["kept"]
    shown = dict(list(counts.items())[:MOST_BARS])
    if len(counts) > len(shown):
        notes = (f"The {len(shown)} most frequent of {len(counts)}.", *notes)
    yield Figure(
        name=name,
        title=title,
        drawing=plot_bars(shown, alt=list_counts(title.lower(), counts), kind=kind, total=kept),
        count=kept,
        source=source,
        notes=("Bars count clips; percentages are of all kept clips.", *notes),
        head=(title.lower(), "clips"),
        rows=list(counts.items()),
    )


def _scores(stats: Stats) -> Iterator[Figure]:
    edges = stats["tag_scores"]["edges"]
    kinds: Mapping[str, Any] = stats["tag_scores"]["kinds"]
    for kind, tags in kinds.items():
        used = {tag: entry for tag, entry in list(tags.items())[:_MOST_SPREADS] if entry["count"]}
        if not used:
            continue
        spreads = {
            tag: [
                min(max(value, entry["min"]), entry["max"])
                for value in quantiles_of(edges, entry["counts"], (0.05, 0.25, 0.5, 0.75, 0.95))
            ]
            for tag, entry in used.items()
        }
        counts = {tag: entry["count"] for tag, entry in used.items()}
        alt = f"Spread of the scores of {kind}: " + ", ".join(
            f"{tag} median {short(values[2])}" for tag, values in list(spreads.items())[:8]
        )
        yield Figure(
            name=f"scores-{kind}",
            title=f"Scores of the tags: {kind}",
            drawing=plot_spreads(spreads, label="score", alt=alt, counts=counts),
            count=sum(entry["count"] for entry in tags.values()),
            of="tags",
            source=column(stats, kind),
            notes=("Line: 5 to 95%; bar: 25 to 75%; gap: median; read off a histogram.",),
            head=("tag", "clips", "least", "mean", "greatest"),
            rows=[
                (tag, *(entry[key] for key in ("count", "min", "mean", "max"))) for tag, entry in tags.items()
            ],
        )


def _tempo_by_genre(stats: Stats) -> Iterator[Figure]:
    entry = stats["tempo_by_genre"]
    genres = {
        genre: found for genre, found in list(entry["genres"].items())[:_MOST_SPREADS] if any(found["counts"])
    }
    if not genres:
        return
    spreads = {}
    for genre, found in genres.items():
        low, high = quantiles_of(entry["edges"], found["counts"], (0.05, 0.95))
        quarter, half, three = found["quartiles"]
        spreads[genre] = [min(low, quarter), quarter, half, three, max(high, three)]
    counts = {genre: found["count"] for genre, found in genres.items()}
    alt = "Spread of tempo by genre: " + ", ".join(
        f"{genre} median {values[2]:.0f} BPM" for genre, values in list(spreads.items())[:8]
    )
    yield Figure(
        name="tempo-by-genre",
        title="Tempo by genre",
        drawing=plot_spreads(spreads, label="tempo, beats per minute", alt=alt, counts=counts),
        count=sum(found["count"] for found in entry["genres"].values()),
        of="pairs of clip and genre",
        source=column(stats, "genres", "tempo_bpm"),
        notes=("Line: 5 to 95%; bar: 25 to 75%; gap: median.",),
        head=("genre", "clips", "mean", "25%", "median", "75%"),
        rows=[(genre, e["count"], e["mean"], *e["quartiles"]) for genre, e in entry["genres"].items()],
    )


def _motion_tempo(stats: Stats) -> Iterator[Figure]:
    entry = stats["motion_tempo"]
    if not entry["count"]:
        return
    notes: tuple[str, ...] = ()
    if entry["count"] < LEAST_CORRELATED:
        notes = (f"Too few clips for a correlation, which is stated from {LEAST_CORRELATED} on.",)
    if entry["pearson"] is not None:
        spearman = "–" if entry["spearman"] is None else f"{entry['spearman']:.3f}"
        notes = (f"Pearson correlation {entry['pearson']:.3f}, Spearman {spearman}.",)
    labels = ("tempo, BPM", f"visual motion, {stats['histograms']['motion']['unit']}")
    alt = f"Visual motion against tempo of {things(entry['count'], 'clip')}. {' '.join(notes)}"
    tempo, motion, counts = entry["tempo_edges"], entry["motion_edges"], entry["counts"]
    yield Figure(
        name="motion-tempo",
        title="Visual motion against tempo",
        drawing=plot_density(tempo, motion, counts, labels=labels, alt=alt),
        count=entry["count"],
        source=column(stats, "motion", "tempo_bpm"),
        notes=notes,
        head=("motion from", "to", "tempo from", "to", "clips"),
        rows=[
            (motion[down], motion[down + 1], *cells)
            for down, row in enumerate(counts)
            for cells in bin_rows({"edges": tempo, "counts": row})
        ],
    )


def _cooccurrence(stats: Stats) -> Iterator[Figure]:
    entry = stats["cooccurrence"]
    labels = [label["tag"] for label in entry["labels"]]
    if len(labels) < 2:
        return
    pairs = [
        (labels[a], labels[b], entry["counts"][a][b])
        for a in range(len(labels))
        for b in range(a)
        if entry["counts"][a][b]
    ]
    pairs.sort(key=lambda pair: (-pair[2], pair[:2]))
    # The diagonal would outshine the rest.
    others = [
        [0 if a == b else count for b, count in enumerate(row)] for a, row in enumerate(entry["counts"])
    ]
    first = ", ".join(f"{a} with {b} {count:,}" for a, b, count in pairs[:6])
    yield Figure(
        name="cooccurrence",
        title="Tags on the same clip",
        drawing=plot_heatmap(
            labels, labels, others, alt=f"Clips that have two tags: {first}.", width=2.5 * WIDTH
        ),
        count=stats["counts"]["kept"],
        source=column(stats, *_KINDS),
        notes=(f"The {len(labels)} most frequent tags; the diagonal is left empty.",),
        head=("tag", "tag", "clips with both"),
        rows=pairs,
        wide=True,
    )
