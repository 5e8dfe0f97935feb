"""Files without sound, or without a moving picture."""

from __future__ import annotations

from leitmotif.filters.rule import Rule

RULES = (
    Rule(
        name="audio-stream",
        stage="probe",
        column="has_audio",
        keep="at least",
        threshold=1.0,
        unit="0 or 1",
        why="no sound that can be decoded",
    ),
    Rule(
        name="video-stream",
        stage="probe",
        column="has_video",
        keep="at least",
        threshold=1.0,
        unit="0 or 1",
        why="no moving picture; a cover is none",
    ),
)
