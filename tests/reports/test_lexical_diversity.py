"""Type-token ratio and MTLD against texts counted by hand, and against a word-by-word reading."""

import math
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest

from leitmotif.reports.statistics.captions import Captions
from leitmotif.reports.statistics.lexical_diversity import THRESHOLD, measure_long_text, measure_variety


def number(*texts: str) -> tuple[np.ndarray, np.ndarray]:
    words = [text.split() for text in texts]
    numbers = {
        word: place for place, word in enumerate(dict.fromkeys(word for text in words for word in text))
    }
    flat = [numbers[word] for text in words for word in text]
    return np.array(flat, np.int64), np.array([len(text) for text in words], np.int64)


def read_one_way(words: list, threshold: Fraction) -> float:
    factors, types, tokens = 0.0, set(), 0
    for word in words:
        types.add(word)
        tokens += 1
        if Fraction(len(types), tokens) < threshold:
            factors, types, tokens = factors + 1, set(), 0
    if tokens:
        factors += float((1 - Fraction(len(types), tokens)) / (1 - threshold))
    return len(words) / factors if factors else math.nan


def read_both_ways(words: list, threshold: Fraction = THRESHOLD) -> float:
    return (read_one_way(words, threshold) + read_one_way(words[::-1], threshold)) / 2


def test_the_example_of_the_paper_has_one_factor_from_either_end():
    # Forward "of the people by the people" falls to 4/6, backward "people the for people the" to 3/5.
    text = "of the people by the people for the people"
    assert measure_variety(*number(text))[0].tolist() == [9.0]


def test_what_is_left_counts_as_a_part_of_a_factor():
    # Of ten words one repeats: (1 - 0.9) / (1 - 0.72) of a factor, from either end.
    text = "a warm slow piano over soft strings and a harp"
    assert measure_variety(*number(text))[0][0] == pytest.approx(10 / (0.1 / 0.28))


def test_a_ratio_of_exactly_the_threshold_completes_no_factor():
    words = [f"w{n}" for n in range(18)] + [f"w{n}" for n in range(7)]  # 18 of 25: 0.72
    assert read_one_way(words, THRESHOLD) == pytest.approx(25.0)
    assert measure_variety(*number(" ".join(words)))[0][0] == pytest.approx(read_both_ways(words))
    # One more repetition falls below, and completes one.
    assert read_one_way([*words, "w7"], THRESHOLD) == 26.0


def test_a_word_said_over_and_over_completes_a_factor_every_two_words():
    assert measure_variety(*number("la la la la la la"))[0].tolist() == [2.0]


def test_a_text_without_repetition_or_without_words_has_no_mtld():
    values, _ = measure_variety(*number("one two three", "", "one"))
    assert np.isnan(values).tolist() == [True, True, True]
    assert [len(found) for found in measure_variety(*number())] == [0, 0]


@pytest.mark.parametrize("threshold", [Fraction(1, 2), THRESHOLD, Fraction(9, 10)])
def test_many_texts_at_once_agree_with_reading_them_word_by_word(threshold):
    rng = np.random.default_rng(5)
    lengths = np.append(rng.integers(0, 60, 300), [0, 1, 900])
    words = rng.zipf(1.4, lengths.sum()) % 200
    values, ratios = measure_variety(words, lengths, threshold=threshold)
    for value, ratio, text in zip(values, ratios, np.split(words, np.cumsum(lengths)[:-1]), strict=True):
        expected = read_both_ways(text.tolist(), threshold) if len(text) else math.nan
        assert value == pytest.approx(expected, rel=1e-12, nan_ok=True)
        alone = measure_long_text(text.tolist(), threshold=threshold)
        assert alone == pytest.approx((value, ratio), rel=1e-12, nan_ok=True)
        assert ratio == pytest.approx(
            len(set(text.tolist())) / len(text) if len(text) else math.nan, nan_ok=True
        )


def test_words_are_folded_and_their_punctuation_is_no_part_of_them():
    captions = Captions()
    texts = ["A piano, a PIANO… (“piano”)", None, " ", "", "— ?!", "naïve Naïve!"]
    captions.add(pa.table({"caption": pa.array(texts, pa.string())}))
    found = captions.describe(["one two", None, "one"], rows=6)
    assert found["vocabulary"] == {"words": 8, "distinct": 4, "top": {"piano": 3, "a": 2, "naïve": 2, "—": 1}}
    diversity = found["lexical_diversity"]
    assert diversity["type_token_ratio"]["count"] == 3
    assert diversity["type_token_ratio"]["missing"] == 3
    assert diversity["unrepeated"] == 1, "a dash alone is one word"
    assert diversity["mtld"]["count"] == 2
    assert diversity["joined"]["words"] == 3
    assert diversity["joined"]["type_token_ratio"] == pytest.approx(2 / 3, abs=1e-6)
    assert captions.lengths.counts[:6].tolist() == [2, 0, 2, 0, 0, 1], "parts between white space, as before"
    assert captions.lengths.missing == 1
