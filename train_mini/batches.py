"""Draws the batches that clap-mini learns from: clips as rendered, and new mixes of the parts of many clips.

Powers of sounds add, so that parts mix in the mel domain at no cost: every batch holds line-ups and balances
that were never rendered, each with its exact truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from leitmotif.train_mini.corpus import FRAMES, Truth
from leitmotif.train_mini.prompts import Vocabulary
from leitmotif.train_mini.targets import Targets

MOST_PARTS = 5
LINE_UPS = (0.05, 0.3, 0.2, 0.2, 0.15, 0.1)  # how often a new mix has 0, 1 .. MOST_PARTS instruments
SINGS = 0.25  # how often a new mix has a voice; one without instruments always has
HEARD_DB = -15.0  # a part that is louder than that, below the whole, is heard
HIDDEN_DB = -25.0  # one that is softer than that is not; between the two nobody can say
SILENT_DB = -40.0  # below the usual part: a part that hardly sounds is not mixed


@dataclass(frozen=True)
class Batch:
    """Clips to learn from.

    Attributes:
        features: Log-mel power in dB, shape (B, frames, mels).
        targets: What is true of them.
        rows: View that each clip is, -1 for a new mix, shape (B,).
    """

    features: Tensor
    targets: Targets
    rows: np.ndarray


class Batches:
    """Batches drawn from rendered views."""

    def __init__(
        self,
        features: np.ndarray,
        truths: Sequence[Truth],
        targets: Targets,
        vocabulary: Vocabulary,
        rng: np.random.Generator,
        mixed_share: float = 0.55,
    ) -> None:
        """Sort the views by what they are.

        Args:
            features: Log-mel power in dB, shape (n, frames, mels).
            truths: What is known of each.
            targets: What is true of all n.
            vocabulary: The labels, of whose instruments every one is drawn equally often.
            rng: Draws everything.
            mixed_share: Share of a batch that is newly mixed, where there are parts to mix.
        """
        self.features, self.targets, self.rng = features, targets, rng
        self.exclusive = torch.tensor([kind in ("genre", "mood") for kind in vocabulary.kinds])
        levels = np.array([_level_db(view) for view in features])
        self.gains_db = -levels
        usual = np.median(levels)
        sounding = [i for i in range(len(truths)) if levels[i] > usual + SILENT_DB]
        self.whole = np.array([i for i, truth in enumerate(truths) if truth.view not in ("part", "voice")])
        self.voices = np.array([i for i in sounding if truths[i].view == "voice"], int)
        names = {truths[i].instruments[0] for i in sounding if truths[i].view == "part"}
        self.parts = [
            np.array([i for i in sounding if truths[i].view == "part" and truths[i].instruments[0] == name])
            for name in sorted(names)
        ]
        self.mixed_share = mixed_share if len(self.parts) >= MOST_PARTS and len(self.voices) else 0.0

    def draw(self, size: int) -> Batch:
        """Return a batch of `size` clips."""
        mixed = round(size * self.mixed_share)
        rows = self.rng.choice(self.whole, size - mixed, replace=len(self.whole) < size)
        known = Batch(
            torch.from_numpy(self.features[rows].astype(np.float32)),
            self.targets[torch.from_numpy(rows)],
            rows,
        )
        if not mixed:
            return known
        new = self._mix(mixed)
        return Batch(
            torch.cat([known.features, new.features]),
            known.targets.join(new.targets),
            np.concatenate([known.rows, new.rows]),
        )

    def _mix(self, count: int) -> Batch:
        """Return `count` new mixes of parts, each turned in time by itself."""
        index = np.full((count, MOST_PARTS + 1), -1)
        gains_db = np.zeros(index.shape)
        for row in range(count):
            size = int(self.rng.choice(len(LINE_UPS), p=LINE_UPS))
            for place, kind in enumerate(self.rng.choice(len(self.parts), size, replace=False)):
                index[row, place] = self.rng.choice(self.parts[kind])
                gains_db[row, place] = self.rng.normal(0, 4)
            if size == 0 or self.rng.random() < SINGS:
                index[row, -1] = self.rng.choice(self.voices)
                gains_db[row, -1] = self.rng.normal(2, 4)
        used = np.nonzero(index >= 0)
        views = index[used]
        frames = (np.arange(FRAMES) + self.rng.integers(FRAMES, size=(len(views), 1))) % FRAMES
        decibels = torch.from_numpy(self.features[views[:, None], frames].astype(np.float32))
        gains = torch.from_numpy((gains_db[used] + self.gains_db[views]).astype(np.float32))
        power = torch.pow(10.0, (decibels + gains[:, None, None]) / 10)  # (parts of all mixes, FRAMES, MELS)
        total = torch.zeros(count, *power.shape[1:]).index_add_(0, torch.from_numpy(used[0]), power)
        share = torch.zeros(index.shape)
        share[used] = power.mean(dim=(1, 2))
        share_db = 10 * torch.log10(share / share.sum(1, keepdim=True) + 1e-12)
        return Batch(10 * torch.log10(total), self._targets(index, share_db), np.full(count, -1))

    def _targets(self, index: np.ndarray, share_db: Tensor) -> Targets:
        """Return what is true of mixes of views (B, K), given their levels (B, K) in dB below the whole."""
        each = self.targets[torch.from_numpy(index.ravel())]
        heard = (share_db > HEARD_DB).float()
        doubtful = (share_db > HIDDEN_DB).float()
        count, most = index.shape

        def unite(values: Tensor) -> tuple[Tensor, Tensor]:
            by_part = values.reshape(count, most, -1)  # (B * K, …) to (B, K, n)
            sure, perhaps = (
                (by_part * chosen[:, :, None]).amax(1).reshape(count, *values.shape[1:])
                for chosen in (heard, doubtful)
            )
            return sure, 1 - (perhaps - sure)

        labels, labels_weight = unite(each.labels)
        voice, voice_weight = unite(each.voice)
        nothing = torch.zeros(count)
        return Targets(
            labels=labels,
            labels_weight=labels_weight * ~self.exclusive,
            voice=voice,
            voice_weight=voice_weight,
            degraded=nothing,
            degraded_weight=torch.ones(count),
            tempo=nothing,
            tempo_weight=nothing,
            described=nothing,
        )


def _level_db(view: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(10 ** (view.astype(np.float32) / 10)) + 1e-12))
