"""Copies of a recording: re-encoded, resampled, louder or softer, trimmed, under another name.

A copy is found through words that its fingerprint shares with that of an earlier recording, and judged by the
share of bits that differ where both overlap.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from leitmotif.filters.fingerprint.search import match_earlier
from leitmotif.filters.rule import SHARE, Candidate, Judged, ReadColumn, Rule


def likenesses(clips: Sequence[Candidate], read: ReadColumn) -> Judged:
    """Return how similar each clip's recording is to that of an earlier clip, and which that is."""
    found = similar_to_earlier([clip.clip_id for clip in clips], read("audio_print").to_pylist())
    by_id = {clip.clip_id: clip for clip in clips}
    numbers: list[float | None] = []
    details: list[str | None] = []
    for clip, (similarity, other) in zip(clips, found, strict=True):
        # Windows of one source repeat each other wherever its music does: that is no copy.
        copied = other is not None and by_id[other].media_id != clip.media_id
        numbers.append(similarity if copied or other is None else 0.0)
        details.append(f"the same recording as {by_id[other].source_id}" if other and copied else None)
    return Judged(pa.array(numbers, pa.float64()), details)


RULES = (
    Rule(
        name="near-duplicate",
        stage="fingerprint",
        column="similarity",
        keep="at most",
        threshold=0.5,
        unit="similarity to an earlier clip, 0..1",
        domain=SHARE,
        why="a recording that comes twice weighs double in training and leaks from train into test",
        finding="its likeness to an earlier clip is {}",
        reference="1 - 2 x bit error rate, so 0.25 of the bits; Haitsma and Kalker accept 0.35 on 3 seconds",
        values=likenesses,
        relative=True,
    ),
)


def similar_to_earlier(
    clip_ids: Sequence[str], fingerprints: Sequence[bytes | None]
) -> list[tuple[float | None, str | None]]:
    """Return for each clip its similarity to the earlier clip that it resembles most, and that clip.

    Args:
        clip_ids: Clips, in the order in which the earlier of two copies is to stay.
        fingerprints: One of each; None where there is none.

    Returns:
        (similarity 0..1, id) for each clip; (0.0, None) where none resembles it; (None, None) without
            fingerprint.
    """
    found = match_earlier(_unpack(clip_ids, fingerprints))
    return [
        (None if data is None else similarity, None if earlier < 0 else clip_ids[earlier])
        for data, (similarity, earlier) in zip(fingerprints, found, strict=True)
    ]


def group_duplicates(
    clip_ids: Sequence[str], fingerprints: Sequence[bytes | None], threshold: float = RULES[0].threshold
) -> list[tuple[str, float]]:
    """Group clips of the same recording.

    Args:
        clip_ids: Clips, in the order in which the earlier of two copies represents the group.
        fingerprints: One of each; None where there is none.
        threshold: Clips belong together above this similarity, 0..1.

    Returns:
        For each clip the id of its group's first clip, and its similarity to the copy that it was
        found by (1 for the first).
    """
    groups: list[tuple[str, float]] = []
    for clip_id, (similarity, earlier) in zip(
        clip_ids, match_earlier(_unpack(clip_ids, fingerprints)), strict=True
    ):
        joins = earlier >= 0 and similarity > threshold
        groups.append((groups[earlier][0], similarity) if joins else (clip_id, 1.0))
    return groups


def _unpack(clip_ids: Sequence[str], fingerprints: Sequence[bytes | None]) -> list[np.ndarray]:
    if len(clip_ids) != len(fingerprints):
        raise ValueError(
            f"got {len(clip_ids)} clip ids and {len(fingerprints)} fingerprints; expected one for each clip"
        )
    return [np.frombuffer(data or b"", "<u4") for data in fingerprints]
