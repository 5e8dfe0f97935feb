"""Mood quadrant: whether a text sets a mood of the right valence and arousal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np

from leitmotif.evaluation.clips import Clip
from leitmotif.evaluation.mentions import Mentions
from leitmotif.evaluation.metric import Tools
from leitmotif.taxonomy.labels import Label


class MoodQuadrantMetric:
    """The share of texts whose moods lie in the quadrant of the clip's moods, in percent; chance is 25.

    A set of moods lies at the mean of their valences and arousals. A text that names no mood is wrong.
    """

    NAME: ClassVar = "mood-quadrant"
    TITLE: ClassVar = "Mood quadrant accuracy"
    RANGE: ClassVar = (0.0, 100.0)
    HIGHER_IS_BETTER: ClassVar = True
    NEEDS: ClassVar = None
    COUNTS_NAMES: ClassVar = True
    REFERENCE: ClassVar = "Russell, A circumplex model of affect, 1980, doi:10.1037/h0077714"

    def __init__(self, tools: Tools) -> None:
        self._mentions = Mentions(tools.taxonomy)
        self._moods = {label.id: label for label in tools.taxonomy.moods}

    def measure(self, texts: Sequence[str], clips: Sequence[Clip]) -> np.ndarray:
        """Return 100 or 0 for each text, shape (clips, 1); NaN where a clip has no mood."""
        rows = np.full((len(clips), 1), np.nan)
        for number, (text, clip) in enumerate(zip(texts, clips, strict=True)):
            wanted = quadrant(self._moods[mood] for mood in clip.moods if mood in self._moods)
            if wanted is not None:
                found = quadrant(label for label in self._mentions.labels(text) if label.kind == "mood")
                rows[number] = 100.0 * (found == wanted)
        return rows

    def value(self, sums: np.ndarray, clips: float) -> float:
        """Return the mean; `Metric.value` gives the shape of the sums."""
        return float(sums[0] / clips)


def quadrant(moods: Iterable[Label]) -> tuple[bool, bool] | None:
    """Return whether moods are pleasant, and whether they are excited, on the whole; None without a mood."""
    points = [(mood.valence, mood.arousal) for mood in moods if mood.valence is not None]
    if not points:
        return None
    valence, arousal = np.mean(np.array(points, np.float64), axis=0)
    return bool(valence >= 0.0), bool(arousal >= 0.0)
