"""What is laid over films: lyrics of many kinds, and text that is none."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from bench.quality.typesetter import Typesetter, lay, set_text

SIGNS = (
    "BAKERY",
    "Hotel Roma",
    "OPEN 24H",
    "PIZZA",
    "Books",
    "Cafe Lux",
    "TAXI",
    "Pharmacy",
    "SALE -50%",
    "Cinema",
)

Overlay = Callable[[np.ndarray, float], np.ndarray]
"""Returns a frame, uint8 RGB (height, width, 3), with what is laid over it at a moment, seconds."""


def karaoke(setter: Typesetter) -> Overlay:
    """One line at a time, which fills with another colour."""

    def overlay(frame: np.ndarray, time_s: float) -> np.ndarray:
        text, share = setter.line(time_s)
        plain, filled = setter.set(text), setter.set(text, ink=setter.fill)
        edge = round(plain.shape[1] * share)
        return lay(frame, np.concatenate([filled[:, :edge], plain[:, edge:]], axis=1), setter.middle)

    return overlay


def fades(setter: Typesetter) -> Overlay:
    """One line at a time, which fades in and out."""

    def overlay(frame: np.ndarray, time_s: float) -> np.ndarray:
        text, share = setter.line(time_s)
        return lay(frame, setter.set(text), setter.middle, opacity=min(1.0, 6 * share, 6 * (1 - share)))

    return overlay


def flying_words(setter: Typesetter) -> Overlay:
    """Large words, one by one, from all sides."""
    places = setter.rng.uniform((0.35, 0.25), (0.65, 0.75), (64, 2))

    def overlay(frame: np.ndarray, time_s: float) -> np.ndarray:
        number = time_s / (0.25 * setter.each_s)
        index, share = int(number), number % 1
        word = setter.words[index % len(setter.words)]
        place = places[index % 64] + (places[(index + 7) % 64] - 0.5) * 0.4 * np.exp(-6 * share)
        return lay(
            frame,
            setter.set(word, size_px=2 * setter.size_px),
            place,
            turn_deg=25 * float(np.exp(-5 * share)),
        )

    return overlay


def rotated(setter: Typesetter) -> Overlay:
    """Lines that stand askew, each otherwise."""
    turns = setter.rng.uniform(-32, 32, 64)

    def overlay(frame: np.ndarray, time_s: float) -> np.ndarray:
        text, _ = setter.line(time_s)
        return lay(
            frame,
            setter.set(text),
            (0.5, 0.5),
            turn_deg=float(turns[int(time_s / setter.each_s) % 64]),
            scale=0.85,
        )

    return overlay


def vertical(setter: Typesetter) -> Overlay:
    """Lines from top to bottom: letter under letter, or turned where letters are joined."""
    x = float(setter.rng.choice([0.12, 0.5, 0.88]))

    def overlay(frame: np.ndarray, time_s: float) -> np.ndarray:
        text, _ = setter.line(time_s)
        turned = np.rot90(setter.set(text), 3)
        if all(ord(letter) > 0x3000 for letter in text):
            letters = [setter.set(letter) for letter in text]
            wide = max(letter.shape[1] for letter in letters)
            turned = np.concatenate(
                [
                    cv2.copyMakeBorder(
                        letter,
                        1,
                        1,
                        (wide - letter.shape[1]) // 2,
                        wide - letter.shape[1] - (wide - letter.shape[1]) // 2,
                        cv2.BORDER_CONSTANT,
                    )
                    for letter in letters
                ]
            )
        return lay(
            frame,
            np.ascontiguousarray(turned),
            (x, 0.5),
            scale=min(1.0, 0.9 * frame.shape[0] / turned.shape[0]),
        )

    return overlay


def boxed(setter: Typesetter) -> Overlay:
    """One line at a time on a box of one colour."""

    def overlay(frame: np.ndarray, time_s: float) -> np.ndarray:
        layer = setter.set(setter.line(time_s)[0])
        box = cv2.copyMakeBorder(layer, 6, 6, 10, 10, cv2.BORDER_CONSTANT)
        box[..., :3] = np.where(
            box[..., 3:] > 0, box[..., :3], setter.fill if setter.ink[0] < 100 else [20, 20, 20]
        )
        box[..., 3] = np.maximum(box[..., 3], 225)
        return lay(frame, box, setter.middle)

    return overlay


def pages(setter: Typesetter) -> Overlay:
    """Show some lines at a time."""
    count = int(setter.rng.integers(2, 5))

    def overlay(frame: np.ndarray, time_s: float) -> np.ndarray:
        first = int(time_s / (1.5 * setter.each_s)) * count
        for row in range(count):
            text = setter.lines[(first + row) % len(setter.lines)]
            frame = lay(
                frame,
                setter.set(text),
                (0.5, 0.5 + (row - (count - 1) / 2) * 1.35 * setter.size_px / frame.shape[0]),
            )
        return frame

    return overlay


def nothing(setter: Typesetter) -> Overlay:
    """No text at all."""
    return lambda frame, time_s: frame


def title(setter: Typesetter) -> Overlay:
    """Title and artist for some seconds, and a logo all the time."""
    logo = setter.set("LEITMOTIF TV", size_px=0.5 * setter.size_px)

    def overlay(frame: np.ndarray, time_s: float) -> np.ndarray:
        frame = lay(frame, logo, (0.87, 0.08), opacity=0.8)
        if time_s < 3.5:
            frame = lay(
                lay(frame, setter.set(setter.lines[0]), (0.5, 0.45)),
                setter.set(setter.lines[1], size_px=0.7 * setter.size_px),
                (0.5, 0.6),
            )
        return frame

    return overlay


def some_subtitles(setter: Typesetter) -> Overlay:
    """Subtitles where somebody speaks, in a third of the time."""
    spoken = setter.rng.permutation([True, True, False, False, False, False])

    def overlay(frame: np.ndarray, time_s: float) -> np.ndarray:
        if not spoken[int(time_s / setter.each_s) % 6]:
            return frame
        return lay(frame, setter.set(setter.line(time_s)[0], size_px=0.8 * setter.size_px), (0.5, 0.9))

    return overlay


def watermark(setter: Typesetter) -> Overlay:
    """One pale line all the time."""
    turn = float(setter.rng.choice([0.0, 20.0]))
    return lambda frame, time_s: lay(
        frame, setter.set("SAMPLE " + setter.lines[0]), (0.5, 0.5), turn_deg=turn, opacity=0.45
    )


def time_code(setter: Typesetter) -> Overlay:
    """Show a clock that runs."""

    def overlay(frame: np.ndarray, time_s: float) -> np.ndarray:
        text = f"00:{int(time_s // 60):02d}:{int(time_s % 60):02d}:{int(time_s % 1 * 25):02d}"
        return lay(
            frame, set_text(text, setter.font, 0.6 * setter.size_px, [255, 255, 255], [0, 0, 0]), (0.2, 0.93)
        )

    return overlay


def signs(setter: Typesetter) -> Overlay:
    """Signs of shops that pass by, each with a board."""
    rng = setter.rng
    boards = []
    for text in rng.permutation(SIGNS)[: int(rng.integers(3, 7))]:
        layer = set_text(
            str(text),
            setter.font,
            float(rng.uniform(0.6, 1.2)) * setter.size_px,
            [int(v) for v in rng.integers(0, 256, 3)],
            None,
        )
        board = cv2.copyMakeBorder(layer, 6, 6, 8, 8, cv2.BORDER_CONSTANT)
        ground = np.array([int(v) for v in rng.integers(40, 220, 3)])
        share = board[..., 3:].astype(np.float32) / 255
        board[..., :3] = (board[..., :3] * share + ground * (1 - share)).astype(np.uint8)
        board[..., 3] = 255
        boards.append(
            (board, float(rng.uniform(0, 3)), float(rng.uniform(0.15, 0.6)), float(rng.uniform(-6, 6)))
        )
    speed = float(rng.uniform(0.02, 0.12))

    def overlay(frame: np.ndarray, time_s: float) -> np.ndarray:
        for board, x, y, turn in boards:
            frame = lay(frame, board, ((x - speed * time_s) % 3 - 0.5, y), turn_deg=turn)
        return frame

    return overlay


def closing_credits(setter: Typesetter) -> Overlay:
    """Roll credits over the last quarter."""

    def overlay(frame: np.ndarray, time_s: float) -> np.ndarray:
        if time_s < 0.75 * setter.length_s:
            return frame
        for row in range(5):
            text = setter.lines[(int(time_s) + row) % len(setter.lines)]
            frame = lay(frame, setter.set(text, size_px=0.6 * setter.size_px), (0.5, 0.15 + 0.17 * row))
        return frame

    return overlay


LYRICS = (karaoke, fades, flying_words, rotated, vertical, boxed, pages)
OTHERS = (nothing, title, some_subtitles, watermark, time_code, signs, closing_credits)
