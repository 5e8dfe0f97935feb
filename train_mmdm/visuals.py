"""What can be said of the pictures of a video by measuring them: light, colour, movement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Bounds between the words, for pictures of 0..1: about quarters of what rendered films show.
LIGHT = ((0.22, "very dark"), (0.36, "dark"), (0.55, "softly lit"), (1.01, "bright"))
COLOUR = ((0.12, "grey"), (0.3, "muted"), (0.5, "colourful"), (1.01, "vivid"))
CHANGE = ((0.03, "still"), (0.08, "calm"), (0.15, "moving"), (1.01, "restless"))
HUES = ("red", "orange", "yellow", "green", "cyan", "blue", "violet", "pink")
HUE_FROM_DEGREES = (-15, 15, 45, 75, 160, 200, 255, 290)  # pink ends at 345


def describe_visuals(frames: np.ndarray) -> str:
    """Return a phrase such as "dark, muted, blue pictures, restless".

    Args:
        frames: uint8 RGB, shape (n, height, width, 3), n >= 1, in the order of time.
    """
    pictures = frames.astype(np.float32) / 255
    high, low = pictures.max(axis=-1), pictures.min(axis=-1)
    chroma = high - low
    words = [_word(float(pictures.mean()), LIGHT), _word(float(_share(chroma, high)), COLOUR)]
    if words[1] != "grey":
        words.append(_main_hue(pictures, chroma))
    noun = "picture" if len(frames) == 1 else "pictures"
    phrase = f"{', '.join(words)} {noun}"
    if len(frames) == 1:
        return phrase
    change = float(np.abs(np.diff(pictures.mean(axis=-1), axis=0)).mean())
    return f"{phrase}, {_word(change, CHANGE)}"


def _share(chroma: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the mean saturation; dark pixels, whose hue nobody sees, count less."""
    return chroma.sum() / max(float(high.sum()), 1e-6)


def _main_hue(pictures: np.ndarray, chroma: np.ndarray) -> str:
    """Return the name of the hue that most of the colour has."""
    red, green, blue = (pictures[..., channel] for channel in range(3))
    degrees = np.rad2deg(np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue))
    place = (degrees - HUE_FROM_DEGREES[0]) % 360 + HUE_FROM_DEGREES[0]
    names = np.searchsorted(np.array(HUE_FROM_DEGREES), place, side="right") - 1
    names = np.where(place >= 345, 0, names)
    return HUES[int(np.bincount(names.ravel(), weights=chroma.ravel(), minlength=len(HUES)).argmax())]


def _word(value: float, scale: Sequence[tuple[float, str]]) -> str:
    return next(word for bound, word in scale if value < bound)
