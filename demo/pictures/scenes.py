"""Moving places: a landscape with parallax, a drive through a city at night, and the sea.

Every scene is a function of a canvas and a generator that returns a shot; a shot draws the frame at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from leitmotif.demo.pictures.paint import Canvas, Layer, Panorama, add_light, glow, noise, ramp, rgb

Shot = Callable[[float], np.ndarray]
Scene = Callable[[Canvas, np.random.Generator], Shot]

_STREET_PERIOD = 64.0  # units of depth after which the street repeats
_STREET_HALF = 4.0  # units from the middle of the road to the walls
_WALL_TOP = 14.0  # units above the camera


def _sky(canvas: Canvas, rng: np.random.Generator, height: int) -> Panorama:
    """Paint a cloudy sky that repeats after two frame widths."""
    width = 2 * canvas.width
    far, light, middle, _, _ = canvas.colours
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None] + np.zeros((1, width), np.float32)
    clear = ramp(down, [far * 0.75, far, light]).astype(np.float32)
    texture = noise(rng, width, height, cell_px=70 * canvas.unit, octaves=5)
    cover = rng.uniform(0.4, 0.6) - 0.12 * canvas.valence
    clouds = np.clip((texture - 1 + cover + 0.3) * 2.6, 0, 0.9)[..., None]
    shade = ramp(np.clip(texture * 1.5 - 0.4, 0, 1), [middle, light, light * 0.4 + 150])
    mixed = clear * (1 - clouds) + shade * clouds
    mixed += 3 * (rng.random(texture.shape, dtype=np.float32) - 0.5)[..., None]  # no bands in the gradient
    return Panorama(Layer.of(np.clip(mixed, 0, 255), np.ones(texture.shape)), canvas.width)


def _hills(canvas: Canvas, rng: np.random.Generator, nearness: float, bottom_px: int) -> tuple[Panorama, int]:
    """Paint one row of hills; `nearness` 0 is the horizon, 1 the foreground with trees.

    Returns:
        The hills, painted down to `bottom_px`, and the row above which they hide nothing.
    """
    unit, width = canvas.unit, 2 * canvas.width
    _, light, middle, dark, _ = canvas.colours
    ridge = noise(rng, width, 2, cell_px=150 * unit * (1.2 - 0.5 * nearness), octaves=6, gain=0.45)[0]
    ground = canvas.height * (0.42 + 0.36 * nearness) + (0.5 - ridge) * canvas.height * (
        0.34 - 0.14 * nearness
    )
    line = ground
    across = np.arange(width)
    for _ in range(int(rng.integers(10, 40)) if nearness > 0.4 else 0):
        place, tall = rng.uniform(0, width), rng.uniform(14, 46) * unit * nearness
        half = tall * rng.uniform(0.16, 0.3)
        apart = np.abs((across - place + width / 2) % width - width / 2)
        jag = 0.75 + 0.25 * np.abs((apart / half * 3) % 1 - 0.5) * 2
        line = np.where(apart < half, np.minimum(line, ground - (1 - apart / half) * tall * jag), line)
    top = max(0, int(line.min()) - 1)
    rows = np.arange(top, bottom_px, dtype=np.float32)[:, None]
    depth = rows - ground.astype(np.float32)[None]
    texture = noise(rng, width, len(rows), cell_px=26 * unit * (0.4 + nearness), octaves=5, gain=0.7)
    haze = (1 - nearness) * 0.8
    lit = light * haze + middle * (1 - haze)
    shade = middle * haze + dark * (1 - haze)
    tone = np.clip(0.85 - depth / (canvas.height * 0.35) + (texture - 0.5) * 0.9, 0, 1)
    tone = np.where(depth < 0, 0.1 + 0.35 * texture, tone)
    opacity = np.clip(rows - line.astype(np.float32)[None] + 0.5, 0, 1)
    return Panorama(Layer.of(ramp(tone, [shade * 0.6, shade, lit]), opacity), canvas.width, top), int(
        ground.max()
    ) + 2


def _draw_birds(frame: np.ndarray, canvas: Canvas, places: np.ndarray, time_s: float) -> None:
    span = 7 * canvas.unit
    for index, (x, y, speed) in enumerate(places):
        left = (x + speed * time_s) % 1.2 - 0.1
        flap = np.sin(time_s * 9 + index * 1.7) * span * 0.6
        at_x, at_y = left * canvas.width, (y + 0.02 * np.sin(time_s + index)) * canvas.height
        wings = [(at_x - span, at_y - flap), (at_x, at_y), (at_x + span, at_y - flap)]
        points = np.round(np.array(wings) * 8).astype(np.int32)
        cv2.polylines(frame, [points], False, rgb(canvas.colours[3]), 1, cv2.LINE_AA, 3)


def _draw_rain(frame: np.ndarray, canvas: Canvas, drops: np.ndarray, time_s: float) -> None:
    y = ((drops[:, 1] + time_s * drops[:, 2]) % 1.1 - 0.05) * canvas.height
    x = ((drops[:, 0] - time_s * 0.25) % 1.0) * canvas.width
    length = drops[:, 2] * 7 * canvas.unit
    lines = np.stack([np.stack([x, y], -1), np.stack([x - length * 0.2, y + length], -1)], axis=1)
    cv2.polylines(
        frame, list(np.round(lines * 8).astype(np.int32)), False, (168, 178, 192), 1, cv2.LINE_AA, 3
    )


def landscape(canvas: Canvas, rng: np.random.Generator) -> Shot:
    """Film hills in parallax under moving clouds, with sun and birds in glad moods and rain in sad ones."""
    layers: list[tuple[float, Panorama]] = []
    bottom = canvas.height
    for near in (1.0, 0.65, 0.3, 0.0):  # from the front, so that what is hidden is not painted
        hills, covered = _hills(canvas, rng, near, bottom)
        layers.insert(0, (near, hills))
        bottom = min(bottom, covered)
    sky = _sky(canvas, rng, bottom)
    pan_px_s = canvas.width * (0.03 + 0.3 * canvas.energy) * rng.choice([-1, 1]) * rng.uniform(0.7, 1.3)
    sun = glow(canvas.height * 0.42, canvas.colours[1] * 0.55 + canvas.colours[4] * 0.35, 2.4)
    disc = glow(canvas.height * 0.075, np.full(3, 235.0), 0.35)
    sun_x, sun_y = rng.uniform(0.15, 0.85), rng.uniform(0.1, 0.32)
    birds = np.column_stack([rng.uniform(0, 1.2, 7), rng.uniform(0.1, 0.4, 7), rng.uniform(0.04, 0.12, 7)])
    drops = np.column_stack([rng.random(110), rng.random(110), rng.uniform(1.4, 2.4, 110)])
    start_px = rng.uniform(0, canvas.width)
    rainy = canvas.valence < -0.3 and rng.random() < 0.75

    def shot(time_s: float) -> np.ndarray:
        frame = np.empty((canvas.height, canvas.width, 3), np.uint8)
        sky.paint(frame, start_px + time_s * (pan_px_s * 0.08 + canvas.width * 0.012))
        if not rainy:
            x, y = (sun_x + 0.01 * time_s) * canvas.width, (sun_y + 0.004 * time_s) * canvas.height
            add_light(frame, sun, x, y)
            add_light(frame, disc, x, y)
        for near, layer in layers:
            layer.paint(frame, start_px + time_s * pan_px_s * (0.12 + 0.88 * near**1.5))
        if rainy:
            _draw_rain(frame, canvas, drops, time_s)
        elif canvas.valence > 0:
            _draw_birds(frame, canvas, birds, time_s)
        return frame

    return shot


def _street_atlas(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """Paint the road and both walls, rolled out: 10 rows a unit of depth, 128 columns of road, 150 a wall."""
    rows, middle, dark, accent = 640, canvas.colours[2], canvas.colours[3], canvas.colours[4]
    road = 34 + 26 * noise(rng, 128, rows, cell_px=9, octaves=4, gain=0.8)[..., None] + dark * 0.25
    lanes = np.abs(np.abs(np.arange(128) - 63.5) - 0) < 1.6
    road[(np.arange(rows) // 16 % 2 == 0)[:, None] & lanes[None]] = 205
    road[:, [18, 19, 108, 109]] = 150
    road[:, :16] = road[:, 112:] = 66 + 24 * rng.random((rows, 16, 1))
    walls = []
    for _ in range(2):
        wall = np.zeros((rows, 150, 3))
        start = 0
        while start < rows:
            deep, tall = int(rng.integers(40, 110)), int(rng.integers(55, 150))
            tone = (dark * 0.5 + middle * 0.3 + 14) * rng.uniform(0.5, 1.1)
            wall[start : start + deep, :tall] = tone
            pitch, lit = int(rng.integers(7, 12)), rng.uniform(0.2, 0.55)
            for along in range(start + 3, min(start + deep, rows) - pitch // 2, pitch):
                for up in range(22, tall - 6, 10):
                    if rng.random() < lit:
                        warm = rng.choice([0, 1, 2], p=[0.6, 0.25, 0.15])
                        tint = (np.array([255, 214, 140]), np.array([190, 220, 255]), accent)[int(warm)]
                        wall[along : along + pitch // 2 + 1, up : up + 6] = tint * rng.uniform(0.45, 1.0)
            for shop in range(start + 2, start + deep - 4, 18):
                if rng.random() < 0.6:
                    sign = (accent, canvas.colours[1], canvas.colours[0])[int(rng.integers(0, 3))]
                    foot = int(rng.integers(7, 13))
                    wall[shop : shop + int(rng.integers(6, 16)), foot : foot + 6] = sign * rng.uniform(
                        0.4, 1.0
                    )
            start += deep
        walls.append(wall * (0.85 + 0.3 * noise(rng, 150, rows, cell_px=12, octaves=3)[..., None]))
    atlas = np.clip(np.concatenate([road, *walls], axis=1), 0, 255).astype(np.uint8)
    return np.concatenate([atlas, atlas[:2]])


def _street_maps(
    canvas: Canvas, centre_x: float, horizon_y: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for every pixel the column of the atlas, the depth in units, and how clear the air is (0-1)."""
    focal = canvas.height * 0.9
    dx = ((np.arange(canvas.width, dtype=np.float32) - centre_x) / focal)[None]
    dy = ((np.arange(canvas.height, dtype=np.float32) - horizon_y) / focal)[:, None]
    to_wall = _STREET_HALF / np.maximum(np.abs(dx), 1e-3)
    to_road = np.where(dy > 0, 1 / np.maximum(dy, 1e-3), 1e3)
    depth = np.minimum(to_wall, to_road).astype(np.float32)
    on_road = to_road <= to_wall
    road = np.clip(dx * depth * 16 + 64, 0, 127)
    wall = np.clip((1 - dy * depth) / (_WALL_TOP + 1) * 150, 0, 149) + np.where(dx > 0, 278, 128)
    column = np.where(on_road, road, wall).astype(np.float32)
    return column, depth, np.exp(-depth / 22)


def city(canvas: Canvas, rng: np.random.Generator) -> Shot:
    """Film a drive down a street at night: lit windows, street lamps and cars pass by."""
    width, height = canvas.width, canvas.height
    centre_x, horizon_y = width * rng.uniform(0.4, 0.6), height * rng.uniform(0.46, 0.58)
    atlas = _street_atlas(canvas, rng)
    column, depth, clear = _street_maps(canvas, centre_x, horizon_y)
    clear_u8 = np.repeat((clear[..., None] * 255).astype(np.uint8), 3, axis=2)
    haze = canvas.colours[0] * 0.35 + canvas.colours[2] * 0.2 + canvas.colours[4] * 0.12
    veil = ((1 - clear[..., None]) * haze).astype(np.uint8)
    speed = (2.5 + 11 * canvas.energy) * rng.uniform(0.85, 1.2)
    cars = np.column_stack([rng.uniform(0, 64, 6), rng.uniform(0.4, 1.0, 6), rng.integers(0, 2, 6)])
    focal = height * 0.9

    def lamp(frame: np.ndarray, side: float, up: float, ahead: float, size: float, tint: np.ndarray) -> None:
        x, y = (centre_x + side / ahead * focal) / 2, (horizon_y - up / ahead * focal) / 2
        radius = max(1, round(size * canvas.unit * 6 / ahead))
        if -40 < x < width / 2 + 40:
            cv2.circle(
                frame, (round(x), round(y)), radius, rgb(tint, float(np.exp(-ahead / 60))), -1, cv2.LINE_AA
            )

    def shot(time_s: float) -> np.ndarray:
        travelled = speed * time_s
        rows = ((depth + travelled) % _STREET_PERIOD) * 10
        frame = cv2.remap(atlas, column, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        frame = cv2.add(cv2.multiply(frame, clear_u8, scale=1 / 255), veil)
        lights = np.zeros(((height + 1) // 2, (width + 1) // 2, 3), np.uint8)
        beat = 0.65 + 0.35 * canvas.pulse(time_s)
        for post in range(8):
            ahead = (post * 8 - travelled) % 64 + 0.7
            for side in (-2.9, 2.9):
                lamp(lights, side, 2.6, ahead, 1.6, (canvas.colours[1] * 0.5 + 128) * beat)
        for place, pace, oncoming in cars:
            ahead = (place - (travelled * (0.6 + pace) if oncoming else travelled * 0.25 * pace)) % 64 + 1.5
            tint = np.array([255.0, 250, 225]) if oncoming else np.array([255.0, 30, 20])
            for side in (-1.9, -1.1) if oncoming else (1.1, 1.9):
                lamp(lights, side, -0.55, ahead, 1.5, tint)
        lights = cv2.add(lights, cv2.GaussianBlur(lights, (0, 0), 5 * canvas.unit))
        return cv2.add(frame, cv2.resize(lights, (width, height), interpolation=cv2.INTER_LINEAR))

    return shot


def waves(canvas: Canvas, rng: np.random.Generator) -> Shot:
    """Film the open sea under clouds, with a path of glitter below the sun and a small boat."""
    width, height = canvas.width, canvas.height
    horizon = round(height * rng.uniform(0.38, 0.5))
    sky = _sky(canvas, rng, horizon)
    swell = [
        (255 * noise(rng, 512, 512, cell_px=cell, octaves=4, gain=0.6)).astype(np.uint8) for cell in (48, 34)
    ]
    swell = [np.concatenate([s, s[:, :8]], axis=1) for s in swell]
    sea_y = np.arange(1, height - horizon + 1, dtype=np.float32)[:, None]
    depth = (height - horizon) / sea_y
    across = ((np.arange(width, dtype=np.float32)[None] - width / 2) / height) * depth
    u, v = across * 90 + 256, 60 * depth + 0 * across
    wild = 0.6 + 1.6 * canvas.energy
    far, light, middle, dark, accent = canvas.colours
    sun_x = width * rng.uniform(0.25, 0.75)
    path = np.exp(-(((np.arange(width)[None] - sun_x) / (width * (0.05 + 0.1 * sea_y / height))) ** 2))
    glare = (170 * path * (0.4 + 0.6 * np.exp(-sea_y / 60))).astype(np.uint8)
    tones = ramp(
        np.linspace(0, 1, 256),
        [dark, dark * 0.6 + far * 0.4, middle * 0.5 + far * 0.4, light, light * 0.3 + 178],
    )
    halo, disc = glow(height * 0.4, light * 0.5 + accent * 0.3), glow(height * 0.06, np.full(3, 240.0), 0.4)
    boat_x, phase = rng.uniform(0.2, 0.8), rng.uniform(0, 6)
    contrast = 0.8 + 0.4 * canvas.energy

    def shot(time_s: float) -> np.ndarray:
        frame = np.empty((height, width, 3), np.uint8)
        sky.paint(frame[:horizon], time_s * width * 0.02)
        add_light(frame[:horizon], halo, sun_x, horizon * 0.55)
        add_light(frame[:horizon], disc, sun_x, horizon * 0.55)
        one = cv2.remap(
            swell[0], (u + 14 * wild * time_s) % 512, (v + 22 * wild * time_s) % 511, cv2.INTER_LINEAR
        )
        two = cv2.remap(
            swell[1], (u - 11 * wild * time_s) % 512, (v + 34 * wild * time_s) % 511, cv2.INTER_LINEAR
        )
        shine = cv2.multiply(cv2.multiply(one, two, scale=1 / 150), glare, scale=1 / 110)
        tone = cv2.add(cv2.addWeighted(one, 0.55 * contrast, two, 0.55 * contrast, 40 - 75 * contrast), shine)
        frame[horizon:] = cv2.applyColorMap(tone, tones[:, None])
        rise = np.sin(time_s * (0.9 + wild * 0.5) + phase)
        base = (
            boat_x * width + 6 * canvas.unit * time_s,
            horizon + 10 * canvas.unit + rise * 3 * canvas.unit,
        )
        lean = 0.12 * wild * np.cos(time_s * (0.9 + wild * 0.5) + phase)
        turn = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]]) * canvas.unit
        for shape, tint in (
            ([(-16, 0), (18, 0), (11, 8), (-11, 8)], dark * 0.6),
            ([(-1, -2), (-1, -34), (15, -4)], light * 0.4 + 140),
            ([(-3, -2), (-3, -27), (-13, -4)], accent),
        ):
            points = np.array(shape) @ turn.T + base
            cv2.fillPoly(frame, [np.round(points * 8).astype(np.int32)], rgb(tint), cv2.LINE_AA, 3)
        return frame

    return shot
