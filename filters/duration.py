"""Too short to hold music, or too long to be one song."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from leitmotif.filters.rule import Candidate, Judged, ReadColumn, Rule


def lengths(clips: Sequence[Candidate], read: ReadColumn) -> Judged:
    """The length of each clip; the stage stores that of the file, of which a clip may be a window."""
    return Judged(pa.array([clip.duration_s for clip in clips], pa.float64()), [None] * len(clips))


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
        values=lengths,
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
        values=lengths,
    ),
)
