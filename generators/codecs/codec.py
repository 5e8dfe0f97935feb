"""What an audio codec is, and how one runs over sounds of any length."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor

# Long sounds go through in pieces: a minute of 44.1 kHz fills gigabytes of a convolutional network.
PIECE_S, MARGIN_S = 30.0, 1.5


class AudioCodec(Protocol):
    """Turns sound into latents and back.

    Attributes:
        model: What it was opened by.
        fingerprint: Changes with its weights.
        rate_hz: Sampling rate of its sound.
        channels: Channels of its sound.
        hop: Samples of one latent frame.
        latent_dim: Numbers of one latent frame.
    """

    model: str
    fingerprint: str
    rate_hz: int
    channels: int
    hop: int
    latent_dim: int

    def encode(self, audio: Tensor) -> Tensor:
        """Return the latents of sounds, of about unit variance.

        Args:
            audio: Shape (batch, channels, frames * hop), float32, -1..1.

        Returns:
            Shape (batch, latent_dim, frames), float32; the same numbers every time.
        """

    def decode(self, latents: Tensor) -> Tensor:
        """Return the sounds of latents.

        Args:
            latents: Shape (batch, latent_dim, frames).

        Returns:
            Shape (batch, channels, frames * hop), float32; the same numbers every time.
        """


def latent_rate_hz(codec: AudioCodec) -> float:
    """Return latent frames a second."""
    return codec.rate_hz / codec.hop


def encode_long(codec: AudioCodec, audio: Tensor) -> Tensor:
    """Return the latents of one sound of any length, in pieces that overlap.

    Args:
        codec: The codec.
        audio: Shape (channels, samples), samples >= 1; silence fills up its last frame.

    Returns:
        Shape (latent_dim, ceil(samples / hop)), float32, on the CPU.
    """
    return encode_blocks(codec, [audio])


@torch.inference_mode()
def encode_blocks(codec: AudioCodec, blocks: Iterable[Tensor]) -> Tensor:
    """Return what `encode_long` gives of a sound that comes in blocks; only a piece of it is held at once.

    Args:
        codec: The codec.
        blocks: Shape (channels, samples) each, one behind the other; one sample or more in all.

    Returns:
        Shape (latent_dim, ceil(samples / hop)), float32, on the CPU.
    """
    hop, (length, margin) = codec.hop, _piece_frames(codec)
    parts: list[Tensor] = []
    first = begin = 0  # the frame that is kept next, and that with which `held` begins
    held = torch.zeros(codec.channels, 0)

    def run(end: int) -> None:
        nonlocal first, begin, held
        piece = codec.encode(held[None, :, : (end - begin) * hop])[0]
        last = min(first + length, end)
        parts.append(piece[:, first - begin : last - begin].cpu())
        kept = max(0, last - margin)
        first, begin, held = last, kept, held[:, (kept - begin) * hop :]

    for block in blocks:
        held = torch.cat([held, block], dim=1)
        while held.shape[1] >= (first + length + margin - begin) * hop:
            run(first + length + margin)
    frames = begin - (-held.shape[1] // hop)
    held = torch.nn.functional.pad(held, (0, (frames - begin) * hop - held.shape[1]))
    while first < frames:
        run(min(first + length + margin, frames))
    return torch.cat(parts, dim=-1)


@torch.inference_mode()
def decode_long(codec: AudioCodec, latents: Tensor) -> Tensor:
    """Return the sound of latents of any length, in pieces that overlap.

    Args:
        codec: The codec.
        latents: Shape (latent_dim, frames), frames >= 1.

    Returns:
        Shape (channels, frames * hop), float32, on the CPU.
    """
    parts = []
    for first, last, begin, end in _pieces(codec, latents.shape[-1]):
        piece = codec.decode(latents[None, :, begin:end])[0]
        parts.append(piece[:, (first - begin) * codec.hop : (last - begin) * codec.hop].cpu())
    return torch.cat(parts, dim=-1)


def _pieces(codec: AudioCodec, frames: int) -> list[tuple[int, int, int, int]]:
    """Return for each piece the frames that are kept of it (first, last), and those that are run."""
    length, margin = _piece_frames(codec)
    starts = range(0, frames, length)
    return [
        (
            start,
            min(start + length, frames),
            max(0, start - margin),
            min(start + length + margin, frames),
        )
        for start in starts
    ]


def _piece_frames(codec: AudioCodec) -> tuple[int, int]:
    """Return how many frames of a piece are kept, and how many are run on each side of them."""
    length, margin = (max(1, round(seconds * latent_rate_hz(codec))) for seconds in (PIECE_S, MARGIN_S))
    return length, margin
