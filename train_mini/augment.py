"""Changes log-mel features so that a model trained on renders also hears recordings.

Everything works on power (10 ** (dB / 10)), where sounds add, on whole batches of shape (B, frames, mels).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from leitmotif.train_mini.corpus import FLOOR_DB, FRAMES, MELS, WINDOW_S
from leitmotif.train_mini.targets import Targets

_FLOOR = 10 ** (FLOOR_DB / 10)


@dataclass(frozen=True)
class Augmentation:
    """How often each change is made, per clip."""

    reverberate: float = 0.25
    equalise: float = 0.35
    shift: float = 0.3  # by one mel band
    tile: float = 0.2  # a short clip, repeated and padded as the encoder does
    silence: float = 0.1  # part of the clip is silent
    floor: float = 0.4  # a noise floor as every recording has
    noise: float = 0.06  # noise enough for the clip to count as degraded
    mask: float = 0.2
    empty: float = 0.03  # nothing but noise or silence


def augment(
    features: Tensor, targets: Targets, generator: torch.Generator, settings: Augmentation = Augmentation()
) -> tuple[Tensor, Targets]:
    """Change features as recordings differ from renders.

    Args:
        features: Log-mel power in dB, shape (B, FRAMES, MELS).
        targets: What is true of them.
        generator: Draws every change.
        settings: How often each change is made.

    Returns:
        Changed features, float32 (B, FRAMES, MELS) in dB, and the targets that are still true of them.
    """
    power = torch.pow(10.0, features.float() / 10)
    power = _reverberate(power, generator, settings.reverberate)
    power = _equalise(power, generator, settings.equalise)
    power = _shift(power, generator, settings.shift)
    power = _place(power, generator, settings)
    power, targets = _add_noise(power, targets, generator, settings)
    power, targets = _empty(power, targets, generator, settings.empty)
    decibels = 10 * torch.log10(power.clamp_min(_FLOOR))
    decibels = _mask(decibels, generator, settings.mask)
    gain_db = _uniform((len(power), 1, 1), -14, 8, generator)
    return (decibels + gain_db).clamp_min(FLOOR_DB), targets


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator) * (high - low) + low


def _chosen(count: int, share: float, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) < share


def _level(power: Tensor) -> Tensor:
    return power.mean(dim=(1, 2), keepdim=True).clamp_min(_FLOOR)


def _reverberate(power: Tensor, generator: torch.Generator, share: float) -> Tensor:
    """Let what sounded die away as in a room: 0.2 to 2 s for 60 dB, the highest bands three times as fast."""
    count = len(power)
    decay_s = 0.2 * torch.pow(10.0, torch.rand(count, 1, generator=generator))
    fall_db = 60 * (WINDOW_S / FRAMES) / decay_s * torch.linspace(1, 3, MELS)
    keep = torch.pow(10.0, -fall_db / 10)
    wet = torch.pow(10.0, _uniform((count, 1), -20, -3, generator) / 10) * (1 - keep)
    wet = wet * _chosen(count, share, generator)[:, None]
    tail, tails = torch.zeros_like(power[:, 0]), []
    for frame in power.unbind(1):
        tail = keep * tail + frame
        tails.append(tail)
    return power + wet[:, None, :] * torch.stack(tails, dim=1)  # frames back on axis 1: (B, FRAMES, MELS)


def _equalise(power: Tensor, generator: torch.Generator, share: float) -> Tensor:
    place = torch.linspace(-1, 1, MELS)
    curve = _uniform((len(power), 1), -5, 5, generator) * place
    for waves in (1, 2, 3):
        phase = _uniform((len(power), 1), 0, 6.2832, generator)
        curve = curve + _uniform((len(power), 1), 0, 2.5, generator) * torch.cos(
            waves * 3.1416 * place + phase
        )
    curve = curve * _chosen(len(power), share, generator)[:, None]
    return power * torch.pow(10.0, curve / 10)[:, None, :]


def _shift(power: Tensor, generator: torch.Generator, share: float) -> Tensor:
    chosen = _chosen(len(power), share, generator)
    up = torch.rand(len(power), generator=generator) < 0.5
    higher = torch.cat([power[:, :, :1], power[:, :, :-1]], dim=2)
    lower = torch.cat([power[:, :, 1:], power[:, :, -1:]], dim=2)
    moved = torch.where(up[:, None, None], higher, lower)
    return torch.where(chosen[:, None, None], moved, power)


def _place(power: Tensor, generator: torch.Generator, settings: Augmentation) -> Tensor:
    """Turn in time, cut to a short clip that is repeated and padded, or silence a part."""
    tile, silence = (_chosen(len(power), share, generator) for share in (settings.tile, settings.silence))
    draws = torch.rand(len(power), 3, generator=generator)
    frames = torch.arange(FRAMES)
    out = []
    for clip, tiled, silenced, (a, b, c) in zip(power, tile, silence, draws, strict=True):
        clip = torch.roll(clip, int(a * FRAMES), dims=0)
        if tiled:
            length = int(25 + b * 200)  # 1 to 9 s
            repeated = clip[frames % length]
            whole = FRAMES // length * length
            clip = torch.where((frames < whole)[:, None], repeated, torch.full_like(repeated, _FLOOR))
        elif silenced:
            start, length = int(b * FRAMES), int(25 + c * 125)
            quiet = (frames >= start) & (frames < start + length)
            clip = torch.where(quiet[:, None], clip * 1e-6, clip)
        out.append(clip)
    return torch.stack(out)


def _noise(count: int, generator: torch.Generator) -> Tensor:
    """Return coloured noise of mean power 1, shape (count, frames, mels)."""
    tilt_db = _uniform((count, 1, 1), -50, 15, generator) * torch.linspace(0, 1, MELS)
    wide = torch.linspace(2, 30, MELS).expand(count, FRAMES, MELS)  # a band averages over that many FFT bins
    grain = (1 + torch.randn(count, FRAMES, MELS, generator=generator) / wide.sqrt()).clamp_min(0.05)
    power = torch.pow(10.0, tilt_db / 10) * grain * torch.linspace(1, 12, MELS)
    return power / _level(power)


def _add_noise(
    power: Tensor, targets: Targets, generator: torch.Generator, settings: Augmentation
) -> tuple[Tensor, Targets]:
    count = len(power)
    heavy = _chosen(count, settings.noise, generator)
    light = _chosen(count, settings.floor, generator) & ~heavy
    snr_db = torch.where(heavy, _uniform((count,), -3, 15, generator), _uniform((count,), 45, 75, generator))
    added = _noise(count, generator) * _level(power) * torch.pow(10.0, -snr_db / 10)[:, None, None]
    power = torch.where((heavy | light)[:, None, None], power + added, power)
    return power, targets.degrade(heavy)


def _empty(
    power: Tensor, targets: Targets, generator: torch.Generator, share: float
) -> tuple[Tensor, Targets]:
    chosen = _chosen(len(power), share, generator)
    silent = torch.rand(len(power), generator=generator) < 0.4
    swell = torch.pow(
        10.0, _uniform((len(power), 1, 1), 0, 1, generator) * torch.linspace(-2, 2, FRAMES)[:, None]
    )
    noise = _noise(len(power), generator) * swell * 10
    nothing = torch.where(silent[:, None, None], torch.full_like(noise, 10 * _FLOOR), noise)
    return torch.where(chosen[:, None, None], nothing, power), targets.empty(chosen, silent)


def _mask(decibels: Tensor, generator: torch.Generator, share: float) -> Tensor:
    """Hide a few bands or frames behind the mean of the clip."""
    count = len(decibels)
    mean = decibels.mean(dim=(1, 2), keepdim=True)
    for size, most, axis in ((MELS, 6, 2), (FRAMES, 20, 1)):
        chosen = _chosen(count, share, generator)
        start = (torch.rand(count, generator=generator) * size).long()
        length = (torch.rand(count, generator=generator) * most).long() * chosen
        place = torch.arange(size)
        hidden = (place >= start[:, None]) & (place < (start + length)[:, None])
        hidden = hidden[:, None, :] if axis == 2 else hidden[:, :, None]
        decibels = torch.where(hidden, mean, decibels)
    return decibels
