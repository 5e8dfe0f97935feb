"""Moving pictures without things in them: swarms of lights, and turning shapes that pulse on the beat."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from leitmotif.demo.pictures.paint import Canvas, noise, ramp, rgb

Shot = Callable[[float], np.ndarray]


def particles(canvas: Canvas, rng: np.random.Generator) -> Shot:
    """Film a swarm of lights with trails over a drifting nebula; the swarm opens on the beat."""
    width, height = canvas.width, canvas.height
    half = (width // 2, height // 2)
    far, light, middle, dark, accent = canvas.colours
    wide, tall = round(width * 1.3), round(height * 1.3)
    texture = noise(rng, wide, tall, cell_px=110 * canvas.unit, octaves=6, gain=0.6)
    nebula = ramp(np.clip(texture * 1.5 - 0.35, 0, 1), [dark * 0.6, dark * 0.5 + far * 0.4, middle * 0.7])
    count = round(70 + 150 * canvas.energy)
    turns = rng.normal(0, 1, (count, 2)) * (0.35 + 1.1 * canvas.energy) + 0.4
    phases = rng.uniform(0, 2 * np.pi, (count, 2))
    reach = rng.uniform(0.08, 0.62, count) ** 0.8
    sizes = rng.choice([1, 1, 1, 2, 3], count)
    tints = [rgb(tint, 0.75) for tint in (accent, light, far * 0.5 + 110, accent)]
    trail = np.zeros((half[1], half[0], 3), np.uint8)
    turn = rng.uniform(-2, 2)
    fade = 0.9 - 0.12 * canvas.energy

    def shot(time_s: float) -> np.ndarray:
        nonlocal trail
        matrix = cv2.getRotationMatrix2D(
            (wide / 2, tall / 2), turn * time_s, 1.12 + 0.01 * np.sin(time_s * 0.5)
        )
        matrix[:, 2] -= ((wide - width) / 2, (tall - height) / 2)
        frame = cv2.warpAffine(
            nebula, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        opening = reach * (1 + 0.22 * canvas.energy * canvas.pulse(time_s))
        x = half[0] * (0.5 + opening * 0.75 * np.cos(turns[:, 0] * time_s + phases[:, 0]))
        y = half[1] * (0.5 + opening * 0.85 * np.sin(turns[:, 1] * time_s + phases[:, 1]))
        trail = cv2.convertScaleAbs(trail, alpha=fade)
        places = np.round(np.stack([x, y], -1) * 8).astype(np.int32).tolist()
        for index, (at_x, at_y) in enumerate(places):
            radius = round(sizes[index] * 5 * canvas.unit)
            cv2.circle(trail, (at_x, at_y), radius, tints[index % 4], -1, cv2.LINE_AA, 3)
        bright = cv2.add(trail, cv2.GaussianBlur(trail, (0, 0), 3 * canvas.unit))
        return cv2.add(frame, cv2.resize(bright, (width, height), interpolation=cv2.INTER_LINEAR))

    return shot


def _polar(canvas: Canvas, mirrors: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for every pixel its mirrored angle, the logarithm of its distance (in texels), its light."""
    x = (np.arange(canvas.width, dtype=np.float32)[None] - canvas.width / 2) / canvas.height
    y = (np.arange(canvas.height, dtype=np.float32)[:, None] - canvas.height / 2) / canvas.height
    distance = np.sqrt(x**2 + y**2) + 0.01
    angle = np.arctan2(y, x) / (2 * np.pi) + 0.5
    mirrored = np.abs((angle * mirrors) % 1 - 0.5) * 2
    light = np.clip(distance * 5, 0.1, 1)
    return (
        mirrored.astype(np.float32) * 250,
        np.log(distance).astype(np.float32) * 90 + 512,
        light.astype(np.float32),
    )


def abstract(canvas: Canvas, rng: np.random.Generator) -> Shot:
    """Film a kaleidoscope that flows outwards, with polygons that turn and swell on the beat."""
    width, height = canvas.width, canvas.height
    far, light, middle, dark, accent = canvas.colours
    texture = noise(rng, 512, 512, cell_px=80, octaves=5, gain=0.6)
    cells = np.abs((texture * rng.uniform(3, 8)) % 1 - 0.5) * 2
    atlas = ramp(0.3 * texture + 0.7 * cells, [dark, far * 0.8, middle, light])
    atlas = np.concatenate([atlas, atlas[:, :8]], axis=1)
    mirrored, reach, shade = _polar(canvas, int(rng.choice([3, 4, 5, 6, 8])))
    shade_u8 = np.repeat((shade[..., None] * 235).astype(np.uint8), 3, axis=2)
    flow, drift = 18 + 75 * canvas.energy, rng.uniform(-30, 30)
    sides = [int(n) for n in rng.integers(3, 8, 4)]
    spin = rng.uniform(0.3, 1.0, 4) * rng.choice([-1, 1], 4) * (0.4 + 1.6 * canvas.energy)
    tints = (accent, light, far, accent * 0.5 + 127)

    def shot(time_s: float) -> np.ndarray:
        rows = (reach - flow * time_s) % 511
        frame = cv2.remap(atlas, (mirrored + drift * time_s) % 512, rows, cv2.INTER_LINEAR)
        frame = cv2.multiply(frame, shade_u8, scale=1 / 255)
        swell = 1 + 0.35 * (0.3 + canvas.energy) * canvas.pulse(time_s)
        for index, (corners, pace) in enumerate(zip(sides, spin, strict=True)):
            angles = np.arange(corners) / corners * 2 * np.pi + pace * time_s
            radius = height * (0.1 + 0.11 * index) * swell
            points = np.stack([width / 2 + radius * np.cos(angles), height / 2 + radius * np.sin(angles)], -1)
            thick = max(1, round((5 - index) * canvas.unit * swell))
            cv2.polylines(
                frame, [np.round(points * 8).astype(np.int32)], True, rgb(tints[index]), thick, cv2.LINE_AA, 3
            )
        return frame

    return shot
