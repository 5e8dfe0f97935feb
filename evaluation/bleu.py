"""BLEU: how many of a caption's word sequences a description shares, by sacrebleu."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from leitmotif.evaluation.clips import Clip
from leitmotif.evaluation.metric import Tools
from leitmotif.evaluation.words import spaced
from leitmotif.extras import needs
from leitmotif.storage.errors import UserError

_ORDERS = 4  # n-grams of one to four words, as Papineni et al., 2002, and sacrebleu by default


class BleuMetric:
    """Corpus BLEU of the descriptions against the captions, as sacrebleu computes it by default.

    Of scripts without spaces each letter counts as a word: to sacrebleu a Japanese sentence is one.
    """

    NAME: ClassVar = "bleu"
    TITLE: ClassVar = "BLEU"
    RANGE: ClassVar = (0.0, 100.0)
    HIGHER_IS_BETTER: ClassVar = True
    NEEDS: ClassVar = None
    COUNTS_NAMES: ClassVar = False
    REFERENCE: ClassVar = "Papineni et al., ACL 2002; Post, WMT 2018, arXiv:1804.08771"

    def __init__(self, tools: Tools) -> None:
        try:
            from sacrebleu.metrics import BLEU
        except ImportError as error:
            raise UserError(needs("BLEU", "sacrebleu", "evaluate")) from error
        self._bleu = BLEU()

    def measure(self, texts: Sequence[str], clips: Sequence[Clip]) -> np.ndarray:
        """Return what BLEU counts, shape (clips, 10); NaN where a clip has no caption.

        The columns are shared and all sequences of 1 to 4 words, and the lengths of text and caption.
        """
        rows = np.full((len(clips), 2 * _ORDERS + 2), np.nan)
        for number, (text, clip) in enumerate(zip(texts, clips, strict=True)):
            if clip.caption is not None:
                score = self._bleu.corpus_score([spaced(text)], [[spaced(clip.caption)]])
                rows[number] = *score.counts, *score.totals, score.sys_len, score.ref_len
        return rows

    def value(self, sums: np.ndarray, clips: float) -> float:
        """Return BLEU of the summed counts; `Metric.value` gives the shape of the sums."""
        counts = [round(float(number)) for number in sums]
        correct, total, lengths = counts[:_ORDERS], counts[_ORDERS : 2 * _ORDERS], counts[2 * _ORDERS :]
        return float(self._bleu.compute_bleu(correct, total, *lengths, smooth_method="exp").score)
