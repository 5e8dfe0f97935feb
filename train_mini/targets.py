"""What a batch of clips should score, as tensors with weights: weight 0 means unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from leitmotif.train_mini.corpus import Truth
from leitmotif.train_mini.prompts import TEMPI, Vocabulary

SLOW_BELOW_BPM = 90.0
FAST_FROM_BPM = 125.0


@dataclass(frozen=True)
class Targets:
    """Targets of B clips over L labels; every `*_weight` is 0 where the truth is unknown."""

    labels: Tensor  # (B, L) 0 or 1
    labels_weight: Tensor  # (B, L)
    voice: Tensor  # (B,) 1 where somebody sings or speaks
    voice_weight: Tensor  # (B,)
    degraded: Tensor  # (B,) 1 where degraded
    degraded_weight: Tensor  # (B,)
    tempo: Tensor  # (B,) position in TEMPI
    tempo_weight: Tensor  # (B,)
    described: Tensor  # (B,) 1 where the description of the original clip still holds

    def __getitem__(self, rows: Tensor) -> Self:
        return type(self)(**{name: value[rows] for name, value in vars(self).items()})

    def join(self, others: Self) -> Self:
        """Return these targets and then the others."""
        return type(self)(
            **{name: torch.cat([value, getattr(others, name)]) for name, value in vars(self).items()}
        )

    def degrade(self, chosen: Tensor) -> Self:
        """Return targets where the chosen clips, bool of shape (B,), have become noisy."""
        return replace(
            self,
            degraded=torch.where(chosen, torch.ones_like(self.degraded), self.degraded),
            degraded_weight=torch.where(chosen, torch.ones_like(self.degraded_weight), self.degraded_weight),
        )

    def empty(self, chosen: Tensor, silent: Tensor) -> Self:
        """Return targets where the chosen clips are noise or silence alone; both are bool of shape (B,)."""
        one, zero = torch.ones_like(self.voice), torch.zeros_like(self.voice)
        wide = chosen[:, None]
        return replace(
            self,
            labels=torch.where(wide, torch.zeros_like(self.labels), self.labels),
            labels_weight=torch.where(wide, torch.ones_like(self.labels_weight), self.labels_weight),
            voice=torch.where(chosen, zero, self.voice),
            voice_weight=torch.where(chosen, one, self.voice_weight),
            degraded=torch.where(chosen, one, self.degraded),
            degraded_weight=torch.where(chosen, (~silent).float(), self.degraded_weight),
            tempo_weight=torch.where(chosen, zero, self.tempo_weight),
            described=torch.where(chosen, zero, self.described),
        )


def tempo_word(tempo_bpm: float | None) -> str | None:
    """Return "slow", "medium" or "fast", or None where the tempo is unknown."""
    if tempo_bpm is None:
        return None
    return "slow" if tempo_bpm < SLOW_BELOW_BPM else "fast" if tempo_bpm >= FAST_FROM_BPM else "medium"


def make_targets(
    truths: Sequence[Truth], vocabulary: Vocabulary, mood_places: dict[str, tuple[float, float]]
) -> Targets:
    """Return the targets of some clips.

    Args:
        truths: What is known of each clip.
        vocabulary: The labels, L of them.
        mood_places: Valence and arousal of each mood; a mood near a true one weighs little, being half true.
    """
    place = {
        (kind, identity): i
        for i, (kind, identity) in enumerate(zip(vocabulary.kinds, vocabulary.ids, strict=True))
    }
    count = len(truths)
    labels = np.zeros((count, len(vocabulary.ids)), np.float32)
    weight = np.ones_like(labels)
    voice, degraded, degraded_weight, tempo, tempo_weight = (np.zeros(count, np.float32) for _ in range(5))
    words = list(TEMPI)
    for row, truth in enumerate(truths):
        said = [("instrument", x) for x in truth.instruments]
        said += [("family", vocabulary.families[x]) for x in truth.instruments if x in vocabulary.families]
        said += [("mood", x) for x in truth.moods] + [("vocal", x) for x in truth.vocals]
        said += [("genre", truth.genre)] if truth.genre else []
        labels[row, [place[item] for item in said if item in place]] = 1.0
        for kind, known in (("genre", truth.genre), ("mood", truth.moods)):
            if not known and truth.view != "noise":  # a single note or a voice alone has none of its own
                weight[row, vocabulary.of_kind(kind)] = 0.0
        for mood, (valence, arousal) in mood_places.items():
            near = any(
                np.hypot(valence - mood_places[x][0], arousal - mood_places[x][1]) < 0.45
                for x in truth.moods
                if x in mood_places
            )
            if near and mood not in truth.moods and ("mood", mood) in place:
                weight[row, place["mood", mood]] = 0.2
        voice[row] = bool(truth.vocals)
        degraded[row] = truth.degree > 0
        degraded_weight[row] = 1.0 if truth.degree == 0 else float(np.clip(2.5 * truth.degree, 0.0, 1.0))
        word = tempo_word(truth.tempo_bpm)
        if word is not None:
            tempo[row], tempo_weight[row] = words.index(word), 1.0
    columns = {
        "labels": labels,
        "labels_weight": weight,
        "voice": voice,
        "voice_weight": np.ones(count),
        "degraded": degraded,
        "degraded_weight": degraded_weight,
        "tempo": tempo,
        "tempo_weight": tempo_weight,
        "described": [bool(truth.instruments or truth.vocals) for truth in truths],
    }
    return Targets(
        **{name: torch.from_numpy(np.asarray(column, np.float32)) for name, column in columns.items()}
    )
