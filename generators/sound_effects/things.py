"""Machines, bells, doors, blows and what flies past."""

from __future__ import annotations

import numpy as np
from scipy import signal

from leitmotif.generators.sound_effects.effect import Effect, Manner
from leitmotif.generators.sound_effects.signals import (
    RATE_HZ,
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

# Turns of an engine as ever; of its four cylinders two fire in each turn.
IDLE_RPM, FIRINGS_PER_TURN = 1500.0, 2
TICKS_HZ = 2.0
# Partials of a bell above its hum, by the strike note (hum, prime, tierce, quint, nominal, and above), the
# time in which each dies away, and its level: Fletcher and Rossing, The Physics of Musical Instruments, 21.
BELL = (
    (0.5, 14.0, 0.6),
    (1.0, 9.0, 1.0),
    (1.2, 7.5, 0.8),
    (1.5, 5.0, 0.4),
    (2.0, 4.0, 1.0),
    (2.5, 2.6, 0.4),
    (3.0, 2.0, 0.4),
    (4.0, 1.2, 0.3),
    (5.4, 0.7, 0.2),
)
STRIKE_HZ = 440.0


def engine(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return an engine with four cylinders: an even train of pulses through its exhaust."""
    samples = length(seconds)
    firing_hz = IDLE_RPM * manner.pace / 60 * FIRINGS_PER_TURN
    phase = np.cumsum(firing_hz * (1 + 0.004 * (wander(rng, samples, 0.3) - 0.5))) / RATE_HZ
    share, number = phase % 1.0, phase.astype(int) % 4
    cylinders = 1 + 0.12 * rng.uniform(-1, 1, 4)
    pulses = cylinders[number] * np.exp(-9 * share) * (1 - np.exp(-90 * share))
    air = white(rng, samples) * np.exp(-5 * share)
    sound = (
        band(pulses, 30, None)
        + 0.6 * band(pulses, 180, 420, 1)
        + 0.05 * manner.strength * band(air, 300, 5000)
    )
    sides = [0.03 * band(white(rng, samples), 100, 2500) for _ in range(2)]
    return np.stack([sound + side for side in sides])


def helicopter(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return rotor blades that beat the air, over a turbine."""
    samples = length(seconds)
    share = (11.0 * manner.pace * times(samples)) % 1.0
    beat = np.exp(-7 * share) * (1 - np.exp(-60 * share))
    blades = band(coloured(rng, samples, 1.2), 40, 900) * (0.1 + beat)
    turbine = wide(*(band(white(rng, samples), 1500, 5000) for _ in range(3)))
    return blades + 0.05 * turbine


def clock(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return a clock that ticks, each second tick a little lower."""
    out = np.zeros((2, length(seconds)))
    for number, start in enumerate(repeats(rng, seconds, 0.1, 1 / (TICKS_HZ * manner.pace), 0.0)):
        pitch = (2900.0, 2300.0)[number % 2]
        tick = damped([pitch, pitch * 1.9, 520.0], [0.03, 0.015, 0.05], [1.0, 0.6, 0.3])
        put(out, tick, start, pan=0.1)
        put(out, 0.4 * burst(rng, 0.006, 1500, 12_000), start, pan=-0.1)
    return out


def bell(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return a church bell, struck again before it is silent."""
    out = np.zeros((2, length(seconds)))
    for start in repeats(rng, seconds, 0.05, 4.0 / manner.pace, 0.02):
        ratios, decays, levels = zip(*BELL, strict=True)
        for side, pan in ((1.0, -0.8), (1.0013, 0.8)):  # a bell is never quite round: its partials are pairs
            partials = [STRIKE_HZ * ratio * side for ratio in ratios]
            struck = damped(partials, decays, levels, at_most_s=seconds - start)
            put(out, struck, start, level=0.5, pan=pan)
        put(out, burst(rng, 0.03, 2000, 9000), start, level=0.2)
    return out


def chime(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return small tubes in the wind, tuned to five notes."""
    out = np.zeros((2, length(seconds)))
    for start in repeats(rng, seconds, 0.05, 0.45 / manner.pace, 0.8):
        note = 1046.5 * 2 ** (int(rng.choice([0, 2, 4, 7, 9, 12])) / 12)
        tube = damped([note, note * 2.76, note * 5.4], [2.2, 0.9, 0.3], [1.0, 0.3, 0.1])
        put(out, tube, start, level=rng.uniform(0.3, 1.0), pan=rng.uniform(-0.7, 0.7))
    return out


def alarm(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return an alarm that beeps twice a second."""
    samples = length(seconds)
    beat = (2.0 * manner.pace * times(samples)) % 1.0
    gate = np.clip(np.minimum(beat, 0.5 - beat) / 0.01, 0, 1)
    tone = sum(np.sin(2 * np.pi * 1000 * k * times(samples)) / k for k in (1, 3, 5))
    return np.stack([gate * tone] * 2) + 0.001 * rng.standard_normal((2, samples))


def siren(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return a siren that rises and falls."""
    samples = length(seconds)
    share = (0.25 * manner.pace * times(samples) + rng.random()) % 1.0
    pitch = 550 * 2 ** (1.3 * (0.5 - 0.5 * np.cos(2 * np.pi * share)))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    tone = sum(np.sin(k * phase) / k for k in (1, 2, 3))
    return np.stack([tone, tone])


def phone(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return a telephone with a bell: two seconds in six."""
    out = np.zeros((2, length(seconds)))
    for start in repeats(rng, seconds, 0.1, 6.0 / manner.pace, 0.0):
        for stroke in np.arange(0, 2.0, 0.05):
            gong = (1480.0, 1760.0)[round(stroke / 0.05) % 2] * rng.uniform(0.999, 1.001)
            put(out, damped([gong, gong * 2.4], [0.35, 0.15], [1.0, 0.4]), start + stroke, level=0.4)
    return out


def door(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return a door that is shut: wood, then the latch."""
    out = np.zeros((2, length(seconds)))
    for start in repeats(rng, seconds, 0.15, 4.0 / manner.pace):
        wood = damped([82.0, 135.0, 210.0, 390.0], [0.35, 0.25, 0.18, 0.1], [1.0, 0.8, 0.5, 0.3])
        put(out, wood * rng.uniform(0.9, 1.0), start, level=0.6 + manner.strength)
        put(out, burst(rng, 0.2, 80, 1200), start, level=0.5)
        for delay in (0.045, 0.085):
            put(out, damped([rng.uniform(1900, 3200)], [0.03], [0.35]), start + delay, pan=0.2)
    return out


def knock(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return knuckles on wood, three times, then again."""
    out = np.zeros((2, length(seconds)))
    for start in repeats(rng, seconds, 0.1, 3.0 / manner.pace):
        for number in range(3):
            at = start + 0.22 * number / manner.pace
            put(out, damped([190.0, 330.0, 610.0], [0.1, 0.07, 0.04], [1.0, 0.7, 0.4]), at)
            put(out, burst(rng, 0.02, 700, 5000), at, level=0.3 * rng.uniform(0.8, 1.2))
    return out


def whoosh(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return something that flies past from one side to the other."""
    out = np.zeros((2, length(seconds)))
    each = min(seconds, 1.4 / manner.pace)
    for start in repeats(rng, seconds, 0.0, max(each + 0.8, 2.4)):
        share = np.linspace(0, 1, length(each))
        pitch = 300 * 2 ** (3.2 * np.exp(-0.5 * ((share[:: length(0.01)] - 0.5) / 0.17) ** 2))
        air = moving_band(coloured(rng, len(share), 0.6), pitch, 0.7) * np.sin(np.pi * share) ** 3
        angle = share * np.pi / 2
        for channel, side in enumerate((np.cos(angle), np.sin(angle))):
            part = (air * side)[: out.shape[1] - length(start)]
            out[channel, length(start) : length(start) + len(part)] += part
    return out


def impact(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return a heavy blow with a low tail."""
    out = np.zeros((2, length(seconds)))
    for start in repeats(rng, seconds, 0.05, 4.0 / manner.pace):
        clock_s = times(length(1.2))
        pitch = 42 + 60 * np.exp(-clock_s / 0.05)
        low = np.sin(2 * np.pi * np.cumsum(pitch) / RATE_HZ) * 10 ** (-3 * clock_s / 1.2)
        put(out, low * (1 - np.exp(-clock_s / 0.001)), start, level=0.8 + manner.strength)
        put(out, burst(rng, 0.25, 60, 3500), start, level=0.8)
        for pan in (-0.7, 0.7):
            put(out, burst(rng, 0.9, 100, 1500), start + 0.01, level=0.15, pan=pan)
    return out


def explosion(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return a blast, and the debris after it."""
    out = impact(rng, seconds, Manner(1.0, 4.0 / 6.5))
    for start in repeats(rng, seconds, 0.05, 6.5):
        for pan in (-0.6, 0.0, 0.6):
            clock_s = times(length(3.0))
            roar = band(coloured(rng, len(clock_s), 1.3), 30, 1400) * 10 ** (-3 * clock_s / 3.0)
            put(out, roar * (1 - np.exp(-clock_s / 0.004)), start, level=1.2, pan=pan)
    rubble = scatter(
        rng, out.shape[1], 14, [burst(rng, rng.uniform(0.01, 0.05), 500, 5000) for _ in range(6)]
    )
    return out + 0.25 * manner.strength * rubble


def glass(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return glass that breaks, and its pieces as they fall."""
    out = np.zeros((2, length(seconds)))
    for start in repeats(rng, seconds, 0.05, 3.5):
        put(out, burst(rng, 0.12, 2500, 16_000), start, level=0.8)
        for delay in rng.exponential(0.18, round(30 + 40 * manner.strength)):
            ring = damped([rng.uniform(2500, 9500)], [rng.uniform(0.05, 0.3)], [1.0])
            put(out, ring, start + delay, level=0.5 * np.exp(-2 * delay), pan=rng.uniform(-0.8, 0.8))
    return out


def keyboard(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return someone who types."""
    out = np.zeros((2, length(seconds)))
    for start in repeats(rng, seconds, 0.1, 0.16 / manner.pace, 0.6):
        level, pan = rng.uniform(0.5, 1.0), rng.uniform(-0.3, 0.3)
        put(
            out,
            damped([rng.uniform(250, 400), rng.uniform(1800, 2600)], [0.05, 0.02], [0.6, 0.5]),
            start,
            level=level,
        )
        put(out, burst(rng, 0.012, 1500, 9000), start, level=level, pan=pan)
        put(out, burst(rng, 0.01, 2000, 9000), start + rng.uniform(0.05, 0.08), level=0.3 * level, pan=pan)
    return out


def static(rng: Rng, seconds: float, manner: Manner) -> np.ndarray:
    """Return a radio between stations."""
    samples = length(seconds)
    noise = wide(*(band(white(rng, samples), 200, 8000, 1) for _ in range(3)))
    crackle = scatter(rng, samples, 6, [burst(rng, 0.004, 800, 9000) for _ in range(4)])
    return noise * (0.85 + 0.15 * signal.detrend(wander(rng, samples, 0.4), type="constant")) + crackle


EFFECTS = (
    Effect(
        "engine",
        engine,
        (
            "engine",
            "engine rumble",
            "rumbling engine",
            "motor",
            "car",
            "truck",
            "vehicle",
            "motorcycle",
            "tractor",
            "driving",
        ),
    ),
    Effect("helicopter", helicopter, ("helicopter", "chopper")),
    Effect("clock", clock, ("clock", "tick", "ticking", "watch", "metronome")),
    Effect("bell", bell, ("bell", "church", "tolling", "gong")),
    Effect("chimes", chime, ("chime", "windchime", "wind chime", "tinkling", "doorbell", "door bell")),
    Effect("alarm", alarm, ("alarm", "beep", "beeping", "buzzer", "alarm clock", "car alarm", "fire alarm")),
    Effect(
        "siren",
        siren,
        ("siren", "ambulance", "police", "police car", "firetruck", "fire engine", "fire truck"),
    ),
    Effect("phone", phone, ("phone", "telephone", "phone ringing", "telephone ringing", "ringtone")),
    Effect("door", door, ("door", "car door", "slam", "slamming", "gate")),
    Effect("knock", knock, ("knock", "knocking", "knock door", "knocking door", "door knock")),
    Effect("whoosh", whoosh, ("whoosh", "swoosh", "swish", "transition", "flyby", "sweep")),
    Effect(
        "impact",
        impact,
        ("impact", "hit", "thud", "punch", "crash", "boom", "collision", "thump", "car crash"),
    ),
    Effect("explosion", explosion, ("explosion", "blast", "bomb", "exploding", "detonation")),
    Effect("glass", glass, ("glass", "shatter", "shattering", "breaking glass", "smash")),
    Effect("keyboard", keyboard, ("keyboard", "typing", "typewriter")),
    Effect("static", static, ("static", "radio", "radio static", "hiss", "interference", "white noise")),
)
