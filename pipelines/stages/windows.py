"""Windows of a clip's sound, as a model that listens takes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leitmotif.encoders.windows import track_windows
from leitmotif.media import audio, flac

if TYPE_CHECKING:  # it imports torch, which who only looks at a workspace does without
    from leitmotif.encoders.encoder import AudioEncoder, AudioTagger


def read_windows(path: Path, model: AudioEncoder | AudioTagger, max_windows: int) -> list[np.ndarray]:
    """Return windows of a FLAC file of ours, mono, at the model's rate and of its length.

    Args:
        path: The file.
        model: Who listens, loaded.
        max_windows: The most windows; of a longer track they are evenly spread.

    Returns:
        At least one, float32, shape (n,); the last may be shorter.

    Raises:
        ValueError: The file has no sample.
    """
    windows = track_windows(
        audio.read_flac_blocks(path, rate_hz=model.rate_hz, mono=True),
        model.rate_hz,
        model.window_s,
        max_windows=max_windows,
        total_s=flac.flac_length_s(path),
    )
    if not windows:
        raise ValueError(f"got {path.name!r} without a sample; expected sound to listen to")
    return windows
