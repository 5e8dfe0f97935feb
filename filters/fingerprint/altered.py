"""Copies of a recording at another speed or pitch: two fingerprints laid over each other on a grid.

The bands of a fingerprint are a semitone wide, so a recording that was moved by a semitone has its bits one
place further; one that is faster has its words closer together. Of all speeds and semitones on the grid, and
all offsets in time (by one Fourier transform), the best agreement counts.

Reference:
    Sonnleitner and Widmer, Robust quad-based audio fingerprinting, TASLP 2016, measure the changes of speed
    and pitch that disc jockeys and uploaders make: most are within 7 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

# What is tried: speeds of the second recording over the first, and semitones (bands) that it is higher, with
# the half-way points between them.
SPEEDS = np.round(np.arange(0.92, 1.0801, 0.01), 2)
SEMITONES = np.arange(-3, 4)
# Words of either fingerprint that are looked at, from its middle: over more, a speed between two tried ones
# drifts.
WORDS, REACH = 240, 720
# Overlap that is worth judging: 4 s, and half of what the shorter fingerprint has to say.
MIN_WORDS = 32
MIN_SHARE = 0.5
# From here on it is the same recording; `python -m bench.quality.duplicates` says what it finds.
SAME_RECORDING = 0.25
# Only recordings that sound alike (cosine of their CLAP embeddings) are compared, each with its nearest.
ALIKE, NEAREST = 0.8, 4
_BITS = 32  # of a word: the differences of 33 bands


@dataclass(frozen=True)
class Agreement:
    """How well two fingerprints agree at best.

    Attributes:
        similarity: 1 - 2 x the share of bits that differ; 0 where nothing was worth judging.
        speed: Speed of the second recording over that of the first.
        semitones: Semitones by which the second one is higher, in halves.
    """

    similarity: float
    speed: float = 1.0
    semitones: float = 0.0


class AlteredFingerprint:
    """A fingerprint made ready to be compared with others at every speed and pitch."""

    def __init__(self, words: np.ndarray) -> None:
        """Take the words of a fingerprint, shape (words,), uint32; 0 says nothing."""
        self._words = _middle(words, REACH)
        self.known = int(np.count_nonzero(self._words))
        self._faster: tuple[np.ndarray, np.ndarray] | None = None
        self._size = 1 << int(np.ceil(np.log2(REACH + 1.1 * WORDS)))

    def _still(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the spectra of the bits, shape (frequencies, semitones, bits), and of what is known."""
        signs, known = _signs(self._words)
        spectrum = scipy.fft.rfft(signs, self._size, axis=0)  # (frequencies, bits)
        moved = np.zeros((len(spectrum), len(SEMITONES), _BITS), spectrum.dtype)
        for number, semitones in enumerate(SEMITONES.tolist()):
            low, high = max(0, -semitones), min(_BITS, _BITS - semitones)
            moved[:, number, low:high] = spectrum[:, low + semitones : high + semitones]
        return moved, scipy.fft.rfft(known, self._size)

    def _at_speeds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the conjugate spectra at each speed, (frequencies, bits, speeds), and of what is known."""
        if self._faster is None:
            words = _middle(self._words, WORDS)
            signs = np.zeros((self._size, _BITS, len(SPEEDS)), np.float32)
            known = np.zeros((self._size, len(SPEEDS)), np.float32)
            for number, speed in enumerate(SPEEDS):
                places = np.minimum(np.arange(int(len(words) * speed)) / speed + 0.5, len(words) - 1).astype(
                    int
                )
                signs[: len(places), :, number], known[: len(places), number] = _signs(words[places])
            self._faster = (
                np.conj(scipy.fft.rfft(signs, axis=0)),
                np.conj(scipy.fft.rfft(known, axis=0)),
            )
        return self._faster

    def agreement(self, other: AlteredFingerprint) -> Agreement:
        """Return how well another recording agrees with this one, at its best speed, pitch and offset."""
        if min(self.known, other.known) < MIN_WORDS:
            return Agreement(0.0)
        if len(other._words) > len(self._words):
            found = other.agreement(self)
            return Agreement(found.similarity, round(1 / found.speed, 2), -found.semitones)
        bits, known = self._still()
        other_bits, other_known = other._at_speeds()
        matches = scipy.fft.irfft(bits @ other_bits, self._size, axis=0)  # (offsets, semitones, speeds)
        words = scipy.fft.irfft(known[:, None] * other_known, self._size, axis=0)  # (offsets, speeds)
        enough = max(MIN_WORDS, MIN_SHARE * min(self.known, other.known, WORDS))
        # (offsets, semitones, speeds)
        judged = np.maximum(words, 1.0)[:, None, :] * (_BITS - np.abs(SEMITONES))[None, :, None]
        scores = np.where((words >= enough)[:, None, :], matches / judged, 0.0)
        # Half-way between two bands both agree in part; by the root, chance alone gives no more than for one.
        scores = np.concatenate([scores, (scores[:, 1:] + scores[:, :-1]) / np.sqrt(2)], axis=1)
        pitches = np.concatenate([SEMITONES, SEMITONES[:-1] + 0.5])
        _, pitch, speed = np.unravel_index(int(scores.argmax()), scores.shape)
        return Agreement(float(scores.max()), float(SPEEDS[speed]), float(-pitches[pitch]))


def _middle(words: np.ndarray, count: int) -> np.ndarray:
    start = max(0, (len(words) - count) // 2)
    return words[start : start + count]


def _signs(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bits as -1 and 1, or 0 in a silent word, shape (words, bits), and which are not silent."""
    known = (words != 0).astype(np.float32)
    bits = (words[:, None] >> np.arange(_BITS, dtype=np.uint32)) & np.uint32(1)  # (words, bits)
    return (2.0 * bits.astype(np.float32) - 1.0) * known[:, None], known
