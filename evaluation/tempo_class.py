"""Tempo class: whether a text says slow, medium or fast, and is right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from leitmotif.captioning.templates import prompt_ids, read_templates
from leitmotif.evaluation.clips import Clip
from leitmotif.evaluation.mentions import flatten
from leitmotif.evaluation.metric import Tools
from leitmotif.taxonomy.tempo import tempo_class

# Words of musicians and reviewers beside those of our captions.
_WORDS = {
    "slow": (
        "slow",
        "slowly",
        "slow moving",
        "leisurely",
        "downtempo",
        "down tempo",
        "adagio",
        "largo",
        "lento",
    ),
    "medium": (
        "midtempo",
        "mid tempo",
        "medium tempo",
        "moderate",
        "moderately paced",
        "andante",
        "moderato",
    ),
    "fast": (
        "fast",
        "quick",
        "quickly",
        "rapid",
        "brisk",
        "uptempo",
        "up tempo",
        "allegro",
        "presto",
        "vivace",
    ),
}
_BPM = re.compile(r"(?<![\w.])(\d{2,3}(?:\.\d+)?) ?(?:bpm|beats (?:per|a) minute)(?!\w)")


class TempoClassMetric:
    """The share of texts that name the clip's tempo class and no other, in percent; chance is 33.

    A class is named by a word such as "unhurried", or by a number of beats a minute.
    """

    NAME: ClassVar = "tempo-class"
    TITLE: ClassVar = "Tempo class accuracy"
    RANGE: ClassVar = (0.0, 100.0)
    HIGHER_IS_BETTER: ClassVar = True
    NEEDS: ClassVar = None
    COUNTS_NAMES: ClassVar = True
    REFERENCE: ClassVar = "Visuals Music Bridge, appendix, table 7 (slow, medium and fast)"

    def __init__(self, tools: Tools) -> None:
        self._classes = TempoWords()

    def measure(self, texts: Sequence[str], clips: Sequence[Clip]) -> np.ndarray:
        """Return 100 or 0 for each text, shape (clips, 1); NaN where a clip has no tempo class."""
        rows = np.full((len(clips), 1), np.nan)
        for number, (text, clip) in enumerate(zip(texts, clips, strict=True)):
            if clip.tempo_class is not None:
                rows[number] = 100.0 * (self._classes.named(text) == {clip.tempo_class})
        return rows

    def value(self, sums: np.ndarray, clips: float) -> float:
        """Return the mean; `Metric.value` gives the shape of the sums."""
        return float(sums[0] / clips)


class TempoWords:
    """Finds tempo classes in texts."""

    def __init__(self) -> None:
        # "medium" alone may be said of anything; the lists beside a description say what it is said of.
        words = {name: {*known, f"tempo: {name}"} for name, known in _WORDS.items()}
        for prompt_id in prompt_ids():
            templates = read_templates(prompt_id)
            for name in words:
                words[name] |= {flatten(word) for word in (*templates.paces[name], *templates.tempi[name])}
        self._patterns = {
            name: re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(known)))})(?!\w)")
            for name, known in words.items()
        }

    def named(self, text: str) -> set[str]:
        """Return the classes that a text names."""
        text = flatten(text)
        found = {name for name, pattern in self._patterns.items() if pattern.search(text)}
        return found | {tempo_class(float(number)) for number in _BPM.findall(text)}
