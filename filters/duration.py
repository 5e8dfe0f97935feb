"""Too short to hold music, or too long to be one song."""

from __future__ import annotations

from leitmotif.filters.rule import Rule

RULES = (
    Rule(
        name="too-short",
        stage="probe",
        column="duration_s",
        keep="at least",
        threshold=1.0,
        unit="s",
        why="shorter than a bar of music; no tag, tempo or caption can be trusted",
        finding="it lasts {}",
    ),
    Rule(
        name="too-long",
        stage="probe",
        column="duration_s",
        keep="at most",
        threshold=1200.0,
        unit="s",
        why="longer than a song: a mix, an album or a stream; cut it with a window",
        finding="it lasts {}",
    ),
)
