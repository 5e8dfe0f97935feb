"""Small datasets of clips in the columns that trainings read; pictures are plain, and sounds short."""

import io
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from tests.training.rendered_clips import CLAP_DIM, draw_truth, make_row, write_dataset

RATE_HZ = 44100


def plain_frames(seed: int, count: int = 3) -> list[bytes]:
    """JPEG pictures of one colour each."""
    rng = np.random.default_rng(seed)
    files = []
    for _ in range(count):
        buffer = io.BytesIO()
        Image.new("RGB", (32, 24), tuple(rng.integers(0, 256, 3).tolist())).save(buffer, "JPEG")
        files.append(buffer.getvalue())
    return files


def plain_audio(seed: int) -> bytes:
    """A tenth of a second of quiet noise, as FLAC."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (RATE_HZ // 10, 2))
    buffer = io.BytesIO()
    soundfile.write(buffer, noise.clip(-1, 1), RATE_HZ, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def plain_embedding(seed: int) -> list[float]:
    """An audio embedding, of length 1."""
    vector = np.random.default_rng(seed).normal(size=CLAP_DIM)
    return [float(number) for number in vector / np.linalg.norm(vector)]


def plain_rows(count: int, first: int = 0) -> list[dict[str, object]]:
    return [
        {
            **make_row(draw_truth(number), plain_frames(number)),
            "audio": {"bytes": plain_audio(number), "path": f"{number}.flac"},
            "clap_embedding": plain_embedding(number),
        }
        for number in range(first, first + count)
    ]


def write_plain_dataset(folder: Path) -> Path:
    """Ten clips to train with, three to validate with."""
    return write_dataset(folder, {"train": plain_rows(10), "validation": plain_rows(3, 100)})
