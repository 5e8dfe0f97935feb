"""Steps, hearts, hands, voices and animals."""

from __future__ import annotations

import numpy as np

from leitmotif.generators.sound_effects.effect import Effect, Manner
from leitmotif.generators.sound_effects.signals import (
    RATE_HZ,
    Rng,
    band,
    burst,
    damped,
    length,
    put,
    repeats,
    scatter,
    times,
    wander,
)

# Who walks takes about 115 steps a minute (Murray et al., 1964), who runs about 165.
WALK_HZ, RUN_HZ = 1.92, 2.75
HEART_HZ = 70 / 60
# Hoof beats of a horse that gallops: three close together, then a gap (share of a stride).
_GALLOP = (0.0, 0.2, 0.36)
# First two formants of five vowels, hertz (Peterson and Barney, 1952).
_VOWELS = ((730, 1090), (530, 1840), (270, 2290), (570, 840), (300, 870))


def steps(rng: Rng, seconds: float, manner: Manner, rate_hz: float = WALK_HZ) -> np.ndarray:
    """Return footsteps: heel, then ball, left and right by turns."""
    out = np.zeros((2, length(seconds)))
    for number, start in enumerate(repeats(rng, seconds, 0.1, 1 / (rate_hz * manner.pace), 0.03)):
        level, pan = rng.uniform(0.8, 1.0), 0.15 * (-1) ** number
        heel = damped([rng.uniform(70, 110), rng.uniform(160, 230)], [0.12, 0.08], [1.0, 0.5])
        put(out, heel, start, level=level * (0.5 + manner.strength), pan=pan)
        put(out, burst(rng, 0.07, 250, 2500), start, level=0.5 * level, pan=pan)
        put(out, burst(rng, 0.09, 500, 5000), start + 0.09 / manner.pace, level=0.18 * level, pan=pan)
    return out


def running(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return the steps of someone who runs."""
    return steps(rng, seconds, manner, RUN_HZ)


def hooves(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return a horse that gallops."""
    out = np.zeros((2, length(seconds)))
    stride = 0.52 / manner.pace
    for start in repeats(rng, seconds, 0.1, stride, 0.03):
        for share in _GALLOP:
            hoof = damped([rng.uniform(110, 150), rng.uniform(300, 420)], [0.1, 0.05], [1.0, 0.5])
            put(out, hoof, start + share * stride, level=rng.uniform(0.7, 1), pan=rng.uniform(-0.2, 0.2))
            put(out, burst(rng, 0.04, 400, 3000), start + share * stride, level=0.3)
    return out


def heartbeat(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return a heart: two low thuds a beat, the second shorter and higher."""
    out = np.zeros((2, length(seconds)))
    for start in repeats(rng, seconds, 0.15, 1 / (HEART_HZ * manner.pace), 0.02):
        put(out, damped([48.0, 72.0], [0.22, 0.12], [1.0, 0.5]), start)
        put(out, damped([62.0, 95.0], [0.14, 0.08], [0.7, 0.3]), start + 0.3 / manner.pace**0.5)
    return out


def applause(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return many hands that clap."""
    samples = length(seconds)
    claps = [
        burst(rng, rng.uniform(0.015, 0.04), centre * 0.6, centre * 1.8)
        for centre in rng.uniform(800, 2400, 16)
    ]
    made = scatter(rng, samples, 60 + 500 * manner.strength, claps)
    return made * (1 - np.exp(-times(samples) / 0.25))


def _voice(rng: Rng, samples: int) -> np.ndarray:
    """Return someone who talks and is not understood: syllables, half buzz and half breath, with pauses."""
    pitch = np.exp(rng.uniform(np.log(85), np.log(240)))
    moved = pitch * 2 ** (0.9 * (wander(rng, samples, 0.25) - 0.5)) * (1 + 0.05 * wander(rng, samples, 0.015))
    pulses = np.exp(-6 * (np.cumsum(moved) / RATE_HZ % 1.0)) - 0.16
    source = 0.5 * pulses + 0.25 * rng.standard_normal(samples)
    hiss = band(rng.standard_normal(samples), 2000, 7500)
    chosen = rng.permutation(len(_VOWELS))[:3]
    turns = np.stack([wander(rng, samples, 0.09) ** 4 for _ in chosen])
    turns /= turns.sum(axis=0) + 1e-9
    said = np.zeros(samples)
    for vowel, turn in zip(chosen, turns, strict=True):
        for formant, level in zip((*_VOWELS[vowel], 2600), (1.0, 0.6, 0.3), strict=True):
            said += level * turn * band(source, formant * 0.8, formant * 1.2, 1)
    syllables = np.clip(wander(rng, samples, 0.1) * 3 - 1.0, 0, 1)
    hisses = np.clip(wander(rng, samples, 0.08) * 4 - 3.0, 0, 1)
    phrases = np.clip(wander(rng, samples, 0.9) * 4 - 1.4, 0, 1)
    return (said * syllables + 0.07 * hiss * hisses) * phrases


def crowd(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return the murmur of people who talk all at once."""
    out = np.zeros((2, length(seconds)))
    for _ in range(round(12 + 24 * manner.strength)):
        put(out, _voice(rng, out.shape[1]), 0.0, level=rng.uniform(0.4, 1.0), pan=rng.uniform(-0.9, 0.9))
    return out


def birds(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return songs of a few birds, each with a phrase of its own."""
    out = np.zeros((2, length(seconds)))
    for bird in range(4):
        base, bend, notes = rng.uniform(2200, 5200), rng.uniform(-0.4, 0.6), int(rng.integers(2, 7))
        note_s, pan = rng.uniform(0.05, 0.16), rng.uniform(-0.9, 0.9)
        for start in repeats(rng, seconds, 0.1 + 0.6 * bird, rng.uniform(1.6, 3.2) / manner.pace, 0.4):
            for number in range(notes):
                clock = times(length(note_s))
                share = clock / note_s
                pitch = base * (1 + bend * share + 0.08 * np.sin(2 * np.pi * 28 * clock)) * 0.97**number
                chirp = np.sin(2 * np.pi * np.cumsum(pitch) / RATE_HZ) * np.sin(np.pi * share) ** 2
                put(out, chirp, start + number * note_s * 1.35, level=rng.uniform(0.5, 1), pan=pan)
    return out


def crickets(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return crickets at night: three or four pulses of a high tone, again and again."""
    out = np.zeros((2, length(seconds)))
    for cricket in range(5):
        tone, pan, pulses = rng.uniform(3900, 4900), rng.uniform(-0.9, 0.9), int(rng.integers(3, 5))
        clock = times(length(0.02))
        pulse = np.sin(2 * np.pi * tone * clock) * np.sin(np.pi * clock / 0.02) ** 2
        level = rng.uniform(0.3, 1.0)
        for start in repeats(rng, seconds, 0.1 * cricket, rng.uniform(0.5, 0.8) / manner.pace, 0.08):
            for number in range(pulses):
                put(out, pulse, start + 0.036 * number, level=level, pan=pan)
    return out


EFFECTS = (
    Effect("steps", steps, ("step", "footstep", "walking", "walk", "walker", "stroll", "footfall", "pacing")),
    Effect("running", running, ("running", "run", "runner", "jogging", "sprint")),
    Effect("hooves", hooves, ("hoof", "hooves", "horse", "gallop", "galloping", "trot")),
    Effect("heartbeat", heartbeat, ("heartbeat", "heart", "heart beat", "heart beating", "pulse")),
    Effect(
        "applause",
        applause,
        (
            "applause",
            "clapping",
            "clap",
            "ovation",
            "applauding",
            "crowd applause",
            "crowd clapping",
            "crowd cheering",
        ),
    ),
    Effect(
        "crowd",
        crowd,
        ("crowd", "murmur", "chatter", "people", "people talking", "babble", "restaurant", "cafe", "party"),
    ),
    Effect(
        "birds", birds, ("bird", "birdsong", "chirping", "chirp", "tweeting", "songbird", "bird chirping")
    ),
    Effect("crickets", crickets, ("cricket", "cicada", "insect", "grasshopper", "cricket chirping")),
)
