"""The whole recipe of codec-mini: render music, train a `SpectralAutoencoder`, measure, write."""

from __future__ import annotations

import logging
import math
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from leitmotif.generators.codecs.spectral import (
    SpectralAutoencoder,
    SpectralConfig,
    read_spectral,
    write_spectral,
)
from leitmotif.music.render import render_music
from leitmotif.storage.atomic import whole_file
from leitmotif.train_mini.clap_network import count_parameters
from leitmotif.train_mini.corpus import TEST_SEEDS, TRAIN_SEEDS
from leitmotif.weights.resolve import revision_of

logger = logging.getLogger(__name__)

RATE_HZ, CLIP_S = 16_000, 10.0
CHUNK = 16  # seeds a cache file
TEST_CLIPS = 32
BATCH, CROP_S = 16, 2.048
PEAK_RATE = 2e-3
# So little that latents keep what they must, and so much that those that carry nothing are noise.
KL_WEIGHT = 1e-4
QUIET, LOUD = 0.1, 1.0  # of full scale, between which the level of a crop is drawn


def train_codec(cache_dir: Path, out: Path, *, clips: int, steps: int, workers: int) -> None:
    """Render what is missing, train, and write the model's folder.

    Args:
        cache_dir: Where rendered sounds are kept.
        out: The folder.
        clips: Clips to train on.
        steps: Steps of the optimizer.
        workers: Processes that render.
    """
    sounds = render_sounds(TRAIN_SEEDS, clips, cache_dir, workers=workers)
    torch.manual_seed(0)
    net = SpectralAutoencoder(SpectralConfig())
    fit_codec(net, sounds, steps)
    scale_latents(net, sounds[:: max(1, len(sounds) // 64)])
    write_spectral(net, out)


def render_sounds(first_seed: int, clips: int, cache_dir: Path, *, workers: int) -> np.ndarray:
    """Return rendered clips, mono, int16 (clips, samples); what an earlier run cached is read."""
    cache_dir.mkdir(parents=True, exist_ok=True)
    starts = range(first_seed, first_seed + clips, CHUNK)
    paths = [cache_dir / f"sounds-{start:07d}.npy" for start in starts]
    missing = [(start, path) for start, path in zip(starts, paths, strict=True) if not path.exists()]
    if missing:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for future in [pool.submit(_render_chunk, start, path) for start, path in missing]:
                future.result()
    return np.concatenate([np.load(path) for path in paths])[:clips]


def _render_chunk(first_seed: int, path: Path) -> None:
    """Render some seeds into one cache file, which appears whole or not at all."""
    size = round(CLIP_S * RATE_HZ)
    sounds = []
    for seed in range(first_seed, first_seed + CHUNK):
        music = render_music(seed, duration_s=CLIP_S, rate_hz=RATE_HZ, degraded=False)
        mono = np.pad(music.mix.mean(axis=0), (0, size))[:size]
        sounds.append((mono.clip(-1, 1) * 32767).astype(np.int16))
    with whole_file(path) as beside, beside.open("wb") as file:
        np.save(file, np.stack(sounds))


def fit_codec(net: SpectralAutoencoder, sounds: np.ndarray, steps: int) -> list[float]:
    """Train on crops that are drawn from clips at a drawn level; return the loss of each step."""
    rng = np.random.default_rng(0)
    optimizer = torch.optim.AdamW(net.parameters(), lr=PEAK_RATE, weight_decay=1e-4)
    losses, started = [], time.monotonic()
    for step in range(steps):
        warm = min(1.0, (step + 1) / 50)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))
        loss = codec_loss(net, draw_crops(sounds, rng))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        if (step + 1) % 100 == 0:
            seconds = time.monotonic() - started
            logger.info("step %d, loss %.4f, %.0f s", step + 1, float(np.mean(losses[-100:])), seconds)
    return losses


def draw_crops(sounds: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Return crops of drawn clips, (BATCH, samples), float32."""
    size = round(CROP_S * RATE_HZ)
    crops = []
    for clip in rng.integers(len(sounds), size=BATCH):
        start = int(rng.integers(sounds.shape[1] - size + 1))
        crop = sounds[clip, start : start + size].astype(np.float32) / 32767
        peak = max(1e-3, float(np.abs(crop).max()))
        crops.append(crop / peak * math.exp(rng.uniform(math.log(QUIET), math.log(LOUD))))
    return torch.from_numpy(np.stack(crops).astype(np.float32))


def codec_loss(net: SpectralAutoencoder, audio: Tensor) -> Tensor:
    """Return the mean distance of the levels, the loud ones counted more, with the cost of the latents."""
    levels = net.levels(audio)  # (batch, bins, frames)
    mean, spread = net.posterior(levels)
    latents = mean + torch.randn_like(mean) * (spread / 2).exp()
    weight = 1 + 2 * (levels + 1)  # 1 at the floor, 5 at full scale
    distance = ((net.decoder(latents) - levels).abs() * weight).mean()
    divergence = 0.5 * (mean**2 + spread.exp() - 1 - spread).mean()
    return distance + KL_WEIGHT * divergence


@torch.no_grad()
def scale_latents(net: SpectralAutoencoder, sounds: np.ndarray) -> None:
    """Measure mean and deviation of the latents, by which they leave the codec with unit variance."""
    hop = net.hop
    audio = torch.from_numpy(sounds[:, : sounds.shape[1] // hop * hop].astype(np.float32) / 32767)
    means = torch.cat([net.posterior(net.levels(part))[0] for part in audio.split(16)])
    net.latent_mean.copy_(means.mean(dim=(0, 2)))
    net.latent_std.copy_(means.std(dim=(0, 2)).clamp_min(1e-3))


@torch.no_grad()
def measure_codec(folder: Path, cache_dir: Path, *, workers: int) -> dict[str, Any]:
    """Return how near a clip that went through the codec is to itself, on rendered test clips."""
    net = read_spectral(folder)
    sounds = render_sounds(TEST_SEEDS, TEST_CLIPS, cache_dir, workers=workers)
    hop = net.hop
    audio = torch.from_numpy(sounds[:, : sounds.shape[1] // hop * hop].astype(np.float32) / 32767)
    levels, latents = net.levels(audio), net.encode(audio)
    decoded, again = net.decode_levels(latents), net.levels(net.decode(latents))
    heard = levels > 0.0  # above -40 dB
    db = 40.0  # of one unit of level
    return {
        "model": "codec-mini",
        "revision": revision_of(folder, None, None),
        "rendered test clips, never trained on": {
            "clips": len(sounds),
            "error of levels above -40 dB, dB": float((decoded - levels).abs()[heard].mean() * db),
            "the same after the phases, dB": float((again - levels).abs()[heard].mean() * db),
            "deviation of the latents": float(latents.std()),
        },
        "size": {
            "latent frames a second": RATE_HZ / hop,
            "numbers of a latent frame": net.config.latent_dim,
            "parameters, millions": count_parameters(net) / 1e6,
            "weights, MB": (folder / "model.safetensors").stat().st_size / 1e6,
        },
    }
