"""The codec of Stable Audio 3: diffusers' `AutoencoderSAME`."""

from __future__ import annotations

import torch
from diffusers import AutoencoderSAME
from torch import Tensor

REFERENCE = "Stable Audio 3, arXiv:2605.17991; Semantically-Aligned Music Encoder, arXiv:2605.18613"


class SameCodec:
    """An `AutoencoderSAME` as a codec (`leitmotif.generators.codecs.codec.AudioCodec`).

    Each of its layers, at most twelve, sees one frame on each side: pieces give what the whole sound does.

    Args:
        net: The autoencoder, on its device.
        model: What it was opened by.
        fingerprint: Digest of its weights.
    """

    def __init__(self, net: AutoencoderSAME, model: str, fingerprint: str) -> None:
        self.net, self.model, self.fingerprint = net, model, fingerprint
        self.rate_hz, self.channels = int(net.config.sampling_rate), int(net.config.audio_channels)
        self.hop, self.latent_dim = int(net.downsampling_ratio), int(net.config.latent_dim)

    @torch.inference_mode()
    def encode(self, audio: Tensor) -> Tensor:
        """Return the latents of sounds."""
        return self.net.encode(audio.to(self.net.device, self.net.dtype)).latents.float()

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        """Return the sounds of latents."""
        return self.net.decode(latents.to(self.net.device, self.net.dtype)).sample.float()
