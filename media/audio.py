"""Decodes sound as a stream, at any rate; writes and reads the FLAC files that a dataset keeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from leitmotif.media import sndfile
from leitmotif.media.audio_decoder import AudioDecoder, cut, regroup, to_channels
from leitmotif.media.container import (
    check_decoded,
    declared_s,
    open_media,
    require_stream,
    stream_duration_s,
)
from leitmotif.media.errors import DecodeFailed, MissingStream, NoSuchFile, NotMedia
from leitmotif.media.flac import write_flac
from leitmotif.media.levels import Meter, Repair, silence_strange
from leitmotif.media.timeline import is_counted, is_guessed, packets_end_s, read_timeline

FLAC_RATE_HZ = 44100
_MAX_PEAK = 2.0**32  # some tools write 32-bit integers as floats; beyond, it is no sound
_MAX_STRANGE = 0.01  # share of samples that are no numbers: more are no dropouts of a sound


@dataclass(frozen=True)
class AudioFacts:
    """What was written by `extract_flac`.

    Attributes:
        duration_s: Length of the sound.
        level_db: RMS over both channels as written, without DC, in dB of full scale; -120 for silence.
        peak: Largest absolute sample of the source without DC; above 1, all was divided by it.
        dc: What was taken off a channel, of full scale; the greater of both.
        inverted: Whether the right channel was inverted, since it held the left one's opposite.
        decoder: What read it, "ffmpeg" or "libsndfile".
    """

    duration_s: float
    level_db: float
    peak: float
    dc: float
    inverted: bool
    decoder: str


def iter_audio(
    path: Path | str,
    *,
    rate_hz: int = FLAC_RATE_HZ,
    channels: int = 2,
    start_s: float = 0.0,
    duration_s: float | None = None,
) -> Iterator[np.ndarray]:
    """Decode the sound of a window in blocks of about a second: memory does not grow with the length.

    The window is cut to the sample, as far as the container's timestamps tell (Matroska's: 1 ms). Time counts
    from the file's first moment, the same for picture and sound: sound that starts later than the picture, or
    has holes, is filled with silence. Mono is copied to both channels, stereo is averaged for mono, more
    channels are mixed down by libswresample.

    Args:
        path: A file with sound.
        rate_hz: Samples a second of what comes out.
        channels: 1 or 2.
        start_s: Begin of the window.
        duration_s: Length of the window; None reads to the end.

    Yields:
        float32 (channels, n) with full scale at 1.

    Raises:
        Unreadable, NotMedia, MissingStream: If there is no sound to read.
        DecodeFailed: If nothing, or less than 90 % of the window that the file says it has, can be decoded.
    """
    if channels not in (1, 2):
        raise ValueError(f"channels is {channels}, expected 1 or 2; mix other layouts down first")
    if duration_s is not None and duration_s <= 0:
        raise ValueError(f"duration_s is {duration_s}, expected a number above 0, or None for the rest")
    path = Path(path)
    stop = None if duration_s is None else round(duration_s * rate_hz)
    with open_media(path) as container:
        stream = require_stream(container, "audio", path)
        decoder = AudioDecoder(path, container, stream, rate_hz)
        if start_s > 0:
            decoder.seek(start_s)
        skip = round(start_s * rate_hz)
        done = 0
        for block in regroup(cut(decoder.blocks(), skip, stop), rate_hz):
            done += block.shape[1]
            yield to_channels(block, channels)
        _check_window(
            path, container, stream, decoder, start_s=start_s, duration_s=duration_s, done_s=done / rate_hz
        )


def _check_window(
    path: Path,
    container: Any,
    stream: Any,
    decoder: AudioDecoder,
    *,
    start_s: float,
    duration_s: float | None,
    done_s: float,
) -> None:
    """Raise DecodeFailed if the end of the data came too early for the window."""
    if decoder.errors:
        done_s = min(done_s, decoder.real_s)
    if duration_s is not None and done_s >= 0.9 * duration_s:
        return
    if done_s == 0 and start_s > 0 and not decoder.errors:
        end_s = decoder.end_s or packets_end_s(path) or 0.0
        raise DecodeFailed(
            f"the sound of {path.name!r} ends at {end_s:.1f} s, before the window at {start_s:.1f} s;"
            " choose an earlier window"
        )
    extent_s = stream_duration_s(stream)
    whole_s = declared_s(container)
    if is_guessed(container):
        # What follows the last packet is no sound that was lost, as the file may end in other data.
        extent_s = packets_end_s(path) if decoder.damaged_inside else None
    elif extent_s is not None and done_s < 0.9 * (extent_s - start_s) and is_counted(container):
        timeline = read_timeline(path)
        extent_s = timeline.length_s if timeline.glued else extent_s
    elif extent_s is None and whole_s is not None and done_s < 0.9 * (whole_s - start_s):
        # A container's duration covers its longest stream: a loss only if the data of all streams end early.
        file_end_s = packets_end_s(path)
        lost = bool(decoder.errors) or file_end_s is None or file_end_s < 0.9 * whole_s
        extent_s = whole_s if lost else None
    stop_s = math.inf if duration_s is None else start_s + duration_s
    expected_s = None if extent_s is None else max(min(extent_s, stop_s) - start_s, 0.0)
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
    """Write the sound of a window as FLAC (44.1 kHz, stereo, 16 bits) and measure it.

    What is written can be heard, by ear and in a mono mix: DC is taken off, a right channel that cancels the
    left one is inverted, and what goes beyond full scale is scaled down. Samples that are no numbers become
    silence. `out` appears when it is complete, or not at all.

    Args:
        path: A file with sound.
        out: Where the FLAC goes; its folder must exist.
        start_s: Begin of the window.
        duration_s: Length of the window; None takes the rest.

    Raises:
        Unreadable, NotMedia, MissingStream, DecodeFailed: As `iter_audio`, and libsndfile reads no more.
        OSError: If `out` cannot be written.
    """
    path, out = Path(path), Path(out)
    try:
        blocks = partial(iter_audio, path, start_s=start_s, duration_s=duration_s)
        return _write(path, blocks, out, "ffmpeg")
    except (NotMedia, MissingStream, DecodeFailed):
        with suppress(NotMedia, DecodeFailed):
            blocks = partial(
                sndfile.iter_sound, path, rate_hz=FLAC_RATE_HZ, start_s=start_s, duration_s=duration_s
            )
            return _write(path, blocks, out, sndfile.NAME)
        raise


def _write(path: Path, blocks: Callable[[], Iterator[np.ndarray]], out: Path, decoder: str) -> AudioFacts:
    """Write what `decoder` gives with each call of `blocks`, as `extract_flac` promises it."""
    meter = Meter()

    def measured() -> Iterator[np.ndarray]:
        for block in blocks():
            meter.add(block)  # which makes samples that are no numbers silent
            yield block
        _check_sound(path, meter)

    write_flac(measured(), out, rate_hz=FLAC_RATE_HZ)
    repair = meter.repair
    if repair != Repair():  # what must be done is known at the end of the sound only
        out.unlink()
        write_flac(map(repair.applied, map(silence_strange, blocks())), out, rate_hz=FLAC_RATE_HZ)
    return AudioFacts(
        duration_s=meter.samples / FLAC_RATE_HZ,
        level_db=meter.level_db,
        peak=meter.peak,
        dc=max(map(abs, repair.dc)),
        inverted=repair.inverted,
        decoder=decoder,
    )


def _check_sound(path: Path, meter: Meter) -> None:
    if meter.samples == 0:
        raise DecodeFailed(
            f"the sound of {path.name!r} holds no samples; export, copy or download the file again"
        )
    advice = "the file is damaged or of another format than it says: export it again"
    if meter.strange > _MAX_STRANGE:
        raise DecodeFailed(
            f"{meter.strange:.0%} of the samples of {path.name!r} are not finite (no numbers, or infinite);"
            f" {advice}"
        )
    if meter.highest > _MAX_PEAK:
        over_db = 20 * math.log10(meter.highest)
        raise DecodeFailed(
            f"the samples of {path.name!r} go beyond full scale by {over_db:.0f} dB, which no sound does;"
            f" {advice}"
        )


def read_flac_blocks(
    path: Path | str,
    *,
    rate_hz: int | None = None,
    mono: bool = False,
    block_s: float = 10.0,
    start_s: float = 0.0,
    duration_s: float | None = None,
) -> Iterator[np.ndarray]:
    """Read the samples of a FLAC (or WAV) file of ours in blocks, resampled as a stream.

    Args:
        path: A file that libsndfile reads.
        rate_hz: Samples a second of what comes out; None keeps the file's.
        mono: Average the channels.
        block_s: Length of a block; the last may be shorter.
        start_s: Begin of the window.
        duration_s: Length of the window; None reads to the end.

    Yields:
        float32 (n,) if `mono`, else (channels, n).

    Raises:
        NoSuchFile: If there is no such file.
        NotMedia: If libsndfile cannot read it.
    """
    path = Path(path)
    if not path.is_file():
        raise NoSuchFile(f"cannot open {path.name!r}: there is no such file; check the path")
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
    """Read a window of an open file, a second at a time: float32 (channels, n)."""
    file.seek(min(round(start_s * file.samplerate), file.frames))
    left = math.inf if duration_s is None else round(duration_s * file.samplerate)
    while left > 0:
        block = file.read(int(min(left, file.samplerate)), dtype="float32", always_2d=True)
        if not len(block):
            return
        left -= len(block)
        yield block.mean(axis=1, keepdims=True, dtype=np.float32).T if mono else block.T  # (channels, n)


def _resample(pieces: Iterable[np.ndarray], from_hz: int, to_hz: int, channels: int) -> Iterator[np.ndarray]:
    stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32")
    for piece in pieces:
        out = stream.resample_chunk(np.ascontiguousarray(piece.T))  # (n, channels)
        if len(out):
            yield out.reshape(-1, channels).T  # (channels, n)
    out = stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)
    if len(out):
        yield out.reshape(-1, channels).T  # (channels, n)
