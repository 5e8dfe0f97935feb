"""One audio stream as placed blocks of samples at one rate, and what cuts and joins such blocks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from leitmotif.media.container import DECODE_ERRORS, check_damage, declared_s, decoded_frames, seek_back
from leitmotif.media.resampling import Resampler
from leitmotif.media.sync import place
from leitmotif.media.timeline import Clock, is_counted, is_untimed, read_timeline

# Before a window, so that codecs that carry state (AAC overlap, Opus, Vorbis) have settled at its start.
_PREROLL_S = 1.0
_SILENCE_BLOCK = 44100  # samples of silence made at once


class AudioDecoder:
    """One audio stream as blocks at one rate, each with the place of its first sample."""

    def __init__(self, path: Path, container: Any, stream: Any, rate_hz: int):
        self._path, self._container, self._stream, self._rate_hz = path, container, stream, rate_hz
        self._clock = Clock(path, container)
        self._untimed = is_untimed(container)
        self._longest_s = math.inf if is_counted(container) else declared_s(container) or math.inf
        self.errors: list[str] = []
        self.end_s = 0.0
        self.real_s = 0.0  # decoded, without the silence put into holes
        self.anything = False
        self.damaged_inside = False  # sound came out after an error

    def seek(self, time_s: float) -> None:
        """Go a little before a moment, or stay at the start where timestamps do not lead to it."""
        if self._untimed or (is_counted(self._container) and read_timeline(self._path).glued):
            return
        try:
            seek_back(self._container, self._stream, time_s - _PREROLL_S)
        except DECODE_ERRORS as error:
            check_damage(error, self._path)

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the first sample's place at the output rate and float32 (1 or 2, n), without holes."""
        resampler: Resampler | None = None
        at = 0
        for placed in place(self._timed(), self._longest_s):
            blocks: list[np.ndarray] = []
            if resampler is None:
                at = round(placed.time_s * self._rate_hz)
            elif not resampler.takes(placed.frame):
                blocks, resampler = resampler.rest(), None
            resampler = resampler or Resampler(placed, self._rate_hz)
            for block in chain(blocks, resampler.resample(placed)):
                yield at, block
                at += block.shape[1]
            length_s = placed.frame.samples / placed.frame.sample_rate - placed.skip_s
            self.real_s += length_s
            self.end_s = placed.time_s + length_s
        for block in resampler.rest() if resampler is not None else ():
            yield at, block
            at += block.shape[1]

    def _timed(self) -> Iterator[tuple[float | None, Any]]:
        """Yield time since the file's first moment, and frame; elementary streams time only their first."""
        started = False
        for frame in self._frames():
            length_s = frame.samples / frame.sample_rate
            if (started and self._untimed) or frame.time is None:
                yield None, frame
            else:
                yield self._clock.time_s(frame.time, length_s), frame
            started = True

    def _frames(self) -> Iterator[Any]:
        for frame in decoded_frames(self._container, self._stream, self.errors):
            if frame.samples and frame.sample_rate:
                self.anything = True
                self.damaged_inside = bool(self.errors)
                yield frame


def cut(blocks: Iterable[tuple[int, np.ndarray]], skip: int, stop: int | None) -> Iterator[np.ndarray]:
    """Cut samples skip to skip + stop out of a stream of placed blocks, with silence before a late start.

    Args:
        blocks: Place of the first sample and float32 (channels, n), in order.
        skip: First sample wanted.
        stop: How many samples are wanted; None takes all.

    Yields:
        float32 (channels, n), never empty.
    """
    done = 0
    for at, block in blocks:
        if at + block.shape[1] <= skip:
            continue
        start = max(skip - at, 0)
        missing = at - skip - done if done == 0 and at > skip else 0
        if stop is not None:
            missing = min(missing, stop - done)
        while missing > 0:
            part = min(missing, _SILENCE_BLOCK)
            yield np.zeros((block.shape[0], part), np.float32)
            done, missing = done + part, missing - part
        piece = block[:, start:] if stop is None else block[:, start : start + stop - done]
        done += piece.shape[1]
        if piece.shape[1]:
            yield piece
        if stop is not None and done >= stop:
            return


def to_channels(block: np.ndarray, channels: int) -> np.ndarray:
    """Turn a block, (1 or 2, n), into 1 channel (the mean) or 2 (a copy)."""
    if block.shape[0] == channels:
        return block
    if channels == 1:
        return block.mean(axis=0, keepdims=True, dtype=np.float32)
    return np.repeat(block, channels, axis=0)


def regroup(blocks: Iterable[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """Regroup samples into blocks of one length (the last may be shorter), along the last axis.

    Args:
        blocks: Arrays (n,) or (channels, n); one channel joins two by being copied.
        length: Samples of a block.
    """
    parts: list[np.ndarray] = []
    held = 0
    for block in blocks:
        parts.append(block)
        held += block.shape[-1]
        while held >= length:
            whole = _join(parts)
            yield whole[..., :length]
            parts, held = ([whole[..., length:]], held - length) if held > length else ([], 0)
    if held:
        yield _join(parts)


def _join(parts: list[np.ndarray]) -> np.ndarray:
    if parts[0].ndim == 2:
        channels = max(part.shape[0] for part in parts)
        parts = [to_channels(part, channels) if part.shape[0] != channels else part for part in parts]
    return np.concatenate(parts, axis=-1)
