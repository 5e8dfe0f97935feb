"""The second decoder: libsndfile reads some sounds that FFmpeg refuses (Vorbis whose headers stand twice)."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile

from leitmotif.media.audio_decoder import cut, regroup, to_channels
from leitmotif.media.errors import DecodeFailed, NotMedia
from leitmotif.media.resampling import Resampler
from leitmotif.media.sync import Placed

NAME = "libsndfile"
_PREROLL_S = 1.0  # before a window, so that resampling has settled at its start
# The order of channels is that of WAV, for libsndfile and FFmpeg alike.
_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")


@contextmanager
def open_sound(path: Path) -> Iterator[Any]:
    """Open a file as a `soundfile.SoundFile`.

    Raises:
        NotMedia: If libsndfile does not know it, or it holds no samples.
    """
    # By descriptor: from a name, libsndfile takes any bytes for sound if it ends in ".gsm" or ".vox".
    descriptor = os.open(path, os.O_RDONLY)
    try:
        file = soundfile.SoundFile(descriptor, closefd=True)
    except soundfile.LibsndfileError as error:
        raise NotMedia(f"{path.name!r} is nothing that libsndfile reads: {error.error_string}") from error
    with file:
        if not file.frames or file.channels > len(_LAYOUTS):
            raise NotMedia(
                f"{path.name!r} holds {file.frames} samples in {file.channels} channels; expected sound in 1"
                f" to {len(_LAYOUTS)}: export it again"
            )
        yield file


def iter_sound(
    path: Path, *, rate_hz: int, start_s: float = 0.0, duration_s: float | None = None
) -> Iterator[np.ndarray]:
    """Decode the sound of a window in stereo, as `leitmotif.media.audio.iter_audio` gives it: float32 (2, n).

    Raises:
        NotMedia: If libsndfile does not know the file.
        DecodeFailed: If it holds less than 90 % of the window.
    """
    with open_sound(path) as file:
        length_s = file.frames / file.samplerate
        stop_s = length_s if duration_s is None else min(start_s + duration_s, length_s)
        stop = None if duration_s is None else round(duration_s * rate_hz)
        done = 0
        try:
            for block in regroup(
                cut(_placed(file, start_s, rate_hz), round(start_s * rate_hz), stop), rate_hz
            ):
                done += block.shape[1]
                yield to_channels(block, 2)
        except soundfile.LibsndfileError as error:
            raise DecodeFailed(
                f"libsndfile cannot read {path.name!r} to its end ({error.error_string}); fetch or export the"
                " file again"
            ) from error
        if done == 0 or done < 0.9 * (stop_s - start_s) * rate_hz:
            raise DecodeFailed(
                f"libsndfile reads only {done / rate_hz:.1f} s of {stop_s - start_s:.1f} s of {path.name!r};"
                " fetch or export the file again"
            )


def _placed(file: Any, start_s: float, rate_hz: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first sample's place and float32 (1 or 2, n), from a little before a moment to the end."""
    first = min(max(math.floor((start_s - _PREROLL_S) * file.samplerate), 0), file.frames)
    if first:
        file.seek(first)
    time_s = first / file.samplerate
    at = round(time_s * rate_hz)
    resampler: Resampler | None = None
    while len(samples := file.read(file.samplerate, dtype="float32", always_2d=True)):
        layout = _LAYOUTS[file.channels - 1]
        # (n, channels) to (channels, n)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout=layout)
        frame.sample_rate = file.samplerate
        placed = Placed(frame, time_s)
        resampler = resampler or Resampler(placed, rate_hz)
        for block in resampler.resample(placed):
            yield at, block
            at += block.shape[1]
        time_s += len(samples) / file.samplerate
    for block in resampler.rest() if resampler is not None else ():
        yield at, block
        at += block.shape[1]
