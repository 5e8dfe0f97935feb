"""Fit the network that chooses the tempo among the multiples of a pulse (`tagging.octave`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

# With less decay a plain beat of drums loses its tempo. Half the units get as many pieces right that are left
# out.
UNITS, STEPS, RATE, DECAY = 16, 600, 5e-3, 1.0


def fit_network(choices: Sequence[tuple[np.ndarray, int, float]], *, seed: int = 0) -> np.ndarray:
    """Return the weights under which the right choices are most likely (a softmax over each).

    Args:
        choices: Features, shape (choices, features), the number of the right one, and how much it counts.
        seed: Of the weights that it begins with.

    Returns:
        As `tagging.octave.scores_of` takes them, shape (units, features + 2).
    """
    torch.manual_seed(seed)
    together = np.concatenate([rows for rows, _, _ in choices])
    mean, scale = together.mean(axis=0), together.std(axis=0) + 1e-9
    most = max(len(rows) for rows, _, _ in choices)
    filled = torch.zeros(len(choices), most, len(mean))
    absent = torch.ones(len(choices), most, dtype=torch.bool)
    for number, (rows, _, _) in enumerate(choices):
        filled[number, : len(rows)] = torch.from_numpy((rows - mean) / scale)
        absent[number, : len(rows)] = False
    right = torch.tensor([right for _, right, _ in choices])
    counts = torch.tensor([count for _, _, count in choices])
    hidden, out = nn.Linear(len(mean), UNITS), nn.Linear(UNITS, 1)
    optimizer = torch.optim.AdamW([*hidden.parameters(), *out.parameters()], lr=RATE, weight_decay=DECAY)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
        scores = out(torch.tanh(hidden(filled)))[..., 0].masked_fill(absent, -1e9)  # (clips, choices)
        loss = (nn.functional.cross_entropy(scores, right, reduction="none") * counts).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weights = hidden.weight.detach().double().numpy() / scale
    constant = hidden.bias.detach().double().numpy() - weights @ mean
    counted = out.weight[0].detach().double().numpy()
    return np.concatenate([weights, constant[:, None], counted[:, None]], axis=1)
