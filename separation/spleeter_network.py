"""The network of Spleeter: from the magnitudes of a mix to the share that one stem has in each of them.

An encoder of six convolutions and a decoder of six transposed ones with skips between them, as Jansson et al.
drew it. Layers bear the names under which the published arrays hold their weights.

Reference:
    Hennequin et al., Spleeter: a fast and efficient music source separation tool with pre-trained models,
    JOSS 2020; Jansson et al., Singing voice separation with deep U-Net convolutional networks, ISMIR 2017.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

WIDTHS = (16, 32, 64, 128, 256, 512)
_EPSILON = 1e-3  # of the published networks


class FixedNorm(nn.Module):
    """Normalises by stored means and variances, one of each a channel."""

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the normalised channels, in the shape given."""
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, eps=_EPSILON
        )


class CroppedUp(nn.ConvTranspose2d):
    """Doubles both sides; of the three rows more that its kernel makes, one goes first and two last."""

    def __init__(self, wide: int, narrow: int) -> None:
        super().__init__(wide, narrow, kernel_size=5, stride=2, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return shape (n, narrow, 2 frames, 2 bins) from shape (n, wide, frames, bins)."""
        return super().forward(x)[..., :-1, :-1]


class SpleeterNetwork(nn.Module):
    """Finds one stem.

    Args:
        widths: Channels of the encoder's layers.
        channels: Channels of the mix.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS, channels: int = 2) -> None:
        super().__init__()
        self.depth = len(widths)
        for number, (narrow, wide) in enumerate(zip((channels, *widths), widths, strict=False), 1):
            conv = nn.Conv2d(narrow, wide, kernel_size=5, stride=2)
            # The padding of TensorFlow, which centres nothing.
            self.add_module(f"down{number}_conv", nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), conv))
            # That of the last layer has weights in the file and leads nowhere.
            self.add_module(
                f"down{number}_act", nn.Sequential(FixedNorm(wide), nn.LeakyReLU(0.2, inplace=True))
            )
        narrower = (*widths[-2::-1], 1)
        for number, (wide, narrow) in enumerate(zip(widths[::-1], narrower, strict=True), 1):
            ups = CroppedUp(wide if number == 1 else 2 * wide, narrow)
            relu = nn.ReLU(inplace=True)
            # The dropout of the published networks stands where Identity does, and does nothing in use.
            self.add_module(f"up{number}", nn.Sequential(ups, nn.Identity(), relu, FixedNorm(narrow)))
        last = nn.Conv2d(1, channels, kernel_size=4, dilation=2, padding=3)
        self.add_module(f"up{self.depth + 1}", nn.Sequential(last, nn.Sigmoid()))

    def forward(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """Return the magnitudes of the stem.

        Args:
            magnitudes: Shape (n, channels, frames, bins), 0 or more; both sides a multiple of 2 to the number
                of layers.
        """
        skips: list[torch.Tensor] = []
        x = magnitudes
        for number in range(1, self.depth + 1):
            if skips:
                x = self.get_submodule(f"down{number - 1}_act")(x)
            x = self.get_submodule(f"down{number}_conv")(x)
            skips.append(x)
        x = self.get_submodule("up1")(skips.pop())
        for number in range(2, self.depth + 1):
            x = self.get_submodule(f"up{number}")(torch.cat([skips.pop(), x], dim=1))
        return self.get_submodule(f"up{self.depth + 1}")(x) * magnitudes
