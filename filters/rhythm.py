"""Clips without a beat: ambient sound, speech, held notes, music in free time."""

from __future__ import annotations

from leitmotif.filters.rule import SHARE, Rule

RULES = (
    Rule(
        name="beat",
        stage="rhythm",
        column="beat_confidence",
        keep="at least",
        threshold=0.5,
        unit="probability",
        domain=SHARE,
        why="no steady beat is heard: ambient sound, speech, a held note, or free time",
        finding="the probability of a beat is {}",
    ),
)
