"""The network of musicnn in torch, with the spectrogram that it reads, and the names of its variables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

RATE_HZ = 16_000
MELS = 96
FRAMES = 187  # of a window: what the authors cut three seconds into
_FFT, _HOP = 512, 256
SAMPLES = (FRAMES - 1) * _HOP + _FFT  # of a window, so that no frame reaches beyond its ends

# Slaney's scale: 200/3 Hz a mel up to 1 kHz, which is mel 15, and 27 mels for a factor of 6.4 above.
_LINEAR_HZ, _CORNER, _STEP = 200 / 3, 15, np.log(6.4) / 27

# What TensorFlow calls the weights of a layer.
_KERNEL = {"weight": "kernel", "bias": "bias"}
_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def mel_filters() -> Tensor:
    """Return Slaney's triangles of unit area from 0 Hz to half the rate, shape (257, 96)."""
    top = _CORNER + np.log(RATE_HZ / 2 / (_CORNER * _LINEAR_HZ)) / _STEP
    mels = np.linspace(0, top, MELS + 2)
    above = _CORNER * _LINEAR_HZ * np.exp((mels - _CORNER) * _STEP)
    edges = np.where(mels < _CORNER, mels * _LINEAR_HZ, above)
    bins = np.linspace(0, RATE_HZ / 2, _FFT // 2 + 1)[:, None]
    rise, fall = (bins - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - bins) / np.diff(edges)[1:]
    return torch.from_numpy(np.maximum(0, np.minimum(rise, fall)) * 2 / (edges[2:] - edges[:-2])).float()


class LogMel(nn.Module):
    """Turns windows, shape (n, SAMPLES), into log10(1 + 10,000 S), shape (n, FRAMES, MELS)."""

    window: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(_FFT), persistent=False)
        self.register_buffer("filters", mel_filters(), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        """Transform."""
        spectrum = torch.fft.rfft(waves.unfold(-1, _FFT, _HOP) * self.window)  # (n, frames, bins)
        return torch.log10(1 + 1e4 * (spectrum.abs().square() @ self.filters))


class ConvBlock(nn.Module):
    """A convolution over time and frequency, ReLU, then normalisation, in this order."""

    def __init__(self, inputs: int, filters: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, filters, kernel)
        self.norm = nn.BatchNorm2d(filters, eps=1e-3)
        # As many frames come out as go in; of an even kernel TensorFlow puts the odd one behind.
        self.padding = (0, 0, (kernel[0] - 1) // 2, kernel[0] // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, shape (n, inputs, frames, bands) to (n, filters, frames, bands - kernel + 1)."""
        return self.norm(relu(self.conv(pad(x, self.padding))))


class Musicnn(nn.Module):
    """Timbral and temporal filters, three residual layers over time, maximum and mean over time, two layers.

    Args:
        tags: How many tags it knows.
        timbral: Filters of each of the two timbral blocks; the published networks have 204.
        temporal: Filters of each of the three temporal blocks; 51.
        middle: Filters of each layer over time; 64.
        hidden: Width of the layer before the last; 200.
    """

    def __init__(
        self, tags: int = 50, *, timbral: int = 204, temporal: int = 51, middle: int = 64, hidden: int = 200
    ) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1, eps=1e-3)
        # Heights of 0.4 and 0.7 of the bands.
        blocks = [ConvBlock(1, timbral, (7, height)) for height in (38, 67)]
        blocks += [ConvBlock(1, temporal, (length, 1)) for length in (128, 64, 32)]
        self.front = nn.ModuleList(blocks)
        front = 2 * timbral + 3 * temporal
        self.middle = nn.ModuleList([ConvBlock(1, middle, (7, width)) for width in (front, middle, middle)])
        pooled = 2 * (front + 3 * middle)
        self.pooled_norm, self.dense = nn.BatchNorm1d(pooled, eps=1e-3), nn.Linear(pooled, hidden)
        self.dense_norm, self.out = nn.BatchNorm1d(hidden, eps=1e-3), nn.Linear(hidden, tags)

    def forward(self, mel: Tensor) -> Tensor:
        """Return the probability of each tag, shape (n, frames, MELS) to (n, tags)."""
        x = self.norm(mel[:, None])
        layers = [torch.cat([block(x).amax(dim=3) for block in self.front], dim=1)]  # (n, front, frames)
        for number, block in enumerate(self.middle):
            new = block(layers[-1].transpose(1, 2)[:, None])[..., 0]  # (n, middle, frames)
            layers.append(new + layers[-1] if number else new)
        dense = torch.cat(layers, dim=1)
        pooled = torch.stack([dense.amax(dim=2), dense.mean(dim=2)], dim=2).flatten(1)
        return self.out(self.dense_norm(relu(self.dense(self.pooled_norm(pooled))))).sigmoid()


def network_of(variables: Mapping[str, np.ndarray]) -> Musicnn:
    """Return the network, with random weights, whose sizes are the shapes of published variables.

    Raises:
        ValueError: The variables are not of such a network.
    """
    named = ("dense_1", "conv2d", "conv2d_2", "conv2d_5", "dense")
    if odd := [name for name in named if f"{name}/bias" not in variables]:
        raise ValueError(f"{odd[0]} is not among its layers")
    tags, timbral, temporal, middle, hidden = (len(variables[f"{name}/bias"]) for name in named)
    return Musicnn(tags, timbral=timbral, temporal=temporal, middle=middle, hidden=hidden)


def published_names(net: Musicnn) -> dict[str, str]:
    """Return what each weight of the network is called in the published checkpoints.

    TensorFlow numbered the layers of each kind in the order in which the graph was built.
    """
    blocks = [f"{part}.{i}" for part in ("front", "middle") for i in range(len(getattr(net, part)))]
    norms = ["norm", *(f"{block}.norm" for block in blocks), "pooled_norm", "dense_norm"]
    kinds: tuple[tuple[str, list[str], Mapping[str, str]], ...] = (
        ("batch_normalization", norms, _NORM),
        ("conv2d", [f"{block}.conv" for block in blocks], _KERNEL),
        ("dense", ["dense", "out"], _KERNEL),
    )
    return {
        f"{layer}.{ours}": f"{kind}{f'_{number}' if number else ''}/{theirs}"
        for kind, layers, names in kinds
        for number, layer in enumerate(layers)
        for ours, theirs in names.items()
    }


def from_published(variables: Mapping[str, np.ndarray], net: Musicnn) -> dict[str, Tensor]:
    """Return published weights by the network's names, in its order of axes.

    Raises:
        ValueError: One is missing, or one is left that no layer takes.
    """
    names = published_names(net)
    if odd := sorted(set(names.values()) ^ set(variables)):
        raise ValueError(f"{len(odd)} variables are missing or unknown, {odd[0]} first")
    counted = {name: value for name, value in net.state_dict().items() if name.endswith("batches_tracked")}
    return counted | {ours: torch.tensor(_turned(variables[theirs])) for ours, theirs in names.items()}


def _turned(value: np.ndarray) -> np.ndarray:
    """Return a kernel, (height, width, in, out) or (in, out), as torch has it; anything else as it is."""
    return value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
