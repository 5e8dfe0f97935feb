"""Key of a recording, by signal processing alone.

The tonal peaks, folded into twelve pitch classes on the track's own tuning, are compared with the pitch-class
profiles of the 24 keys and of four other modes.
"""

from __future__ import annotations

import numpy as np
import scipy.ndimage

from leitmotif.tagging.rhythm import MIN_TRACK_S, as_mono, is_silent, spectra

# By mode, from C upward in semitones: of two names for one key the one with fewer sharps or flats on the
# circle of fifths, and of six sharps or six flats what is usual.
KEYS = {
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "minor": ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
}

LOWEST_HZ, HIGHEST_HZ = 80.0, 2000.0
PEAK_OVER_FLOOR = 2.0
# Of a tone; noise that was smoothed over time hardly ever has such a peak.
TONE_OVER_FLOOR = 5.0
MIN_TONAL_FRAMES = 0.1
# Weight of a peak as the first, second, ... harmonic of what is played.
HARMONIC_SHARES = (1.0, 0.6, 0.36, 0.216)
# Correlation with the best of 24 profiles: 98 % of music is above 0.76.
MIN_KEY_FIT = 0.6
# Pitch classes that count (the inverse of the sum of squared shares). A single note, with its harmonics, has
# 1.4 to 3.1 of them, speech has 10.5 and more; 66 rendered pieces have 5.8 to 10.1.
MIN_PITCH_CLASSES, MAX_PITCH_CLASSES = 4.0, 10.4

# How often each degree occurs in music of a key, from the tonic in semitones: Albrecht and Shanahan, The use
# of large corpora to train a new type of key-finding algorithm, Music Perception 31, 2013.
MAJOR_PROFILE = np.array((0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081))
MINOR_PROFILE = np.array((0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052))


def _swapped(profile: np.ndarray, one: int, other: int) -> np.ndarray:
    """Return a profile whose mode has one degree (in semitones) in the place of another."""
    mode = profile.copy()
    mode[[one, other]] = profile[[other, one]]
    return mode


# The modes differ from major or minor in one degree.
_PROFILES = {
    "major": MAJOR_PROFILE,
    "minor": MINOR_PROFILE,
    "dorian": _swapped(MINOR_PROFILE, 8, 9),
    "phrygian": _swapped(MINOR_PROFILE, 2, 1),
    "lydian": _swapped(MAJOR_PROFILE, 5, 6),
    "mixolydian": _swapped(MAJOR_PROFILE, 11, 10),
}
# How far a mode may fit worse than the best key. Of 200 rendered pieces, all in major or minor, 13 lose
# their key by it, 6 of them a wrong one; pieces in the four modes had the key of another tonic before.
MODAL_MARGIN = 0.015


def estimate_key(track: np.ndarray, rate_hz: int) -> str | None:
    """Return the key, such as "D major" or "Bb minor"; None where there is none, or no clear one.

    Args:
        track: Mono, shape (n,); best at 22,050 Hz, 10 s to 2 minutes.
        rate_hz: Sampling rate.

    Raises:
        ValueError: The track is not mono.
    """
    track = as_mono(track)
    if len(track) < MIN_TRACK_S * rate_hz or is_silent(track):
        return None
    chroma = pitch_classes(track, rate_hz)
    return None if chroma is None else key_of_chroma(chroma)


def key_of_chroma(chroma: np.ndarray) -> str | None:
    """Return the key whose profile correlates best with pitch-class weights; None where none is clear.

    A single note has none, nor has what is of all pitches, as speech. Only major and minor are told apart.
    Music in another mode, such as D Dorian, has the notes of a key whose tonic is not its own (G or C major);
    where the strongest pitch class is the tonic of a mode that fits as well, no key is stated.

    Args:
        chroma: Weight of each pitch class, shape (12,), C first.
    """
    if not MIN_PITCH_CLASSES <= chroma.sum() ** 2 / max((chroma**2).sum(), 1e-12) <= MAX_PITCH_CLASSES:
        return None
    deviation = chroma - chroma.mean()
    norm = np.linalg.norm(deviation)
    if norm < 1e-6:
        return None
    fits = {name: _correlations(deviation / norm, profile) for name, profile in _PROFILES.items()}
    mode = "major" if fits["major"].max() >= fits["minor"].max() else "minor"
    tonic = int(np.argmax(fits[mode]))
    best, strongest = fits[mode][tonic], int(np.argmax(chroma))
    modal = max(fit[strongest] for name, fit in fits.items() if name not in KEYS)
    if best < MIN_KEY_FIT or (strongest != tonic and modal >= best - MODAL_MARGIN):
        return None
    return f"{KEYS[mode][tonic]} {mode}"


def _correlations(deviation: np.ndarray, profile: np.ndarray) -> np.ndarray:
    """Return how a profile on each tonic correlates with pitch classes (mean 0, norm 1), shape (12,)."""
    centred = profile - profile.mean()
    return np.array([np.roll(centred, tonic) @ deviation for tonic in range(12)]) / np.linalg.norm(centred)


def pitch_classes(track: np.ndarray, rate_hz: int) -> np.ndarray | None:
    """Return how much of the sound falls into each pitch class, on the track's own tuning.

    Args:
        track: Mono, shape (n,).
        rate_hz: Sampling rate.

    Returns:
        Shape (12,), C first, sums to 1; None where there are no tonal peaks.

    Reference:
        Gómez, Tonal description of polyphonic audio for music content processing, INFORMS Journal on
        Computing 18, 2006: spectral peaks, and their weight also at the pitches that they may be a harmonic
        of.
    """
    size = 1 << round(np.log2(0.37 * rate_hz))
    magnitude = np.concatenate([np.abs(block) for block in spectra(track, size, size // 4)])  # (frames, bins)
    # What lasts four frames is a tone, what does not is a drum.
    magnitude = scipy.ndimage.median_filter(magnitude, (5, 1), mode="nearest")
    semitones, weights, frames = _tonal_peaks(magnitude, rate_hz / size)
    if not len(semitones):
        return None
    tuning = np.angle(np.sum(weights * np.exp(2j * np.pi * semitones))) / (2 * np.pi)  # of a semitone
    chroma = np.zeros((len(magnitude), 12))
    for harmonic, share in enumerate(HARMONIC_SHARES, start=1):
        position = semitones - tuning - 12 * np.log2(harmonic)
        nearest = np.round(position)
        closeness = np.cos(np.pi * (position - nearest)) ** 2
        np.add.at(chroma, (frames, nearest.astype(int) % 12), weights * closeness * share)
    loudest = chroma.max(axis=1, keepdims=True)
    chroma = np.divide(chroma, loudest, out=np.zeros_like(chroma), where=loudest > 1e-3 * loudest.max())
    total = chroma.sum(axis=0)
    return total / total.sum()


def _tonal_peaks(magnitude: np.ndarray, bin_hz: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the semitone (MIDI, with fractions), weight and frame of each peak; none if there is no tone."""
    low, high = max(2, int(LOWEST_HZ / bin_hz)), min(magnitude.shape[1] - 2, int(HIGHEST_HZ / bin_hz))
    here, before, after = (magnitude[:, low + step : high + step] for step in (0, -1, 1))
    floor = scipy.ndimage.uniform_filter1d(magnitude, round(300.0 / bin_hz), axis=1)[:, low:high]
    loud = here > 1e-3 * magnitude.max()
    peaks = (here > before) & (here >= after) & (here > PEAK_OVER_FLOOR * floor) & loud
    tonal_frames = (peaks & (here > TONE_OVER_FLOOR * floor)).any(axis=1)
    if tonal_frames.mean() < MIN_TONAL_FRAMES:
        peaks[:] = False
    frames, bins = np.nonzero(peaks)
    logs = [np.log(np.maximum(side[frames, bins], 1e-12)) for side in (before, here, after)]
    curve = logs[0] - 2 * logs[1] + logs[2]
    offset = 0.5 * (logs[0] - logs[2]) / np.where(curve < 0, curve, -np.inf)
    hz = (bins + low + np.clip(offset, -0.5, 0.5)) * bin_hz
    return 69.0 + 12.0 * np.log2(hz / 440.0), np.sqrt(here[frames, bins]), frames
