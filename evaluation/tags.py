"""Tags in descriptions: how many of a clip's tags a text names, and how many that it names are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from leitmotif.evaluation.clips import Clip
from leitmotif.evaluation.mentions import Mentions
from leitmotif.evaluation.metric import Tools


class TagRecallMetric:
    """The share of a clip's instruments, genres and moods that its text names, in percent, as a mean."""

    NAME: ClassVar = "tag-recall"
    TITLE: ClassVar = "Tag recall"
    RANGE: ClassVar = (0.0, 100.0)
    HIGHER_IS_BETTER: ClassVar = True
    NEEDS: ClassVar = None
    COUNTS_NAMES: ClassVar = True
    REFERENCE: ClassVar = "Manning et al., Introduction to information retrieval, 2008, section 8.3"

    def __init__(self, tools: Tools) -> None:
        self._mentions = Mentions(tools.taxonomy)

    def measure(self, texts: Sequence[str], clips: Sequence[Clip]) -> np.ndarray:
        """Return the recall of each text, shape (clips, 1); NaN where a clip has no tag."""
        return np.array(
            [
                [
                    100.0 * len(clip.tags & _named(self._mentions, text)) / len(clip.tags)
                    if clip.tags
                    else np.nan
                ]
                for text, clip in zip(texts, clips, strict=True)
            ]
        ).reshape(len(clips), 1)

    def value(self, sums: np.ndarray, clips: float) -> float:
        """Return the mean; `Metric.value` gives the shape of the sums."""
        return float(sums[0] / clips)


class TagPrecisionMetric:
    """The share of the labels named in all texts that are tags of their clips, in percent.

    It is taken over all texts together, since a text that names nothing has no precision of its own.
    """

    NAME: ClassVar = "tag-precision"
    TITLE: ClassVar = "Tag precision"
    RANGE: ClassVar = (0.0, 100.0)
    HIGHER_IS_BETTER: ClassVar = True
    NEEDS: ClassVar = None
    COUNTS_NAMES: ClassVar = True
    REFERENCE: ClassVar = "Manning et al., Introduction to information retrieval, 2008, section 8.3"

    def __init__(self, tools: Tools) -> None:
        self._mentions = Mentions(tools.taxonomy)

    def measure(self, texts: Sequence[str], clips: Sequence[Clip]) -> np.ndarray:
        """Return how many labels each text names rightly, and how many at all, shape (clips, 2)."""
        rows = np.full((len(clips), 2), np.nan)
        for number, (text, clip) in enumerate(zip(texts, clips, strict=True)):
            if clip.tags:
                named = _named(self._mentions, text)
                rows[number] = len(clip.tags & named), len(named)
        return rows

    def value(self, sums: np.ndarray, clips: float) -> float:
        """Return the right ones over all, 0 where nothing was named; `Metric.value` gives the shape."""
        return 100.0 * float(sums[0] / sums[1]) if sums[1] else 0.0


def _named(mentions: Mentions, text: str) -> frozenset[tuple[str, str]]:
    return frozenset((label.kind, label.id) for label in mentions.labels(text))
