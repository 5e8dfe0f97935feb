"""What a source separator is, and how a recording of any length goes through one."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, Self

import numpy as np
import soxr

from leitmotif.storage.errors import UserError
from leitmotif.weights.adapters import adapter_class, adapters

VOCALS = "vocals"
INSTRUMENTAL = "instrumental"
# Of separators that state none of their own; that of Spleeter, by bench/quality/voice_heard.py.
HEARD_DB = -10.0


class BadWeights(UserError):  # noqa: N818
    """The weights of a separator are missing, damaged, or of another kind than asked for."""


class Separator(Protocol):
    """A model that takes a mix apart. A file here that exports `SEPARATOR`, a class like this, is a backend.

    Its constructor holds settings only; the file states MODEL_ID, REVISION, LICENSE and REFERENCE at its top.
    What the properties say holds once it is loaded. One may state `heard_db`, too; see the function below.
    """

    @property
    def stems(self) -> tuple[str, ...]:
        """What comes out, in order: "vocals", and the parts that make up the instrumental."""

    @property
    def chunk_s(self) -> float:
        """Length of the chunks in which it is given a long recording."""

    @property
    def overlap_s(self) -> float:
        """Length of the fade from one chunk to the next, at most half a chunk."""

    @property
    def batch(self) -> int:
        """How many chunks of one recording it is given at once."""

    def model(self) -> str:
        """Return `id@revision` without loading weights."""

    def load(self, device: str = "cpu") -> Self:
        """Load the weights onto a device."""

    def separate(self, mixes: np.ndarray, rate_hz: int) -> np.ndarray:
        """Return the stems of stereo mixes: shape (mixes, 2, n) to (mixes, stems, 2, n), both float32."""


def make(backend: str, **settings: Any) -> Separator:
    """Return a separator, not loaded yet.

    Args:
        backend: One of `leitmotif.weights.adapters.adapters("separation")`.
        settings: Settings that differ from the backend's own.

    Raises:
        LookupError: There is no such backend, or its package is not installed.
        ValueError: The backend has no such setting, or not with this value.
    """
    chosen = adapter_class("separation", backend)
    known = inspect.signature(chosen).parameters
    if unknown := sorted(set(settings) - set(known)):
        expected = f"none but {', '.join(known)}" if known else "none"
        raise ValueError(
            f"got {', '.join(unknown)} for separation backend {backend!r}; expected {expected}; leave it "
            f"out, or choose another of {', '.join(sorted(adapters('separation')))}"
        )
    separator: Separator = chosen(**settings)
    return separator


def model_of(backend: str, **settings: Any) -> str:
    """Return `id@revision` of a backend under these settings without loading weights; raises as `make`."""
    return make(backend, **settings).model()


def heard_db(separator: Separator) -> float | None:
    """Return the least level over the rest, in dB, at which what it takes for a voice is one.

    Below, it is residue of other sounds (`leitmotif.separation.voice_level` measures it). None: whatever the
    level, it tells nothing of whether there is a voice, nor of whether anything but one is left.
    """
    found: float | None = getattr(separator, "heard_db", HEARD_DB)
    return found


def instrumental(stems: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return the sum of all stems but the vocals, shape (2, n), from shape (stems, 2, n)."""
    return np.asarray(stems[[name != VOCALS for name in names]].sum(axis=0))


def resample(sound: np.ndarray, from_hz: int, to_hz: int, samples: int) -> np.ndarray:
    """Return the sound at another rate and of exactly `samples` samples, shape (..., n) to (..., samples)."""
    if from_hz != to_hz:
        frames = soxr.resample(sound.reshape(-1, sound.shape[-1]).T, from_hz, to_hz)  # (n, channels)
        sound = frames.T.reshape(*sound.shape[:-1], len(frames))  # (n, channels) to (..., n)
    sound = sound[..., :samples]
    missing = samples - sound.shape[-1]
    return np.pad(sound, [(0, 0)] * (sound.ndim - 1) + [(0, missing)]) if missing else sound


def separate_blocks(blocks: Iterable[np.ndarray], separator: Separator, rate_hz: int) -> Iterator[np.ndarray]:
    """Separate a stream, chunk by chunk, each faded into the next.

    Chunks lie on a fixed grid, so that the result does not depend on the sizes of the blocks. The last chunk
    is as long as the others (it reaches back), because a short one would hold too little to learn from. The
    memory needed is that of `separator.batch` + 2 chunks, whatever the length.

    Args:
        blocks: Stereo float32 blocks in order, shape (2, n).
        separator: A loaded separator.
        rate_hz: Sampling rate of the blocks.

    Yields:
        The stems, shape (stems, 2, n), float32; as many samples in all as came in.

    Raises:
        ValueError: The separator's chunks, a block or a result are impossible, or not finite.
    """
    size = round(separator.chunk_s * rate_hz)
    overlap = min(round(separator.overlap_s * rate_hz), size // 2)
    if size <= 0 or not 0 <= separator.overlap_s <= separator.chunk_s / 2:
        raise ValueError(
            f"got chunk_s={separator.chunk_s}, overlap_s={separator.overlap_s}, rate_hz={rate_hz}; expected "
            "a chunk of at least one sample and an overlap of at most half of it"
        )
    tail = np.zeros((len(separator.stems), 2, 0), np.float32)  # not given out yet: the next chunk fades in
    chunks = _chunks(blocks, size, overlap)
    while batch := list(itertools.islice(chunks, separator.batch)):
        # (batch, 2, size) to (batch, stems, 2, size)
        results = _separate(separator, np.stack([chunk for chunk, _ in batch]), rate_hz)
        for result, (_, known) in zip(results, batch, strict=True):
            faded = _fade(tail, result[..., known:])
            ready = max(0, faded.shape[-1] - overlap)
            yield faded[..., :ready]
            tail = faded[..., ready:]
    if tail.shape[-1]:
        yield tail


def _chunks(blocks: Iterable[np.ndarray], size: int, overlap: int) -> Iterator[tuple[np.ndarray, int]]:
    """Yield chunks of `size`, each with how many samples at its start need no result.

    A recording shorter than a chunk is one shorter chunk.
    """
    step = size - overlap
    held = np.zeros((2, 0), np.float32)  # from one step before the next chunk on, to reach back to
    behind = 0  # samples in `held` before the next chunk
    for block in blocks:
        held = np.concatenate([held, _checked(block)], axis=1)
        while held.shape[1] - behind >= size:
            yield held[:, behind : behind + size], 0
            held, behind = held[:, behind:], step
    left = held.shape[1] - behind
    if not behind and left:
        yield held, 0
    elif behind and left > overlap:
        yield held[:, -size:], size - left


def _checked(block: np.ndarray) -> np.ndarray:
    block = np.asarray(block, np.float32)
    if block.ndim != 2 or len(block) != 2:
        raise ValueError(
            f"got a block of shape {block.shape}; expected stereo, (2, n); repeat a mono channel"
        )
    if not np.isfinite(block).all():
        raise ValueError("got a block with NaN or infinite samples; expected finite float32 audio")
    return block


def _separate(separator: Separator, mixes: np.ndarray, rate_hz: int) -> np.ndarray:
    results = np.asarray(separator.separate(mixes, rate_hz), np.float32)
    expected = (len(mixes), len(separator.stems), *mixes.shape[1:])
    if results.shape != expected:
        raise ValueError(
            f"got shape {results.shape} from {type(separator).__name__}.separate; expected {expected}"
        )
    if not np.isfinite(results).all():
        raise ValueError(
            f"got NaN or infinite samples from {type(separator).__name__}; expected finite ones; its weights "
            "are damaged, or too coarse a number format is in use"
        )
    return results


def _fade(tail: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Return `result` with its beginning faded in over `tail`; linear, for both are much the same."""
    overlap = tail.shape[-1]
    rising = (np.arange(1, overlap + 1) / (overlap + 1)).astype(np.float32)
    faded = tail * (1 - rising) + result[..., :overlap] * rising
    return np.concatenate([faded, result[..., overlap:]], axis=-1)
