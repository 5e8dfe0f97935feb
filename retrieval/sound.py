"""The sound of a clip or a query as an encoder hears it: windows, and the mean of what they become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from leitmotif.encoders.windows import track_windows
from leitmotif.media import audio, flac
from leitmotif.media.errors import NotMedia

MAX_WINDOWS = 24  # as many as `curate` takes, in the stage tagging


def flac_windows(path: Path, encoder: Any, most: int = MAX_WINDOWS) -> list[np.ndarray]:
    """Return the windows of a FLAC file of ours, mono, evenly spread where there are more than `most`.

    Args:
        path: The file.
        encoder: Says how long windows are, and their sampling rate.
        most: How many at most.

    Raises:
        NotMedia: It cannot be read.
    """
    try:
        blocks = audio.read_flac_blocks(path, rate_hz=encoder.rate_hz, mono=True)
        length_s = flac.flac_length_s(path)
        return track_windows(blocks, encoder.rate_hz, encoder.window_s, most, total_s=length_s)
    except soundfile.LibsndfileError as error:
        raise NotMedia(f"{path.name!r} cannot be read ({error.error_string}); write it again") from error


def mean_direction(embeddings: np.ndarray) -> np.ndarray:
    """Return the mean of unit vectors, of length 1: shape (n, dim), n >= 1, to (dim,)."""
    mean = embeddings.mean(axis=0)
    unit: np.ndarray = mean / np.linalg.norm(mean)
    return unit
