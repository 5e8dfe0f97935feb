"""Reads attributes out of a description: the labels, tempi and keys that it names."""

from __future__ import annotations

import re
from functools import cache

from leitmotif.evaluation.mentions import Mentions, flatten
from leitmotif.evaluation.tempo_class import TempoWords
from leitmotif.generators.arranger.attributes import (
    FASTEST_BPM,
    SLOWEST_BPM,
    Attributes,
    key_name,
    key_of,
)
from leitmotif.music.sounds import SOUNDS
from leitmotif.music.styles import STYLES
from leitmotif.retrieval.attributes import TEMPI
from leitmotif.taxonomy.labels import load

_BPM = re.compile(r"(?<![\w.])(\d{2,3}(?:\.\d+)?) ?(?:bpm|beats (?:per|a) minute)(?!\w)")
_THREE = re.compile(r"(?<![\w/])(?:3/4|three four time|waltz(?:es)?|minuet)(?!\w)")
_ALONE = re.compile(r"(?<!\w)(?:solo|alone|unaccompanied|nothing else)(?!\w)")
# What a text does not want: to the end of the phrase.
_WITHOUT = re.compile(r"(?<!\w)(?:without|no|not|never|instead of|rather than)(?!\w)[^,.;]*")


def read_attributes(text: str) -> Attributes:
    """Return what a description says of the music; words that say nothing of it are passed over.

    What it says there is none of ("without drums") is not taken for wanted. Of several genres the first
    counts, of several tempi the number, or else the first word.

    Args:
        text: One or more sentences.
    """
    whole = flatten(text)
    said = _WITHOUT.sub(" ", whole)
    labels = _mentions().labels(said)
    unwanted = _mentions().labels(" , ".join(_WITHOUT.findall(whole)))
    key = key_of(said)
    tempi = [float(number) for number in _BPM.findall(said)]
    usable = [bpm for bpm in tempi if SLOWEST_BPM <= bpm <= FASTEST_BPM]
    classes = _tempo_words().named(said)
    instruments = tuple(label.id for label in labels if label.kind == "instrument" and label.id in SOUNDS)
    return Attributes(
        genre=next((label.id for label in labels if label.kind == "genre" and label.id in STYLES), None),
        moods=tuple(label.id for label in labels if label.kind == "mood"),
        tempo_bpm=usable[0] if usable else None,
        tempo=next((name for name in TEMPI if name in classes), None) if len(classes) == 1 else None,
        key=None if key is None else key_name(*key),
        beats=3 if _THREE.search(said) else None,
        instruments=instruments,
        alone=bool(instruments and _ALONE.search(said)),
        without=tuple(
            label.id for label in unwanted if label.kind == "instrument" and label.id not in instruments
        ),
    )


@cache
def _mentions() -> Mentions:
    return Mentions(load())


@cache
def _tempo_words() -> TempoWords:
    return TempoWords()
