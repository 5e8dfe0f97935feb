"""Sound tracks that hold nothing to hear."""

from __future__ import annotations

from leitmotif.filters.rule import Rule

RULES = (
    Rule(
        name="silence",
        stage="audio",
        column="level_db",
        keep="at least",
        threshold=-60.0,
        unit="dB",
        why="the sound track is silent or only noise of a converter",
        finding="the level of the sound is {}",
    ),
)
