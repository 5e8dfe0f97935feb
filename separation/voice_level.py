"""How strong the voice is that a separator found, and how much of the sound goes with it."""

from __future__ import annotations

import numpy as np

# A sung line: less, and a single note of an instrument like a voice would decide; more, and a line would be
# lost among the rest of a long track.
WINDOW_S = 3.0
STEPS = 6  # of which a window is made; the next begins one later
SILENCE_DB = -120.0  # level of digital silence, as in the stage `audio`
MOST_DB = 60.0  # of a voice alone, and below zero of none at all
# Windows this far below the loudest are pauses, in which what rounding left of the stems would decide.
_PAUSE = 1e-3


class VoiceMeter:
    """Measures the parts of a mix, block by block.

    Args:
        rate_hz: Sampling rate of the blocks.
    """

    def __init__(self, rate_hz: int) -> None:
        self._step = round(WINDOW_S * rate_hz / STEPS)
        self._samples = 0
        self._energies: list[np.ndarray] = []  # of mix, instrumental and voice in each step, (3,)

    def add(self, instrumental: np.ndarray, voice: np.ndarray) -> None:
        """Take the next block of both, shape (2, n), whose sum is the mix."""
        while instrumental.shape[1]:
            if self._samples % self._step == 0:
                self._energies.append(np.zeros(3))
            size = self._step - self._samples % self._step
            now = instrumental[:, :size].astype(np.float64), voice[:, :size].astype(np.float64)
            self._energies[-1] += [float(np.square(part).sum()) for part in (now[0] + now[1], *now)]
            self._samples += now[0].shape[1]
            instrumental, voice = instrumental[:, size:], voice[:, size:]

    @property
    def voice_db(self) -> float:
        """The level of the voice over the rest where it is highest, in dB, -60..60; 0 in silence."""
        if not self._energies:
            return 0.0
        energies = np.stack(self._energies)  # (steps, 3)
        length = min(STEPS, len(energies))
        sums = np.cumsum(np.vstack([np.zeros(3), energies]), axis=0)
        windows = sums[length:] - sums[:-length]  # (windows, 3)
        _, rest, voice = windows[windows[:, 0] >= _PAUSE * windows[:, 0].max()].T
        return float(max(map(over_db, voice, rest)))

    @property
    def mix_db(self) -> float:
        """The level of the mix in dB of full scale, -120 for silence."""
        return self._level_db(0)

    @property
    def instrumental_db(self) -> float:
        """The level of the instrumental in dB of full scale, -120 for silence."""
        return self._level_db(1)

    def _level_db(self, part: int) -> float:
        energy = sum(float(step[part]) for step in self._energies)
        power = energy / (2 * max(self._samples, 1))
        return max(SILENCE_DB, 10 * float(np.log10(power))) if power > 0 else SILENCE_DB


def over_db(one: float, other: float) -> float:
    """Return how far an energy lies above another, in dB, -60..60; 0 where both are none."""
    if not one and not other:
        return 0.0
    bound = 10 ** (MOST_DB / 10)
    return 10 * float(np.log10(np.clip(one / other if other else bound, 1 / bound, bound)))
