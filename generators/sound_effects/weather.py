"""Rain, wind, thunder, the sea, streams, drops and fire."""

from __future__ import annotations

import numpy as np

from leitmotif.generators.sound_effects.effect import Effect, Manner
from leitmotif.generators.sound_effects.signals import (
    Rng,
    band,
    burst,
    coloured,
    damped,
    length,
    moving_band,
    put,
    repeats,
    scatter,
    times,
    wander,
    white,
    wide,
)


def rain(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return drops, too many to count, over the hiss of those farther away."""
    samples = length(seconds)
    hiss = wide(*(band(white(rng, samples), 700, 14_000, 1) for _ in range(3)), width=0.8)
    sizes = [(rng.uniform(1500, 9000), rng.uniform(0.004, 0.02)) for _ in range(64)]
    kernels = [damped([pitch], [decay], [1.0]) for pitch, decay in sizes]
    drops = scatter(rng, samples, 60 + 600 * manner.strength, kernels)
    return (0.15 + 0.5 * manner.strength) * hiss + 0.6 * drops


def wind(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return air whose pitch rises with its strength, in gusts."""
    samples = length(seconds)
    gust = 0.25 + 0.75 * wander(rng, samples, 1.6) * (0.4 + 0.6 * wander(rng, samples, 5.0))
    centre = 180 * 2 ** (2.2 * gust[:: length(0.02)] + manner.strength)
    sides = [moving_band(coloured(rng, samples, 1), centre, 1.0) for _ in range(3)]
    hiss = wide(*(band(white(rng, samples), 1500, 9000, 1) for _ in range(3)), width=0.8)
    return (wide(*sides) + 0.25 * manner.strength * hiss * gust) * gust


def thunder(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return claps with the rolling that follows."""
    out = np.zeros((2, length(seconds)))
    for start in repeats(rng, seconds, 0.3, 9.0):
        if manner.strength > 0.3:
            put(
                out,
                burst(rng, 0.5, 300, 6000),
                start,
                level=0.9 * manner.strength,
                pan=rng.uniform(-0.5, 0.5),
            )
        for delay in [0.02, *np.sort(rng.uniform(0.1, 4.0, 9))]:
            tail = rng.uniform(2.5, 5.0)
            clock = times(length(tail))
            swell = (1 - np.exp(-clock / 0.06)) * 10 ** (-3 * clock / tail)
            roll = band(coloured(rng, len(clock), 1.2), 30, rng.uniform(150, 500)) * swell
            put(out, roll, start + delay, level=2.5 / (1 + 0.5 * delay), pan=rng.uniform(-0.7, 0.7))
    return out


def sea(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return waves that rise, break and run out, each some seconds after the one before."""
    samples = length(seconds)
    clock = times(samples)
    swell = np.zeros(samples)
    period, at = 7.0 / manner.pace, -rng.uniform(2.0, 4.0)
    while at < seconds:
        rise, fall = 0.32 * period, 0.22 * period
        since = clock - at
        up, down = np.exp(-0.5 * ((since - rise) / (0.4 * rise)) ** 2), np.exp(-(since - rise) / fall)
        swell += np.where(since < rise, up, np.minimum(1, down)) * rng.uniform(0.7, 1.0)
        at += period * rng.uniform(0.85, 1.15)
    deep = wide(*(band(coloured(rng, samples, 1.3), 50, 500) for _ in range(3)))
    foam = wide(*(band(white(rng, samples), 500, 9000, 1) for _ in range(3)), width=0.8)
    return deep * (0.15 + 0.6 * swell) + (0.25 + 0.4 * manner.strength) * foam * swell**1.6 + 0.02 * foam


def _bubble(rng: Rng, low_hz: float, high_hz: float) -> np.ndarray:
    """Return a bubble in water: a tone that rises while it dies away (Minnaert's resonance)."""
    decay = rng.uniform(0.02, 0.06)
    clock = times(length(decay))
    pitch = np.exp(rng.uniform(np.log(low_hz), np.log(high_hz)))
    phase = 2 * np.pi * pitch * (clock + rng.uniform(2, 8) * clock**2)
    return np.sin(phase) * 10 ** (-3 * clock / decay)


def stream(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return water that runs: bubbles of many sizes over a soft rush."""
    samples = length(seconds)
    sizes = [_bubble(rng, 350, 5000) for _ in range(96)]
    bubbles = scatter(rng, samples, 150 + 300 * manner.strength, sizes)
    rush = wide(*(band(white(rng, samples), 400, 7000, 1) for _ in range(3)), width=0.8)
    return bubbles + (0.4 + 0.8 * manner.strength) * rush


def drops(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return drops that fall into water one by one."""
    out = np.zeros((2, length(seconds)))
    for start in repeats(rng, seconds, 0.2, 0.7 / manner.pace, 0.3):
        put(out, _bubble(rng, 700, 1800), start, pan=rng.uniform(-0.4, 0.4))
        put(out, 0.2 * damped([rng.uniform(3000, 6000)], [0.01], [1.0]), start)
    return out


def fire(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return crackling and snaps over the low breath of flames."""
    samples = length(seconds)
    crackles = [burst(rng, rng.uniform(0.003, 0.015), 900, 12_000) for _ in range(40)]
    snaps = [burst(rng, rng.uniform(0.01, 0.03), 400, 9000) for _ in range(12)]
    breath = wide(*(band(coloured(rng, samples, 0.7), 50, 2500, 1) for _ in range(3)))
    flicker = 0.6 + 0.4 * wander(rng, samples, 0.15)
    small = scatter(rng, samples, 10 + 30 * manner.strength, crackles)
    large = scatter(rng, samples, 1.5, snaps)
    return small + 1.6 * large + (0.1 + 0.2 * manner.strength) * breath * flicker


EFFECTS = (
    Effect("rain", rain, ("rain", "raining", "rainy", "rainfall", "drizzle", "downpour", "shower", "storm")),
    Effect("wind", wind, ("wind", "windy", "breeze", "gust", "gale", "howling", "storm", "blizzard")),
    Effect("thunder", thunder, ("thunder", "thunderstorm", "thunderclap", "lightning", "storm", "rumble")),
    Effect(
        "sea",
        sea,
        ("sea", "ocean", "wave", "surf", "beach", "shore", "seaside", "tide", "wave crash", "wave crashing"),
    ),
    Effect(
        "stream",
        stream,
        ("stream", "river", "brook", "creek", "waterfall", "fountain", "water", "babbling", "running water"),
    ),
    Effect(
        "drops",
        drops,
        ("drop", "drip", "dripping", "droplet", "leak", "leaking", "dripping water", "water drop"),
    ),
    Effect("fire", fire, ("fire", "campfire", "fireplace", "flame", "burning", "crackling", "bonfire")),
)
