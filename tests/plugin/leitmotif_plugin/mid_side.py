"""A separator that takes what both channels share for the voice."""

from __future__ import annotations

from typing import Self

import numpy as np

MODEL_ID = "mid-side"
REVISION = "1"
LICENSE = "Apache-2.0"
REFERENCE = "https://en.wikipedia.org/wiki/Joint_encoding#M/S_stereo_coding"


class MidSide:
    """Middle and side of a stereo recording."""

    stems = ("vocals", "instrumental")
    chunk_s = 10.0
    overlap_s = 1.0
    batch = 1

    def model(self) -> str:
        """Return `id@revision`."""
        return f"{MODEL_ID}@{REVISION}"

    def load(self, device: str = "cpu") -> Self:
        """Return itself: there are no weights."""
        return self

    def separate(self, mixes: np.ndarray, rate_hz: int) -> np.ndarray:
        """Return the stems, shape (mixes, 2, n) to (mixes, stems, 2, n)."""
        middle = mixes.mean(axis=1, keepdims=True).repeat(2, axis=1)
        return np.stack([middle, mixes - middle], axis=1)


SEPARATOR = MidSide
