"""Figures of what was measured on each clip: quality, length, words, tempo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leitmotif.phrases import count as things
from leitmotif.reports.figures.figure import PAPER, Figure, bin_rows, column, summarise
from leitmotif.reports.figures.plots import plot_histogram
from leitmotif.reports.figures.svg import short
from leitmotif.reports.statistics.model.stats import Stats

# Histogram → title, axis, figure of the paper.
_QUANTITIES = {
    "pam_score": ("Audio quality (PAM score)", "PAM score, 0 to 1", "Fig. 4"),
    "duration_s": ("Length of the clips", "length, seconds", "Figs. 5 and 11"),
    "caption_words": ("Words in a caption", "words", "Figs. 6 and 12"),
    "vocal_score": ("Vocal score", "vocal score, 0 instrumental to 1 voice", ""),
    "motion": ("Visual motion", "mean change between frames, {unit}", ""),
}

_MTLD = ("Lexical diversity of captions: MTLD", "MTLD, words")
_RATIO = ("Lexical diversity of captions: type-token ratio", "distinct words over words, 0 to 1")
_TEMPO = ("Tempo", "tempo, beats per minute")
# Histogram → title and axis, with `{unit}` where the statistics say it.
AXES = {name: (title, axis) for name, (title, axis, _) in _QUANTITIES.items()} | {
    "tempo_bpm": _TEMPO,
    "mtld": _MTLD,
    "type_token_ratio": _RATIO,
}


def draw_quality(stats: Stats) -> Iterator[Figure]:
    """Yield the figures of the measured quantities that have values."""
    histograms: Mapping[str, Any] = stats["histograms"]
    for name, (title, axis, paper) in _QUANTITIES.items():
        entry = histograms[name]
        if entry["count"] or sum(entry["rejected_counts"]):
            source = column(stats, "caption" if name == "caption_words" else name)
            if sum(entry["rejected_counts"]) and stats["kind"] == "dataset":
                source += "; rejected.parquet"
            yield _draw(entry, name, title, axis.format(unit=entry["unit"]), source, _like(paper))
    yield from _draw_diversity(stats)
    yield from _draw_tempo(stats)


def draw_rules(stats: Stats) -> Iterator[Figure]:
    """Yield, for each rule, the histogram of its number over the clips that it was asked about."""
    only = stats["asked_only"]
    for rule, entry in stats["rules"].items():
        known = entry["reached"] - entry["missing"]
        if not known:
            continue
        shown = {"thresholds": {rule: entry["threshold"]}, **entry}
        missing = things(entry["missing"], "has no number and passes", "have no number and pass")
        side = f"{entry['keep']} {short(entry['threshold'])} is kept"
        alt = f"Histogram of the number of rule {rule} over {things(known, 'clip')}; {side}."
        yield Figure(
            name=f"rule-{rule}",
            title=f"{rule}: {entry['why']}",
            drawing=plot_histogram(shown, label=entry["unit"], alt=alt),
            count=entry["reached"],
            source="the stores of the workspace" if stats["kind"] == "workspace" else "measured.parquet",
            of="clips that the rule was asked about",
            notes=(
                *([f"Asked of {only[rule]} only."] if rule in only else []),
                f"{things(entry['passed'], 'passes', 'pass')}; {side}.",
                *([f"{missing}."] if entry["missing"] else []),
            ),
            head=("from", "to", "clips"),
            rows=bin_rows(entry),
        )


def _draw(
    entry: Mapping[str, Any], name: str, title: str, axis: str, source: str, notes: tuple[str, ...]
) -> Figure:
    if entry["count"]:
        low, mean, high = (short(entry[key]) for key in ("min", "mean", "max"))
        notes = (f"Least {low}, mean {mean}, greatest {high}.", *notes)
    if entry["missing"]:
        notes = (f"{things(entry['missing'], 'clip')} without a value.", *notes)
    first, last = entry["edges"][0], entry["edges"][-1]
    for rule, at in entry["thresholds"].items():
        if not first <= at <= last:
            notes = (*notes, f"The threshold of {rule}, {short(at)}, lies outside.")
    return Figure(
        name=name.replace("_", "-"),
        title=title,
        drawing=plot_histogram(entry, label=axis, alt=summarise(title, entry)),
        count=entry["count"],
        source=source,
        notes=notes,
        head=("from", "to", "kept", *(["rejected"] if entry["rejected_counts"] else [])),
        rows=bin_rows(entry),
    )


def _draw_diversity(stats: Stats) -> Iterator[Figure]:
    diversity = stats["lexical_diversity"]
    numbers: Mapping[str, Any] = diversity
    joined = diversity["joined"]
    together = ""
    if joined["mtld"] is not None:
        together = f"Over {things(joined['captions'], 'caption')} read as one text: MTLD {joined['mtld']:.1f}"
        together += f", type-token ratio {joined['type_token_ratio']:.3f}."
    defined = f"not defined where no word repeats ({things(diversity['unrepeated'], 'caption')})"
    for key, (title, axis), note in (
        (
            "mtld",
            _MTLD,
            "Measure of textual lexical diversity (McCarthy and Jarvis 2010), threshold "
            f"{diversity['threshold']}; {defined}. {together}",
        ),
        (
            "type_token_ratio",
            _RATIO,
            "It falls with the length of a text: compare captions of like length only.",
        ),
    ):
        entry = numbers[key]
        if entry["count"]:
            notes = (note.strip(), *_like("Fig. 13"))
            yield _draw(entry, key, title, axis, column(stats, "caption"), notes)


def _draw_tempo(stats: Stats) -> Iterator[Figure]:
    entry, density = stats["histograms"]["tempo_bpm"], stats["tempo_density"]
    if not entry["count"]:
        return
    figure = _draw(entry, "tempo_bpm", *_TEMPO, column(stats, "tempo_bpm"), ())
    step = entry["edges"][1] - entry["edges"][0]
    curve = [
        (bpm, value * density["count"] * step)
        for bpm, value in zip(density["bpm"], density["density"], strict=True)
    ]
    notes = _like("Fig. 10")
    if curve:
        notes = (
            f"The line is a Gaussian kernel density, bandwidth {density['bandwidth_bpm']:.1f} BPM.",
            *notes,
        )
    drawing = plot_histogram(entry, label=_TEMPO[1], alt=summarise("tempo", entry), curve=curve)
    yield Figure(**{**vars(figure), "drawing": drawing, "notes": (*figure.notes, *notes)})


def _like(figure: str) -> tuple[str, ...]:
    return (f"As {figure} of {PAPER}.",) if figure else ()
