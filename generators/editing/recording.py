"""A recording that is edited: decoded once, as it is, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from leitmotif.generators.arranger.mastering import keep
from leitmotif.media import probe, sndfile
from leitmotif.media.audio import iter_audio, read_flac_blocks
from leitmotif.media.errors import MediaError
from leitmotif.media.levels import silence_strange
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.phrases import no_such_file
from leitmotif.storage.atomic import check_growing, temporary_folder
from leitmotif.storage.errors import UserError

# That one step over a file may take, and as many times its length.
_LIMIT_S, _TIMES = 120.0, 2.0
_BLOCK_S = 10.0


@dataclass(frozen=True)
class Recording:
    """A recording, as it is in its file.

    Attributes:
        samples: float32 (2, n); of a long one on the disk, so that memory does not grow with it.
        rate_hz: Its own sampling rate.
    """

    samples: np.ndarray
    rate_hz: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.samples.shape[1] / self.rate_hz

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[np.ndarray]:
        """Yield a part of it in blocks of some seconds."""
        size = round(_BLOCK_S * self.rate_hz)
        end = self.samples.shape[1] if end is None else end
        for place in range(start, end, size):
            yield np.asarray(self.samples[:, place : min(place + size, end)])


@contextmanager
def open_recording(path: Path, worker: SandboxedWorker) -> Iterator[Recording]:
    """Give the sound of a file of any format, mono in both channels.

    Args:
        path: The file.
        worker: The process that decodes.

    Raises:
        UserError: There is no such file, or no sound in it that can be read.
        OSError: The disk has no room for it.
    """
    if not path.is_file():
        said = "it is a folder" if path.is_dir() else no_such_file(path)
        raise UserError(f"got {str(path)!r}: {said}; expected a recording")
    with temporary_folder("edit") as folder:
        out = folder / "sound"
        try:
            facts = worker.run(probe.probe, path, limit_s=_LIMIT_S)
            if not facts.has_audio or not facts.audio_rate_hz:
                raise UserError(f"{str(path)!r} has no sound; expected a recording")
            limit_s = _LIMIT_S + _TIMES * facts.duration_s
            samples = worker.run(
                decode, path, out, facts.audio_rate_hz, facts.decoder, limit_s=limit_s, writes=folder
            )
        except MediaError as error:
            raise UserError(f"{str(path)!r}: {error}") from error
        if samples == 0:
            raise UserError(f"the sound of {str(path)!r} holds no samples; export the file again")
        kept = keep(read_flac_blocks(out), samples, folder)
        out.unlink()
        yield Recording(kept, facts.audio_rate_hz)


def decode(path: Path, out: Path, rate_hz: int, decoder: str) -> int:
    """Write the sound of a file as it is, in floating point, and return how many samples it has.

    Args:
        path: A file with sound.
        out: Where it goes, as WAV that may exceed 4 GB.
        rate_hz: Its sampling rate.
        decoder: What can read it, as `leitmotif.media.probe.Probe` has it.

    Raises:
        MediaError: It cannot be decoded.
        OSError: The disk refused.
    """
    blocks = (
        sndfile.iter_sound(path, rate_hz=rate_hz)
        if decoder == sndfile.NAME
        else iter_audio(path, rate_hz=rate_hz)
    )
    samples = 0
    try:
        with soundfile.SoundFile(
            out, "w", samplerate=rate_hz, channels=2, format="RF64", subtype="FLOAT"
        ) as file:
            for block in blocks:
                file.write(silence_strange(block).T)
                samples += block.shape[1]
    except soundfile.LibsndfileError:
        check_growing(out)  # which says what the disk refused
        raise
    return samples
