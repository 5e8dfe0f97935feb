"""Tracks of poor sound quality: hiss, clipping, narrow bands, artefacts of lossy coding (PAM)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from filters import antonym
from filters.rule import Rule

RULES = (
    Rule(
        name="pam",
        stage="quality",
        column="pam_score",
        keep="at least",
        threshold=0.95,
        unit="probability",
        why="a generator reproduces the noise and the artefacts that it is trained on",
        reference="Visuals Music Bridge, appendix B.1, with the score of Deshmukh et al., arXiv:2402.00282",
    ),
)


class QualityPrompts(Protocol):
    """What scoring needs of a taxonomy."""

    @property
    def quality(self) -> antonym.Opposites:
        """Texts of a clean sound, and of a noisy one; the first pair is that of PAM."""


@dataclass(frozen=True)
class _FirstPair:
    positive: tuple[str, ...]
    negative: tuple[str, ...]


def scorer(encoder: antonym.TextEncoder, taxonomy: QualityPrompts) -> Callable[[np.ndarray], float]:
    """Return the function from a clip's window embeddings, shape (windows, dim), to its PAM score, 0..1.

    Only the first pair of texts is asked: the published threshold belongs to it.
    """
    first = _FirstPair(tuple(taxonomy.quality.positive[:1]), tuple(taxonomy.quality.negative[:1]))
    return antonym.scorer(encoder, first)
