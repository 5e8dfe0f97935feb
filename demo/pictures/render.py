"""Pictures for a clip: films that move, and the stills, slideshows and texts that only pretend to."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from leitmotif.demo.pictures.figures import dancers, performance
from leitmotif.demo.pictures.film_lyrics import FILM_LYRICS, film_lyrics
from leitmotif.demo.pictures.paint import Canvas, Grain, mood_colours
from leitmotif.demo.pictures.scenes import Scene, Shot, city, landscape, waves
from leitmotif.demo.pictures.shapes import abstract, particles
from leitmotif.demo.pictures.stills import STILLS, Still

SCENES: dict[str, Scene] = {
    "landscape": landscape,
    "city": city,
    "dancers": dancers,
    "particles": particles,
    "waves": waves,
    "abstract": abstract,
    "performance": performance,
}

PRETENDERS: dict[str, Still] = {**STILLS, FILM_LYRICS: film_lyrics}
KINDS: dict[str, bool] = {**dict.fromkeys(SCENES, True), **dict.fromkeys(PRETENDERS, False)}
"""Every kind of picture, and whether it is a film that moves, without lyrics over it."""

_UNCUT = frozenset({"performance"})  # one camera on a tripod
_CAMERAS = 4  # shots that a cut film returns to


def _cut_times(canvas: Canvas, rng: np.random.Generator, duration_s: float) -> list[tuple[float, int]]:
    """Draw where each shot begins and its camera; cuts fall on beats, more often in wild moods."""
    beat_s = 60 / canvas.tempo_bpm
    usual_s = 7.5 - 6.0 * canvas.energy
    cuts = [(0.0, 0)]
    while True:
        beats = max(1, round(usual_s * rng.uniform(0.6, 1.5) / beat_s))
        beats = beats if beats < 4 else 4 * round(beats / 4)
        start_s = cuts[-1][0] + beats * beat_s
        if start_s >= duration_s - 0.5:
            return cuts
        camera = (cuts[-1][1] + int(rng.integers(1, _CAMERAS))) % _CAMERAS
        cuts.append((start_s, camera))


def _moving(kind: str, canvas: Canvas, seed: list[int], duration_s: float) -> Shot:
    """Make a film of one kind, cut from a few cameras."""
    rng = np.random.default_rng([*seed, 1])
    cuts = [(0.0, 0)] if kind in _UNCUT else _cut_times(canvas, rng, duration_s)
    cameras: dict[int, Shot] = {}

    def shot(time_s: float) -> np.ndarray:
        start_s, camera = next(cut for cut in reversed(cuts) if cut[0] <= time_s + 1e-9)
        if camera not in cameras:
            cameras[camera] = SCENES[kind](canvas, np.random.default_rng([*seed, 2, camera]))
        frame = cameras[camera](time_s)
        if kind in _UNCUT or canvas.arousal <= 0:
            return frame
        flash = 0.22 * canvas.arousal * float(np.exp(-8 * (time_s - start_s))) if start_s > 0 else 0.0
        return cv2.convertScaleAbs(frame, alpha=1 + 0.07 * canvas.arousal * canvas.pulse(time_s) + flash)

    return shot


def render_pictures(
    kind: str,
    seed: int,
    *,
    duration_s: float,
    fps: float = 25.0,
    size: tuple[int, int] = (480, 270),
    valence: float = 0.0,
    arousal: float = 0.0,
    tempo_bpm: float = 110.0,
    names: tuple[str, str] = ("Untitled", "Unknown"),
) -> Iterator[np.ndarray]:
    """Render the frames of a clip; the same arguments give the same frames.

    Args:
        kind: One of `KINDS`.
        seed: Draws everything that is not asked for.
        duration_s: Length; round(duration_s * fps) frames come out.
        fps: Frames a second.
        size: Width and height in pixels.
        valence: -1 to 1; colours and weather follow it.
        arousal: -1 to 1; speed, contrast and cuts follow it.
        tempo_bpm: Cuts, steps and pulses fall on beats of this tempo, the first one at 0 s.
        names: Title and artist, where a picture shows text.

    Returns:
        An iterator of uint8 RGB frames (height, width, 3).

    Raises:
        LookupError: The kind is unknown.
        ValueError: A size, rate, length, tempo or mood that cannot be drawn.
    """
    if kind not in KINDS:
        raise LookupError(f"unknown kind of picture {kind!r}; known are {', '.join(KINDS)}")
    width, height = size
    if width < 32 or height < 32:
        raise ValueError(f"got a picture of {width}x{height} pixels; give at least 32x32")
    if duration_s <= 0 or fps <= 0 or tempo_bpm <= 0:
        raise ValueError(f"got {duration_s} s, {fps} frames/s and {tempo_bpm} BPM; all must be above 0")
    if not (-1 <= valence <= 1 and -1 <= arousal <= 1):
        raise ValueError(f"got valence {valence} and arousal {arousal}; both lie between -1 and 1")
    words = [seed, list(KINDS).index(kind)]
    colours = mood_colours(valence, arousal, np.random.default_rng([*words, 0]))
    canvas = Canvas(width, height, valence, arousal, tempo_bpm, colours)
    return _frames(kind, canvas, words, duration_s, fps, names)


def _frames(
    kind: str, canvas: Canvas, seed: list[int], duration_s: float, fps: float, names: tuple[str, str]
) -> Iterator[np.ndarray]:
    rng = np.random.default_rng([*seed, 3])
    moving = KINDS[kind]
    if moving:
        shot = _moving(kind, canvas, seed, duration_s)
    else:
        shot = PRETENDERS[kind](canvas, np.random.default_rng([*seed, 2]), names)
    sigma = float(rng.uniform(2.0, 5.0)) if moving else float(rng.uniform(0.8, 1.8))
    grain = (
        Grain(rng, canvas.width, canvas.height, sigma) if rng.random() < (0.5 if moving else 0.25) else None
    )
    fade_s = float(rng.uniform(0.5, 1.5)) if rng.random() < 0.2 else 0.0
    for index in range(round(duration_s * fps)):
        time_s = index / fps
        frame = shot(time_s)
        if time_s < fade_s:
            frame = cv2.convertScaleAbs(frame, alpha=time_s / fade_s)
        yield frame if grain is None else grain.over(frame)
