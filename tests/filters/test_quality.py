import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from leitmotif.filters.quality import CHUNK_S, MAX_CHUNKS, pam_chunks
from leitmotif.taxonomy import labels

RATE_HZ = 10
SIZE = round(CHUNK_S * RATE_HZ)


def cut(samples: np.ndarray, size: int = 33) -> Iterator[np.ndarray]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def chunks_of(length: int, *, size: int = 33, most: int = MAX_CHUNKS) -> list[np.ndarray]:
    samples = np.arange(length, dtype=np.float32)
    return pam_chunks(cut(samples, size), RATE_HZ, length / RATE_HZ, most=most)


def published(samples: np.ndarray) -> list[np.ndarray]:
    """What `process_audio` of PAM's `dataset.py` does, said in another way."""
    if len(samples) <= SIZE:
        return [np.tile(samples, SIZE // len(samples) + 1)[:SIZE]]
    whole = len(samples) // SIZE * SIZE
    parts = list(samples[:whole].reshape(-1, SIZE))
    return parts if whole == len(samples) else [*parts, samples[-SIZE:]]


@pytest.mark.parametrize("length", [1, 20, SIZE - 1, SIZE, SIZE + 1, 3 * SIZE, 3 * SIZE + 12, 1234])
@pytest.mark.parametrize("size", [1, 33, 5000])
def test_chunks_are_those_of_pam(length, size):
    expected = published(np.arange(length, dtype=np.float32))
    found = chunks_of(length, size=size)
    assert np.array_equal(found, expected)
    assert all(chunk.dtype == np.float32 for chunk in found)


def test_the_last_chunk_overlaps_the_one_before():
    first, last = chunks_of(100)
    assert (first[0], first[-1], last[0], last[-1]) == (0, 69, 30, 99)


def test_of_a_long_track_chunks_are_evenly_spread():
    starts = [int(chunk[0]) // SIZE for chunk in chunks_of(100 * SIZE, most=4)]
    assert starts == [12, 37, 62, 87]
    assert len(chunks_of(40 * SIZE)) == len(chunks_of(41 * SIZE)) == MAX_CHUNKS == 40


def test_a_long_track_is_not_held():
    blocks = []

    def stream() -> Iterator[np.ndarray]:
        for number in range(3_000):
            block = np.full(SIZE, number, np.float32)
            blocks.append(weakref.ref(block))
            yield block

    found = pam_chunks(stream(), RATE_HZ, 3_000 * CHUNK_S)
    assert len(found) == MAX_CHUNKS and len(blocks) == 3_000
    assert sum(block() is not None for block in blocks) <= 2
    assert all(chunk.base is None for chunk in found)


def test_a_track_without_samples_has_no_chunks():
    assert pam_chunks(iter(()), RATE_HZ, 0.0) == []


def test_the_pair_that_is_asked_is_that_of_pam():
    quality = labels.load().quality
    assert quality.positive[0] == "the sound is clear and clean."
    assert quality.negative[0] == "the sound is noisy and with artifacts."
