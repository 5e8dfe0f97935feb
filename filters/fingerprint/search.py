"""Find pairs of fingerprints that share a recording, without comparing all with all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Words of a fingerprint that are indexed: those with the smallest hashes, so that copies choose the same.
KEYS = 384
# Earlier fingerprints looked up through one word: the first that has it, and those just before.
BEFORE = 4
# Pairs compared bit by bit for one clip, those that share most words first, and offsets tried for a pair.
CANDIDATES = 24
OFFSETS = 4
# Overlap that is worth judging: at least 4 s (32 words), and half of what the shorter fingerprint has to say.
MIN_WORDS = 32
MIN_SHARE = 0.5


def match_earlier(fingerprints: Sequence[np.ndarray]) -> list[tuple[float, int]]:
    """Return for each fingerprint its similarity to the earlier one most like it, and the number of that one.

    The work grows with the number of fingerprints (and one sort), not with the number of pairs.

    Args:
        fingerprints: Words, shape (words,), uint32; 0 says nothing.

    Returns:
        (similarity 0..1, number) for each fingerprint; (0.0, -1) where none resembles it.
    """
    found: list[tuple[float, int]] = [(0.0, -1)] * len(fingerprints)
    later, earlier, shift = _shared_words(fingerprints)
    starts = np.searchsorted(later, np.arange(len(fingerprints) + 1))
    for number in range(len(fingerprints)):
        span = slice(starts[number], starts[number + 1])
        if span.start < span.stop:
            found[number] = _best(fingerprints, number, earlier[span], shift[span])
    return found


def similarity_at(a: np.ndarray, b: np.ndarray, shift: int) -> float:
    """Return 1 - 2 x the bit error rate of two, `b[i]` against `a[i + shift]`; 0 for a short overlap.

    Args:
        a: Words, shape (words,), uint32; 0 says nothing.
        b: Words of the other one, shape (words,), uint32.
        shift: Words by which `a` is ahead; below 0 it is behind.
    """
    start, stop = max(0, -shift), min(len(b), len(a) - shift)
    if stop - start < MIN_WORDS:
        return 0.0
    ours, theirs = a[start + shift : stop + shift], b[start:stop]
    known = (ours != 0) & (theirs != 0)
    words = int(known.sum())
    if words < MIN_WORDS or words < MIN_SHARE * min(np.count_nonzero(a), np.count_nonzero(b)):
        return 0.0
    errors = int(np.bitwise_count(ours[known] ^ theirs[known]).sum())
    return max(0.0, 1.0 - 2.0 * errors / (32.0 * words))


def _shared_words(fingerprints: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (later fingerprint, earlier one, shift) of shared words, sorted by the later."""
    chosen = [_keys(words) for words in fingerprints]
    number = np.repeat(np.arange(len(fingerprints), dtype=np.int32), [len(places) for places in chosen])
    place = np.concatenate([np.zeros(0, np.int32), *chosen])
    key = np.concatenate(
        [np.zeros(0, np.uint32), *(words[at] for words, at in zip(fingerprints, chosen, strict=True))]
    )
    order = np.lexsort((number, key))
    number, place, key = number[order], place[order], key[order]
    first = np.maximum.accumulate(np.where(np.diff(key, prepend=key[:1] + 1) != 0, np.arange(len(key)), 0))
    pairs = []
    for back in range(BEFORE + 1):  # 0 stands for the first that has the word
        other = first if back == 0 else np.maximum(np.arange(len(key)) - back, first)
        use = number[other] != number
        pairs.append((number[use], number[other][use], place[other][use] - place[use]))
    later, earlier, shift = (np.concatenate(column) for column in zip(*pairs, strict=True))
    order = np.argsort(later, kind="stable")
    return later[order], earlier[order], shift[order]


def _keys(words: np.ndarray) -> np.ndarray:
    """Return the places of the words to index, shape (keys,), int32."""
    places = np.flatnonzero(words)
    if len(places) > KEYS:
        hashed = words[places] * np.uint32(2654435761)  # Knuth's multiplicative hash, modulo 2^32
        places = places[np.argpartition(hashed, KEYS)[:KEYS]]
    return places.astype(np.int32)


def _best(
    fingerprints: Sequence[np.ndarray], number: int, earlier: np.ndarray, shift: np.ndarray
) -> tuple[float, int]:
    """Return the best (similarity, earlier fingerprint) among the candidates of one fingerprint."""
    # (pairs, 2): the earlier fingerprint and the shift
    pairs, votes = np.unique(np.stack([earlier, shift], axis=1), axis=0, return_counts=True)
    ranked = pairs[np.lexsort((pairs[:, 1], pairs[:, 0], -votes))]
    best = (0.0, -1)
    tried: dict[int, int] = {}
    for other, offset in ranked.tolist():
        count = tried.get(other, 0)
        if count == OFFSETS or (count == 0 and len(tried) == CANDIDATES):
            continue
        tried[other] = count + 1
        for near in (offset - 1, offset, offset + 1):
            similarity = similarity_at(fingerprints[other], fingerprints[number], near)
            if similarity > best[0] or (similarity == best[0] > 0 and other < best[1]):
                best = (similarity, other)
    return best
