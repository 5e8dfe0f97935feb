"""One audio stream as placed blocks of samples at one rate, and what cuts and joins such blocks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import av
import av.error
import numpy as np

from leitmotif.media.container import DECODE_ERRORS, decoder_message, origin_s

# Elementary streams hold no timestamps: durations and seeks are guesses from the bit rate, so a window is
# reached by decoding to it.
UNTIMED = frozenset({"aac", "ac3", "eac3", "dts", "dtshd", "mp3", "mlp", "truehd", "amr", "loas", "gsm"})
# Before a window, so that codecs that carry state (AAC overlap, Opus, Vorbis) have settled at its start.
_PREROLL_S = 1.0
# Gaps between timestamps above this are silence (lost packets, a late start); below, they are rounding.
_MIN_GAP_S = 0.1
_SILENCE_BLOCK = 44100  # samples of silence made at once
# Front and centre, surround at -3 dB, scaled so that full scale on every channel stays at full scale.
_DOWNMIX = {"rematrix_maxval": "1.0"}


class AudioDecoder:
    """One audio stream as blocks at one rate, each with the place of its first sample."""

    def __init__(self, container: Any, stream: Any, rate_hz: int):
        self._container, self._stream, self._rate_hz = container, stream, rate_hz
        self._origin_s = origin_s(container)
        if container.start_time is None and stream.start_time is not None:
            self._origin_s = float(stream.start_time * stream.time_base)
        self._longest_s = (container.duration or 0) / av.time_base or math.inf
        self.errors: list[str] = []
        self.end_s = 0.0
        self.real_s = 0.0  # decoded, without the silence put into holes
        self.anything = False
        self.damaged_inside = False  # sound came out after an error

    def seek(self, time_s: float) -> None:
        """Goes a little before a moment, or stays at the start where the container keeps no timestamps."""
        if not UNTIMED.isdisjoint(self._container.format.name.split(",")):
            return
        target_s = max(time_s - _PREROLL_S, 0.0) + self._origin_s
        with suppress(*DECODE_ERRORS):
            self._container.seek(int(target_s / self._stream.time_base), stream=self._stream, backward=True)

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Place of the first sample at the output rate and float32 (1 or 2, n); no holes between blocks."""
        resampler: Any = None
        setup = None
        place: int | None = None
        next_s = 0.0
        for frame in self._frames():
            time_s = next_s if frame.time is None else frame.time - self._origin_s
            gap_s = time_s - next_s
            if place is None:
                place = round(time_s * self._rate_hz)
                next_s = time_s
            elif gap_s > _MIN_GAP_S and time_s < self._longest_s:
                silence = round(time_s * self._rate_hz) - place
                for start in range(0, silence, self._rate_hz):
                    part = min(self._rate_hz, silence - start)
                    yield place, np.zeros((1, part), np.float32)
                    place += part
                next_s = time_s
            if setup != (frame.format.name, frame.layout.name, frame.sample_rate):
                if resampler is not None:
                    for block in map(_samples, resampler.resample(None)):
                        yield place, block
                        place += block.shape[1]
                setup = (frame.format.name, frame.layout.name, frame.sample_rate)
                layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
                resampler = av.AudioResampler(
                    format="fltp", layout=layout, rate=self._rate_hz, options=_DOWNMIX
                )
            length_s = frame.samples / frame.sample_rate
            next_s += length_s
            self.real_s += length_s
            frame.pts = None  # timestamps were dealt with above; the resampler must not stretch to them
            for block in map(_samples, resampler.resample(frame)):
                yield place, block
                place += block.shape[1]
        if resampler is not None and place is not None:
            for block in map(_samples, resampler.resample(None)):
                yield place, block
                place += block.shape[1]
        self.end_s = next_s

    def _frames(self) -> Iterator[Any]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except DECODE_ERRORS as error:
                self.errors.append(decoder_message(error))
                packet = None
            try:
                for frame in self._stream.codec_context.decode(packet):
                    if frame.samples and frame.sample_rate:
                        self.anything = True
                        self.damaged_inside = bool(self.errors)
                        yield frame
            except av.error.EOFError:
                return
            except DECODE_ERRORS as error:
                self.errors.append(decoder_message(error))
            if packet is None:
                return


def _samples(frame: Any) -> np.ndarray:
    return frame.to_ndarray()


def cut(blocks: Iterable[tuple[int, np.ndarray]], skip: int, stop: int | None) -> Iterator[np.ndarray]:
    """Samples skip to skip + stop of a stream of placed blocks; silence where it starts after `skip`."""
    done = 0
    for place, block in blocks:
        if place + block.shape[1] <= skip:
            continue
        start = max(skip - place, 0)
        missing = place - skip - done if done == 0 and place > skip else 0
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
    """A block of 1 or 2 channels as 1 (the mean) or 2 (a copy)."""
    if block.shape[0] == channels:
        return block
    if channels == 1:
        return block.mean(axis=0, keepdims=True, dtype=np.float32)
    return np.repeat(block, channels, axis=0)


def regroup(blocks: Iterable[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """The same samples in blocks of one length (the last may be shorter), along the last axis.

    Args:
        blocks: arrays (n,) or (channels, n); one channel joins two by being copied.
        length: samples of a block.
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
