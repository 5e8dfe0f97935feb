"""Words of the captions: how many, which, and how varied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.reports.statistics.histogram import Histogram, round_figures, score_histogram
from leitmotif.reports.statistics.lexical_diversity import THRESHOLD, measure_long_text, measure_variety
from leitmotif.reports.statistics.value_counts import most_first

COLUMNS = ("caption",)
TOP_WORDS = 100
# Numbers of parts that are no words.
_PUNCTUATION, _BLANK = -1, -2
_EDGES_OF_WORDS = ".,;:!?\"'()[]{}“”‘’…"


class _Numbers(dict[str, int]):
    """Part of a caption → number of its word; less than 0 where there is no word in it.

    Attributes:
        words: Word → its number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.words: dict[str, int] = {}

    def __missing__(self, part: str) -> int:
        word = part.strip(_EDGES_OF_WORDS).lower()
        absent = _PUNCTUATION if part else _BLANK
        self[part] = self.words.setdefault(word, len(self.words)) if word else absent
        return self[part]


class Captions:
    """What the captions of the kept rows hold."""

    def __init__(self) -> None:
        self.lengths = Histogram(0.0, 1.0, 100)
        self.mtld = Histogram(0.0, 5.0, 40)
        self.ratios = score_histogram()
        self.unrepeated = 0
        self._numbers = _Numbers()
        self._counts = np.zeros(0, np.int64)

    def add(self, table: pa.Table) -> None:
        """Count the captions of a table."""
        if "caption" not in table.column_names:
            return
        captions = table.column("caption").drop_null().combine_chunks()
        plain = pc.string_is_ascii(captions)
        # Where all letters are ASCII, words are found in half the time.
        for texts, split in (
            (captions.filter(plain), pc.ascii_split_whitespace),
            (captions.filter(pc.invert(plain)), pc.utf8_split_whitespace),
        ):
            self._count(*self._number_words(texts, split))
        for histogram in (self.lengths, self.mtld, self.ratios):
            histogram.missing += table.num_rows - len(captions)

    def _count(self, words: np.ndarray, parts: np.ndarray, lengths: np.ndarray) -> None:
        counts = np.bincount(words, minlength=len(self._numbers.words))
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        mtld, ratios = measure_variety(words, lengths)
        self.lengths.add(pa.array(parts))
        self.mtld.add(pa.array(mtld))
        self.ratios.add(pa.array(ratios))
        self.unrepeated += int((np.isnan(mtld) & (lengths > 0)).sum())

    def _number_words(
        self, captions: pa.Array, split: Callable[[pa.Array], pa.Array]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Split captions into words; the same word gets the same number in every call.

        Args:
            captions: Texts without null, shape (n,).
            split: Splits texts at white space.

        Returns:
            Numbers of all words, punctuation at their ends and case aside; how many parts white space
            separates in each caption, shape (n,); how many of them are words, shape (n,).
        """
        parts = split(pc.utf8_trim_whitespace(captions))
        encoded = pc.list_flatten(parts).dictionary_encode()
        numbers = np.array([self._numbers[part] for part in encoded.dictionary.to_pylist()], np.int32)
        words = numbers[encoded.indices.to_numpy()]
        lengths = pc.list_value_length(parts).to_numpy(zero_copy_only=False)
        absent = np.flatnonzero(words < 0)
        if not len(absent):
            return words, lengths, lengths
        texts = np.searchsorted(np.cumsum(lengths), absent, side="right")
        blank = texts[words[absent] == _BLANK]
        fewer = [np.bincount(rows, minlength=len(captions)) for rows in (blank, texts)]
        return words[words >= 0], lengths - fewer[0], lengths - fewer[1]

    def describe(self, joined: Sequence[str | None], rows: int) -> dict[str, Any]:
        """Return `vocabulary`, `lexical_diversity` and the histogram of caption lengths.

        Args:
            joined: Captions to read one after the other as one text.
            rows: Clips of the dataset.
        """
        words = Counter(dict(zip(self._numbers.words, self._counts.tolist(), strict=True)))
        return {
            "vocabulary": {
                "words": words.total(),
                "distinct": len(words),
                "top": most_first(words, TOP_WORDS),
            },
            "lexical_diversity": {
                "mtld": self.mtld.describe("words"),
                "threshold": float(THRESHOLD),
                "unrepeated": self.unrepeated,
                "type_token_ratio": self.ratios.describe("0..1"),
                "joined": self._describe_joined(pa.array(joined, pa.string()).drop_null(), rows),
            },
        }

    def _describe_joined(self, captions: pa.Array, rows: int) -> dict[str, Any]:
        words, _, _ = self._number_words(captions, pc.utf8_split_whitespace)
        mtld, ratio = measure_long_text(words.tolist())
        return {
            "captions": len(captions),
            "of": rows,
            "words": len(words),
            "mtld": round_figures(mtld),
            "type_token_ratio": round_figures(ratio),
        }
