"""Fit the weights of `tagging.octave` to rendered music: `python -m leitmotif.train_mini.octave`."""

from __future__ import annotations

import numpy as np
import scipy.optimize

from leitmotif.demo.music.render import render_music
from leitmotif.tagging.octave import candidates, features, strengthen
from leitmotif.tagging.rhythm import autocorrelate, onset_strength, pulse_of_recurrence

FIRST_SEED, CLIPS = 3_000_000, 500  # never those of a test
DURATION_S, RATE_HZ = 15.0, 22_050
TOLERANCE = 0.04
PENALTY = 0.005  # on squared weights of features that are scaled to unit deviation


def examples(first_seed: int, clips: int) -> list[tuple[np.ndarray, int]]:
    """Return the features of candidates, shape (candidates, 7), and the true one, of each clip with one."""
    found = []
    for seed in range(first_seed, first_seed + clips):
        music = render_music(seed, duration_s=DURATION_S, rate_hz=RATE_HZ, solo=False)
        onsets, rate_hz = onset_strength(music.mix.mean(axis=0), RATE_HZ)
        recurrence = autocorrelate(onsets, rate_hz)
        if recurrence is None or music.truth.tempo_bpm is None:
            continue
        bpm = candidates(pulse_of_recurrence(recurrence, rate_hz))
        right = np.flatnonzero(np.abs(bpm / music.truth.tempo_bpm - 1) <= TOLERANCE)
        if len(right):
            strengths = strengthen(onsets, rate_hz)
            found.append(
                (np.stack([features(b, strengths, recurrence, rate_hz) for b in bpm]), int(right[0]))
            )
    return found


def fit(known: list[tuple[np.ndarray, int]]) -> np.ndarray:
    """Return the weights under which the true candidates are most likely (a softmax over the candidates)."""
    scale = np.concatenate([rows for rows, _ in known]).std(axis=0)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        total, slope = 0.0, np.zeros_like(weights)
        for rows, right in known:
            scores = rows / scale @ weights
            shares = np.exp(scores - scores.max())
            shares /= shares.sum()
            total -= np.log(shares[right])
            slope += (shares @ rows - rows[right]) / scale
        return total / len(known) + PENALTY * weights @ weights, slope / len(known) + 2 * PENALTY * weights

    return scipy.optimize.minimize(loss, np.zeros(len(scale)), jac=True, method="L-BFGS-B").x / scale


if __name__ == "__main__":
    print(tuple(np.round(fit(examples(FIRST_SEED, CLIPS)), 3).tolist()))
