"""The weights of what hears beats, fitted, and the pieces they are fitted to."""

import numpy as np

from leitmotif.tagging.octave import scores_of, strengthen
from leitmotif.tagging.rhythm import find_onsets
from leitmotif.train_mini.octave_fit import fit_network
from leitmotif.train_mini.rhythm import fit
from leitmotif.train_mini.rhythm_pieces import KINDS, RATE_HZ, SAMPLES, compound


def test_fitting_finds_the_feature_that_tells_the_true_candidate():
    rng = np.random.default_rng(0)
    known = []
    for _ in range(60):
        rows = rng.normal(size=(5, 3))
        known.append((rows, int(rows[:, 1].argmax()), 1.0))
    weights = fit(known)
    assert weights[1] > 5 * max(abs(weights[0]), abs(weights[2]))


def test_the_network_finds_what_no_line_tells():
    rng = np.random.default_rng(0)
    known = []
    for _ in range(200):
        rows = rng.uniform(-1, 1, size=(4, 3))
        known.append((rows, int((rows[:, 0] * rows[:, 1]).argmax()), 1.0))
    weights = fit_network(known[:150])
    right = [int(scores_of(rows, weights).argmax()) == number for rows, number, _ in known[150:]]
    assert weights.shape[1] == 3 + 2 and np.mean(right) > 0.8


def test_a_piece_in_six_eighths_has_onsets_on_its_eighths():
    piece = compound(3)
    onsets = find_onsets(piece.track, RATE_HZ)
    strengths = strengthen(onsets.whole, onsets.rate_hz)
    eighth_s = 20.0 / piece.tempo_bpm
    times = np.arange(eighth_s - piece.offset_s % eighth_s, 14.5, eighth_s)
    on = [strengths[round((time - 0.02) * onsets.rate_hz) :][:8].max() for time in times]
    off = [strengths[round((time + 0.5 * eighth_s - 0.02) * onsets.rate_hz) :][:8].max() for time in times]
    assert piece.metre == "6/8" and np.mean(on) > 2 * np.mean(off)


def test_what_has_no_beat_has_no_tempo_and_is_heard():
    for kind in ("irregular", "held", "noise"):
        piece = KINDS[kind](5)
        assert piece.tempo_bpm is None and piece.track.shape == (SAMPLES,) and np.isfinite(piece.track).all()
