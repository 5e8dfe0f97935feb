"""How many words a description has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from leitmotif.evaluation.clips import Clip
from leitmotif.evaluation.metric import Tools


class WordsMetric:
    """Mean number of words."""

    NAME: ClassVar = "words"
    TITLE: ClassVar = "words"
    RANGE: ClassVar = (0.0, 1000.0)
    HIGHER_IS_BETTER: ClassVar = False
    NEEDS: ClassVar = None
    COUNTS_NAMES: ClassVar = False
    REFERENCE: ClassVar = "none"

    def __init__(self, tools: Tools) -> None:
        """Need nothing."""

    def measure(self, texts: Sequence[str], clips: Sequence[Clip]) -> np.ndarray:
        """Return the words of each text, shape (clips, 1)."""
        return np.array([[float(len(text.split()))] for text in texts])

    def value(self, sums: np.ndarray, clips: float) -> float:
        """Return the mean."""
        return float(sums[0] / clips)
