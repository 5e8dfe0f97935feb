"""Tracks with a human voice: music generators for video backgrounds learn from instrumental music only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from filters import antonym
from filters.rule import Rule

RULES = (
    Rule(
        name="vocal",
        stage="vocals",
        column="vocal_score",
        keep="at most",
        threshold=0.1,
        unit="probability",
        why="background music has no voice, and a generator that never hears one need not model it",
        reference="Visuals Music Bridge, appendix B.1: a threshold of 0.1, found by listening",
    ),
)


class VoicePrompts(Protocol):
    """What scoring needs of a taxonomy."""

    @property
    def voice(self) -> antonym.Opposites:
        """Texts of music with a voice, and of music without."""


def scorer(encoder: antonym.TextEncoder, taxonomy: VoicePrompts) -> Callable[[np.ndarray], float]:
    """Return the function from a clip's window embeddings, shape (windows, dim), to its vocal score, 0..1."""
    return antonym.scorer(encoder, taxonomy.voice)
