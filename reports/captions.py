"""Words of the captions: how many, which, and how varied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reports.histogram import Histogram, round_figures, score_histogram
from reports.tally import most_first
from reports.words import THRESHOLD, measure_mtld, type_token_ratios

COLUMNS = ("caption",)
TOP_WORDS = 100
# Numbers of parts that are no words.
_PUNCTUATION, _BLANK = -1, -2
_EDGES_OF_WORDS = ".,;:!?\"'()[]{}“”‘’…"


class Captions:
    """What the captions of the kept rows hold."""

    def __init__(self) -> None:
        self.lengths = Histogram(0.0, 1.0, 100)
        self.mtld = Histogram(0.0, 5.0, 40)
        self.ratios = score_histogram()
        self.unrepeated = 0
        self._known: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._counts = np.zeros(0, np.int64)

    def add(self, table: pa.Table) -> None:
        """Count the captions of a table."""
        if "caption" not in table.column_names:
            return
        captions = table.column("caption").drop_null().combine_chunks()
        words, spaced, lengths = self.number_words(captions)
        self.lengths.add(pa.array(spaced))
        self.lengths.missing += table.num_rows - len(captions)
        counts = np.bincount(words, minlength=len(self._numbers))
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        mtld, ratios = measure_mtld(words, lengths), type_token_ratios(words, lengths)
        self.mtld.add(pa.array(mtld))
        self.ratios.add(pa.array(ratios))
        self.unrepeated += int((np.isnan(mtld) & (lengths > 0)).sum())
        for histogram in (self.mtld, self.ratios):
            histogram.missing += table.num_rows - len(captions)

    def number_words(self, captions: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Split captions into words; the same word gets the same number in every call.

        Args:
            captions: Texts without null, shape (n,).

        Returns:
            Numbers of all words, punctuation at their ends and case aside; how many parts white space
            separates in each caption, shape (n,); how many of them are words, shape (n,).
        """
        parts = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(captions))
        encoded = pc.list_flatten(parts).dictionary_encode()
        numbers = np.array([self._number(part) for part in encoded.dictionary.to_pylist()], np.int64)
        words = numbers[encoded.indices.to_numpy()] if len(numbers) else np.zeros(0, np.int64)
        lengths = pc.list_value_length(parts).to_numpy(zero_copy_only=False)
        texts = np.repeat(np.arange(len(captions)), lengths)
        separated, real = (
            np.bincount(texts[words > least], minlength=len(captions)) for least in (_BLANK, -1)
        )
        return words[words >= 0], separated, real

    def _number(self, part: str) -> int:
        """Return the number of a part's word; less than 0 where there is no letter in it."""
        if part not in self._known:
            word = part.strip(_EDGES_OF_WORDS).lower()
            absent = _PUNCTUATION if part else _BLANK
            self._known[part] = self._numbers.setdefault(word, len(self._numbers)) if word else absent
        return self._known[part]

    def describe(self, joined: Sequence[str | None], rows: int) -> dict[str, Any]:
        """Return `vocabulary`, `lexical_diversity` and the histogram of caption lengths.

        Args:
            joined: Captions to read one after the other as one text.
            rows: Clips of the dataset.
        """
        words = Counter(dict(zip(self._numbers, self._counts.tolist(), strict=True)))
        return {
            "vocabulary": {
                "words": words.total(),
                "distinct": len(words),
                "top": most_first(words, TOP_WORDS),
            },
            "lexical_diversity": {
                "mtld": self.mtld.describe("words"),
                "threshold": THRESHOLD,
                "unrepeated": self.unrepeated,
                "type_token_ratio": self.ratios.describe("0..1"),
                "joined": self._describe_joined(pa.array(joined, pa.string()).drop_null(), rows),
            },
        }

    def _describe_joined(self, captions: pa.Array, rows: int) -> dict[str, Any]:
        words, _, _ = self.number_words(captions)
        whole = np.array([len(words)])
        mtld, ratio = (float(measure(words, whole)[0]) for measure in (measure_mtld, type_token_ratios))
        return {
            "captions": len(captions),
            "of": rows,
            "words": len(words),
            "mtld": round_figures(mtld),
            "type_token_ratio": round_figures(ratio),
        }
