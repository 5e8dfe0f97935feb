"""Moods as points of valence and arousal."""

from __future__ import annotations

MOODS: dict[str, tuple[float, float]] = {
    "happy": (0.8, 0.5),
    "energetic": (0.5, 0.9),
    "triumphant": (0.6, 0.7),
    "aggressive": (-0.6, 0.9),
    "tense": (-0.5, 0.6),
    "dark": (-0.7, 0.1),
    "sad": (-0.7, -0.5),
    "melancholic": (-0.4, -0.6),
    "calm": (0.3, -0.8),
    "peaceful": (0.6, -0.7),
    "romantic": (0.6, -0.2),
    "dreamy": (0.2, -0.5),
    "playful": (0.7, 0.3),
    "mysterious": (-0.3, -0.1),
}
MOOD_DISTANCE = 0.45


def moods_near(valence: float, arousal: float) -> tuple[str, ...]:
    """Return the mood labels within `MOOD_DISTANCE` of a point, the nearest first; at least the nearest."""
    distances = {name: ((v - valence) ** 2 + (a - arousal) ** 2) ** 0.5 for name, (v, a) in MOODS.items()}
    ordered = sorted(distances, key=lambda name: distances[name])
    return (ordered[0], *(name for name in ordered[1:] if distances[name] <= MOOD_DISTANCE))
