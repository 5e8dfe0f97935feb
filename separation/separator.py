"""What a vocal remover is, and how a recording of any length goes through one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Protocol, Self

import numpy as np

CHUNK_S = 30.0
OVERLAP_S = 2.0


class Separator(Protocol):
    """A vocal remover. A file of this package that exports `SEPARATOR`, a class of this shape, is a backend.

    Its constructor holds settings only; the file states MODEL_ID, REVISION, LICENSE and REFERENCE at its top.
    """

    def load(self, device: str = "cpu") -> Self:
        """Load the weights onto a device."""

    def separate(self, mix: np.ndarray, rate_hz: int) -> np.ndarray:
        """Return the instrumental of a stereo mix, both shape (2, n), float32."""


def backends() -> list[str]:
    """Return the names of all backends: the files of this package."""
    names = (module.name for module in pkgutil.iter_modules(importlib.import_module("separation").__path__))
    return sorted(name for name in names if name != "separator")


def make(backend: str) -> Separator:
    """Return a separator with its published settings, not loaded yet.

    Raises:
        LookupError: There is no such backend; the known ones are listed.
    """
    separator: Separator = _module(backend).SEPARATOR()
    return separator


def model_of(backend: str) -> str:
    """Return `model@revision` of a backend without loading weights.

    Raises:
        LookupError: There is no such backend; the known ones are listed.
    """
    module = _module(backend)
    return f"{module.MODEL_ID}@{module.REVISION}"


def _module(backend: str) -> ModuleType:
    if backend not in backends():
        raise LookupError(f"got separation backend {backend!r}; expected one of {', '.join(backends())}")
    return importlib.import_module(f"separation.{backend}")


def separate_blocks(
    blocks: Iterable[np.ndarray],
    separator: Separator,
    rate_hz: int,
    *,
    chunk_s: float = CHUNK_S,
    overlap_s: float = OVERLAP_S,
) -> Iterator[np.ndarray]:
    """Separate a stream, chunk by chunk, each faded into the next.

    Chunks lie on a fixed grid, so that the result does not depend on the sizes of the blocks. The last chunk
    is as long as the others (it reaches back), because a short one would hold too little to learn from. At
    most two chunks are held in memory.

    Args:
        blocks: Stereo float32 blocks in order, shape (2, n).
        separator: A loaded separator.
        rate_hz: Sampling rate of the blocks.
        chunk_s: Length of a chunk.
        overlap_s: Length of the fade from one chunk to the next, at most half a chunk.

    Yields:
        The instrumental, shape (2, n), float32; as many samples in all as came in.

    Raises:
        ValueError: A setting, a block or the separator's result has an impossible shape.
    """
    size, overlap = round(chunk_s * rate_hz), round(overlap_s * rate_hz)
    if size <= 0 or not 0 <= overlap <= size // 2:
        raise ValueError(
            f"got chunk_s={chunk_s}, overlap_s={overlap_s}, rate_hz={rate_hz}; expected a chunk of at least "
            "one sample and an overlap of at most half of it"
        )
    step = size - overlap
    held = np.zeros((2, 0), np.float32)  # from one step before the next chunk on
    behind = 0  # samples in `held` before the next chunk
    tail: np.ndarray | None = None  # the end of the last chunk's result, not yet given out
    for block in blocks:
        held = np.concatenate([held, _checked(block)], axis=1)
        while held.shape[1] - behind >= size:
            result = _fade(tail, _separate(separator, held[:, behind : behind + size], rate_hz))
            yield result[:, :step]
            tail = result[:, step:]
            held, behind = held[:, behind:], step
    if tail is None:
        if held.shape[1]:
            yield _separate(separator, held, rate_hz)
        return
    left = held.shape[1] - behind  # of these, the first `overlap` samples are in the tail
    if left > overlap:
        result = _separate(separator, held[:, max(0, held.shape[1] - size) :], rate_hz)
        tail = _fade(tail, result[:, result.shape[1] - left :])
    if tail.shape[1]:
        yield tail


def _checked(block: np.ndarray) -> np.ndarray:
    block = np.asarray(block, np.float32)
    if block.ndim != 2 or len(block) != 2:
        raise ValueError(
            f"got a block of shape {block.shape}; expected stereo, (2, n); repeat a mono channel"
        )
    return block


def _separate(separator: Separator, mix: np.ndarray, rate_hz: int) -> np.ndarray:
    result = np.asarray(separator.separate(mix, rate_hz), np.float32)
    if result.shape != mix.shape:
        raise ValueError(
            f"got {result.shape} from {type(separator).__name__}.separate; "
            f"expected the shape of its mix, {mix.shape}"
        )
    return result


def _fade(tail: np.ndarray | None, result: np.ndarray) -> np.ndarray:
    """Return `result` with its beginning faded in over `tail`; linear, for both are much the same."""
    if tail is None or not tail.shape[1]:
        return result
    overlap = tail.shape[1]
    rising = ((np.arange(overlap) + 0.5) / overlap).astype(np.float32)
    faded = tail * (1 - rising) + result[:, :overlap] * rising
    return np.concatenate([faded, result[:, overlap:]], axis=1)
