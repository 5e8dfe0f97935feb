"""Mixes the parts of a score: levels by role, places between left and right, a room around all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import butter, oaconvolve, sosfilt

from leitmotif.generators.arranger.score import Part, Score
from leitmotif.generators.arranger.stems import stem_blocks
from leitmotif.music.effects import active_level, room

# Beside the tune, in decibels, before what was asked for is lifted.
_LEVELS_DB = {
    "melody": 0.0, "answer": -5.0, "chords": -5.5, "arpeggio": -6.0, "pad": -10.0, "bass": -3.0,
    "drums": -2.0, "hand": -5.0,
}  # fmt: skip
# Drums that were asked for are not to vanish behind a tune that was, too.
_ASKED_DB, _ASKED_DRUMS_DB = 6.0, 9.0
# How much louder a role is where the music is most excited, and softer where it is most still.
_EXCITED_DB = {"drums": 3.0, "hand": 3.0, "bass": 1.5, "pad": -3.0}
# What the whole is brighter by then, above so many hertz; pleasant music is a little brighter, too.
_BRIGHT_HZ, _BRIGHTER_DB, _PLEASANT_DB = 2_500.0, 5.0, 2.0
_NOTHING = 1e-7
_LOUD = 0.1  # RMS of a part at 0 dB while it plays loudest
# From left to right, 0 to 1; of several players of a role the next one sits on the other side.
_PLACES = {"melody": 0.5, "answer": 0.62, "chords": 0.36, "arpeggio": 0.66, "pad": 0.5, "hand": 0.6}
# How much of a role goes into the room, beside the dry sound.
_WET = {
    "melody": 1.0,
    "answer": 1.0,
    "chords": 0.8,
    "arpeggio": 0.9,
    "pad": 1.0,
    "bass": 0.15,
    "drums": 0.35,
    "hand": 0.6,
}
_LOW_CUT_HZ = {
    "melody": 110.0,
    "answer": 110.0,
    "chords": 120.0,
    "arpeggio": 120.0,
    "pad": 150.0,
    "hand": 90.0,
}
_RUMBLE_HZ = 30.0
# The room of a genre without any, and of one that lives in a hall: how long it rings, how loud it is.
_RT60_S, _ROOM = (0.35, 2.2), (0.10, 0.42)
_FADE_S, _FADE_SHARE = 2.0, 0.6  # of the last chord
_ATTACK_S = 0.003  # at the very beginning


@dataclass
class _Channel:
    """A part on its way through the mixer."""

    part: Part
    blocks: Iterator[np.ndarray]
    side: float
    sections: np.ndarray
    state: np.ndarray
    level_db: float
    gain: float | None = None


def mix_blocks(
    score: Score, rate_hz: int, *, wetness: float, valence: float, arousal: float, seed: int
) -> Iterator[np.ndarray]:
    """Yield the mix in blocks of `stems.BLOCK_S`, float32 (2, n), at no particular loudness.

    Args:
        score: The piece.
        rate_hz: Sampling rate.
        wetness: 0 to 1, how much room.
        valence: Unpleasant to pleasant, -1 to 1.
        arousal: Still to excited, -1 to 1: how bright, and how loud drums and bass are.
        seed: Of the room.
    """
    rng = np.random.default_rng([seed, 1])
    rt60_s, level = (low + (high - low) * wetness for low, high in (_RT60_S, _ROOM))
    response = room(rng, rate_hz, rt60_s) * np.float32(level)
    channels = _channels(score, arousal, rate_hz)
    shelf = _high_shelf(_BRIGHTER_DB * arousal + _PLEASANT_DB * valence, rate_hz)
    state = np.zeros((1, 2, 2))
    ringing = np.zeros((2, 0), np.float32)
    total, start = round(score.seconds * rate_hz), 0
    while start < total:
        dry, wet = _sum(channels, start / rate_hz, score, rate_hz)
        echo = oaconvolve(wet, response, axes=1).astype(np.float32)
        echo[:, : ringing.shape[1]] += ringing
        ringing = echo[:, dry.shape[1] :]
        block, state = sosfilt(shelf, dry + echo[:, : dry.shape[1]], axis=1, zi=state)
        yield (block * _edges(score, start, dry.shape[1], rate_hz)).astype(np.float32)
        start += dry.shape[1]


def _channels(score: Score, arousal: float, rate_hz: int) -> list[_Channel]:
    seen: dict[str, int] = {}
    found = []
    for part in score.parts:
        place = _PLACES.get(part.role, 0.5)
        turn = seen[part.role] = seen.get(part.role, -1) + 1
        spread = 0.0 if part.role in ("bass", "drums") else 0.12 * ((turn + 1) // 2)
        side = place + spread if turn % 2 == 0 else 1 - place - spread
        cut = butter(2, _LOW_CUT_HZ.get(part.role, _RUMBLE_HZ), "highpass", fs=rate_hz, output="sos")
        found.append(
            _Channel(
                part,
                stem_blocks(score, part, rate_hz),
                float(np.clip(side, 0.15, 0.85)),
                cut,
                np.zeros((cut.shape[0], 2, 2)),
                _LEVELS_DB[part.role]
                + _EXCITED_DB.get(part.role, 0.0) * arousal
                + (0.0 if not part.asked else _ASKED_DRUMS_DB if part.drums else _ASKED_DB),
            )
        )
    return found


def _sum(
    channels: Sequence[_Channel], start_s: float, score: Score, rate_hz: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the next block of all channels, dry, and what of it goes into the room."""
    dry: Any = None
    wet: Any = None
    for channel in channels:
        block = next(channel.blocks)
        if dry is None:
            dry, wet = np.zeros_like(block), np.zeros_like(block)
        if not block.any() and channel.gain is None:
            continue
        block, channel.state = sosfilt(channel.sections, block, axis=1, zi=channel.state)
        if channel.gain is None:
            channel.gain = _gain(channel, block, start_s, score, rate_hz)
        angle = channel.side * np.pi / 2
        sides = np.sqrt(2) * np.array([[np.cos(angle)], [np.sin(angle)]]) * channel.gain
        placed = (block * sides).astype(np.float32)
        dry += placed
        wet += placed * np.float32(_WET[channel.part.role])
    return dry, wet


def _gain(channel: _Channel, block: np.ndarray, start_s: float, score: Score, rate_hz: int) -> float:
    """Return the gain of a part by the first block in which it plays, as if it played its loudest there."""
    level = active_level(block, rate_hz)
    if level < _NOTHING:
        return 1.0
    # The level of a note goes with the square of its velocity.
    loud = [(note.velocity / 127) ** 2 for note in score.notes(channel.part)]
    first = [
        (note.velocity / 127) ** 2
        for note in score.notes(channel.part)
        if start_s <= note.start_s < start_s + block.shape[1] / rate_hz
    ]
    loudest = level * float(np.quantile(loud, 0.8) / np.quantile(first, 0.8)) if first else level
    return _LOUD * 10 ** (channel.level_db / 20) / loudest


def _high_shelf(gain_db: float, rate_hz: int) -> np.ndarray:
    """Return a shelf above `_BRIGHT_HZ` as one second-order section.

    Reference:
        Bristow-Johnson, Cookbook formulae for audio equalizer biquad filter coefficients, slope 1.
    """
    a, w = 10 ** (gain_db / 40), 2 * np.pi * _BRIGHT_HZ / rate_hz
    cos, alpha = np.cos(w), np.sin(w) / np.sqrt(2)
    side = 2 * np.sqrt(a) * alpha
    b0, b1, b2 = (
        a * ((a + 1) + (a - 1) * cos + side),
        -2 * a * ((a - 1) + (a + 1) * cos),
        a * ((a + 1) + (a - 1) * cos - side),
    )
    a0, a1, a2 = (a + 1) - (a - 1) * cos + side, 2 * ((a - 1) - (a + 1) * cos), (a + 1) - (a - 1) * cos - side
    return np.array([[b0 / a0, b1 / a0, b2 / a0, 1.0, a1 / a0, a2 / a0]])


def _edges(score: Score, start: int, count: int, rate_hz: int) -> np.ndarray:
    """Return the gains of a block, float32 (n,): full but for the first instant and the last chord's fade."""
    t = (start + np.arange(count)) / rate_hz
    ring_s = score.seconds - score.timeline.starts_s[-2]
    fade_s = min(_FADE_S, _FADE_SHARE * ring_s)
    left = np.clip((score.seconds - t) / fade_s, 0.0, 1.0)
    return (np.minimum(1.0, t / _ATTACK_S) * np.sin(left * np.pi / 2) ** 2).astype(np.float32)
