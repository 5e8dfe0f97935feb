"""What a clip will be, drawn before any sound: genre, mood, line-up, voices, tempo and harmony."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leitmotif.music.arrangement import Feel
from leitmotif.music.score import Grid, draw_grid
from leitmotif.music.singing import KINDS
from leitmotif.music.sounds import INSTRUMENTS, SOUNDS
from leitmotif.music.styles import GENRES, STYLES, Style


@dataclass(frozen=True)
class SongPlan:
    """What was drawn or asked for before any sound."""

    style_name: str
    genre: str | None
    feel: Feel
    labels: tuple[str, ...]
    voices: tuple[str, ...]
    single: bool


def check_request(
    genre: str | None, instruments: Sequence[str] | None, duration_s: float, rate_hz: int
) -> None:
    """Refuse unknown labels and impossible lengths."""
    if genre is not None and genre not in STYLES:
        raise LookupError(f"unknown genre {genre!r}; known are {', '.join(GENRES)}")
    for label in instruments or ():
        if label not in SOUNDS:
            raise LookupError(f"unknown instrument {label!r}; known are {', '.join(INSTRUMENTS)}")
    if duration_s < 0.5 or rate_hz < 8000:
        raise ValueError(f"got {duration_s} s at {rate_hz} Hz; give at least 0.5 s and 8000 Hz")


def draw_genre(rng: np.random.Generator, valence: float | None, arousal: float | None) -> str:
    """Draw a genre that allows a mood, where one is asked for."""
    fitting = []
    for name, style in STYLES.items():
        v, a = valence or 0.0, arousal or 0.0
        v_fits = valence is None or style.valence[0] - 0.15 <= v <= style.valence[1] + 0.15
        a_fits = arousal is None or style.arousal[0] - 0.15 <= a <= style.arousal[1] + 0.15
        if v_fits and a_fits:
            fitting.append(name)
    return str(rng.choice(fitting or list(GENRES)))


def draw_line_up(
    rng: np.random.Generator, style: Style, wanted: Sequence[str] | None, arousal: float
) -> tuple[str, ...]:
    """Draw two to six instruments typical of a style, with those that are wanted."""
    labels = list(wanted or ())
    labels += [str(rng.choice(choice)) for choice in style.core if rng.random() < 0.93]
    more = int(np.clip(round(rng.normal(1.6 + 0.5 * arousal, 0.9)), 0, 3))
    labels += [str(label) for label in rng.choice(style.colours, more)]
    if rng.random() < 0.3:
        labels.append(str(rng.choice(INSTRUMENTS)))
    unique = list(dict.fromkeys(labels))
    if {"drums", "drum machine"} <= set(unique) and not {"drums", "drum machine"} <= set(wanted or ()):
        unique.remove("drums" if "drum machine" in (wanted or ()) else "drum machine")
    while len(unique) < 2:
        unique = list(dict.fromkeys([*unique, str(rng.choice(style.colours))]))
    return tuple(unique[: max(6, len(wanted or ()))])


def draw_plan(
    rng: np.random.Generator,
    genre: str | None,
    vocals: bool | None,
    solo: bool | None,
    instruments: Sequence[str] | None,
    valence: float | None,
    arousal: float | None,
) -> SongPlan:
    """Fill in what was not asked for."""
    alone = bool(rng.random() < (0.45 if not instruments else 0.5 if len(instruments) == 1 else 0.0))
    alone = alone if solo is None else solo
    sings = bool(rng.random() < (0.2 if alone else 0.48))
    sings = (sings and not (alone and instruments)) if vocals is None else vocals
    name = genre or draw_genre(rng, valence, arousal)
    style = STYLES[name]
    v = float(rng.uniform(*style.valence)) if valence is None else float(valence)
    a = float(rng.uniform(*style.arousal)) if arousal is None else float(arousal)
    voices: tuple[str, ...] = ()
    if sings:
        voices = (str(rng.choice(KINDS, p=(0.35, 0.35, 0.15, 0.15))),)
        if rng.random() < 0.12 and "speech" not in voices:
            voices = tuple(dict.fromkeys((*voices, str(rng.choice(KINDS[:3])))))
    if alone:
        labels = tuple(dict.fromkeys(instruments or ()))
        if instruments is None and not sings:
            labels = (str(rng.choice(INSTRUMENTS)),)
    else:
        labels = draw_line_up(rng, style, instruments, a)
    single = alone and len(labels) == 1 and not sings and rng.random() < 0.4
    return SongPlan(name, name if genre or not alone else None, Feel(v, a), labels, voices, bool(single))


def lay_grid(rng: np.random.Generator, plan: SongPlan, duration_s: float) -> Grid:
    """Draw tempo, metre, mode and harmony of a plan."""
    style, feel = STYLES[plan.style_name], plan.feel
    slow, fast = style.tempo_bpm
    pace = np.clip(0.5 + 0.45 * feel.arousal + rng.normal(0, 0.15), 0, 1)
    minor = rng.random() < 1 / (1 + np.exp(5.0 * feel.valence))
    form = str(rng.choice(style.forms))
    return draw_grid(
        rng,
        tempo_bpm=float(np.round(slow + (fast - slow) * pace, 1)),
        duration_s=duration_s,
        minor=bool(minor),
        beats=3 if rng.random() < style.waltz else 4,
        swing=float(rng.uniform(0.6, 0.68)) if rng.random() < style.swing else 0.5,
        sevenths=style.sevenths,
        form=form,
    )
