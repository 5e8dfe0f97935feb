"""How varied the words of texts are: type-token ratio and MTLD, of many texts at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

# A factor is complete once the type-token ratio falls below this.
THRESHOLD = Fraction(72, 100)
# Texts that are measured together: few enough for the processor's cache.
_TEXTS = 8192
# Cells of the rectangle in which texts of similar length are walked together.
_CELLS = 1 << 22


def measure_variety(
    words: np.ndarray, lengths: np.ndarray, *, threshold: Fraction = THRESHOLD
) -> tuple[np.ndarray, np.ndarray]:
    """Return the measure of textual lexical diversity (MTLD) and the type-token ratio of each text.

    Read from one end, a factor is complete when the type-token ratio since the last one falls below the
    threshold; the rest counts as `(1 - ratio) / (1 - threshold)` of a factor. MTLD is words over factors,
    the mean of both directions.

    Args:
        words: Word numbers of all texts, one text after the other, shape (sum of `lengths`,).
        lengths: Words in each text, shape (n,).
        threshold: Type-token ratio below which a factor is complete.

    Returns:
        MTLD in words, shape (n,), NaN where no word repeats, since there is no factor then; and distinct
        words over words, 0..1, shape (n,), NaN for a text without words.

    Reference:
        McCarthy and Jarvis, MTLD, vocd-D, and HD-D, Behavior Research Methods 42, 2010.
    """
    ends = np.append(0, np.cumsum(lengths))
    found = [(np.zeros(0), np.zeros(0))]
    for start in range(0, len(lengths), _TEXTS):
        some = lengths[start : start + _TEXTS].astype(np.int32)
        found.append(_measure_some(words[ends[start] : ends[start + len(some)]], some, threshold))
    mtld, ratios = (np.concatenate(values) for values in zip(*found, strict=True))
    return mtld, ratios


def _measure_some(
    words: np.ndarray, lengths: np.ndarray, threshold: Fraction
) -> tuple[np.ndarray, np.ndarray]:
    starts = np.cumsum(lengths, dtype=np.int32) - lengths
    before, after = _neighbours(words, lengths, starts)
    distinct = _sum_by_text(before < 0, starts)
    ratios = np.divide(distinct, lengths, out=np.full(len(lengths), np.nan), where=lengths > 0)
    factors = [
        _factors(seen, starts, lengths, distinct, threshold, backward=backward)
        for seen, backward in ((before, False), (after, True))
    ]
    found = np.full(len(lengths), np.nan)
    repeating = distinct < lengths
    found[repeating] = sum(lengths[repeating] / count[repeating] for count in factors) / 2
    return found, ratios


def measure_long_text(words: Sequence[int], *, threshold: Fraction = THRESHOLD) -> tuple[float, float]:
    """Return MTLD and type-token ratio of one text, which may be long; see `measure_variety`."""
    counts, above, below = [], threshold.numerator, threshold.denominator
    for ordered in (words, reversed(words)):
        factors, types, tokens = 0.0, set(), 0
        for word in ordered:
            types.add(word)
            tokens += 1
            if len(types) * below < tokens * above:
                factors, tokens = factors + 1, 0
                types.clear()
        counts.append(factors + ((1 - len(types) / tokens) / float(1 - threshold) if tokens else 0.0))
    mtld = sum(len(words) / count for count in counts) / 2 if all(counts) else math.nan
    return mtld, len(set(words)) / len(words) if words else math.nan


def _neighbours(words: np.ndarray, lengths: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the place in its text where each word stood last, and where it comes next, -1 for nowhere.

    Places of the next are counted from the end of the text.
    """
    before, after = np.full(len(words), -1, np.int32), np.full(len(words), -1, np.int32)
    texts = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    # Numbers of 16 bits are sorted several times as fast.
    narrow = words.astype(np.min_scalar_type(int(words.max(initial=0))))
    order = np.argsort(narrow, kind="stable")
    narrow, ordered = narrow[order], texts[order]
    same = np.flatnonzero((narrow[1:] == narrow[:-1]) & (ordered[1:] == ordered[:-1]))
    earlier, later = order[same], order[same + 1]
    before[later] = earlier - starts[texts[later]]
    after[earlier] = (starts + lengths - 1)[texts[later]] - later
    return before, after


def _is_below(types: np.ndarray, tokens: np.ndarray, threshold: Fraction) -> np.ndarray:
    """Return whether type-token ratios are below the threshold, without rounding."""
    return types * np.int32(threshold.denominator) < tokens * np.int32(threshold.numerator)


def _sum_by_text(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the sum of each text's values; what stands at its start where it is empty."""
    return np.add.reduceat(np.append(values, False), starts, dtype=np.int64)


def _factors(
    seen: np.ndarray,
    starts: np.ndarray,
    lengths: np.ndarray,
    distinct: np.ndarray,
    threshold: Fraction,
    *,
    backward: bool,
) -> np.ndarray:
    """Return the factors of each text from one end.

    Args:
        seen: Where each word stood last, as read from that end; -1 for nowhere.
        starts: Where each text starts.
        lengths: Words in each text.
        distinct: Distinct words in each text.
        threshold: Type-token ratio below which a factor is complete.
        backward: Read from the end.
    """
    ratios = np.divide(distinct, lengths, out=np.ones(len(lengths)), where=lengths > 0)
    factors = (1 - ratios) / float(1 - threshold)
    # Only texts whose ratio falls below the threshold somewhere are walked.
    order = np.flatnonzero(_falls_below(seen < 0, starts, lengths, threshold, backward=backward))
    order = order[np.argsort(-lengths[order], kind="stable")]
    first = 0
    while first < len(order):
        group = order[first : first + max(1, _CELLS // int(lengths[order[first]]))]
        columns = _columns(seen, starts[group], lengths[group], backward)
        factors[group] = _count_factors(columns, lengths[group], threshold)
        first += len(group)
    return factors


def _falls_below(
    new: np.ndarray, starts: np.ndarray, lengths: np.ndarray, threshold: Fraction, *, backward: bool
) -> np.ndarray:
    """Return whether the type-token ratio of a text so far is below the threshold somewhere."""
    if backward:
        new = new[::-1]
        starts, lengths = (len(new) - starts - lengths)[::-1], lengths[::-1]
    total = np.append(0, np.cumsum(new, dtype=np.int32))
    types = total[1:] - np.repeat(total[starts], lengths)
    tokens = np.arange(1, len(new) + 1, dtype=np.int32) - np.repeat(starts, lengths)
    below = (_sum_by_text(_is_below(types, tokens, threshold), starts) > 0) & (lengths > 0)
    return below[::-1] if backward else below


def _columns(seen: np.ndarray, starts: np.ndarray, lengths: np.ndarray, backward: bool) -> np.ndarray:
    """Return `seen` as (place in the text, text), places counted from the end where backward."""
    places = np.arange(int(lengths[0]))[:, None]
    rows = starts + (lengths - 1 - places if backward else places)
    return seen[np.clip(rows, 0, len(seen) - 1)]


def _count_factors(seen: np.ndarray, lengths: np.ndarray, threshold: Fraction) -> np.ndarray:
    """Return the factors of texts, longest first.

    Args:
        seen: Where each word stood last, shape (places, texts); -1 for nowhere.
        lengths: Words in each text, descending, shape (texts,).
        threshold: Type-token ratio below which a factor is complete.
    """
    start = np.zeros(len(lengths), np.int32)
    types = np.zeros(len(lengths), np.int32)
    factors = np.zeros(len(lengths))
    running = np.searchsorted(-lengths, -np.arange(len(seen)), side="left")
    for place, count in enumerate(running):
        begun = start[:count]
        known = types[:count]
        known += seen[place, :count] < begun
        full = _is_below(known, place + 1 - begun, threshold)
        factors[:count] += full
        np.copyto(begun, place + 1, where=full)
        np.copyto(known, 0, where=full)
    rest = lengths - start
    ratio = np.divide(types, rest, out=np.ones(len(rest)), where=rest > 0)
    return factors + (1 - ratio) / float(1 - threshold)
