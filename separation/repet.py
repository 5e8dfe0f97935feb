"""REPET-SIM with a centre cue: removes a voice without learned weights.

What repeats in a song is mostly its accompaniment; what does not repeat and comes from the centre is mostly
the voice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import scipy.signal

from leitmotif.separation.separator import INSTRUMENTAL, VOCALS

MODEL_ID = "repet-sim"
REVISION = "1"
LICENSE = "Apache-2.0"
RATE_HZ = None  # any
REFERENCE = (
    "Rafii and Pardo, Music/voice separation using the similarity matrix, ISMIR 2012; centre cue after "
    "Avendano, Frequency-domain source identification and manipulation in stereo mixes, WASPAA 2003"
)

# A chunk with fewer frames than this holds no second occurrence of anything.
MIN_FRAMES = 8
# Frequency bins whose medians are taken at once: bounds the memory of a chunk.
BINS_AT_ONCE = 64


@dataclass(frozen=True)
class RepetSeparator:
    """Classical vocal remover for stereo music.

    Attributes:
        window_s: Length of a frame; the window is the next power of two in samples.
        neighbours: The most similar frames over which the median is taken (at most).
        apart_s: Frames nearer than this are the same event, not its repetition.
        high_pass_hz: Below this there is no voice (Rafii and Pardo: 100 Hz).
        sharpness: Exponent of the centre cue, 0 for none.
    """

    window_s: float = 0.09
    neighbours: int = 24
    apart_s: float = 1.0
    high_pass_hz: float = 100.0
    sharpness: float = 4.0

    stems: ClassVar[tuple[str, ...]] = (INSTRUMENTAL, VOCALS)
    # Long enough for a few bars to come again.
    chunk_s: ClassVar[float] = 30.0
    overlap_s: ClassVar[float] = 2.0
    batch: ClassVar[int] = 1
    # What does not repeat is of any level, with a voice and without: AUC 0.54; a single melody goes whole.
    heard_db: ClassVar[float | None] = None

    def model(self) -> str:
        """Return `id@revision`."""
        return f"{MODEL_ID}@{REVISION}"

    def load(self, device: str = "cpu") -> Self:
        """Return itself: there are no weights, and it runs on the CPU whatever the device."""
        return self

    def separate(self, mixes: np.ndarray, rate_hz: int) -> np.ndarray:
        """Return instrumental and vocals of mixes, shape (mixes, 2, 2, n), float32.

        Args:
            mixes: Shape (mixes, 2, n), float32.
            rate_hz: Sampling rate.
        """
        mixes = np.asarray(mixes, np.float32)
        without = np.stack([self.remove_voice(mix, rate_hz) for mix in mixes])  # (mixes, 2, n)
        return np.stack([without, mixes - without], axis=1)  # (mixes, 2 stems, 2, n)

    def remove_voice(self, mix: np.ndarray, rate_hz: int) -> np.ndarray:
        """Return the mix without what does not repeat and comes from the centre.

        Only the middle signal (L + R) / 2 is changed; the sides stay as they are, but for rounding.

        Args:
            mix: Shape (2, n), float32.
            rate_hz: Sampling rate.

        Returns:
            The instrumental, shape (2, n), float32.
        """
        mix = np.asarray(mix, np.float32)
        size = 1 << max(6, round(np.log2(self.window_s * rate_hz)))
        if mix.shape[1] < size:
            return mix.copy()
        transform = {"nperseg": size, "noverlap": size * 3 // 4}
        _, _, spectrum = scipy.signal.stft(mix, rate_hz, **transform)  # (2, bins, frames)
        middle = 0.5 * (spectrum[0] + spectrum[1])
        magnitude = np.abs(middle)
        hop_s = (size // 4) / rate_hz
        voice = middle * self._voice_mask(magnitude, hop_s)
        if self.sharpness:
            voice *= centre_cue(spectrum[0], spectrum[1]) ** self.sharpness
        voice[: int(np.ceil(self.high_pass_hz * size / rate_hz))] = 0
        _, voice_signal = scipy.signal.istft(voice, rate_hz, **transform)
        return (mix - voice_signal[None, : mix.shape[1]]).astype(np.float32)

    def _voice_mask(self, magnitude: np.ndarray, hop_s: float) -> np.ndarray:
        """Return the share of each bin that does not repeat, shape (bins, frames), 0..1."""
        similar = similar_frames(magnitude, self.neighbours, max(1, round(self.apart_s / hop_s)))
        if similar is None:
            return np.zeros_like(magnitude)
        repeating = np.minimum(median_of(magnitude, similar), magnitude)
        return 1.0 - repeating / np.maximum(magnitude, np.finfo(np.float32).tiny)


def similar_frames(magnitude: np.ndarray, count: int, apart: int) -> np.ndarray | None:
    """Return for every frame the frames most like it: the highest peaks of its row of the similarity matrix.

    Args:
        magnitude: Spectrogram, shape (bins, frames).
        count: How many at most.
        apart: Frames nearer than this are left out.

    Returns:
        Indices, shape (frames, count), the frame itself among them; None where the spectrogram is too short.
    """
    frames = magnitude.shape[1]
    count = min(count, (frames - 2 * apart) // 2)
    if frames < MIN_FRAMES or count < 2:
        return None
    unit = magnitude / np.maximum(np.linalg.norm(magnitude, axis=0), np.finfo(np.float32).tiny)
    similarity = unit.T @ unit  # (frames, frames), cosine
    peaks = np.full_like(similarity, -1.0)
    inner = similarity[:, 1:-1]
    is_peak = (inner >= similarity[:, :-2]) & (inner >= similarity[:, 2:])
    peaks[:, 1:-1][is_peak] = inner[is_peak]
    # Where a row has few peaks, its other frames come next, most similar first.
    peaks = np.where(peaks < 0, similarity - 2.0, peaks)
    number = np.arange(frames)
    peaks[np.abs(number[:, None] - number[None, :]) < apart] = -3.0
    peaks[number, number] = 2.0
    return np.argpartition(-peaks, count, axis=1)[:, :count]


def median_of(magnitude: np.ndarray, similar: np.ndarray) -> np.ndarray:
    """Return for every frame and bin the median over the similar frames, shape (bins, frames)."""
    result = np.empty_like(magnitude)
    half = similar.shape[1] // 2
    for start in range(0, len(magnitude), BINS_AT_ONCE):
        values = magnitude[start : start + BINS_AT_ONCE, similar]  # (bins, frames, count)
        values.partition((half - 1, half), axis=-1)
        middle = (
            values[..., half] if similar.shape[1] % 2 else 0.5 * (values[..., half - 1] + values[..., half])
        )
        result[start : start + BINS_AT_ONCE] = middle
    return result


def centre_cue(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return how much each bin comes from the centre: 1 where both channels are equal, 0 where unlike.

    Args:
        left: Complex spectrogram of the left channel, shape (bins, frames).
        right: That of the right channel, shape (bins, frames).

    Returns:
        Shape (bins, frames), 0..1.
    """
    alike = 2.0 * (left * right.conj()).real
    power = left.real**2 + left.imag**2 + right.real**2 + right.imag**2
    return np.clip(alike / np.maximum(power, np.finfo(np.float32).tiny), 0.0, 1.0)


SEPARATOR = RepetSeparator
