"""Synthesised voices: a glottal source through moving formants; singers, choirs and speech-like babble."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import resample_poly

from leitmotif.music.formants import HOP_S, shape_formants, slow_noise
from leitmotif.music.oscillators import one_cycle, read_cycle
from leitmotif.music.sampler import play_samples
from leitmotif.music.score import Note
from leitmotif.music.singing import Singer, Track, draw_singer, track_notes, track_speech


def source(track: Track, singer: Singer, samples: int, rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """Make glottal pulses with breath, shape (samples,), the level following the track."""
    at = np.arange(samples) / (rate_hz * HOP_S)
    grid = np.arange(len(track.pitch))
    hz = 440.0 * 2 ** ((np.interp(at, grid, track.pitch) - 69) / 12)
    highest = max(80.0, float(hz.max()))
    k = np.arange(1, max(3, int(0.45 * rate_hz / highest)) + 1)
    cycle = one_cycle(k**-singer.tilt * 1.0, np.random.default_rng(7))
    gain = np.interp(at, grid, track.gain)
    voiced = read_cycle(cycle / cycle.std(), hz, samples, rate_hz, rng.random())
    return voiced * gain + rng.standard_normal(samples) * gain * singer.breath


def fricatives(track: Track, samples: int, rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """Make the noise of the consonants, shape (samples,), high in the spectrum."""
    at = np.arange(samples) / (rate_hz * HOP_S)
    level = np.interp(at, np.arange(len(track.noise)), track.noise)
    hiss = np.diff(rng.standard_normal(samples + 1))
    return hiss * level * 0.25


def render_voice(
    kind: str, notes: Sequence[Note], rng: np.random.Generator, *, samples: int, rate_hz: int
) -> np.ndarray:
    """Render a dry voice part.

    Args:
        kind: One of `leitmotif.music.singing.KINDS`.
        notes: The melody; ignored for speech.
        rng: Source of every choice.
        samples: Length of the result.
        rate_hz: Sample rate.

    Returns:
        float32 (2, samples) with a peak of 1; a choir is spread in width.
    """
    halved = rate_hz >= 32000
    inner_hz = rate_hz // 2 if halved else rate_hz
    count = samples // 2 + 1 if halved else samples
    points = int(samples / rate_hz / HOP_S) + 3
    out = np.zeros((2, count), np.float32)
    if kind == "choir" and notes and rng.random() < 0.35:
        program = int(rng.choice((52, 53, 52, 54)))
        lower = [note._replace(pitch=note.pitch - 12) for note in notes]
        ratio = 2 ** (rng.uniform(-1, 1) / 24)
        out = play_samples(
            [*notes, *lower], program=program, drums=False, samples=count, rate_hz=inner_hz, ratio=ratio
        )
    elif kind == "choir":
        for section in range(int(rng.integers(2, 4))):
            singer = draw_singer(rng, kind)
            moved = [Note(n.start_s, n.duration_s, n.pitch - 12 * (section % 2), n.velocity) for n in notes]
            track = track_notes(moved, singer, points, rng)
            for side in range(2):
                total = np.zeros(count)
                for _ in range(int(rng.integers(2, 4))):
                    late = int(rng.integers(0, 6))
                    drift = rng.normal(0, 0.12) + 0.08 * slow_noise(rng, points, 40)
                    one = Track(
                        np.roll(track.pitch, late) + drift,
                        np.roll(track.gain, late),
                        track.formants,
                        track.noise,
                    )
                    total += source(one, singer, count, inner_hz, rng)
                out[side] += shape_formants(total, track.formants, singer.scale, inner_hz)
                out[side] += fricatives(track, count, inner_hz, rng) * 0.3
    else:
        singer = draw_singer(rng, kind)
        female = singer.scale > 1.08
        track = (
            track_speech(singer, points, rng, female)
            if kind == "speech"
            else track_notes(notes, singer, points, rng)
        )
        voiced = shape_formants(
            source(track, singer, count, inner_hz, rng), track.formants, singer.scale, inner_hz
        )
        voiced /= max(1e-6, float(np.abs(voiced).max()))
        out[:] = voiced + fricatives(track, count, inner_hz, rng)
    if halved:
        out = resample_poly(out, 2, 1, axis=1).astype(np.float32)[:, :samples]
    return out / max(1e-6, float(np.abs(out).max()))


def voice_range(rng: np.random.Generator, kind: str) -> tuple[int, int]:
    """Draw lowest and highest pitch of a melody for a kind of voice, inside 90..350 Hz and 180..800 Hz."""
    if kind == "male vocals":
        low = int(rng.integers(42, 54))
    elif kind == "female vocals":
        low = int(rng.integers(54, 66))
    else:
        low = int(rng.integers(55, 62))
    return low, low + int(rng.integers(10, 14))
