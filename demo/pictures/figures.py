"""Moving people: dancers on the beat, and a small player in front of a still stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from leitmotif.demo.pictures.paint import Canvas, noise, ramp, rgb

Shot = Callable[[float], np.ndarray]

# A pose is: hip x, hip y (in body heights), lean, then the angles of the upper and lower left arm, right arm,
# left leg and right leg, in radians from straight down, positive to the viewer's right.
_POSE_LOW = np.array([-0.10, -0.01, -0.25, -2.7, -3.0, 0.2, 0.3, -0.75, -0.55, 0.0, -0.1])
_POSE_HIGH = np.array([0.10, 0.07, 0.25, -0.2, -0.3, 2.7, 3.0, 0.0, 0.1, 0.75, 0.55])


def _limb(
    frame: np.ndarray, points: Sequence[np.ndarray], thick: Sequence[float], colour: np.ndarray
) -> None:
    """Draw a limb: rounded segments, each with its own thickness."""
    for start, end, width in zip(points, points[1:], thick, strict=False):
        ends = [(round(float(p[0]) * 8), round(float(p[1]) * 8)) for p in (start, end)]
        cv2.line(frame, ends[0], ends[1], rgb(colour), max(1, round(width)), cv2.LINE_AA, 3)


def _along(start: np.ndarray, angle: float, length: float) -> np.ndarray:
    return start + length * np.array([np.sin(angle), np.cos(angle)])


def draw_figure(
    frame: np.ndarray,
    foot_x: float,
    foot_y: float,
    tall_px: float,
    pose: np.ndarray,
    colours: Sequence[np.ndarray],
) -> None:
    """Draw a person, in place.

    Args:
        frame: The picture, uint8 (height, width, 3) RGB.
        foot_x: Where the person stands, pixels.
        foot_y: The floor below the person, pixels.
        tall_px: Body height.
        pose: The eleven numbers of a pose (see the top of this file), shape (11,).
        colours: Skin, top, trousers and hair, each (3,) RGB 0-255.
    """
    skin, top, trousers, hair = colours
    hip = np.array([foot_x + pose[0] * tall_px, foot_y - (0.48 - pose[1]) * tall_px])
    neck = _along(hip, np.pi - pose[2], 0.31 * tall_px)
    across = 0.085 * tall_px * np.array([np.cos(pose[2]), np.sin(pose[2])])
    for side, first in ((-0.55, 7), (0.55, 9)):
        knee = _along(hip + across * side, pose[first], 0.24 * tall_px)
        foot = _along(knee, pose[first + 1], 0.24 * tall_px)
        _limb(frame, (hip + across * side, knee, foot), (0.085 * tall_px, 0.06 * tall_px), trousers)
        _limb(frame, (foot, foot + np.array([np.sign(side) * 0.05 * tall_px, 0])), (0.05 * tall_px,), hair)
    body = np.array([neck - across, neck + across, hip + across * 0.7, hip - across * 0.7])
    cv2.fillPoly(frame, [np.round(body * 8).astype(np.int32)], rgb(top), cv2.LINE_AA, 3)
    _limb(frame, (neck - across * 0.7, neck + across * 0.7), (0.06 * tall_px,), top)
    for side, first in ((-1, 3), (1, 5)):
        elbow = _along(neck + across * side, pose[first], 0.17 * tall_px)
        hand = _along(elbow, pose[first + 1], 0.17 * tall_px)
        _limb(frame, (neck + across * side, elbow), (0.06 * tall_px,), top)
        _limb(frame, (elbow, hand), (0.045 * tall_px,), skin)
    head = _along(neck, np.pi - pose[2] * 1.4, 0.1 * tall_px)
    _limb(frame, (neck, head), (0.05 * tall_px,), skin)
    centre = (round(float(head[0]) * 8), round(float(head[1]) * 8))
    cv2.circle(frame, centre, round(0.068 * tall_px * 8), rgb(hair), -1, cv2.LINE_AA, 3)
    face = (centre[0], centre[1] + round(0.018 * tall_px * 8))
    cv2.circle(frame, face, round(0.055 * tall_px * 8), rgb(skin), -1, cv2.LINE_AA, 3)


def _clothes(canvas: Canvas, rng: np.random.Generator) -> list[np.ndarray]:
    skin = np.array([236.0, 188, 152]) * rng.uniform(0.4, 1.05)
    picks = rng.permutation(5)[:2]
    return [skin, canvas.colours[picks[0]] * 0.8 + 30, canvas.colours[picks[1]] * 0.5 + 10, np.full(3, 24.0)]


def _dance_hall(canvas: Canvas, rng: np.random.Generator, floor_y: int) -> np.ndarray:
    """Paint a wall of panels and a glossy floor, still."""
    width, height = canvas.width, canvas.height
    far, light, middle, dark, _ = canvas.colours
    panels = int(rng.integers(5, 12))
    fold = np.abs(np.sin(np.arange(width) / width * np.pi * panels))[None] ** 0.4
    texture = noise(rng, width, height, cell_px=40 * canvas.unit, octaves=6, gain=0.65)
    lamp = np.exp(-(((np.arange(height) / floor_y - 0.45) / 0.5) ** 2))[:, None]
    wall = ramp(
        np.clip(0.1 + 0.75 * fold * lamp * (0.5 + texture), 0, 1),
        [dark * 0.6, far * 0.55 + dark * 0.3, middle, light],
    )
    shine = np.linspace(0.55, 0.1, height - floor_y)[:, None] * (0.5 + 0.8 * texture[floor_y:])
    wall[floor_y:] = ramp(np.clip(shine, 0, 1), [dark, middle * 0.6 + dark * 0.3, light])
    return wall


def dancers(canvas: Canvas, rng: np.random.Generator) -> Shot:
    """Film people who take a new pose on every beat under sweeping lights."""
    width, height = canvas.width, canvas.height
    floor_y = round(height * rng.uniform(0.68, 0.8))
    hall = _dance_hall(canvas, rng, floor_y)
    count = int(rng.integers(1, 5))
    together = rng.random() < 0.5
    size = 0.3 + 0.75 * (0.6 + 0.4 * canvas.arousal)
    low, high = (0.5 * (_POSE_LOW + _POSE_HIGH) + s * size * 0.5 * (_POSE_HIGH - _POSE_LOW) for s in (-1, 1))
    steps = rng.uniform(low, high, (1 if together else count, 8, 11))
    tall = height * rng.uniform(0.62, 0.95) / (1 + 0.1 * count)
    people = [_clothes(canvas, rng) for _ in range(count)]
    beams = [
        (rng.uniform(0, 1), rng.uniform(0.5, 1.6), rng.uniform(0, 6), int(rng.integers(0, 5)))
        for _ in range(4)
    ]
    zoom = rng.uniform(-0.004, 0.012)
    rate = 1.0 if canvas.arousal > -0.2 else 0.5

    def lit(time_s: float) -> np.ndarray:
        light = np.zeros((height // 3, width // 3, 3), np.uint8)
        for place, pace, phase, tint in beams:
            foot = (place + 0.3 * np.sin(time_s * pace * (0.4 + canvas.energy) + phase)) * width / 3
            wedge = np.array(
                [
                    [place * width / 3, -6],
                    [foot - 16 * canvas.unit, height / 3],
                    [foot + 16 * canvas.unit, height / 3],
                ]
            )
            beam = np.zeros_like(light)
            colour = rgb(canvas.colours[tint] * 0.25 + 12, 0.5 + canvas.pulse(time_s))
            cv2.fillPoly(beam, [np.round(wedge).astype(np.int32)], colour, cv2.LINE_AA)
            cv2.add(light, beam, dst=light)
        light = cv2.blur(light, (7, 7))
        return cv2.add(hall, cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR))

    def shot(time_s: float) -> np.ndarray:
        frame = lit(time_s)
        step = canvas.beats(time_s) * rate
        part = min(1.0, (step % 1) * 1.6)
        part = part * part * (3 - 2 * part)
        for index, clothes in enumerate(people):
            own = steps[index % len(steps)]
            pose = own[int(step) % 8] * (1 - part) + own[(int(step) + 1) % 8] * part
            pose = pose.copy()
            pose[1] += 0.03 * canvas.pulse(time_s)
            x = width * (index + 0.5) / count + 0.02 * width * np.sin(time_s + index)
            y = floor_y + height * (0.1 + 0.05 * (index % 2))
            shadow = (round(x + pose[0] * tall), round(y))
            cv2.ellipse(
                frame,
                shadow,
                (round(tall * 0.2), round(tall * 0.035)),
                0,
                0,
                360,
                (10, 8, 12),
                -1,
                cv2.LINE_AA,
            )
            draw_figure(frame, x, y, tall, pose, clothes)
        scale = 1.06 + zoom * time_s + 0.012 * canvas.energy * canvas.pulse(time_s)
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 0.6 * np.sin(time_s), scale)
        return cv2.warpAffine(
            frame, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )

    return shot


def _small_stage(canvas: Canvas, rng: np.random.Generator, floor_y: int) -> np.ndarray:
    """Paint a curtain, a wooden floor, loudspeakers and a lamp, all still."""
    width, height, unit = canvas.width, canvas.height, canvas.unit
    far, light, middle, dark, accent = canvas.colours
    texture = noise(rng, width, height, cell_px=30 * unit, octaves=6, gain=0.75)
    bend = 12 * unit * noise(rng, width, height, cell_px=120 * unit, octaves=2)
    folds = 0.5 + 0.5 * np.sin((np.arange(width)[None] + bend) / (7 * unit))
    spot = np.exp(
        -(
            (((np.arange(width)[None] - width * 0.5) / (width * 0.36)) ** 2)
            + ((np.arange(height)[:, None] - height * 0.45) / (height * 0.5)) ** 2
        )
    )
    scene = ramp(
        np.clip(0.1 + (0.25 + 0.6 * folds) * spot * (0.5 + texture), 0, 1),
        [dark * 0.5, middle * 0.5 + far * 0.2, middle, light],
    )
    planks = (np.arange(height - floor_y)[:, None] // max(1, round(9 * unit)) % 2) * 0.08
    wood = np.clip(0.25 + planks + 0.5 * (texture[floor_y:] - 0.4) + 0.35 * spot[floor_y:], 0, 1)
    scene[floor_y:] = ramp(
        wood,
        [dark, np.array([96, 62, 40]) * 0.6 + middle * 0.3, np.array([190, 140, 92]) * 0.7 + light * 0.3],
    )
    for side in (0.1, 0.2, 0.8, 0.9):
        left, wide = round((side - 0.045) * width), round(0.085 * width)
        top = floor_y - round(rng.uniform(44, 80) * unit)
        grille = noise(rng, wide, floor_y + round(8 * unit) - top, cell_px=2, octaves=2)
        scene[top : floor_y + round(8 * unit), left : left + wide] = ramp(
            grille, [np.full(3, 14.0), np.full(3, 62.0)]
        )
        cv2.rectangle(scene, (left, top), (left + wide, floor_y + round(8 * unit)), rgb(accent, 0.35), 1)
    return scene


def performance(canvas: Canvas, rng: np.random.Generator) -> Shot:
    """Film one small player with a guitar before a still stage by a camera that does not move.

    Little of the picture changes, but it is a real film and counts as moving.
    """
    width, height = canvas.width, canvas.height
    floor_y = round(height * 0.72)
    backdrop = _small_stage(canvas, rng, floor_y)
    tall = height * rng.uniform(0.42, 0.58)
    x, y = width * rng.uniform(0.38, 0.62), floor_y + height * 0.1
    clothes = _clothes(canvas, rng)
    wood = np.array([188.0, 108, 48]) * rng.uniform(0.6, 1.1)
    cv2.ellipse(
        backdrop,
        (round(x), round(y)),
        (round(tall * 0.22), round(tall * 0.04)),
        0,
        0,
        360,
        (8, 8, 10),
        -1,
        cv2.LINE_AA,
    )
    strings = 2.0 if canvas.arousal > 0 else 1.0

    def shot(time_s: float) -> np.ndarray:
        frame = backdrop.copy()
        beat = canvas.beats(time_s)
        sway, strum = np.sin(np.pi * beat / 2), np.sin(2 * np.pi * beat * strings)
        nod = 0.05 * (0.4 + canvas.energy) * np.sin(2 * np.pi * beat)
        pose = np.array(
            [
                0.035 * sway,
                0.008 * canvas.pulse(time_s),
                0.05 * sway + nod,
                -0.5,
                0.95,
                0.9,
                2.3,
                -0.12,
                -0.05,
                0.12,
                0.05,
            ]
        )
        pose[4] += 0.28 * strum * (0.5 + 0.6 * canvas.energy)
        pose[6] += 0.12 * np.sin(np.pi * beat)
        draw_figure(frame, x, y, tall, pose, clothes)
        hip = np.array([x + (pose[0] + 0.01) * tall, y - 0.56 * tall])
        neck = hip + np.array([0.42, -0.16 + 0.02 * sway]) * tall
        _limb(frame, (hip, neck), (0.03 * tall,), wood * 0.4)
        for offset, radius in ((-0.06, 0.105), (0.05, 0.08)):
            spot = (round((hip[0] + offset * tall) * 8), round((hip[1] + 0.02 * tall) * 8))
            cv2.circle(frame, spot, round(radius * tall * 8), rgb(wood), -1, cv2.LINE_AA, 3)
        hole = (round(hip[0] * 8), round((hip[1] + 0.02 * tall) * 8))
        cv2.circle(frame, hole, round(0.035 * tall * 8), (20, 14, 10), -1, cv2.LINE_AA, 3)
        elbow = _along(np.array([x - 0.085 * tall + pose[0] * tall, y - 0.78 * tall]), pose[3], 0.17 * tall)
        _limb(frame, (elbow, _along(elbow, pose[4], 0.17 * tall)), (0.045 * tall,), clothes[0])
        return frame

    return shot
