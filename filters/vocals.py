"""Tracks with a human voice: music generators for video backgrounds learn from instrumental music only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def voice_probability(windows: np.ndarray, classes: Sequence[str]) -> float:
    """Return how probable a human voice is in a track: the highest of its windows and the voice's classes.

    A tagger of AudioSet is trained to say whether a class is heard anywhere in ten seconds. So a voice is in
    a track if it is in one window; a mean over windows would let a refrain pass, the more so in a long track.

    Args:
        windows: Probabilities of classes in windows of one track, shape (windows, classes), 0..1.
        classes: AudioSet's names of the classes, in order.

    Raises:
        ValueError: There is no window, or a class of the voice is not among the classes.
    """
    windows = np.asarray(windows)
    if windows.ndim != 2 or not len(windows) or windows.shape[1] != len(classes):
        raise ValueError(
            f"got probabilities of shape {windows.shape}; expected (windows, {len(classes)}) with at least "
            "one window"
        )
    numbers = {name: number for number, name in enumerate(classes)}
    if unknown := [name for name in VOICE_CLASSES if name not in numbers]:
        raise ValueError(f"got {len(classes)} classes without {unknown[0]!r}; expected those of AudioSet")
    return float(windows[:, [numbers[name] for name in VOICE_CLASSES]].max())
