"""Re-encoding films, as somebody would who uploads them again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from leitmotif.media.mux import RATE_HZ, Encoding, write_video


def _read_sound(path: Path) -> np.ndarray:
    blocks: list[np.ndarray] = []
    with av.open(str(path)) as film:
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE_HZ)
        for frame in film.decode(audio=0):
            blocks += [part.to_ndarray() for part in resampler.resample(frame)]
    return np.concatenate(blocks, axis=1)


def _read_frames(path: Path, size: tuple[int, int]) -> Iterator[np.ndarray]:
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            yield cv2.resize(frame.to_ndarray(format="rgb24"), size, interpolation=cv2.INTER_AREA)


def encode_again(source: Path, out: Path, *, size: tuple[int, int], encoding: Encoding) -> None:
    """Encode a film in another size and quality, as somebody would who uploads it again."""
    with av.open(str(source)) as film:
        rate, pictures = film.streams.video[0].average_rate, film.streams.video[0].frames
    if rate is None:
        raise ValueError(f"{source.name} states no frame rate; give a film that {write_video.__name__} wrote")
    sound = _read_sound(source)
    if pictures:  # a decoder gives whole blocks of sound, a little more than there was
        sound = sound[:, : int(pictures / rate * RATE_HZ)]
    write_video(out, _read_frames(source, size), sound, fps=float(rate), encoding=encoding)
