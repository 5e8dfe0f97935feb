"""ROUGE-L: the longest common run of words (with gaps) of description and caption, by rouge-score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from leitmotif.evaluation.clips import Clip
from leitmotif.evaluation.metric import Tools
from leitmotif.evaluation.words import words
from leitmotif.extras import needs
from leitmotif.storage.errors import UserError


class _AnyScript:
    """What rouge-score asks for words; its own tokenizer knows a-z and 0-9 and drops the rest."""

    def tokenize(self, text: str) -> list[str]:
        """Return the words of a text."""
        return words(text)


class RougeLMetric:
    """F measure of the longest common subsequence with the caption, in percent, mean over clips.

    Words are those of `words`: of Chinese, Japanese or Thai each letter is one.
    """

    NAME: ClassVar = "rouge-l"
    TITLE: ClassVar = "ROUGE-L"
    RANGE: ClassVar = (0.0, 100.0)
    HIGHER_IS_BETTER: ClassVar = True
    NEEDS: ClassVar = None
    COUNTS_NAMES: ClassVar = False
    REFERENCE: ClassVar = "Lin, ROUGE: a package for automatic evaluation of summaries, ACL 2004"

    def __init__(self, tools: Tools) -> None:
        try:
            from rouge_score.rouge_scorer import RougeScorer
        except ImportError as error:
            raise UserError(needs("ROUGE-L", "rouge-score", "evaluate")) from error
        self._scorer = RougeScorer(["rougeL"], tokenizer=_AnyScript())

    def measure(self, texts: Sequence[str], clips: Sequence[Clip]) -> np.ndarray:
        """Return the F measure of each text, shape (clips, 1); NaN where a clip has no caption of words."""
        rows = np.full((len(clips), 1), np.nan)
        for number, (text, clip) in enumerate(zip(texts, clips, strict=True)):
            if clip.caption is not None and words(clip.caption):
                rows[number] = 100.0 * self._scorer.score(clip.caption, text)["rougeL"].fmeasure
        return rows

    def value(self, sums: np.ndarray, clips: float) -> float:
        """Return the mean; `Metric.value` gives the shape of the sums."""
        return float(sums[0] / clips)
