"""Figures of where clips come from, how they are divided, and where they lie in the embedding's space."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from markupsafe import Markup, escape

from leitmotif.phrases import count as things
from leitmotif.reports.figures.figure import MOST_BARS, Figure, column, list_counts
from leitmotif.reports.figures.heatmaps import plot_heatmap, plot_map, shape_key
from leitmotif.reports.figures.plots import plot_bars
from leitmotif.reports.statistics.model.stats import Stats

GROUPS = 7


def draw_provenance(stats: Stats) -> Iterator[Figure]:
    """Yield licences, languages, artists, copies, frame sizes and what wrote the captions."""
    kept = stats["counts"]["kept"]
    languages, artists = stats["languages"], stats["artists"]
    note = "By name, however the sources word it."
    yield from _bars("licenses", "Licences", stats["licenses"], column(stats, "license"), kept, note)
    und = f"under {languages['least_letters']} letters, or no language that the model is sure of"
    note = f"{languages['method']}; und: {und}."
    if languages["measured"] < languages["of"]:
        note = f"A sample of {things(languages['of'], 'clip')}. {note}"
    source = column(stats, "title", "description")
    yield from _bars(
        "languages", "Languages of the metadata", languages["counts"], source, languages["measured"], note
    )
    if artists["named"]:
        note = f"{things(artists['distinct'], 'artist')}, "
        note += f"Gini coefficient {artists['gini']:.3f} (0: all alike). "
        first, ten, hundred = (artists["share_top_1"], artists["share_top_10"], artists["share_top_100"])
        note += f"Of the clips that name one, the first has {first:.1%}, the first 10 {ten:.1%}, "
        note += f"the first 100 {hundred:.1%}. {things(artists['unnamed'], 'clip names', 'clips name')} none."
        source = column(stats, "artist")
        yield from _bars(
            "artists", "Artists with the most clips", artists["top"], source, artists["named"], note
        )
    yield from _copies(stats)
    yield from _bars("sizes", "Frame size", stats["sizes"], column(stats, "width", "height"), kept, "Pixels.")
    prompts = stats["caption_prompts"]
    yield from _bars("prompts", "Prompt of the captions", prompts, column(stats, "caption_prompt"), kept)


def draw_balance(stats: Stats) -> Iterator[Figure]:
    """Yield how the tags of each split compare."""
    splits = stats["split_balance"]
    if len(splits) < 2:
        return
    for kind in ("genres", "moods", "instruments"):
        tags = list(stats["tags"][kind])[:MOST_BARS]
        if not tags:
            continue
        values = [[100 * split["shares"][kind].get(tag, 0.0) for split in splits.values()] for tag in tags]
        distances = ", ".join(
            f"{name} {split['total_variation'][kind]:.3f}"
            for name, split in splits.items()
            if split["total_variation"][kind] is not None
        )
        apart = f"Total variation distance from the whole, 0 the same to 1: {distances or 'not known'}."
        yield Figure(
            name=f"balance-{kind}",
            title=f"Balance of the splits: {kind}",
            drawing=plot_heatmap(
                tags,
                [f"{name} ({split['clips']:,})" for name, split in splits.items()],
                values,
                alt=f"Share of each split's clips that have a tag. {apart}",
                unit="% of the split",
            ),
            count=sum(split["clips"] for split in splits.values()),
            source=column(stats, kind),
            notes=(apart,),
            head=(kind, *(f"{name}, %" for name in splits)),
            rows=[(tag, *(round(value, 2) for value in row)) for tag, row in zip(tags, values, strict=True)],
        )


def draw_map(stats: Stats) -> Iterator[Figure]:
    """Yield the map of the embeddings, coloured by genre."""
    found = stats["embedding_map"]
    if not found["x"]:
        return
    frequent = [name for name, _ in Counter(name for name in found["genre"] if name).most_common(GROUPS)]
    group = {name: index for index, name in enumerate(frequent)}
    points = [
        (x, y, group.get(genre or "", GROUPS), f"{genre or 'no genre'} · {name}")
        for x, y, genre, name in zip(found["x"], found["y"], found["genre"], found["name"], strict=True)
    ]
    # The others first, so that they lie under the named ones.
    points.sort(key=lambda point: -point[2])
    first, second = (
        f"{name} component, {share:.0%} of the variance"
        for name, share in zip(("first", "second"), found["explained"], strict=True)
    )
    notes = [f"{found['method'][:1].upper()}{found['method'][1:]}."]
    if len(points) < found["of"]:
        notes.append(f"A sample of {things(found['of'], 'clip')}.")
    names = [*frequent, *(["other or none"] if any(point[2] == GROUPS for point in points) else [])]
    yield Figure(
        name="embedding-map",
        title="Map of the audio embeddings, by genre",
        drawing=plot_map(
            points,
            labels=(first, second),
            alt=f"{things(len(points), 'clip')} in two dimensions, by genre: {', '.join(names)}.",
        ),
        count=len(points),
        source=column(stats, "clap_embedding", "genres"),
        notes=tuple(notes),
        wide=True,
        legend=tuple(
            Markup(f"{shape_key(group.get(name, GROUPS))}<bdi>{escape(name)}</bdi>") for name in names
        ),
    )


def _bars(
    name: str, title: str, counts: Mapping[str, int], source: str, total: int, *notes: str
) -> Iterator[Figure]:
    if not any(counts.values()):
        return
    shown = dict(list(counts.items())[: MOST_BARS // 2])
    if len(counts) > len(shown):
        notes = (f"The {len(shown)} most frequent.", *notes)
    yield Figure(
        name=name,
        title=title,
        drawing=plot_bars(shown, alt=list_counts(title.lower(), counts), total=total),
        count=total,
        source=source,
        notes=notes,
        head=(title.lower(), "clips"),
        rows=list(counts.items()),
    )


def _copies(stats: Stats) -> Iterator[Figure]:
    copies = stats["duplicates"]
    counts = {
        f"{name}, {size} alike": count
        for name in ("exact", "near")
        for size, count in sorted(copies[name]["sizes"].items(), key=lambda item: int(item[0]))
    }
    if not counts:
        return
    yield Figure(
        name="duplicates",
        title="Copies of a recording",
        drawing=plot_bars(
            dict(list(counts.items())[:MOST_BARS]),
            alt=list_counts("groups", counts),
            kind="out",
            unit="recordings",
        ),
        count=copies["exact"]["groups"] + copies["near"]["groups"],
        of="recordings that have copies",
        source="the stores of the workspace" if stats["kind"] == "workspace" else "rejected.parquet",
        notes=(
            f"Rejected copies: {copies['exact']['clips']:,} of the same bytes, {copies['near']['clips']:,} "
            "of the same recording; the first of each group stays.",
        ),
        head=("kind", "recording that stays", "rejected copies"),
        rows=[
            (name, entry["source_id"], entry["copies"])
            for name in ("exact", "near")
            for entry in copies[name]["largest"]
        ],
    )
