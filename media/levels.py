"""How loud a sound is, and what mends it: DC, channels of opposite phase, samples beyond full scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

SILENCE_DB = -120.0  # level of digital silence; 16 bits reach -96 dB
# A mean this far from zero is a converter's fault: as strong as the quietest sound that counts as sound.
_MIN_DC = 1e-3
# The sum of the channels this much weaker than their difference, in power: a channel with its wires swapped.
_OPPOSED = 0.25


@dataclass(frozen=True)
class Repair:
    """What is done to every sample: off with the channel's DC, then the gain, and for the right one the sign.

    Attributes:
        dc: Mean of the left and the right channel, 0 where it is left alone.
        gain: A factor of 1 or below, which brings the peak to full scale.
        inverted: Whether the right channel changes its sign, since else left and right cancel in a mono mix.
    """

    dc: tuple[float, float] = (0.0, 0.0)
    gain: float = 1.0
    inverted: bool = False

    def applied(self, block: np.ndarray) -> np.ndarray:
        """Return a repaired copy of float32 (2, n)."""
        signs = np.array([[1.0], [-1.0 if self.inverted else 1.0]])
        return ((block - np.array(self.dc)[:, None]) * (self.gain * signs)).astype(np.float32)


def silence_strange(block: np.ndarray) -> np.ndarray:
    """Set samples that are no numbers, or infinite, to zero; float codecs hold them.

    Args:
        block: Float (channels, n), which is changed.

    Returns:
        The block.
    """
    return np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


class Meter:
    """Measures a sound block by block.

    Attributes:
        samples: How many came, a channel.
    """

    def __init__(self) -> None:
        self.samples = 0
        self._strange = 0
        self._sums = np.zeros(2)
        self._power = self._common = self._opposed = 0.0
        self._low, self._high = np.full(2, np.inf), np.full(2, -np.inf)

    def add(self, block: np.ndarray) -> None:
        """Take float (2, n), about a second: what changes more slowly counts as DC.

        Samples that are no numbers are counted, and set to zero in the block.
        """
        if not block.shape[1]:
            return
        if strange := block.size - int(np.count_nonzero(np.isfinite(block))):
            self._strange += strange
            silence_strange(block)
        exact = block.astype(np.float64)
        self.samples += block.shape[1]
        self._sums += exact.sum(axis=1)
        self._low, self._high = (
            np.minimum(self._low, exact.min(axis=1)),
            np.maximum(self._high, exact.max(axis=1)),
        )
        exact -= exact.mean(axis=1, keepdims=True)
        left, right = np.square(exact).sum(axis=1)
        both = float(exact[0] @ exact[1])
        self._power += float(left + right)
        self._common += float(left + right) + 2 * both
        self._opposed += float(left + right) - 2 * both

    @property
    def strange(self) -> float:
        """The share of samples that were no numbers, or infinite."""
        return self._strange / (2 * self.samples) if self.samples else 0.0

    @property
    def highest(self) -> float:
        """The largest absolute sample as it came, with all DC."""
        return float(np.maximum(self._high, -self._low).max()) if self.samples else 0.0

    @property
    def peak(self) -> float:
        """The largest absolute sample without the DC that `repair` takes away."""
        dc = np.array(self._dc)
        return float(np.maximum(self._high - dc, dc - self._low).max()) if self.samples else 0.0

    @property
    def level_db(self) -> float:
        """RMS over both channels without DC, as repaired, in dB of full scale; -120 for digital silence."""
        power = self._power / (2 * self.samples) * self.repair.gain**2 if self.samples else 0.0
        return max(10 * math.log10(power), SILENCE_DB) if power > 0 else SILENCE_DB

    @property
    def repair(self) -> Repair:
        """What the sound needs."""
        return Repair(
            dc=self._dc,
            gain=1 / max(self.peak, 1.0),
            inverted=self._common < _OPPOSED * self._opposed,
        )

    @property
    def _dc(self) -> tuple[float, float]:
        means = self._sums / max(self.samples, 1)
        left, right = np.where(np.abs(means) > _MIN_DC, means, 0.0).tolist()
        return left, right
