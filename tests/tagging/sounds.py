"""Sounds of known tempo, or of none, mono at 22,050 Hz."""

import numpy as np

RATE_HZ = 22050


def clicks(bpm: float, duration_s: float = 12.0) -> np.ndarray:
    """A click on every beat, the first at 0.1 s."""
    track = np.zeros(round(duration_s * RATE_HZ), np.float32)
    click = np.random.default_rng(0).standard_normal(400) * np.exp(-np.arange(400) / 80.0)
    for beat_s in np.arange(0.1, duration_s - 0.1, 60.0 / bpm):
        start = round(beat_s * RATE_HZ)
        track[start : start + 400] += 0.3 * click.astype(np.float32)
    return track


def tone(duration_s: float = 10.0) -> np.ndarray:
    """A held note whose loudness trembles, as an organ's."""
    seconds = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    note = sum(np.sin(2 * np.pi * 130.8 * k * seconds) / k for k in range(1, 9))
    trembling = 1.0 + 0.2 * np.sin(2 * np.pi * 4.6 * seconds) + 0.1 * np.sin(2 * np.pi * 1.7 * seconds)
    return (0.05 * note * trembling).astype(np.float32)


def syllables(seed: int, duration_s: float = 12.0, rate: float = 4.5) -> np.ndarray:
    """Bursts of harmonics at intervals of no grid, in phrases, as of speech."""
    rng = np.random.default_rng(seed)
    track = np.zeros(round((duration_s + 1) * RATE_HZ))
    start_s = 0.2
    while start_s < duration_s - 0.4:
        seconds = np.arange(round(rng.uniform(0.08, 0.22) * RATE_HZ)) / RATE_HZ
        hz = rng.uniform(90, 160)
        voice = sum(np.sin(2 * np.pi * hz * k * seconds) * rng.uniform(0, 1) for k in range(1, 12))
        start = round(start_s * RATE_HZ)
        track[start : start + len(seconds)] += voice * np.hanning(len(seconds)) * rng.uniform(0.3, 1.0)
        start_s += max(0.06, rng.gamma(4.0, 1 / (4.0 * rate))) + (rng.random() < 0.12) * rng.uniform(0.3, 1.0)
    return (0.05 * track[: round(duration_s * RATE_HZ)]).astype(np.float32)


def applause(seed: int, duration_s: float = 10.0) -> np.ndarray:
    """Claps of many hands, 150 a second."""
    rng = np.random.default_rng(seed)
    hits = (rng.random(round(duration_s * RATE_HZ)) < 150 / RATE_HZ) * rng.standard_normal(
        round(duration_s * RATE_HZ)
    )
    body = rng.standard_normal(200) * np.exp(-np.arange(200) / 50.0)
    return (0.1 * np.convolve(hits, body, "same")).astype(np.float32)


def notes(
    hits: list[tuple[float, float, float]], unit_s: float, units: int, duration_s: float = 20.0
) -> np.ndarray:
    """A bar over and over, in four harmonies; hits are (unit of the bar, MIDI pitch, loudness)."""
    track = np.zeros(round((duration_s + 2) * RATE_HZ), np.float32)
    seconds = np.arange(round(0.6 * RATE_HZ)) / RATE_HZ
    fading = np.minimum(seconds / 0.005, 1.0) * np.exp(-4.0 * seconds)
    for bar in range(int(duration_s / (unit_s * units)) + 1):
        for unit, pitch, loudness in hits:
            hz = 440.0 * 2 ** ((pitch + (0, 9, 5, 7)[bar % 4] - 69) / 12)
            tone = sum(np.sin(2 * np.pi * hz * k * seconds) / k**1.4 for k in range(1, 6)) * fading
            start = round((bar * units + unit) * unit_s * RATE_HZ)
            track[start : start + len(tone)] += loudness * tone
    return 0.1 * track[: round(duration_s * RATE_HZ)]


# Of three quarters: bass, then chords; a melody every second quarter or so.
WALTZ = [(0, 36, 2.5), (0, 76, 1.3), *((i, pitch, 0.8) for i in (1, 2) for pitch in (60, 64, 67))]
