"""Write a stream of samples as FLAC, and measure one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from leitmotif.storage.atomic import check_growing, whole_file


def write_flac(blocks: Iterable[np.ndarray], out: Path, *, rate_hz: int) -> None:
    """Write stereo blocks as 16-bit FLAC; `out` appears when it is complete, or not at all.

    Args:
        blocks: Float32 blocks in order, shape (2, n); samples beyond full scale are clipped.
        out: The file; its folder must exist.
        rate_hz: Sampling rate.
    """
    with open_flac(out, rate_hz=rate_hz) as write:
        for block in blocks:
            write(block)


@contextmanager
def open_flac(out: Path, *, rate_hz: int) -> Iterator[Callable[[np.ndarray], None]]:
    """Give a function that appends a stereo block, for several files written side by side; see `write_flac`.

    A block is float, shape (2, n); what lies beyond -1..1 is clipped.

    `out` appears when the `with` block ends without an error, or not at all.

    Raises:
        OSError: The disk refused.
    """
    with whole_file(out) as beside:
        try:
            with soundfile.SoundFile(
                beside, "w", samplerate=rate_hz, channels=2, format="FLAC", subtype="PCM_16"
            ) as file:
                yield lambda block: file.write(np.clip(block, -1.0, 1.0).T)  # (2, n) to (n, 2)
        except soundfile.LibsndfileError:
            # It says "System error" of whatever the disk refused: the disk is asked for the reason.
            check_growing(beside)
            raise


def flac_length_s(path: Path) -> float:
    """Return the length of a FLAC file in seconds, from its header."""
    return float(soundfile.info(path).duration)
