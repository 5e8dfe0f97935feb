"""A small codec for CPUs: an autoencoder of log-magnitude spectra, whose phases are found by Griffin and Lim.

An autoencoder of waveforms, such as `oobleck`, takes days of a GPU before it sounds; spectra of music are
learned on a CPU in minutes, and their latents are smooth enough for a small diffusion model.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from leitmotif.storage.atomic import write_files
from leitmotif.storage.documents import read_object
from leitmotif.weights.load import fill

MODEL_TYPE, CONFIG, WEIGHTS = "spectral-autoencoder", "config.json", "model.safetensors"
# Between silence and full scale the network sees -1..1.
FLOOR_DB = -80.0
PHASE_STEPS = 32
# Perraudin, Balazs and Søndergaard, A fast Griffin-Lim algorithm, WASPAA 2013.
MOMENTUM = 0.99


@dataclass(frozen=True)
class SpectralConfig:
    """The shape of a codec.

    Attributes:
        rate_hz: Sampling rate of the sound, which is mono.
        window: Samples of a frame of the spectrogram.
        step: Samples between two frames.
        width: Channels inside.
        latent_dim: Numbers of one latent frame.
    """

    rate_hz: int = 16_000
    window: int = 1024
    step: int = 256
    width: int = 160
    latent_dim: int = 32


class SpectralAutoencoder(nn.Module):
    """A variational autoencoder over the frames of a spectrogram, two of which make one latent frame."""

    latent_mean: Tensor
    latent_std: Tensor
    hann: Tensor

    def __init__(self, config: SpectralConfig) -> None:
        super().__init__()
        self.config = config
        bins, width, latent_dim = config.window // 2 + 1, config.width, config.latent_dim
        self.encoder = nn.Sequential(
            nn.Conv1d(bins, width, 1),
            _Residual(width),
            nn.Conv1d(width, width, 4, stride=2, padding=1),
            _Residual(width),
            nn.Conv1d(width, 2 * latent_dim, 3, padding=1),
        )
        self.decoder = nn.Sequential(
            nn.Conv1d(latent_dim, width, 3, padding=1),
            _Residual(width),
            nn.ConvTranspose1d(width, width, 4, stride=2, padding=1),
            _Residual(width),
            nn.Conv1d(width, bins, 1),
        )
        # Of the latents of what it was trained on, so that they leave with zero mean and unit variance.
        self.register_buffer("latent_mean", torch.zeros(latent_dim))
        self.register_buffer("latent_std", torch.ones(latent_dim))
        self.register_buffer("hann", torch.hann_window(config.window), persistent=False)

    @property
    def hop(self) -> int:
        """Samples of one latent frame."""
        return 2 * self.config.step

    def spectrum(self, audio: Tensor) -> Tensor:
        """Return the complex spectrum of sounds (batch, frames * step): (batch, bins, frames)."""
        step, window = self.config.step, self.config.window
        padding = "reflect" if audio.shape[-1] > window // 2 else "constant"
        return torch.stft(audio, window, step, window=self.hann, pad_mode=padding, return_complex=True)[
            ..., :-1
        ]

    def levels(self, audio: Tensor) -> Tensor:
        """Return what the network sees of sounds (batch, frames * step): (batch, bins, frames), -1..1."""
        full_scale = self.config.window / 4  # magnitude of a sine of amplitude 1 under a Hann window
        level_db = 20 * torch.log10((self.spectrum(audio).abs() / full_scale).clamp_min(1e-8))
        return (level_db.clamp(FLOOR_DB, 0) / FLOOR_DB) * -2 + 1

    def posterior(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and logarithm of the variance of the latents, both (batch, latent_dim, frames / 2)."""
        mean, spread = self.encoder(levels).chunk(2, dim=1)
        return mean, spread.clamp(-12, 6)

    def encode(self, audio: Tensor) -> Tensor:
        """Return the latents of sounds (batch, frames * hop): (batch, latent_dim, frames), unit variance."""
        mean, _ = self.posterior(self.levels(audio))
        return (mean - self.latent_mean[:, None]) / self.latent_std[:, None]

    def decode_levels(self, latents: Tensor) -> Tensor:
        """Return the levels of latents of unit variance: (batch, bins, 2 * frames), about -1..1."""
        return self.decoder(latents * self.latent_std[:, None] + self.latent_mean[:, None])

    def decode(self, latents: Tensor) -> Tensor:
        """Return the sounds of latents of unit variance: (batch, frames * hop)."""
        level_db = ((self.decode_levels(latents) - 1) / -2 * FLOOR_DB).clamp(FLOOR_DB, 6.0)
        heard = level_db > FLOOR_DB + 1
        magnitude = torch.where(heard, torch.pow(10.0, level_db / 20), 0.0) * self.config.window / 4
        return self._with_phases(magnitude, latents.shape[-1] * self.hop)

    def _with_phases(self, magnitude: Tensor, samples: int) -> Tensor:
        """Return the sound of magnitudes (batch, bins, frames), whose phases begin where each bin turns."""
        step, window = self.config.step, self.config.window
        bins, frames = magnitude.shape[1:]
        device = magnitude.device
        # A steady tone in the middle of bin k turns by 2 pi k step / window from frame to frame; between
        # bins a fixed draw, so that they do not all peak at once.
        turn = 2 * math.pi * step / window * torch.arange(bins, device=device)[:, None]
        draw = torch.rand(bins, 1, generator=torch.Generator().manual_seed(0)).to(device) * 2 * math.pi
        begun = (turn * torch.arange(frames, device=device) + draw).expand_as(magnitude)
        phase = torch.polar(torch.ones_like(magnitude), begun)
        last = torch.zeros_like(phase)
        for _ in range(PHASE_STEPS):
            sound = torch.istft(magnitude * phase, window, step, window=self.hann, length=samples)
            found = self.spectrum(sound)
            ahead = found + MOMENTUM * (found - last)
            last, phase = found, ahead / ahead.abs().clamp_min(1e-12)
        return torch.istft(magnitude * phase, window, step, window=self.hann, length=samples)


class _ChannelNorm(nn.Module):
    """Normalizes each frame by itself, so that a piece of a sound gives the numbers of the whole."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.norm(hidden.transpose(1, 2)).transpose(1, 2)


class _Residual(nn.Module):
    """Two convolutions over time, beside which their input passes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(
            _ChannelNorm(width),
            nn.SiLU(),
            nn.Conv1d(width, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv1d(width, width, 1),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.inside(hidden)


def read_spectral(folder: Path) -> SpectralAutoencoder:
    """Return the autoencoder that `write_spectral` wrote, in float32.

    Raises:
        OSError, ValueError, TypeError: A file is missing, or is none of such an autoencoder.
    """
    values = read_object(folder / CONFIG)
    if values.pop("model_type", None) != MODEL_TYPE:
        raise ValueError(f"its {CONFIG} says no model_type {MODEL_TYPE!r}")
    net = SpectralAutoencoder(SpectralConfig(**values))
    fill(net, {name: value.float() for name, value in load_file(folder / WEIGHTS).items()})
    return net.eval().requires_grad_(False)


def write_spectral(net: SpectralAutoencoder, folder: Path) -> None:
    """Write an autoencoder in float16, each file whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": MODEL_TYPE, **asdict(net.config)}
    weights = {name: value.half().contiguous() for name, value in net.state_dict().items()}
    write_files(folder, {WEIGHTS: save(weights), CONFIG: (json.dumps(config, indent=2) + "\n").encode()})


class SpectralCodec:
    """A `SpectralAutoencoder` as a codec (`leitmotif.generators.codecs.codec.AudioCodec`).

    Args:
        net: The autoencoder.
        model: What it was opened by.
        fingerprint: Digest of its weights.
    """

    channels = 1

    def __init__(self, net: SpectralAutoencoder, model: str, fingerprint: str) -> None:
        self.net, self.model, self.fingerprint = net, model, fingerprint
        self.rate_hz, self.latent_dim, self.hop = net.config.rate_hz, net.config.latent_dim, net.hop

    @torch.inference_mode()
    def encode(self, audio: Tensor) -> Tensor:
        """Return the latents of mono sounds."""
        return self.net.encode(audio[:, 0].to(self.net.hann.device, torch.float32))

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        """Return the mono sounds of latents."""
        return self.net.decode(latents.to(self.net.hann.device, torch.float32))[:, None]
