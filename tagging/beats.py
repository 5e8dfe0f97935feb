"""The beat of a recording: its tempo, how sure that is, and when the beats come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leitmotif.tagging.confidence import beat_confidence
from leitmotif.tagging.downbeats import BEATS_A_BAR, find_downbeat
from leitmotif.tagging.metre import find_metre
from leitmotif.tagging.rhythm import MIN_TRACK_S, as_mono, find_onsets, is_silent, layers_of, tempo_of_layers
from leitmotif.tagging.tracking import beat_strengths, track_beats

# At least as sure as that; of what is less likely a beat than none, nothing is stated.
MIN_CONFIDENCE = 0.5
# An onset shows in the spectra before it sounds: this long before in the median of rendered music.
EARLY_S = 0.0135


@dataclass(frozen=True)
class Beat:
    """What is known of a beat.

    Attributes:
        confidence: Probability, 0..1, that there is one and that its tempo is right; None where the track is
            too short to tell.
        tempo_bpm: Beats a minute; None where there is no beat.
        beats_s: When the beats come, seconds, ascending; None where there is no beat.
        metre: "4/4", "3/4" or "6/8", whose beats are dotted quarters; None where none is sure.
        downbeats_s: Those of the beats that begin a bar; None where they are not sure.
    """

    confidence: float | None
    tempo_bpm: float | None = None
    beats_s: tuple[float, ...] | None = None
    metre: str | None = None
    downbeats_s: tuple[float, ...] | None = None


def find_beat(track: np.ndarray, rate_hz: int) -> Beat:
    """Find the beat of a track.

    Args:
        track: Mono, shape (n,); best at 22,050 Hz, 10 s to 2 minutes.
        rate_hz: Sampling rate.

    Raises:
        ValueError: The track is not mono.
    """
    track = as_mono(track)
    if len(track) < MIN_TRACK_S * rate_hz:
        return Beat(None)
    if is_silent(track):
        return Beat(0.0)
    onsets = find_onsets(track, rate_hz)
    layers = layers_of(onsets)
    if layers is None:
        return Beat(0.0)
    whole, low = layers
    bpm = tempo_of_layers(whole, low, onsets.rate_hz)
    frames = track_beats(beat_strengths(whole, low), onsets.rate_hz, bpm)
    confidence = beat_confidence(bpm, frames, whole, onsets)
    if confidence < MIN_CONFIDENCE:
        return Beat(confidence)
    times_s = tuple((frames / onsets.rate_hz + EARLY_S).tolist())
    metre = find_metre(bpm, whole, low, onsets.rate_hz)
    if metre is None:
        return Beat(confidence, bpm, times_s)
    first = find_downbeat(track, rate_hz, frames, whole, low, onsets.rate_hz, metre)
    return Beat(
        confidence, bpm, times_s, metre, None if first is None else times_s[first :: BEATS_A_BAR[metre]]
    )
