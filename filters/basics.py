"""Files with nothing to work on: without sound or a moving picture, too short or too long, or silent."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from leitmotif.filters.rule import (
    DB_FULL_SCALE,
    POSITIVE,
    SHARE,
    YES_OR_NO,
    Candidate,
    Judged,
    ReadColumn,
    Rule,
)


def lengths(clips: Sequence[Candidate], read: ReadColumn) -> Judged:
    """Return the length of each clip; the stage stores that of the file, of which a clip may be a window."""
    return Judged(pa.array([clip.duration_s for clip in clips], pa.float64()), [None] * len(clips))


RULES = (
    Rule(
        name="audio-stream",
        stage="probe",
        column="has_audio",
        keep="at least",
        threshold=1.0,
        unit=YES_OR_NO,
        domain=SHARE,
        why="no sound that can be decoded",
    ),
    Rule(
        name="video-stream",
        stage="probe",
        column="has_video",
        keep="at least",
        threshold=1.0,
        unit=YES_OR_NO,
        domain=SHARE,
        why="no moving picture; a cover is none",
    ),
    Rule(
        name="too-short",
        stage="probe",
        column="duration_s",
        keep="at least",
        threshold=1.0,
        unit="s",
        domain=POSITIVE,
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
        domain=POSITIVE,
        why="longer than a song: a mix, an album or a stream; cut it with a window",
        finding="it lasts {}",
        values=lengths,
    ),
    Rule(
        name="silence",
        stage="audio",
        column="level_db",
        keep="at least",
        threshold=-60.0,
        unit="dB",
        domain=DB_FULL_SCALE,
        why="the sound track is silent or only noise of a converter",
        finding="the level of the sound is {}",
    ),
)
