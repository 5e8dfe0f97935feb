"""Sound without music: speech, noise, animals, applause. A cappella singing and single drums are music."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from leitmotif.filters.rule import SHARE, Rule
from leitmotif.filters.vocals import VOICE_CLASSES

RULES = (
    Rule(
        name="not-music",
        stage="events",
        column="music",
        keep="at least",
        threshold=0.2,
        unit="share",
        domain=SHARE,
        why="speech, noise or animals: hardly any music or singing is heard in it",
        finding="music or singing is heard in {} of it",
        reference="105 real recordings ask for 0.13 to 0.23, whichever folder of them is left out: "
        "`python -m bench.quality.voices`",
    ),
)

# AudioSet's names, of which a tagger knows some or all: what is spoken, and what is sung.
SPEECH_CLASSES = (
    *("Speech", "Male speech, man speaking", "Female speech, woman speaking", "Child speech, kid speaking"),
    *("Conversation", "Narration, monologue"),
)
SINGING_CLASSES = (
    *("Singing", "Choir", "Yodeling", "Chant", "Mantra", "Male singing", "Female singing", "Child singing"),
    *("Synthetic singing", "Rapping", "Humming", "Vocal music", "A capella"),
)
# Those of music lie in one piece.
_FIRST_OF_MUSIC, _LAST_OF_MUSIC = "Music", "Scary music"


@dataclass(frozen=True)
class Heard:
    """What is heard in a track.

    Attributes:
        speech: How probable speech is, on the mean over its windows, 0..1.
        singing: The same of singing.
        music: The same of music or singing, whichever is more probable in a window.
        voice: How probable a human voice is in the window where it is most probable.
        voices: The same, on the mean over the quarter of the windows where it is most probable: a refrain
            counts in full, one window that is taken for a voice does not.
    """

    speech: float
    singing: float
    music: float
    voice: float
    voices: float


def heard_in(windows: np.ndarray, classes: Sequence[str]) -> Heard:
    """Return what is heard in a track.

    Args:
        windows: Probabilities of classes in windows of one track, shape (windows, classes), 0..1.
        classes: AudioSet's names of the classes, in order; some or all of them.

    Raises:
        ValueError: There is no window, or a tagger knows no speech, singing or music.
    """
    windows = np.asarray(windows)
    if windows.ndim != 2 or not len(windows) or windows.shape[1] != len(classes):
        raise ValueError(
            f"got probabilities of shape {windows.shape}; expected (windows, {len(classes)}) with at least "
            "one window"
        )
    speech, singing, voice = (
        _highest(windows, classes, wanted) for wanted in (SPEECH_CLASSES, SINGING_CLASSES, VOICE_CLASSES)
    )
    music = np.maximum(_highest(windows, classes, _music_among(classes)), singing)
    clearest = -(-len(voice) // 4)
    return Heard(
        speech=float(speech.mean()),
        singing=float(singing.mean()),
        music=float(music.mean()),
        voice=float(voice.max()),
        voices=float(np.sort(voice)[-clearest:].mean()),
    )


def _highest(windows: np.ndarray, classes: Sequence[str], wanted: Iterable[str]) -> np.ndarray:
    """Return the highest probability among the wanted classes that there are, shape (windows,)."""
    numbers = {name: number for number, name in enumerate(classes)}
    found = [numbers[name] for name in wanted if name in numbers]
    if not found:
        raise ValueError(
            f"got {len(classes)} classes without {next(iter(wanted))!r}; expected AudioSet's names"
        )
    return windows[:, found].max(axis=1)


def _music_among(classes: Sequence[str]) -> Sequence[str]:
    """Return the classes of music: those of AudioSet lie between two of them."""
    names = list(classes)
    if _LAST_OF_MUSIC in names and _FIRST_OF_MUSIC in names:
        return names[names.index(_FIRST_OF_MUSIC) : names.index(_LAST_OF_MUSIC) + 1]
    return (_FIRST_OF_MUSIC,)
