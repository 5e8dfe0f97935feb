"""Tempo and key of a recording, by signal processing alone.

Tempo: the onset strength is compared with itself at every lag, and each candidate collects what lies one to
four of its beats away. Key: the tonal peaks, folded into twelve pitch classes on the track's own tuning, are
compared with the pitch-class profiles of the 24 keys.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.ndimage

from leitmotif.tagging.octave import choose_octave

KEY_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

# Visuals Music Bridge gives no thresholds, only averages of what it generates for slow, medium and fast
# (table 7: 93.9, 122.6 and 143.6 BPM; all drift to the middle). Musicians' marks instead: below 90 is adagio
# to andante, 90 to 120 is moderato, from 120 on it is allegro.
MEDIUM_FROM_BPM = 90.0
FAST_FROM_BPM = 120.0

MIN_BPM, MAX_BPM = 30.0, 240.0
BEATS = 4  # a bar of the most common metre
# Where listeners tap when they may choose: log-normal, after Ellis, Beat tracking by dynamic programming,
# 2007 (120 BPM, 0.9 octaves); a little lower, for quiet music without drums counts here as well.
PRIOR_BPM, PRIOR_OCTAVES = 115.0, 0.8
MIN_TRACK_S = 2.0
# Below this level there is nothing to hear in 16 bits.
SILENCE_RMS = 10 ** (-70 / 20)

# In decades of power. The strongest onset of rendered music is at least 0.09 above its surroundings.
MIN_ONSET = 0.02
# Mean recurrence over four beats: noise, wind and applause stay below 0.033, 94 % of rendered music is above.
MIN_EVIDENCE = 0.035

LOWEST_HZ, HIGHEST_HZ = 80.0, 2000.0
PEAK_OVER_FLOOR = 2.0
# Of a tone; noise that was smoothed over time hardly ever has such a peak.
TONE_OVER_FLOOR = 5.0
MIN_TONAL_FRAMES = 0.1
# Weight of a peak as the first, second, ... harmonic of what is played.
HARMONIC_SHARES = (1.0, 0.6, 0.36, 0.216)
# Correlation with the best of 24 profiles: 98 % of music is above 0.76.
MIN_KEY_FIT = 0.6

# How often each degree occurs in music of a key, from the tonic in semitones: Albrecht and Shanahan, The use
# of large corpora to train a new type of key-finding algorithm, Music Perception 31, 2013.
MAJOR_PROFILE = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
MINOR_PROFILE = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)


def tempo_class(bpm: float) -> str:
    """Return "slow", "medium" or "fast"."""
    return "slow" if bpm < MEDIUM_FROM_BPM else "medium" if bpm < FAST_FROM_BPM else "fast"


def estimate_tempo(track: np.ndarray, rate_hz: int) -> float | None:
    """Return the tempo in beats a minute; None where there is no beat to find.

    Args:
        track: Mono, shape (n,); best at 22,050 Hz or more, 10 s to 2 minutes.
        rate_hz: Sampling rate.

    Raises:
        ValueError: The track is not mono.
    """
    track = _mono(track)
    if len(track) < MIN_TRACK_S * rate_hz or _is_silent(track):
        return None
    onsets, onset_rate_hz = onset_strength(track, rate_hz)
    return tempo_of_onsets(onsets, onset_rate_hz)


def onset_strength(track: np.ndarray, rate_hz: int) -> tuple[np.ndarray, float]:
    """Return how much new sound begins at each time: the rising of log band levels, summed over bands.

    Args:
        track: Mono, shape (n,).
        rate_hz: Sampling rate.

    Returns:
        Strength, shape (frames,), from 0; and frames a second.

    Reference:
        Ellis, Beat tracking by dynamic programming, Journal of New Music Research 36, 2007, section 3.
    """
    size = 1 << round(np.log2(0.046 * rate_hz))
    hop = max(1, round(rate_hz / 172.0))
    levels = _band_levels(track, size, hop, rate_hz)  # (frames, bands)
    lag = max(1, round(0.012 * rate_hz / hop))
    rising = np.maximum(levels[lag:] - levels[:-lag], 0.0)
    return rising.mean(axis=1), rate_hz / hop


def _band_levels(track: np.ndarray, size: int, hop: int, rate_hz: int) -> np.ndarray:
    """Return the log level of 40 bands spaced like the ear's, shape (frames, bands)."""
    top_hz = min(11000.0, rate_hz / 2)
    mel = np.linspace(1127 * np.log1p(30 / 700), 1127 * np.log1p(top_hz / 700), 42)
    edges = 700 * np.expm1(mel / 1127) * size / rate_hz  # in bins
    bins = np.arange(size // 2 + 1)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    weights = np.clip(np.minimum(rising, falling), 0.0, None).astype(np.float32)
    weights /= np.maximum(weights.sum(axis=0), 1e-9)
    power = np.concatenate([(np.abs(block) ** 2) @ weights for block in _spectra(track, size, hop)])
    # Relative to the loudest band frame, with a floor 60 dB below: hiss has no onsets.
    return np.log10(power + power.max() * 1e-6 + 1e-20)


def _spectra(track: np.ndarray, size: int, hop: int, at_once: int = 2048) -> list[np.ndarray]:
    """Return the spectra of Hann-windowed frames, blocks of shape (frames, size / 2 + 1)."""
    padded = np.pad(track, (size // 2, size - size // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    return [scipy.fft.rfft(frames[i : i + at_once] * window, axis=1) for i in range(0, len(frames), at_once)]


def tempo_of_onsets(onsets: np.ndarray, rate_hz: float) -> float | None:
    """Return the tempo of an onset strength in beats a minute; None where nothing recurs.

    Args:
        onsets: Shape (frames,), from 0.
        rate_hz: Frames a second.

    Reference:
        Percival and Tzanetakis, Streamlined tempo estimation based on autocorrelation and cross-correlation
        with pulses, IEEE/ACM TASLP 22, 2014: generalised autocorrelation, enhanced by its own multiples.
    """
    recurrence = autocorrelate(onsets, rate_hz)
    pulse_bpm = None if recurrence is None else pulse_of_recurrence(recurrence, rate_hz)
    if recurrence is None or pulse_bpm is None:
        return None
    bpm = choose_octave(pulse_bpm, onsets, recurrence, rate_hz)
    return float(60.0 * rate_hz / _refine(recurrence, 60.0 / bpm * rate_hz))


def pulse_of_recurrence(recurrence: np.ndarray, rate_hz: float) -> float | None:
    """Return the pulse that recurs most over a bar, in beats a minute; None where none does.

    Args:
        recurrence: How alike onsets are after each lag, shape (lags,), 1 at 0.
        rate_hz: Lags a second.
    """
    bpm = np.geomspace(MIN_BPM, MAX_BPM, 900)
    lags = 60.0 / bpm * rate_hz
    # A beat recurs after one, two, three and four beats; half or two thirds of one does not, all four times.
    evidence = np.mean([_at(recurrence, lags * beats) for beats in range(1, BEATS + 1)], axis=0)
    prior = np.exp(-0.5 * (np.log2(bpm / PRIOR_BPM) / PRIOR_OCTAVES) ** 2)
    best = int(np.argmax(evidence * prior))
    return None if evidence[best] < MIN_EVIDENCE else float(bpm[best])


def autocorrelate(onsets: np.ndarray, rate_hz: float) -> np.ndarray | None:
    """Return how alike onsets and onsets after each lag are, shape (lags,), 1 at 0; None if they are flat."""
    local = scipy.ndimage.uniform_filter1d(onsets, max(1, round(0.8 * rate_hz)))
    peaks = scipy.ndimage.gaussian_filter1d(np.maximum(onsets - local, 0.0), 0.006 * rate_hz)
    if peaks.max(initial=0.0) < MIN_ONSET:
        return None
    peaks = peaks - peaks.mean()
    length = scipy.fft.next_fast_len(2 * len(peaks), real=True)
    # The magnitude instead of the power of the spectrum: loud onsets count less.
    correlation = scipy.fft.irfft(np.abs(scipy.fft.rfft(peaks, length)), length)[: len(peaks)]
    overlap = 1.0 - np.arange(len(peaks)) / len(peaks)
    return correlation / correlation[0] / np.maximum(overlap, 0.2)


def _at(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    return np.interp(positions, np.arange(len(values)), values, right=0.0)


def _refine(recurrence: np.ndarray, lag: float) -> float:
    """Return the lag, in fractions of a frame, whose furthest clear multiple lies on a peak."""
    for beats in range(1, BEATS + 1):
        near = np.arange(int(0.97 * lag * beats), int(np.ceil(1.03 * lag * beats)) + 1)
        if near[0] < 1 or near[-1] + 1 >= len(recurrence):
            break
        top = int(near[np.argmax(recurrence[near])])
        before, here, after = recurrence[top - 1 : top + 2]
        curve = before - 2.0 * here + after
        if here <= max(before, after) or curve >= 0:
            continue
        lag = (top + 0.5 * (before - after) / curve) / beats
    return lag


def estimate_key(track: np.ndarray, rate_hz: int) -> str | None:
    """Return the key, such as "D major" or "A# minor"; None where nothing has a pitch.

    Args:
        track: Mono, shape (n,); best at 22,050 Hz, 10 s to 2 minutes.
        rate_hz: Sampling rate.

    Raises:
        ValueError: The track is not mono.
    """
    track = _mono(track)
    if len(track) < MIN_TRACK_S * rate_hz or _is_silent(track):
        return None
    chroma = pitch_classes(track, rate_hz)
    return None if chroma is None else key_of_chroma(chroma)


def key_of_chroma(chroma: np.ndarray) -> str | None:
    """Return the key whose profile correlates best with pitch-class weights, shape (12,), C first."""
    deviation = chroma - chroma.mean()
    norm = np.linalg.norm(deviation)
    if norm < 1e-6:
        return None
    correlations = {}
    for mode, profile in (("major", MAJOR_PROFILE), ("minor", MINOR_PROFILE)):
        centred = np.asarray(profile) - np.mean(profile)
        for tonic, name in enumerate(KEY_NAMES):
            fit = np.roll(centred, tonic) @ deviation / (np.linalg.norm(centred) * norm)
            correlations[f"{name} {mode}"] = float(fit)
    best = max(correlations, key=lambda key: correlations[key])
    return best if correlations[best] >= MIN_KEY_FIT else None


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
    magnitude = np.concatenate(
        [np.abs(block) for block in _spectra(track, size, size // 4)]
    )  # (frames, bins)
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


def _mono(track: np.ndarray) -> np.ndarray:
    track = np.asarray(track, np.float32)
    if track.ndim != 1:
        raise ValueError(f"got a track of shape {track.shape}; expected mono, (n,)")
    return track


def _is_silent(track: np.ndarray) -> bool:
    return bool(np.sqrt(np.mean(np.square(track, dtype=np.float64))) < SILENCE_RMS)
