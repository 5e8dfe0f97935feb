"""Lyrics over a film that moves: lines that fade in and out, fill like karaoke, or stand on a bar."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from leitmotif.demo.pictures.paint import Canvas, Layer, rgb, text_layer
from leitmotif.demo.pictures.scenes import Scene, Shot, city, landscape, waves
from leitmotif.demo.words import LYRIC_LINES

FILM_LYRICS = "film-lyrics"
_FILMS: tuple[Scene, ...] = (landscape, city, waves)
_WAYS = ("fade", "fill", "bar")


def film_lyrics(canvas: Canvas, rng: np.random.Generator, names: tuple[str, str]) -> Shot:
    """Show one line of text at a time over a scene; the title comes first."""
    scene = _FILMS[int(rng.integers(0, len(_FILMS)))](canvas, rng)
    way = str(rng.choice(_WAYS))
    lines = [names[0], *(str(line) for line in rng.permutation(LYRIC_LINES))]
    each_s = float(np.clip(60 / canvas.tempo_bpm * 4, 1.4, 2.8))
    size_px = rng.uniform(22, 28) * canvas.unit
    foot = canvas.height * float(rng.choice([0.5, 0.78]))
    dark = canvas.colours[3] * 0.4

    @lru_cache(maxsize=2)
    def layers(text: str) -> tuple[Layer, Layer]:
        return layer(text, np.full(3, 250.0)), layer(text, canvas.colours[4])

    def layer(text: str, ink: np.ndarray) -> Layer:
        made = text_layer(text, size_px, ink, outline=dark)
        room = 0.94 * canvas.width / made.colour.shape[1]
        return made if room >= 1 else text_layer(text, size_px * room, ink, outline=dark)

    def shot(time_s: float) -> np.ndarray:
        frame = scene(time_s)
        text, share = lines[int(time_s / each_s) % len(lines)], time_s / each_s % 1
        plain, filled = layers(text)
        x, y = (canvas.width - plain.colour.shape[1]) // 2, round(foot)
        if way == "bar":
            margin = round(6 * canvas.unit)
            below = y + plain.colour.shape[0] + margin
            cv2.rectangle(frame, (0, y - margin), (canvas.width, below), rgb(dark), -1)
        under = frame.copy()
        plain.over(frame, x, y)
        if way == "fill":
            filled.over(under, x, y)
            edge = x + round(plain.colour.shape[1] * share)
            frame[:, :edge] = under[:, :edge]
        if way == "fade":
            seen = min(1.0, 6 * share, 6 * (1 - share))
            frame = cv2.addWeighted(frame, seen, under, 1 - seen, 0)
        return frame

    return shot
