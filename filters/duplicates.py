"""Copies of a recording: re-encoded, resampled, louder or softer, trimmed, under another name.

A print is one 32-bit word for every eighth of a second: of 33 bands, the signs of how the level differences
between neighbouring bands change in time. A copy is found through words that it shares with an earlier
recording, and judged by the share of bits that differ where both overlap.

Reference:
    Haitsma and Kalker, A highly robust audio fingerprinting system, ISMIR 2002; with log levels (an equaliser
    adds a constant, which the difference in time removes) and fewer, longer frames (as in Chromaprint).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import scipy.fft
import soxr

from leitmotif.filters.matching import match_earlier
from leitmotif.filters.rule import Candidate, Judged, ReadColumn, Rule

# Sampling rate to read at: the bands end at 2 kHz, and every codec keeps what is below.
RATE_HZ = 5512
FRAME = 4096  # 0.74 s: a copy that starts between two frames still looks the same
HOP = 689  # 0.125 s
WORDS_A_SECOND = RATE_HZ / HOP
LAG = 3  # frames between the two levels whose difference is taken
BANDS = 33
LOW_HZ, HIGH_HZ = 300.0, 2000.0
# A frame below this level says nothing; below this change (in nepers) it stands still.
SILENCE_RMS = 10 ** (-65 / 20)
MIN_CHANGE = 0.02


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
        stage="prints",
        column="similarity",
        keep="at most",
        threshold=0.5,
        unit="similarity to an earlier clip, 0..1",
        why="a recording that comes twice weighs double in training and leaks from train into test",
        finding="its likeness to an earlier clip is {}",
        reference="1 - 2 x bit error rate, so 0.25 of the bits; Haitsma and Kalker accept 0.35 on 3 seconds",
        values=likenesses,
        relative=True,
    ),
)


def audio_print(blocks: np.ndarray | Iterable[np.ndarray], rate_hz: int) -> bytes:
    """Return the print of a recording.

    Args:
        blocks: Mono samples, shape (n,), or blocks of them in order; a long recording is never held whole.
        rate_hz: Sampling rate; `RATE_HZ` saves a resampling.

    Returns:
        Little-endian 32-bit words, eight a second; 0 where there is silence or nothing changes. Empty for
        less than a second and a half.

    Raises:
        ValueError: A block is not mono.
    """
    stream = [blocks] if isinstance(blocks, np.ndarray) else blocks
    words, levels, held = [], np.zeros((0, BANDS), np.float32), np.zeros(0, np.float32)
    for block in _resampled(stream, rate_hz):
        held = np.concatenate([held, block])
        count = (len(held) - FRAME) // HOP + 1 if len(held) >= FRAME else 0
        if count:
            levels = np.concatenate([levels, _levels(held, count)])
            words.append(_words(levels))
            levels, held = levels[-LAG:], held[count * HOP :]
    return np.concatenate([np.zeros(0, "<u4"), *words]).astype("<u4").tobytes()


def _resampled(blocks: Iterable[np.ndarray], rate_hz: int) -> Iterable[np.ndarray]:
    resampler = soxr.ResampleStream(rate_hz, RATE_HZ, 1) if rate_hz != RATE_HZ else None
    for block in blocks:
        block = np.asarray(block, np.float32)
        if block.ndim != 1:
            raise ValueError(f"got a block of shape {block.shape}; expected mono samples, (n,)")
        yield resampler.resample_chunk(block) if resampler else block
    if resampler:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _levels(samples: np.ndarray, count: int) -> np.ndarray:
    """Return the log level of each band in each frame, shape (count, bands); NaN in a silent frame."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP][:count]
    power = np.abs(scipy.fft.rfft(frames * np.hanning(FRAME).astype(np.float32), axis=1)) ** 2
    edges = np.round(np.geomspace(LOW_HZ, HIGH_HZ, BANDS + 1) * FRAME / RATE_HZ).astype(int)
    sums = np.add.reduceat(power, edges, axis=1)[:, :BANDS]
    # A floor 60 dB below the frame's loudest band: what lies under it does not survive a codec.
    levels = np.log(sums + 1e-6 * sums.max(axis=1, keepdims=True) + 1e-20).astype(np.float32)
    levels[np.sqrt(np.mean(np.square(frames), axis=1)) < SILENCE_RMS] = np.nan
    return levels


def _words(levels: np.ndarray) -> np.ndarray:
    """Return the word of each frame after the first `LAG`, shape (frames - LAG,), uint32."""
    change = levels[LAG:] - levels[:-LAG]  # (frames, bands)
    slope = change[:, :-1] - change[:, 1:]  # (frames, 32)
    words = ((slope > 0).astype(np.uint32) << np.arange(BANDS - 1, dtype=np.uint32)).sum(
        axis=1, dtype=np.uint32
    )
    still = ~(np.abs(slope).mean(axis=1) >= MIN_CHANGE)  # NaN stands still as well
    words[still] = 0
    return words


def similar_to_earlier(
    clip_ids: Sequence[str], prints: Sequence[bytes | None]
) -> list[tuple[float | None, str | None]]:
    """Return for each clip its similarity to the earlier clip that it resembles most, and that clip.

    Args:
        clip_ids: In the order in which the earlier of two copies is to stay.
        prints: Their prints; None where there is none.

    Returns:
        (similarity 0..1, id) for each clip; (0.0, None) where none resembles it; (None, None) without print.
    """
    found = match_earlier(_unpack(clip_ids, prints))
    return [
        (None if data is None else similarity, None if earlier < 0 else clip_ids[earlier])
        for data, (similarity, earlier) in zip(prints, found, strict=True)
    ]


def group_duplicates(
    clip_ids: Sequence[str], prints: Sequence[bytes | None], threshold: float = RULES[0].threshold
) -> list[tuple[str, float]]:
    """Group clips of the same recording.

    Args:
        clip_ids: In the order in which the earlier of two copies represents the group.
        prints: Their prints; None where there is none.
        threshold: Clips belong together above this similarity, 0..1.

    Returns:
        For each clip the id of its group's first clip, and its similarity to the copy that it was
        found by (1 for the first).
    """
    groups: list[tuple[str, float]] = []
    for clip_id, (similarity, earlier) in zip(
        clip_ids, match_earlier(_unpack(clip_ids, prints)), strict=True
    ):
        joins = earlier >= 0 and similarity > threshold
        groups.append((groups[earlier][0], similarity) if joins else (clip_id, 1.0))
    return groups


def _unpack(clip_ids: Sequence[str], prints: Sequence[bytes | None]) -> list[np.ndarray]:
    if len(clip_ids) != len(prints):
        raise ValueError(
            f"got {len(clip_ids)} clip ids and {len(prints)} prints; expected one print for each clip"
        )
    return [np.frombuffer(data or b"", "<u4") for data in prints]
