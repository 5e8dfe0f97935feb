"""Writes weights of musicnn: the true architecture and format, few filters, random numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leitmotif.encoders.musicnn_network import Musicnn, published_names
from tests.weights.bundle_files import write_bundle

SIZES = {"timbral": 5, "temporal": 2, "middle": 3, "hidden": 4}


def write_tiny_musicnn(folder: Path, *, tags: int = 50) -> None:
    """Write both networks into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    net = Musicnn(tags, **SIZES)
    for name in ("mtt", "msd"):
        variables = {"beta1_power": np.array(0.9, np.float32)}
        for ours, theirs in published_names(net).items():
            shape = tuple(
                net.get_parameter(ours).shape if "running" not in ours else net.get_buffer(ours).shape
            )
            axes = (2, 3, 1, 0) if len(shape) == 4 else tuple(reversed(range(len(shape))))
            numbers = rng.normal(size=shape) * (0.3 if len(shape) > 1 else 1)
            if "var" in ours or ("weight" in ours and len(shape) == 1):  # what scales is above zero
                numbers = np.abs(numbers) + 0.5
            variables[theirs] = np.transpose(numbers, axes).astype(np.float32)
            variables[f"{theirs}/Adam"] = np.zeros(2, np.float32)
        write_bundle(folder / f"{name}.index", folder / f"{name}.data", variables)
