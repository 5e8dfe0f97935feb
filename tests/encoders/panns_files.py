"""A tiny stand-in for Cnn14, and checkpoints of it in the published format."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn


class _Frames(nn.Module):
    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        frames = samples.unfold(-1, 1024, 320)
        return torch.fft.rfft(frames).abs().square()[:, None]  # (windows, 1, frames, 513)


class _Mel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.melW = nn.Parameter(torch.rand(513, 4))

    def forward(self, power: torch.Tensor) -> torch.Tensor:
        return torch.log10((power @ self.melW).clamp(min=1e-10))


class TinyCnn14(nn.Module):
    """Has Cnn14's settings, parts and way of answering, and next to no weights."""

    def __init__(self, *, classes_num: int, **settings: Any) -> None:
        super().__init__()
        assert (settings["sample_rate"], settings["hop_size"], settings["fmax"]) == (32_000, 320, 14_000)
        self.spectrogram_extractor = _Frames()
        self.logmel_extractor = _Mel()
        self.fc_audioset = nn.Linear(4, classes_num)

    def forward(self, samples: torch.Tensor, mixup_lambda: None = None) -> dict[str, torch.Tensor]:
        mel = self.logmel_extractor(self.spectrogram_extractor(samples))[:, 0]  # (windows, frames, 4)
        pooled = mel.amax(dim=1) + mel.mean(dim=1)
        return {"clipwise_output": torch.sigmoid(self.fc_audioset(pooled))}


def write_tiny_cnn14(path: Path, **beside: Any) -> TinyCnn14:
    """Write a checkpoint and return the network in it."""
    torch.manual_seed(0)
    net = TinyCnn14(classes_num=527, sample_rate=32_000, hop_size=320, fmax=14_000).eval()
    torch.save({"model": net.state_dict(), **beside}, path)
    return net


def noise(length_s: float, seed: int = 0, rate_hz: int = 32_000) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(length_s * rate_hz)).astype(np.float32)
