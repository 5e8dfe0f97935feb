"""From a plan to a mix: the parts, the voices, the room they share, and what of them can be heard."""

from __future__ import annotations

import numpy as np

from leitmotif.music import degradations, effects
from leitmotif.music.arrangement import choose_role, compose, render_part, single_notes
from leitmotif.music.note_patterns import melody
from leitmotif.music.score import Grid, excerpt, humanise
from leitmotif.music.song_plan import SongPlan
from leitmotif.music.styles import STYLES
from leitmotif.music.voice import render_voice, voice_range

AUDIBLE_DB = -25.0
ACTIVE_SHARE = 0.08  # of the frames of a part, within 30 dB of its loudest


def render_stems(
    rng: np.random.Generator,
    plan: SongPlan,
    grid: Grid,
    offset_s: float,
    cents: float,
    samples: int,
    rate_hz: int,
) -> dict[str, np.ndarray]:
    """Render every instrument's part, float32 (2, samples) by label, at a level drawn for its role."""
    duration_s = samples / rate_hz
    tight = rng.random() < 0.4
    stems: dict[str, np.ndarray] = {}
    taken: list[str] = []
    for label in plan.labels:
        role = choose_role(rng, label, plan.style_name, taken)
        taken.append(role)
        if plan.single:
            notes = single_notes(rng, label, duration_s)
        else:
            notes = excerpt(compose(rng, label, role, plan.style_name, grid, plan.feel), offset_s, duration_s)
            notes = humanise(notes, rng, 0.0 if tight else 0.004, 5.0)
        gloss = float(
            np.clip(
                0.5 * plan.feel.brightness + 0.5 * STYLES[plan.style_name].gain + rng.normal(0, 0.15), 0, 1
            )
        )
        part = render_part(
            label,
            notes,
            rng,
            samples=samples,
            rate_hz=rate_hz,
            cents=cents,
            gloss=gloss,
            genre=plan.style_name,
        )
        gain_db = rng.normal({"melody": -1.0, "drums": -1.0, "bass": -2.0}.get(role, -5.0), 2.5)
        stems[label] = part * np.float32(10 ** (np.clip(gain_db, -10, 3) / 20))
    return stems


def render_voices(
    rng: np.random.Generator,
    plan: SongPlan,
    grid: Grid,
    offset_s: float,
    samples: int,
    rate_hz: int,
    *,
    alone: bool,
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Render the voice stem, float32 (2, samples) or None without voices, and name the kinds of voices."""
    voice: np.ndarray | None = None
    for kind in plan.voices:
        low, high = voice_range(rng, kind)
        density = str(rng.choice(("sparse", "medium", "medium", "dense")))
        tune = melody(
            rng,
            grid,
            low,
            high,
            density=density,
            velocity=plan.feel.velocity,
            legato=float(rng.uniform(0.85, 1)),
        )
        notes = humanise(excerpt(tune, offset_s, samples / rate_hz), rng, 0.004, 5.0)
        part = render_voice(kind, notes, rng, samples=samples, rate_hz=rate_hz)
        loud = effects.active_level(part, rate_hz)
        gain = np.float32(0.1 / max(loud, 1e-6) * 10 ** (np.clip(rng.normal(2.0, 3.0), -6, 6) / 20))
        voice = part * gain if voice is None else voice + part * gain
    return voice, plan.voices


def active_share(part: np.ndarray, rate_hz: int) -> float:
    """Return the share of 50 ms frames in which a part (2, n) is within 30 dB of its loudest."""
    power = effects.frame_power(part, rate_hz)
    return float(np.mean(power > power.max() * 1e-3)) if power.max() > 0 else 0.0


def mix_down(
    rng: np.random.Generator,
    plan: SongPlan,
    stems: dict[str, np.ndarray],
    voice: np.ndarray | None,
    rate_hz: int,
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Mix the parts, with room, compressor and level, and name what can be heard.

    Args:
        rng: Source of every choice.
        plan: What the clip is to be.
        stems: float32 (2, n) by instrument label.
        voice: float32 (2, n); None without voices.
        rate_hz: Sample rate.

    Returns:
        The mix, float32 (2, n); the voice as it sits in it, float32 (2, n), or None; and the labels that can
        be heard, the loudest first.
    """
    style = STYLES[plan.style_name]
    samples = next(iter(stems.values())).shape[1] if stems else voice.shape[1] if voice is not None else 0
    instrumental = np.zeros((2, samples), np.float32)
    for part in stems.values():
        instrumental += part
    whole = effects.level(instrumental if voice is None else instrumental + voice)
    levels = {label: effects.level(part) for label, part in stems.items()}
    threshold = whole * 10 ** (AUDIBLE_DB / 20)
    heard = [
        label
        for label, part in stems.items()
        if levels[label] > threshold and (plan.single or active_share(part, rate_hz) >= ACTIVE_SHARE)
    ]
    buses = [bus for bus in (instrumental if stems else None, voice) if bus is not None]
    buses = effects.shape_all(buses, rng, rate_hz, brightness=plan.feel.brightness, wetness=style.wetness)
    if rng.random() < 0.5:
        total = np.sum(buses, axis=0)
        threshold_db = 20 * np.log10(max(effects.level(total), 1e-6)) - rng.uniform(0, 8)
        gain = effects.compressor_gain(
            total, rate_hz, threshold_db, rng.uniform(1.5, 6), rng.uniform(0.03, 0.4)
        )
        buses = [bus * gain for bus in buses]
    width = float(rng.choice((0.0, 0.5, 1.0, 1.0, 1.3)))
    buses = [effects.widen(bus, width) for bus in buses]
    mix = np.sum(buses, axis=0)
    target = 10 ** (np.clip(rng.normal(-20 + 4 * plan.feel.arousal, 7), -40, -5) / 20)
    scale = min(target / max(effects.level(mix), 1e-7), 0.98 / max(float(np.abs(mix).max()), 1e-7))
    mix = (mix * scale).astype(np.float32)
    if rng.random() < 0.3:
        hiss = degradations.coloured_noise(rng, mix.shape[1], float(rng.choice((0.0, 0.5))))
        mix = mix + hiss * np.float32(effects.level(mix) * 10 ** (-rng.uniform(55, 75) / 20))
    heard.sort(key=lambda label: -levels[label])
    return mix, (buses[-1] * scale).astype(np.float32) if voice is not None else None, tuple(heard)
