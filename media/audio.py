"""Decodes sound as a stream, at any rate; writes and reads the FLAC files that a dataset keeps."""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import soundfile
import soxr

from media.container import (
    DECODE_ERRORS,
    check_decoded,
    decoder_message,
    open_media,
    origin_s,
    packets_end_s,
    require_stream,
    stream_duration_s,
)
from media.errors import DecodeFailed, NotMedia, Unreadable

FLAC_RATE_HZ = 44100
SILENCE_DB = -120.0  # level of digital silence; 16 bits reach -96 dB
# Before a window, so that codecs that carry state (AAC overlap, Opus, Vorbis) have settled at its start.
_PREROLL_S = 1.0
# Gaps between timestamps above this are silence (lost packets, a late start); below, they are rounding.
_MIN_GAP_S = 0.1
# Elementary streams hold no timestamps: durations and seeks are guesses from the bit rate, so a window is
# reached by decoding to it.
_UNTIMED = frozenset({"aac", "ac3", "eac3", "dts", "dtshd", "mp3", "mlp", "truehd", "amr", "loas", "gsm"})
# Front and centre, surround at -3 dB, scaled so that full scale on every channel stays at full scale.
_DOWNMIX = {"rematrix_maxval": "1.0"}


@dataclass(frozen=True)
class AudioFacts:
    """What was written by `extract_flac`.

    Attributes:
        duration_s: length of the sound.
        level_db: RMS over both channels in dB of full scale; -120 for digital silence.
        peak: largest absolute sample before clipping; decoders of lossy codecs may exceed 1.
    """

    duration_s: float
    level_db: float
    peak: float


def iter_audio(
    path: Path | str,
    *,
    rate_hz: int = FLAC_RATE_HZ,
    channels: int = 2,
    start_s: float = 0.0,
    duration_s: float | None = None,
) -> Iterator[np.ndarray]:
    """The sound of a window in blocks of about a second: memory does not grow with the length.

    The window is cut to the sample. Time counts from the file's first moment, the same for picture and sound:
    sound that starts later than the picture, or has holes, is filled with silence. Mono is copied to both
    channels, stereo is averaged for mono, more channels are mixed down by libswresample.

    Args:
        path: a file with sound.
        rate_hz: samples a second of what comes out.
        channels: 1 or 2.
        start_s: begin of the window.
        duration_s: length of the window; None reads to the end.

    Yields:
        float32 (channels, n) with full scale at 1.

    Raises:
        Unreadable, NotMedia, MissingStream: if there is no sound to read.
        DecodeFailed: if nothing, or less than 90 % of the window that the file says it has, can be decoded.
    """
    if channels not in (1, 2):
        raise ValueError(f"channels is {channels}, expected 1 or 2; mix other layouts down first")
    if duration_s is not None and duration_s <= 0:
        raise ValueError(f"duration_s is {duration_s}, expected a number above 0, or None for the rest")
    path = Path(path)
    stop = None if duration_s is None else round(duration_s * rate_hz)
    with open_media(path) as container:
        stream = require_stream(container, "audio", path)
        decoder = _Decoder(container, stream, rate_hz)
        if start_s > 0:
            decoder.seek(start_s)
        skip = round(start_s * rate_hz)
        done = 0
        for block in regroup(_cut(decoder.blocks(), skip, stop), rate_hz):
            done += block.shape[1]
            yield _to_channels(block, channels)
        _check_window(
            path, container, stream, decoder, start_s=start_s, duration_s=duration_s, done_s=done / rate_hz
        )


class _Decoder:
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
        if not _UNTIMED.isdisjoint(self._container.format.name.split(",")):
            return
        target_s = max(time_s - _PREROLL_S, 0.0) + self._origin_s
        with suppress(*DECODE_ERRORS):
            self._container.seek(int(target_s / self._stream.time_base), stream=self._stream, backward=True)

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Place of the first sample at the output rate and float32 (1 or 2, n), without holes from the first on."""
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


def _cut(blocks: Iterable[tuple[int, np.ndarray]], skip: int, stop: int | None) -> Iterator[np.ndarray]:
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
            part = min(missing, FLAC_RATE_HZ)
            yield np.zeros((block.shape[0], part), np.float32)
            done, missing = done + part, missing - part
        piece = block[:, start:] if stop is None else block[:, start : start + stop - done]
        done += piece.shape[1]
        if piece.shape[1]:
            yield piece
        if stop is not None and done >= stop:
            return


def _to_channels(block: np.ndarray, channels: int) -> np.ndarray:
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
        parts = [_to_channels(part, channels) if part.shape[0] != channels else part for part in parts]
    return np.concatenate(parts, axis=-1)


def _check_window(
    path: Path,
    container: Any,
    stream: Any,
    decoder: _Decoder,
    *,
    start_s: float,
    duration_s: float | None,
    done_s: float,
) -> None:
    """Raises DecodeFailed if the end of the data came too early for the window."""
    if decoder.errors:
        done_s = min(done_s, decoder.real_s)
    if duration_s is not None and done_s >= 0.9 * duration_s:
        return
    if done_s == 0 and decoder.anything and start_s > 0:
        raise DecodeFailed(
            f"the sound of {path.name!r} ends at {decoder.end_s:.1f} s, before the window at {start_s:.1f} s;"
            " choose an earlier window"
        )
    extent_s = stream_duration_s(stream)
    whole_s = container.duration / av.time_base if container.duration else None
    if not _UNTIMED.isdisjoint(container.format.name.split(",")):
        # The duration is a guess from the size of the file, which may end in other data.
        extent_s = whole_s if decoder.damaged_inside else None
    elif extent_s is None and whole_s is not None and done_s < 0.9 * (whole_s - start_s):
        # A container's duration covers its longest stream: a loss only if the data of all streams end before it.
        file_end_s = packets_end_s(path)
        lost = bool(decoder.errors) or file_end_s is None or file_end_s < 0.9 * whole_s
        extent_s = whole_s if lost else None
    end_s = math.inf if duration_s is None else start_s + duration_s
    expected_s = None if extent_s is None else max(min(extent_s, end_s) - start_s, 0.0)
    check_decoded(
        path,
        "audio",
        decoded_s=done_s,
        expected_s=expected_s,
        errors=decoder.errors,
        nothing=not decoder.anything,
    )


def extract_flac(
    path: Path | str, out: Path | str, *, start_s: float = 0.0, duration_s: float | None = None
) -> AudioFacts:
    """Writes the sound of a window as FLAC (44.1 kHz, stereo, 16 bits) and measures it, in one pass.

    `out` appears when it is complete, or not at all.

    Args:
        path: a file with sound.
        out: where the FLAC goes; its folder must exist.
        start_s: begin of the window.
        duration_s: length of the window; None takes the rest.

    Raises:
        Unreadable, NotMedia, MissingStream, DecodeFailed: as `iter_audio`.
        OSError: if `out` cannot be written.
    """
    out = Path(out)
    beside = out.with_name(f".{uuid.uuid4().hex}.part")
    samples, squares, peak = 0, 0.0, 0.0
    try:
        with soundfile.SoundFile(
            beside, "w", samplerate=FLAC_RATE_HZ, channels=2, format="FLAC", subtype="PCM_16"
        ) as file:
            for block in iter_audio(path, start_s=start_s, duration_s=duration_s):
                np.nan_to_num(
                    block, copy=False, nan=0.0, posinf=1.0, neginf=-1.0
                )  # float codecs may hold them
                samples += block.shape[1]
                squares += float(np.square(block, dtype=np.float64).sum())
                peak = max(peak, float(np.abs(block).max(initial=0.0)))
                file.write(np.clip(block, -1.0, 1.0).T)
        if samples == 0:
            raise DecodeFailed(
                f"the sound of {Path(path).name!r} holds no samples; export or download the file again"
            )
        os.replace(beside, out)  # noqa: PTH105 - the whole-or-nothing step
    finally:
        beside.unlink(missing_ok=True)
    power = squares / (2 * samples)
    level_db = max(10 * math.log10(power), SILENCE_DB) if power > 0 else SILENCE_DB
    return AudioFacts(duration_s=samples / FLAC_RATE_HZ, level_db=level_db, peak=peak)


def read_flac_blocks(
    path: Path | str,
    *,
    rate_hz: int | None = None,
    mono: bool = False,
    block_s: float = 10.0,
    start_s: float = 0.0,
    duration_s: float | None = None,
) -> Iterator[np.ndarray]:
    """The samples of a FLAC (or WAV) file of ours in blocks, resampled as a stream.

    Args:
        path: a file that libsndfile reads.
        rate_hz: samples a second of what comes out; None keeps the file's.
        mono: average the channels.
        block_s: length of a block; the last may be shorter.
        start_s: begin of the window.
        duration_s: length of the window; None reads to the end.

    Yields:
        float32 (n,) if `mono`, else (channels, n).

    Raises:
        Unreadable: if there is no such file.
        NotMedia: if libsndfile cannot read it.
    """
    path = Path(path)
    if not path.is_file():
        raise Unreadable(f"cannot open {path.name!r}: there is no such file; check the path")
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise NotMedia(
            f"{path.name!r} is no readable FLAC or WAV file ({error.error_string}); write it again"
        ) from error
    with file:
        out_hz = rate_hz or file.samplerate
        pieces = _read_pieces(file, start_s, duration_s, mono)
        if out_hz != file.samplerate:
            pieces = _resample(pieces, file.samplerate, out_hz, 1 if mono else file.channels)
        for block in regroup(pieces, max(round(block_s * out_hz), 1)):
            yield block[0] if mono else block


def _read_pieces(file: Any, start_s: float, duration_s: float | None, mono: bool) -> Iterator[np.ndarray]:
    """float32 (channels, n) of a window of an open file, a second at a time."""
    file.seek(min(round(start_s * file.samplerate), file.frames))
    left = math.inf if duration_s is None else round(duration_s * file.samplerate)
    while left > 0:
        block = file.read(int(min(left, file.samplerate)), dtype="float32", always_2d=True)
        if not len(block):
            return
        left -= len(block)
        yield block.mean(axis=1, keepdims=True, dtype=np.float32).T if mono else block.T


def _resample(pieces: Iterable[np.ndarray], from_hz: int, to_hz: int, channels: int) -> Iterator[np.ndarray]:
    stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32")
    for piece in pieces:
        out = stream.resample_chunk(np.ascontiguousarray(piece.T))
        if len(out):
            yield out.reshape(-1, channels).T
    out = stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)
    if len(out):
        yield out.reshape(-1, channels).T
