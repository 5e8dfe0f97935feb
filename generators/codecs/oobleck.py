"""The codec of Stable Audio: diffusers' `AutoencoderOobleck`."""

from __future__ import annotations

import torch
from diffusers import AutoencoderOobleck
from torch import Tensor

REFERENCE = "Evans et al., Stable Audio Open, arXiv:2407.14358"


class OobleckCodec:
    """An `AutoencoderOobleck` as a codec (`leitmotif.generators.codecs.codec.AudioCodec`).

    Latents are the mean of the posterior, unscaled, as `StableAudioPipeline` has them.

    Args:
        net: The autoencoder, on its device.
        model: What it was opened by.
        fingerprint: Digest or revision of its weights.
    """

    def __init__(self, net: AutoencoderOobleck, model: str, fingerprint: str) -> None:
        self.net, self.model, self.fingerprint = net, model, fingerprint
        self.rate_hz, self.channels = int(net.config.sampling_rate), int(net.config.audio_channels)
        self.hop, self.latent_dim = int(net.hop_length), int(net.config.decoder_input_channels)

    @torch.inference_mode()
    def encode(self, audio: Tensor) -> Tensor:
        """Return the latents of sounds."""
        moved = audio.to(self.net.device, self.net.dtype)
        return self.net.encode(moved).latent_dist.mode().float()

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        """Return the sounds of latents."""
        return self.net.decode(latents.to(self.net.device, self.net.dtype)).sample.float()
