"""The brushes of every rendered picture: palettes that follow a mood, noise, layers, glows and text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

# (valence, arousal) -> far, light, middle, dark and accent colour. A mood between these mixes its neighbours.
_MOOD_COLOURS: tuple[tuple[tuple[float, float], tuple[tuple[int, int, int], ...]], ...] = (
    ((0.8, 0.4), ((82, 170, 235), (255, 222, 130), (250, 160, 66), (122, 66, 40), (255, 92, 110))),
    ((0.5, 0.9), ((236, 46, 120), (255, 196, 40), (250, 96, 48), (74, 16, 66), (90, 240, 255))),
    ((-0.6, 0.9), ((96, 8, 14), (214, 50, 22), (120, 22, 20), (14, 6, 10), (255, 96, 24))),
    ((-0.5, 0.4), ((28, 20, 48), (120, 96, 60), (58, 48, 66), (10, 10, 18), (230, 220, 90))),
    ((-0.7, -0.5), ((58, 80, 116), (132, 148, 168), (62, 78, 102), (20, 26, 40), (150, 178, 206))),
    ((0.5, -0.8), ((140, 204, 214), (236, 238, 214), (118, 178, 156), (56, 104, 100), (252, 206, 176))),
    ((0.4, -0.3), ((168, 128, 196), (250, 186, 190), (176, 110, 150), (72, 44, 88), (255, 216, 160))),
    ((-0.3, -0.1), ((16, 58, 78), (62, 128, 122), (30, 66, 88), (8, 16, 30), (122, 250, 206))),
)


@dataclass(frozen=True)
class Canvas:
    """What a scene has to follow: the frame, the mood, the tempo and the five colours of the clip.

    Attributes:
        width: Pixels.
        height: Pixels.
        valence: -1 (sad) to 1 (glad).
        arousal: -1 (quiet) to 1 (wild).
        tempo_bpm: Beats a minute; a beat falls on 0 s.
        colours: Far, light, middle, dark and accent colour, float32 (5, 3) RGB 0-255.
    """

    width: int
    height: int
    valence: float
    arousal: float
    tempo_bpm: float
    colours: np.ndarray

    @property
    def unit(self) -> float:
        """The factor from lengths meant for a 270 line frame to this frame."""
        return self.height / 270

    @property
    def energy(self) -> float:
        """Arousal from 0 to 1."""
        return (self.arousal + 1) / 2

    def beats(self, time_s: float) -> float:
        """Return the beats since the start of the clip."""
        return time_s * self.tempo_bpm / 60

    def pulse(self, time_s: float) -> float:
        """1 on each beat, falling towards 0 before the next."""
        return float(np.exp(-4 * (self.beats(time_s) % 1)))


def mood_colours(valence: float, arousal: float, rng: np.random.Generator) -> np.ndarray:
    """Mix the five colours of a mood, with a small change of hue and light for this clip.

    Returns:
        Far, light, middle, dark and accent colour, float32 (5, 3) RGB 0-255.
    """
    places = np.array([place for place, _ in _MOOD_COLOURS], dtype=np.float64)
    weights = 1 / (0.05 + ((places - (valence, arousal)) ** 2).sum(axis=1)) ** 3
    table = np.array([colours for _, colours in _MOOD_COLOURS], dtype=np.float64)
    mixed = np.tensordot(weights / weights.sum(), table, axes=1)
    hsv = cv2.cvtColor((mixed[None] / 255).astype(np.float32), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + rng.normal(0, 7)) % 360
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.85, 1.15) * (1 + 0.2 * arousal), 0, 1)
    hsv[..., 2] = np.clip(hsv[..., 2] * rng.uniform(0.9, 1.1), 0, 1)
    return (cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0] * 255).astype(np.float32)


def rgb(colour: np.ndarray, gain: float = 1.0) -> tuple[int, int, int]:
    """Turn a colour (3,) of 0-255, times a gain, into the integers that OpenCV's drawing functions want."""
    red, green, blue = np.clip(np.asarray(colour, dtype=np.float64) * gain, 0, 255)
    return int(red), int(green), int(blue)


def noise(
    rng: np.random.Generator, width: int, height: int, *, cell_px: float, octaves: int = 5, gain: float = 0.55
) -> np.ndarray:
    """Make noise of several octaves that repeats from the right edge to the left one.

    Returns:
        float32 (height, width), stretched to 0-1.
    """
    total = np.zeros((height, width), dtype=np.float32)
    weight = 1.0
    for octave in range(octaves):
        cell = max(1.0, cell_px / 2**octave)
        columns, rows = max(2, round(width / cell)), max(2, round(height / cell) + 1)
        grid = rng.random((rows, columns), dtype=np.float32)
        grid = np.pad(grid, ((0, 0), (2, 2)), mode="wrap")
        smooth = cv2.resize(
            grid, (round(width * (columns + 4) / columns), height), interpolation=cv2.INTER_CUBIC
        )
        left = round(2 * width / columns)
        total += weight * smooth[:, left : left + width]
        weight *= gain
        if cell == 1.0:
            break
    total -= total.min()
    return total / max(float(total.max()), 1e-6)


def ramp(values: np.ndarray, colours: Sequence[np.ndarray]) -> np.ndarray:
    """Colour values by a row of colours.

    Args:
        values: Any shape, 0-1.
        colours: At least two, each (3,) RGB 0-255, evenly spaced from 0 to 1.

    Returns:
        uint8 RGB, the shape of the values with a last axis of 3.
    """
    steps = np.linspace(0, 1, 256)
    stops = np.linspace(0, 1, len(colours))
    table = np.stack([np.interp(steps, stops, [colour[c] for colour in colours]) for c in range(3)], axis=-1)
    indices = np.clip(values * 255, 0, 255).astype(np.uint8)
    return np.clip(table, 0, 255).astype(np.uint8)[indices]


def glow(radius_px: float, colour: np.ndarray, sharpness: float = 2.0) -> np.ndarray:
    """Make a round light that fades out, to be added to a frame: uint8, shape (2r+1, 2r+1, 3)."""
    radius = max(1, round(radius_px))
    axis = np.linspace(-1, 1, 2 * radius + 1, dtype=np.float32)
    distance = np.sqrt(axis[None] ** 2 + axis[:, None] ** 2)
    light = np.clip(1 - distance, 0, 1) ** sharpness
    return np.clip(light[..., None] * colour, 0, 255).astype(np.uint8)


def _overlap(
    frame: np.ndarray, sprite: np.ndarray, x: int, y: int
) -> tuple[np.ndarray, tuple[slice, slice]] | None:
    top, left = max(0, y), max(0, x)
    bottom, right = min(frame.shape[0], y + sprite.shape[0]), min(frame.shape[1], x + sprite.shape[1])
    if top >= bottom or left >= right:
        return None
    return frame[top:bottom, left:right], (slice(top - y, bottom - y), slice(left - x, right - x))


def add_light(frame: np.ndarray, light: np.ndarray, centre_x: float, centre_y: float) -> None:
    """Add a light, uint8 (h, w, 3), to a frame, uint8 (height, width, 3), centred there, in place."""
    x, y = round(centre_x) - light.shape[1] // 2, round(centre_y) - light.shape[0] // 2
    if (found := _overlap(frame, light, x, y)) is not None:
        target, part = found
        target[:] = cv2.add(target, light[part])


@dataclass(frozen=True)
class Layer:
    """A picture with transparency, ready to be laid over a frame.

    Attributes:
        colour: uint8 (h, w, 3), already multiplied by the opacity.
        clear: 255 minus the opacity, uint8 (h, w, 3).
    """

    colour: np.ndarray
    clear: np.ndarray

    @classmethod
    def of(cls, colour: np.ndarray, opacity: np.ndarray) -> Layer:
        """Make a layer of a colour picture (h, w, 3) and an opacity of 0-1 (h, w)."""
        alpha = opacity[..., None].astype(np.float32)
        clear = np.repeat(255 - np.round(alpha * 255), 3, axis=2)
        return cls(np.round(colour * alpha).astype(np.uint8), clear.astype(np.uint8))

    def over(self, frame: np.ndarray, x: int, y: int) -> None:
        """Lay it over the frame, uint8 (height, width, 3), with its upper left corner there, in place."""
        if (found := _overlap(frame, self.colour, x, y)) is not None:
            target, part = found
            target[:] = cv2.add(cv2.multiply(target, self.clear[part], scale=1 / 255), self.colour[part])

    def warped(self, matrix: np.ndarray, width: int, height: int) -> Layer:
        """Return the layer under an affine map, a matrix of shape (2, 3), on a canvas of that size."""
        size = (width, height)
        white = (255, 255, 255)
        return Layer(
            cv2.warpAffine(self.colour, matrix, size, flags=cv2.INTER_LINEAR),
            cv2.warpAffine(self.clear, matrix, size, flags=cv2.INTER_LINEAR, borderValue=white),
        )


class Panorama:
    """A layer that repeats from right to left, seen through a window that slides by fractions of a pixel."""

    def __init__(self, layer: Layer, window_px: int, top_px: int = 0) -> None:
        self._period_px = layer.colour.shape[1]
        extra = np.arange(self._period_px + window_px + 1) % self._period_px
        self._colour, self._clear = layer.colour[:, extra], layer.clear[:, extra]
        self._window_px = window_px
        self._top_px = top_px
        self._opaque = not layer.clear.any()

    def paint(self, frame: np.ndarray, offset_px: float) -> None:
        """Lay the part that begins at `offset_px` over the frame, uint8 (height, width, 3), in place."""
        offset = offset_px % self._period_px
        colour = self._slide(self._colour, offset)
        target = frame[self._top_px : self._top_px + colour.shape[0]]
        if self._opaque:
            target[:] = colour
        else:
            cv2.multiply(target, self._slide(self._clear, offset), dst=target, scale=1 / 255)
            cv2.add(target, colour, dst=target)

    def _slide(self, picture: np.ndarray, offset: float) -> np.ndarray:
        first = int(offset)
        part = offset - first
        left = picture[:, first : first + self._window_px]
        right = picture[:, first + 1 : first + 1 + self._window_px]
        return cv2.addWeighted(left, 1 - part, right, part, 0)


@lru_cache(maxsize=16)
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)


def text_layer(text: str, size_px: float, colour: np.ndarray, *, outline: np.ndarray | None = None) -> Layer:
    """Set text as a layer, in a colour (3,) of 0-255 RGB, with an outline where a colour for it is given."""
    font = _font(max(8, round(size_px)))
    stroke = max(1, round(size_px / 14)) if outline is not None else 0
    box = ImageDraw.Draw(Image.new("RGBA", (1, 1))).textbbox((0, 0), text, font=font, stroke_width=stroke)
    width, height = int(box[2] - box[0]) + 4, int(box[3] - box[1]) + 4
    edge = rgb(outline) if outline is not None else rgb(colour)
    image = Image.new("RGBA", (max(1, width), max(1, height)), (*edge, 0))
    ImageDraw.Draw(image).text(
        (2 - box[0], 2 - box[1]), text, font=font, fill=rgb(colour), stroke_width=stroke, stroke_fill=edge
    )
    pixels = np.asarray(image)
    return Layer.of(pixels[..., :3], pixels[..., 3] / 255)


class Grain:
    """Film grain or sensor noise: one of a few noise pictures at a random place, new for each frame."""

    def __init__(self, rng: np.random.Generator, width: int, height: int, sigma: float) -> None:
        self._rng = rng
        self._size = (height, width)
        tile = rng.normal(0, sigma, (height + 64, width + 64, 1)) + rng.normal(0, sigma / 3, (1, 1, 1))
        colour = rng.normal(0, sigma / 3, (height + 64, width + 64, 3))
        self._tile = np.round(tile + colour).astype(np.int16)

    def over(self, frame: np.ndarray) -> np.ndarray:
        """Return the frame, uint8 (height, width, 3), with other grain."""
        y, x = (int(v) for v in self._rng.integers(0, 64, 2))
        flip = int(self._rng.integers(0, 2))
        part = self._tile[y : y + self._size[0], x : x + self._size[1]]
        return cv2.add(frame, part[:, ::-1] if flip else part, dtype=cv2.CV_8U)
