"""Pictures that hardly are films: covers, slideshows, slow zooms, lyrics and flying words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from leitmotif.demo.pictures.paint import Canvas, glow, noise, ramp, rgb, text_layer
from leitmotif.demo.pictures.scenes import Scene, city, landscape, waves
from leitmotif.demo.words import LYRIC_LINES, SHOUT_WORDS

Shot = Callable[[float], np.ndarray]
Still = Callable[[Canvas, np.random.Generator, tuple[str, str]], Shot]

_PAINTED: tuple[Scene, ...] = (landscape, city, waves)


def _marble(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """Paint folded noise with discs and bars, as on the cover of a record."""
    width, height = canvas.width, canvas.height
    far, light, middle, dark, accent = canvas.colours
    fold = noise(rng, width, height, cell_px=120 * canvas.unit, octaves=4)
    grit = noise(rng, width, height, cell_px=14 * canvas.unit, octaves=4, gain=0.8)
    bands = np.abs((fold * rng.uniform(2, 6)) % 1 - 0.5) * 2
    art = ramp(np.clip(0.65 * bands + 0.35 * grit, 0, 1), [dark, far, middle, light])
    for _ in range(int(rng.integers(1, 4))):
        place = (round(rng.uniform(0.1, 0.9) * width), round(rng.uniform(0.1, 0.9) * height))
        tint = rgb((accent, light, dark)[int(rng.integers(0, 3))], rng.uniform(0.7, 1.1))
        if rng.random() < 0.6:
            thick = -1 if rng.random() < 0.6 else max(1, round(rng.uniform(2, 10) * canvas.unit))
            cv2.circle(art, place, round(rng.uniform(0.08, 0.3) * height), tint, thick, cv2.LINE_AA)
        else:
            size = (rng.uniform(0.2, 0.8) * width, rng.uniform(0.02, 0.08) * height)
            box = cv2.boxPoints((place, size, rng.uniform(-60, 60)))
            cv2.fillPoly(art, [np.round(box).astype(np.int32)], tint, cv2.LINE_AA)
    mottle = (0.8 + 0.4 * grit)[..., None]
    return np.clip(art * mottle, 0, 255).astype(np.uint8)


def artwork(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """Paint a still picture, uint8 RGB (height, width, 3): a painted place or an abstract cover."""
    if rng.random() < 0.35:
        return _marble(canvas, rng)
    painted = _PAINTED[int(rng.integers(0, len(_PAINTED)))](canvas, rng)(rng.uniform(0, 5))
    grit = noise(rng, canvas.width, canvas.height, cell_px=6 * canvas.unit, octaves=3, gain=0.8)
    return np.clip(painted * (0.88 + 0.24 * grit)[..., None], 0, 255).astype(np.uint8)


def _blurred(picture: np.ndarray, canvas: Canvas, light: float) -> np.ndarray:
    """Enlarge the picture to fill the frame, blurred and darkened, as players fill the sides of a cover."""
    side = max(canvas.width / picture.shape[1], canvas.height / picture.shape[0])
    large = cv2.resize(picture, None, fx=side, fy=side, interpolation=cv2.INTER_LINEAR)
    top, left = (large.shape[0] - canvas.height) // 2, (large.shape[1] - canvas.width) // 2
    cut = large[top : top + canvas.height, left : left + canvas.width]
    return cv2.convertScaleAbs(cv2.GaussianBlur(cut, (0, 0), 14 * canvas.unit), alpha=light)


def _write(
    frame: np.ndarray, lines: tuple[str, ...], canvas: Canvas, size_px: float, middle: tuple[float, float]
) -> None:
    """Set lines of text centred there, made smaller where they would not fit, in place."""
    ink, edge = np.full(3, 250.0), canvas.colours[3] * 0.4
    top = middle[1] - len(lines) * size_px * 0.65
    for line in lines:
        layer = text_layer(line, size_px, ink, outline=edge)
        room = 0.94 * 2 * min(middle[0], canvas.width - middle[0])
        if layer.colour.shape[1] > room:
            layer = text_layer(line, size_px * room / layer.colour.shape[1], ink, outline=edge)
        layer.over(frame, round(middle[0] - layer.colour.shape[1] / 2), round(top))
        top += size_px * 1.3


def _visualiser(canvas: Canvas, rng: np.random.Generator) -> Callable[[np.ndarray, float], None]:
    """Make a few bars that jump in a corner: the only thing that moves in many uploads."""
    count, unit = 9, canvas.unit
    rates, phases = rng.uniform(1.5, 6, count), rng.uniform(0, 6, count)
    left = 10 * unit if rng.random() < 0.5 else canvas.width - (10 + 7 * count) * unit
    floor = canvas.height - 10 * unit
    tint = rgb(canvas.colours[4])

    def paint(frame: np.ndarray, time_s: float) -> None:
        for index in range(count):
            high = (
                4 + 10 * abs(np.sin(rates[index] * time_s + phases[index])) + 8 * canvas.pulse(time_s)
            ) * unit
            x = left + 7 * index * unit
            cv2.rectangle(
                frame, (round(x), round(floor - high)), (round(x + 5 * unit), round(floor)), tint, -1
            )

    return paint


def static_cover(canvas: Canvas, rng: np.random.Generator, names: tuple[str, str]) -> Shot:
    """Show one cover for the whole clip: square on a blurred ground, or over all of it; maybe with bars."""
    side = round(canvas.height * 0.8)
    if rng.random() < 0.6:
        cover = artwork(replace(canvas, width=side, height=side), rng)
        frame = _blurred(cover, canvas, 0.55)
        left = round(canvas.width * 0.06) if rng.random() < 0.5 else (canvas.width - side) // 2
        top = (canvas.height - side) // 2
        frame[top : top + side, left : left + side] = cover
        if left * 3 < side:
            _write(
                frame, names, canvas, 20 * canvas.unit, ((left + side + canvas.width) / 2, canvas.height / 2)
            )
    else:
        frame = artwork(canvas, rng)
        _write(
            frame, names, canvas, 30 * canvas.unit, (canvas.width / 2, canvas.height * rng.uniform(0.2, 0.8))
        )
    bars = _visualiser(canvas, rng) if rng.random() < 0.3 else None

    def shot(time_s: float) -> np.ndarray:
        picture = frame.copy()
        if bars is not None:
            bars(picture, time_s)
        return picture

    return shot


def slideshow(canvas: Canvas, rng: np.random.Generator, names: tuple[str, str]) -> Shot:
    """Show stills in turn, each for some seconds, with hard cuts or short cross fades."""
    slides = [artwork(canvas, rng) for _ in range(int(rng.integers(3, 6)))]
    _write(slides[0], names, canvas, 28 * canvas.unit, (canvas.width / 2, canvas.height * 0.5))
    each_s = rng.uniform(3.0, 6.5) - 0.6 * canvas.arousal
    fade_s = 0.0 if rng.random() < 0.5 else rng.uniform(0.3, 0.8)

    def shot(time_s: float) -> np.ndarray:
        index = int(time_s / each_s)
        left_s = (index + 1) * each_s - time_s
        now, after = slides[index % len(slides)], slides[(index + 1) % len(slides)]
        if left_s >= fade_s:
            return now.copy()
        share = left_s / fade_s
        return cv2.addWeighted(now, share, after, 1 - share, 0)

    return shot


def slow_zoom(canvas: Canvas, rng: np.random.Generator, names: tuple[str, str]) -> Shot:
    """Film a slow zoom and pan into one still."""
    scale = 1.5
    large = replace(canvas, width=round(canvas.width * scale), height=round(canvas.height * scale))
    still = artwork(large, rng)
    _write(still, names, large, 26 * large.unit, (large.width / 2, large.height * rng.uniform(0.3, 0.7)))
    zoom_s, outwards = rng.uniform(0.004, 0.012), rng.random() < 0.4
    pan = rng.uniform(-2.5, 2.5, 2) * canvas.unit

    def shot(time_s: float) -> np.ndarray:
        near = (1.32 - zoom_s * time_s if outwards else 1.08 + zoom_s * time_s) / scale
        shift = pan * time_s
        matrix = np.array(
            [
                [near, 0, canvas.width / 2 - near * large.width / 2 + shift[0]],
                [0, near, canvas.height / 2 - near * large.height / 2 + shift[1]],
            ]
        )
        return cv2.warpAffine(
            still,
            matrix,
            (canvas.width, canvas.height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )

    return shot


def lyrics(canvas: Canvas, rng: np.random.Generator, names: tuple[str, str]) -> Shot:
    """Show lines of text that change now and then over a still."""
    ground = artwork(canvas, rng)
    ground = _blurred(ground, canvas, 0.7) if rng.random() < 0.5 else cv2.convertScaleAbs(ground, alpha=0.6)
    lines = [str(line) for line in rng.permutation(LYRIC_LINES)]
    per_page = int(rng.integers(1, 4))
    each_s = max(1.5, 60 / canvas.tempo_bpm * 8)
    size_px = rng.uniform(20, 27) * canvas.unit
    pages: dict[int, np.ndarray] = {}

    def page(index: int) -> np.ndarray:
        if index not in pages:
            picture = ground.copy()
            first = (index - 1) * per_page
            text = names if index == 0 else tuple(lines[(first + k) % len(lines)] for k in range(per_page))
            _write(picture, text, canvas, size_px, (canvas.width / 2, canvas.height / 2))
            pages.clear()
            pages[index] = picture
        return pages[index]

    return lambda time_s: page(int(time_s / each_s)).copy()


def kinetic_text(canvas: Canvas, rng: np.random.Generator, names: tuple[str, str]) -> Shot:
    """Show words that fly in, swell and turn on the beat over a plain or graded ground."""
    width, height = canvas.width, canvas.height
    far, _, middle, dark, accent = canvas.colours
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None] + np.zeros((1, width), np.float32)
    ground = ramp(down, [dark * 0.8, far * 0.5 + dark * 0.3] if rng.random() < 0.6 else [dark, dark])
    if rng.random() < 0.4:
        light = glow(height * 0.7, middle * 0.3)
        top, left = max(0, (light.shape[0] - height) // 2), max(0, (light.shape[1] - width) // 2)
        part = light[top : top + height, left : left + width]
        x = (width - part.shape[1]) // 2
        ground[: part.shape[0], x : x + part.shape[1]] = cv2.add(
            ground[: part.shape[0], x : x + part.shape[1]], part
        )
    words = [*names[0].upper().split(), *(str(word) for word in rng.permutation(SHOUT_WORDS))]
    inks = (np.full(3, 245.0), accent * 0.6 + 100, accent)
    layers = [text_layer(word, 54 * canvas.unit, inks[index % 3]) for index, word in enumerate(words)]
    fit = [min(1.0, 0.62 * width / layer.colour.shape[1]) for layer in layers]
    places = rng.uniform((0.32, 0.25), (0.68, 0.75), (len(words), 2))
    ways = rng.uniform(-1, 1, (len(words), 3))
    beats_a_word = 1 if canvas.tempo_bpm < 120 else 2

    def put(frame: np.ndarray, index: int, age: float, strength: float) -> None:
        layer, (x, y), (from_x, from_y, tilt) = layers[index], places[index], ways[index]
        rest = float(np.exp(-6 * age))
        near = fit[index] * strength * (1 + 0.9 * rest * canvas.energy)
        angle = 0.15 * tilt + 0.6 * tilt * rest * canvas.energy
        centre = np.array([x + from_x * rest * 0.5, y + from_y * rest * 0.5]) * (width, height)
        turn = near * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        half = np.array([layer.colour.shape[1], layer.colour.shape[0]]) / 2
        matrix = np.column_stack([turn, centre - turn @ half])
        layer.warped(matrix, width, height).over(frame, 0, 0)

    def shot(time_s: float) -> np.ndarray:
        frame = ground.copy()
        step = canvas.beats(time_s) / beats_a_word
        index, age = int(step), step % 1
        if index > 0 and age < 0.5:
            put(frame, (index - 1) % len(words), 1 + age, 1 - 1.8 * age)
        put(frame, index % len(words), age, 1.0)
        return frame

    return shot


STILLS: dict[str, Still] = {
    "static-cover": static_cover,
    "slideshow": slideshow,
    "slow-zoom": slow_zoom,
    "lyrics": lyrics,
    "kinetic-text": kinetic_text,
}
