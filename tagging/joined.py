"""Tags by a tagger of music and CLAP together: each label by the one that hears it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leitmotif.taxonomy.labels import Label
from leitmotif.taxonomy.speakers import Speakers

# Names of one thing, of which listeners gave one or the other; a genre's words are styles of it, and overlap.
_ANY_OF = ("instrument", "vocal")
# What a cosine counts beside probabilities, by kind: the threshold with the best F1 on rendered clips that
# clap-mini alone has (0.25 of a genre) counts as much as the profile `embedded` asks of the tagger (0.20).
_COSINES_COUNT = {"genre": 0.8}


class JoinedScores:
    """Scores every label from what both models say of a clip.

    A score is 0..1: the probability of the tagger's words, or CLAP's cosine, less of a genre's, nothing where
    that is negative.
    """

    def __init__(self, labels: Sequence[Label], speakers: Speakers, tags: Sequence[str]) -> None:
        """Take who speaks.

        Args:
            labels: The labels, in the order of the scores.
            speakers: Who speaks for each.
            tags: Names of the tagger's tags, in their order.

        Raises:
            LookupError: The tagger has no such word.
        """
        places = {tag: place for place, tag in enumerate(tags)}
        said = {word for words in speakers.words.values() for word in words}
        if unknown := sorted(said - places.keys()):
            raise LookupError(
                f"got a tagger without the word {unknown[0]!r}; expected that of `speakers.yaml`"
            )
        self.labels = labels
        self.clap = speakers.clap
        self.words = {label: [places[word] for word in words] for label, words in speakers.words.items()}
        ids = [label.id for label in labels]
        same: dict[tuple[str, ...], list[int]] = {}
        for label, words in speakers.words.items():
            if label in ids:
                same.setdefault(words, []).append(ids.index(label))
        # Labels that share all of their words: the one that CLAP finds nearer is meant.
        self.shared = [places for places in same.values() if len(places) > 1]

    def score(self, cosines: np.ndarray, tags: np.ndarray) -> list[float | None]:
        """Return the score of each label; None for what nobody speaks for.

        Args:
            cosines: CLAP's, shape (labels,), -1..1.
            tags: Probabilities of the tagger's tags, shape (tags,), 0..1.
        """
        farther = {
            place
            for places in self.shared
            for place in places
            if place != max(places, key=lambda each: cosines[each])
        }
        return [
            0.0 if place in farther else self._score(label, float(cosines[place]), tags)
            for place, label in enumerate(self.labels)
        ]

    def _score(self, label: Label, cosine: float, tags: np.ndarray) -> float | None:
        if label.id in self.clap:
            return max(0.0, cosine) * _COSINES_COUNT.get(label.kind, 1.0)
        if label.id not in self.words:
            return None
        heard = np.asarray(tags, np.float64)[self.words[label.id]]
        return float(1 - np.prod(1 - heard) if label.kind in _ANY_OF else heard.max())
