"""Tempo and key of a recording, by signal processing alone.

Tempo: the onset strength is compared with itself at every lag, and each candidate collects what its beats, their
multiples and its bars find there. Key: the strongest tonal peaks, folded into twelve pitch classes on the track's own
tuning, are compared with the pitch-class profiles of the 24 keys.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.ndimage

KEY_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

# The averages of slow, medium and fast music in Visuals Music Bridge (table 7) are 93.9, 122.6 and 143.6 BPM: the
# generator drifts to the middle. Thresholds at the musicians' marks instead: below 90 is adagio to andante, 90 to
# 120 is moderato, above 120 is allegro.
MEDIUM_FROM_BPM = 90.0
FAST_FROM_BPM = 120.0

MIN_BPM, MAX_BPM = 40.0, 240.0
# Reported tempi: beyond them a listener taps at half or double speed.
SLOWEST_BPM, FASTEST_BPM = 55.0, 190.0
# Where listeners tap when they may choose: log-normal, after Ellis, Beat tracking by dynamic programming, 2007
# (120 BPM, 0.9 octaves); a little lower, for quiet music without drums counts here as well.
PRIOR_BPM, PRIOR_OCTAVES = 115.0, 0.8
MIN_TRACK_S = 2.0
# Below this level there is nothing to hear in 16 bits.
SILENCE_RMS = 10 ** (-70 / 20)

# How often each degree occurs in music of a key: Temperley, What's key for key?, 1999 (his correction of the listening
# experiment of Krumhansl and Kessler, 1982).
MAJOR_PROFILE = (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0)
MINOR_PROFILE = (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0)
