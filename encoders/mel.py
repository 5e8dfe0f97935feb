"""Log-mel spectrograms of CLAP in torch: the numbers of transformers' `ClapFeatureExtractor`, faster."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

# Of the power under the logarithm: -100 dB, as in the extractor and in the original implementation.
_FLOOR = 1e-10
# Below this mean power a clip is silence: there is nothing to bring to a level.
SILENCE_DB = -90.0
# Windows transformed together: one fits a processor's cache, a GPU wants more.
_ON_CPU, _ON_GPU = 1, 16


class MelSpectrogram:
    """Turns windows of one length into log-mel power, on any device.

    Frames are centred and reflected at the ends, under a periodic Hann window. The filters are those of the
    original implementation: HTK's for models with feature fusion, Slaney's for the others. The transform runs
    in float64, because beside a loud tone a filter that catches nothing but the rounding errors of float32
    would be off by decibels.
    """

    def __init__(self, extractor: Any, *, fused: bool, device: str = "cpu") -> None:
        """Take the settings of a `ClapFeatureExtractor`.

        Args:
            extractor: The extractor.
            fused: Whether the model fuses features.
            device: Where to compute.
        """
        self.hop = int(extractor.hop_length)
        self.length = int(extractor.fft_window_size)
        self.device = torch.device(device)
        filters = torch.as_tensor(extractor.mel_filters if fused else extractor.mel_filters_slaney)
        heard = filters.any(dim=1).nonzero().flatten()
        self.bins = slice(int(heard[0]), int(heard[-1]) + 1)
        self.filters = filters[self.bins].to(self.device, torch.float32)  # (bins, mels)
        self.window = torch.hann_window(self.length, periodic=True, dtype=torch.float64, device=self.device)

    def __call__(self, waves: Tensor) -> Tensor:
        """Return log-mel power in dB.

        Args:
            waves: Shape (windows, samples), samples > half a frame.

        Returns:
            Shape (windows, 1, frames, mels), float32 on the device, frames = 1 + samples // hop; -100 where
            there is nothing.
        """
        at_once = _ON_CPU if self.device.type == "cpu" else _ON_GPU
        return torch.cat([self._transform(part.to(self.device)) for part in waves.split(at_once)])

    def _transform(self, waves: Tensor) -> Tensor:
        half = self.length // 2
        framed = pad(waves.double()[:, None], (half, half), mode="reflect")[
            :, 0
        ]  # (windows, samples + length)
        framed = framed.unfold(-1, self.length, self.hop) * self.window  # (windows, frames, length)
        spectrum = torch.view_as_real(torch.fft.rfft(framed)[..., self.bins]).float()
        real, imaginary = spectrum.unbind(dim=-1)  # (windows, frames, bins)
        mel = torch.addcmul(real * real, imaginary, imaginary) @ self.filters
        return (10.0 * mel.clamp_min(_FLOOR).log10())[:, None]  # (windows, 1, frames, mels)


def level_features(features: Tensor, range_db: float) -> Tensor:
    """Return features relative to the clip's own mean power, no deeper than `range_db` below it.

    Recordings differ by tens of dB, and the floor of a digital silence lies 100 dB down; the spectra of two
    instruments differ by a few dB. A small model learns the latter much sooner without the former.

    Args:
        features: Log-mel power in dB, shape (..., frames, mels).
        range_db: Depth that is kept, above 0.

    Returns:
        The same shape; all `-range_db` for silence.
    """
    power_db = 10 * torch.log10(torch.pow(10.0, features / 10).mean(dim=(-2, -1), keepdim=True) + 1e-12)
    levelled = (features - power_db).clamp_min(-range_db)
    return torch.where(power_db < SILENCE_DB, torch.full_like(levelled, -range_db), levelled)
