"""Play notes with the samples of the General MIDI soundfont."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from leitmotif.extras import install_command
from leitmotif.music.score import Note
from leitmotif.music.soundfont import SoundFont, Zone
from leitmotif.storage.errors import UserError

PERCUSSION_BANK = 128


def gate(zone: Zone, held: int, samples: int, rate_hz: float) -> np.ndarray:
    """Return the volume envelope of a note, float32 (samples,); decays are straight lines in decibels.

    Args:
        zone: The sample that sounds, with its times.
        held: Samples from the start to the release.
        samples: Length of the result; its last 5 ms fade to silence.
        rate_hz: Sample rate.
    """
    t = np.arange(samples, dtype=np.float32) / np.float32(rate_hz)
    decayed = np.clip(
        (t - np.float32(zone.attack_s + zone.hold_s)) * np.float32(100 / zone.decay_s), 0, zone.sustain_db
    )
    released = np.maximum(t - np.float32(held / rate_hz), 0) * np.float32(100 / zone.release_s)
    rise = np.minimum(1, t / max(zone.attack_s, 0.001))
    shape = rise * np.exp((decayed + released) * np.float32(-np.log(10) / 20))
    fade = min(samples, int(0.005 * rate_hz))
    shape[samples - fade :] *= np.linspace(1, 0, fade)
    return shape.astype(np.float32)


@cache
def general_midi() -> SoundFont:
    """Open the General MIDI soundfont that ships with pretty_midi, found without importing it.

    Raises:
        UserError: pretty_midi is not installed.
    """
    spec = importlib.util.find_spec("pretty_midi")
    if spec is None or spec.origin is None:
        raise UserError(f"rendered music needs the soundfont of pretty_midi: {install_command('demo')}")
    return SoundFont(Path(spec.origin).with_name("TimGM6mb.sf2"))


def play_samples(
    notes: Sequence[Note], *, program: int, drums: bool, samples: int, rate_hz: int, ratio: float = 1.0
) -> np.ndarray:
    """Render notes with the General MIDI soundfont.

    Args:
        notes: The notes; times from the start of the result.
        program: General MIDI program, or the number of a drum kit.
        drums: Whether pitches are percussion keys.
        samples: Length of the result; what rings on is cut.
        rate_hz: Sample rate of the result.
        ratio: Speed of the recorded samples: pitch and formants move together, times do not.

    Returns:
        float32 (2, samples).
    """
    font = general_midi()
    zones = font.zones(PERCUSSION_BANK if drums else 0, program)
    wanted: dict[tuple[int, int], list[tuple[Note, int, int]]] = {}
    for note in notes:
        for i, zone in enumerate(zones):
            if (
                zone.keys[0] <= note.pitch <= zone.keys[1]
                and zone.velocities[0] <= note.velocity <= zone.velocities[1]
            ):
                start = int(note.start_s * rate_hz)
                held = int((max(note.duration_s, 0.25) if drums else note.duration_s) * rate_hz)
                held = samples if drums and zone.loop is None else held
                whole = min(samples - start, held + int(zone.release_s * 0.7 * rate_hz))
                if whole > 16:
                    wanted.setdefault((i, note.pitch), []).append((note, held, whole))
    out = np.zeros((2, samples), np.float32)
    for (i, pitch), played in wanted.items():
        zone = zones[i]
        tone = font.tone(zone, pitch, max(whole for _, _, whole in played), rate_hz / ratio)
        angle = zone.pan * np.pi / 2
        sides = np.array([[np.cos(angle)], [np.sin(angle)]], np.float32)
        for note, held, whole in played:
            sound = tone[:whole]
            if not len(sound):
                continue
            sound = (
                sound
                * gate(zone, held, len(sound), rate_hz)
                * np.float32(zone.gain * (note.velocity / 127) ** 2)
            )
            start = int(note.start_s * rate_hz)
            out[:, start : start + len(sound)] += sides * sound
    return out
