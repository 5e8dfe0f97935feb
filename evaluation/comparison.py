"""Several writers of descriptions judged on the same clips by the same metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from leitmotif.evaluation.bootstrap import Draws, Estimate, estimate, estimate_difference
from leitmotif.evaluation.clips import Clip
from leitmotif.evaluation.metric import Metric

CAPTIONS, SHUFFLED = "captions", "shuffled captions"
RESAMPLES = 2000


@dataclass(frozen=True)
class Comparison:
    """The values of every writer.

    Attributes:
        values: Writer → metric → value; None where no clip could be measured.
        differences: Metric → how much higher the first writer is than each other one, by its name.
    """

    values: Mapping[str, Mapping[str, Estimate | None]]
    differences: Mapping[str, Mapping[str, Estimate | None]]


def add_captions(
    written: Mapping[str, Sequence[str | None]], clips: Sequence[Clip], *, seed: int
) -> dict[str, list[str | None]]:
    """Return the texts of all writers, with the dataset's own as two more.

    Args:
        written: Writer → a description of each clip, None where it wrote none.
        clips: The clips.
        seed: Draws the order of the shuffled captions.

    Returns:
        Writer → a text of each clip, None where it has none. No clip has its own caption among the shuffled
        ones, which are left out where fewer than two clips have a caption.
    """
    captions = [clip.caption for clip in clips]
    told = [number for number, caption in enumerate(captions) if caption is not None]
    texts: dict[str, list[str | None]] = {name: list(each) for name, each in written.items()}
    texts[CAPTIONS] = list(captions)
    if len(told) >= 2:
        order = np.random.default_rng(seed).permutation(told)
        shuffled: list[str | None] = [None] * len(clips)
        for here, there in zip(order, np.roll(order, 1), strict=True):
            shuffled[here] = captions[there]
        texts[SHUFFLED] = shuffled
    return texts


def compare(
    texts: Mapping[str, Sequence[str | None]],
    clips: Sequence[Clip],
    metrics: Sequence[Metric],
    *,
    lists: Mapping[str, Sequence[str | None]] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Judge every writer by every metric.

    Args:
        texts: Writer → a text of each clip, None where it has none; the first writer is compared with the
            others.
        clips: The clips.
        metrics: What to judge by.
        lists: Writer → what it said beside each text: lists of moods and the like, for the metrics that count
            names.
        resamples: Draws of the bootstrap.
        seed: Seed of these draws.
    """
    draws = Draws(len(clips), resamples, seed)
    values: dict[str, dict[str, Estimate | None]] = {name: {} for name in texts}
    differences: dict[str, dict[str, Estimate | None]] = {}
    for metric in metrics:
        beside = lists or {} if metric.COUNTS_NAMES else {}
        measured = {
            name: _measure(metric, _joined(each, beside.get(name)), clips) for name, each in texts.items()
        }
        for name, statistics in measured.items():
            values[name][metric.NAME] = estimate(metric, statistics, draws)
        (_, first), *others = measured.items()
        differences[metric.NAME] = {
            name: estimate_difference(metric, first, other, draws) for name, other in others
        }
    return Comparison(values, differences)


def _joined(texts: Sequence[str | None], lists: Sequence[str | None] | None) -> Sequence[str | None]:
    if lists is None:
        return texts
    return [
        text if text is None or not beside else f"{beside} {text}"
        for text, beside in zip(texts, lists, strict=True)
    ]


def _measure(metric: Metric, texts: Sequence[str | None], clips: Sequence[Clip]) -> np.ndarray:
    """Return the statistics of a writer, with NaN for the clips of which it wrote nothing."""
    told = [number for number, text in enumerate(texts) if text is not None]
    some = metric.measure([text for text in texts if text is not None], [clips[number] for number in told])
    rows = np.full((len(clips), some.shape[1]), np.nan)
    rows[told] = some
    return rows
