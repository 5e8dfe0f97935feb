"""How varied the words of texts are: type-token ratio and MTLD, of many texts at once."""

from __future__ import annotations

import numpy as np

# A factor is complete once the type-token ratio falls below this.
THRESHOLD = 0.72
# Cells of the rectangle in which texts of similar length are walked together.
_CELLS = 1 << 22


def type_token_ratios(words: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the share of distinct words in each text.

    Args:
        words: Word numbers of all texts, one text after the other, shape (sum of `lengths`,).
        lengths: Words in each text, shape (n,).

    Returns:
        0..1, shape (n,); NaN for a text without words.
    """
    before, _ = _neighbours(words, lengths)
    texts = np.repeat(np.arange(len(lengths)), lengths)
    distinct = np.bincount(texts, weights=before < 0, minlength=len(lengths))
    return np.divide(distinct, lengths, out=np.full(len(lengths), np.nan), where=lengths > 0)


def measure_mtld(words: np.ndarray, lengths: np.ndarray, *, threshold: float = THRESHOLD) -> np.ndarray:
    """Return the measure of textual lexical diversity of each text, the mean of both directions.

    Read from one end, a factor is complete when the type-token ratio since the last one falls below the
    threshold; the rest counts as `(1 - ratio) / (1 - threshold)` of a factor; the measure is words over
    factors.

    Args:
        words: Word numbers of all texts, one text after the other, shape (sum of `lengths`,).
        lengths: Words in each text, shape (n,).
        threshold: Of a factor.

    Returns:
        Words, shape (n,); NaN where no word repeats, since there is no factor then.

    Reference:
        McCarthy and Jarvis, MTLD, vocd-D, and HD-D, Behavior Research Methods 42, 2010.
    """
    before, after = _neighbours(words, lengths)
    starts = np.cumsum(lengths) - lengths
    order = np.argsort(-lengths, kind="stable")
    found = np.full(len(lengths), np.nan)
    first = 0
    while first < len(order) and lengths[order[first]]:
        longest = int(lengths[order[first]])
        group = order[first : first + max(1, _CELLS // longest)]
        group = group[lengths[group] > 0]
        factors = [
            _count_factors(_columns(seen, starts[group], lengths[group], backward), lengths[group], threshold)
            for seen, backward in ((before, False), (after, True))
        ]
        with np.errstate(divide="ignore"):
            means = sum(lengths[group] / count for count in factors) / 2
        found[group] = np.where(np.isfinite(means), means, np.nan)
        first += max(1, _CELLS // longest)
    return found


def _neighbours(words: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where in its text each word stood last, and stands next counted from the end; -1 for nowhere."""
    if not len(words):
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    texts = np.repeat(np.arange(len(lengths)), lengths)
    order = np.argsort(texts * (int(words.max()) + 1) + words, kind="stable")
    places = np.arange(len(words)) - (np.cumsum(lengths) - lengths)[texts]
    same = (words[order][1:] == words[order][:-1]) & (texts[order][1:] == texts[order][:-1])
    earlier, later = order[:-1][same], order[1:][same]
    before = np.full(len(words), -1, np.int32)
    after = np.full(len(words), -1, np.int32)
    before[later] = places[earlier]
    after[earlier] = (lengths[texts] - 1 - places)[later]
    return before, after


def _columns(seen: np.ndarray, starts: np.ndarray, lengths: np.ndarray, backward: bool) -> np.ndarray:
    """Return `seen` as (place in the text, text), places counted from the end where backward."""
    places = np.arange(int(lengths[0]))[:, None]
    rows = starts + (lengths - 1 - places if backward else places)
    return seen[np.clip(rows, 0, len(seen) - 1)]


def _count_factors(seen: np.ndarray, lengths: np.ndarray, threshold: float) -> np.ndarray:
    """Return the factors of texts, longest first.

    Args:
        seen: Where each word stood last, shape (places, texts); -1 for nowhere.
        lengths: Words in each text, descending, shape (texts,).
        threshold: Of a factor.
    """
    start = np.zeros(len(lengths), np.int32)
    types = np.zeros(len(lengths), np.int32)
    factors = np.zeros(len(lengths))
    running = np.searchsorted(-lengths, -np.arange(len(seen)), side="left")
    for place, count in enumerate(running):
        begun = start[:count]
        types[:count] += seen[place, :count] < begun
        full = types[:count] / (place + 1 - begun) < threshold
        factors[:count] += full
        begun[full] = place + 1
        types[:count][full] = 0
    rest = lengths - start
    ratio = np.divide(types, rest, out=np.ones(len(rest)), where=rest > 0)
    return factors + (1 - ratio) / (1 - threshold)
