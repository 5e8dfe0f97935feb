"""Fit what hears beats to rendered pieces: `python -m leitmotif.train_mini.rhythm`, ten minutes.

The weights of `tagging.octave` are written into their file; printed are those of `tagging.confidence`,
`metre` and `downbeats`, which are fitted to the tempi that the file gave before: run it twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import scipy.optimize

from leitmotif.tagging import confidence, downbeats, metre, octave
from leitmotif.tagging.beats import EARLY_S
from leitmotif.tagging.rhythm import (
    Onsets,
    find_onsets,
    layers_of,
    pulses_of_recurrence,
    tempo_of_layers,
)
from leitmotif.tagging.tracking import beat_strengths, track_beats
from leitmotif.train_mini.octave_fit import fit_network
from leitmotif.train_mini.rhythm_pieces import KINDS, RATE_HZ, Piece

FIRST_SEED = 3_000_000  # never that of a test
# How many pieces of each kind, and how much one of them counts as an example of an octave.
PIECES = {
    "arranged": 600,
    "solo": 200,
    "waltz": 160,
    "compound": 120,
    "irregular": 120,
    "held": 100,
    "noise": 150,
}
COUNTS = {"arranged": 1.0, "solo": 0.5, "waltz": 1.0, "compound": 1.0}
HELD = 2.5  # what a held note counts beside them where strokes are told from trembling
TOLERANCE = 0.04
HEARD_AS = (1 / 3, 1 / 2, 1.0, 2.0, 3.0)  # of the tempo, what the confidence takes as right
PENALTY = 0.005  # on squared weights of features that are scaled to unit deviation

# Features of the choices, shape (choices, features), the number of the right one, and how much it counts.
Choice = tuple[np.ndarray, int, float]


def octave_choice(kind: str, piece: Piece, onsets: Onsets) -> Choice | None:
    """Return the candidates of a piece for `fit`; None where none is right."""
    layers = layers_of(onsets)
    if layers is None or piece.tempo_bpm is None:
        return None
    bpm = octave.candidates(pulses_of_recurrence(layers[0].recurrence, onsets.rate_hz))
    right = np.flatnonzero(np.abs(bpm / piece.tempo_bpm - 1) <= TOLERANCE)
    if not len(right):
        return None
    rows = np.stack([octave.features(b, *layers, onsets.rate_hz) for b in bpm])
    return rows, int(right[0]), COUNTS[kind]


def confidence_choices(kind: str, piece: Piece, onsets: Onsets) -> tuple[Choice | None, Choice | None]:
    """Return what tells whether the tempo that is found is right, and whether something new is heard at it.

    Each beside a row of zeros; None without onsets, the second also where it is not known.
    """
    layers = layers_of(onsets)
    if layers is None:
        return None, None
    bpm = tempo_of_layers(*layers, onsets.rate_hz)
    beats = track_beats(beat_strengths(*layers), onsets.rate_hz, bpm)
    truth = piece.tempo_bpm
    right = truth is not None and any(abs(bpm / truth / ratio - 1) <= TOLERANCE for ratio in HEARD_AS)
    row = np.append(confidence.features(bpm, beats, layers[0], onsets), 1.0)
    change = np.array([np.log(confidence.change_at(beats, onsets)), 1.0])
    struck = right or kind == "held"
    return _whether(row, right, 1.0), _whether(change, right, COUNTS.get(kind, HELD)) if struck else None


def _whether(row: np.ndarray, right: bool, count: float) -> Choice:
    return np.stack([np.zeros_like(row), row]), int(right), count


def metre_choice(piece: Piece, onsets: Onsets) -> Choice | None:
    """Return the features of a tempo in a block for each metre but the first; None where it is not right."""
    layers = layers_of(onsets)
    if layers is None or piece.tempo_bpm is None or piece.metre is None:
        return None
    bpm = tempo_of_layers(*layers, onsets.rate_hz)
    if abs(bpm / piece.tempo_bpm - 1) > TOLERANCE:
        return None
    row = np.append(metre.features(bpm, *layers, onsets.rate_hz), 1.0)
    blocks = len(metre.METRES) - 1
    rows = np.vstack([np.zeros(blocks * len(row)), np.kron(np.eye(blocks), row)])
    return rows, metre.METRES.index(piece.metre), 1.0


def downbeat_choice(piece: Piece, onsets: Onsets) -> Choice | None:
    """Return the places in the bar of a piece whose tempo is right and whose beats lie; None of others."""
    layers = layers_of(onsets)
    if layers is None or piece.tempo_bpm is None or piece.metre is None:
        return None
    bpm = tempo_of_layers(*layers, onsets.rate_hz)
    beats = track_beats(beat_strengths(*layers), onsets.rate_hz, bpm)
    count = downbeats.BEATS_A_BAR[piece.metre]
    place = ((beats / onsets.rate_hz + EARLY_S + piece.offset_s) * piece.tempo_bpm / 60) % count
    near = np.abs((place + 0.5) % 1 - 0.5) < 0.15  # of a beat
    if abs(bpm / piece.tempo_bpm - 1) > TOLERANCE or len(beats) < 2 * count or near.mean() < 0.8:
        return None
    begins = (np.round(place) % count == 0) & near
    right = int(np.argmax([begins[first::count].mean() for first in range(count)]))
    heard = (RATE_HZ, beats, *layers, onsets.rate_hz, piece.metre)
    return downbeats.features(piece.track, *heard), right, 1.0


def fit(choices: Sequence[Choice], penalty: float = PENALTY) -> np.ndarray:
    """Return the weights under which the right ones are most likely (a softmax over the choices)."""
    scale = np.concatenate([rows for rows, _, _ in choices]).std(axis=0) + 1e-9
    total = sum(count for _, _, count in choices)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        found, slope = 0.0, np.zeros_like(weights)
        for rows, right, count in choices:
            scores = rows / scale @ weights
            shares = np.exp(scores - scores.max())
            shares /= shares.sum()
            found -= count * np.log(shares[right] + 1e-12)
            slope += count * (shares @ rows - rows[right]) / scale
        return found / total + penalty * weights @ weights, slope / total + 2 * penalty * weights

    return scipy.optimize.minimize(loss, np.zeros(len(scale)), jac=True, method="L-BFGS-B").x / scale


def pieces() -> Iterator[tuple[str, int, Piece]]:
    """Yield kind, seed and piece."""
    for kind, count in PIECES.items():
        for seed in range(FIRST_SEED, FIRST_SEED + count):
            yield kind, seed, KINDS[kind](seed)


def with_stretch(onsets: Onsets, seed: int) -> tuple[Onsets, Onsets]:
    """Return onsets, and a stretch of three to ten seconds of them."""
    rng = np.random.default_rng(seed)
    frames = int(onsets.rate_hz * rng.uniform(3, 10))
    start = int(rng.uniform(0, len(onsets.whole) - frames))
    stretch = slice(start, start + frames)
    whole, low, change = (values[stretch] for values in (onsets.whole, onsets.low, onsets.change))
    return onsets, Onsets(whole, low, change, onsets.rate_hz)


def main() -> None:
    """Fit, write and print."""
    octaves: list[Choice | None] = []
    beats: list[Choice | None] = []
    strokes: list[Choice | None] = []
    metres: list[Choice | None] = []
    bars: dict[str, list[Choice | None]] = {name: [] for name in metre.METRES}
    for kind, seed, piece in pieces():
        onsets = find_onsets(piece.track, RATE_HZ)
        octaves.append(octave_choice(kind, piece, onsets))
        metres.append(metre_choice(piece, onsets))
        if piece.metre is not None:
            bars[piece.metre].append(downbeat_choice(piece, onsets))
        for part in with_stretch(onsets, seed):
            right, struck = confidence_choices(kind, piece, part)
            beats.append(right)
            strokes.append(struck)
    network = fit_network([choice for choice in octaves if choice is not None])
    np.savetxt(octave.WEIGHTS_PATH, network, fmt="%.4g", delimiter=",")
    for name, choices in (("confidence", beats), ("struck", strokes), ("metre", metres), *bars.items()):
        weights = fit([choice for choice in choices if choice is not None])
        print(f"{name}: {tuple(np.round(weights, 3).tolist())}")


if __name__ == "__main__":
    main()
