"""Trains clap-mini on cached features."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional
from transformers import ClapModel, PreTrainedTokenizerFast

from leitmotif.encoders.mel import level_features
from leitmotif.taxonomy.labels import Taxonomy
from leitmotif.train_mini.augment import augment
from leitmotif.train_mini.batches import Batches
from leitmotif.train_mini.clap_network import MAX_LOGIT_SCALE, Average, ClapLosses, WhitenedProjection
from leitmotif.train_mini.corpus import RANGE_DB, Truth
from leitmotif.train_mini.prompts import (
    QUALITY,
    TEMPI,
    VOICE,
    Vocabulary,
    describe,
    draw_opposites,
    draw_prompts,
)
from leitmotif.train_mini.targets import Targets, make_targets, tempo_word

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingPlan:
    """How long and how fast to train."""

    epochs: int = 30  # each draws as many clips as there are views
    batch: int = 128
    peak_rate: float = 1.5e-3
    matrix_rate: float = 0.02  # of Muon, which trains the matrices of the audio tower
    weight_decay: float = 0.02
    warmup_steps: int = 60
    minutes: float | None = None  # the schedule ends by then, however slow the machine is
    seed: int = 0
    bfloat16: bool = True


class ClapTrainer:
    """One run: a model, its data and its schedule."""

    def __init__(
        self,
        model: ClapModel,
        tokenizer: PreTrainedTokenizerFast,
        taxonomy: Taxonomy,
        vocabulary: Vocabulary,
        features: np.ndarray,
        truths: Sequence[Truth],
        plan: TrainingPlan,
    ) -> None:
        self.model, self.tokenizer, self.taxonomy, self.vocabulary = model, tokenizer, taxonomy, vocabulary
        self.features, self.truths, self.plan = features, truths, plan
        # Processes that train together draw different clips and take the same steps.
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        self.processes = dist.get_world_size() if dist.is_initialized() else 1
        self.rng = np.random.default_rng([plan.seed, self.rank])
        places = {m.id: (m.valence or 0.0, m.arousal or 0.0) for m in taxonomy.moods}
        self.targets = make_targets(truths, vocabulary, places)
        self.batches = Batches(features, truths, self.targets, vocabulary, self.rng)
        width = model.audio_projection.linear1.in_features
        self.losses = ClapLosses(vocabulary.kinds, self.targets.labels.mean(0), width)
        self.average = Average(model)
        self.whitened = WhitenedProjection(model)
        self.generator = torch.Generator().manual_seed(plan.seed + self.rank)
        self.optimizers = self._make_optimizers()
        self.steps_an_epoch = max(1, len(features) // plan.batch)
        self.step_number, self._done = 0, 0.0
        self.started = time.monotonic()

    def run(self, after_epoch: Callable[[int, float, ClapTrainer], None] | None = None) -> list[float]:
        """Train to the end of the plan.

        Args:
            after_epoch: Called with the number of the epoch, its mean loss and the trainer.

        Returns:
            The mean loss of each epoch.
        """
        if self.processes > 1:
            for part in (self.model, self.losses):
                for tensor in part.state_dict().values():
                    dist.broadcast(tensor, 0)
        means = []
        for epoch in range(self.plan.epochs):
            losses = []
            for _ in range(self.steps_an_epoch):
                losses.append(self.step())
                if self.progress() >= 1.0:
                    break
            means.append(float(np.mean(losses)))
            if after_epoch is not None:
                after_epoch(epoch, means[-1], self)
            if self.progress() >= 1.0:
                break
        return means

    def finished(self) -> dict[str, Tensor]:
        """Return the averaged weights, normalisations folded in, by the names and shapes of `ClapModel`."""
        model = copy.deepcopy(self.model)
        model.load_state_dict(self.average.state)
        model.eval()
        WhitenedProjection(model).fold(self._pool_some(model))
        return dict(model.state_dict())

    def _pool_some(self, model: ClapModel) -> Tensor:
        """Return what a tower pools of 512 views of the training clips."""
        rows = np.random.default_rng(self.plan.seed).permutation(self.batches.whole)[:512]
        pooled = []
        with torch.no_grad():
            for start in range(0, len(rows), 64):
                chunk = torch.from_numpy(self.features[rows[start : start + 64]].astype(np.float32))
                pooled.append(self._pool(model, chunk))
        return torch.cat(pooled)

    def take_up(self, steps: int = 60) -> float:
        """Fit what the losses learn to a model that was trained before, and return the last loss."""
        self.model.eval()
        self.whitened.unfold(self._pool_some(self.model))
        optimizer = torch.optim.AdamW(self.losses.parameters(), lr=0.02, weight_decay=0.0)
        loss = torch.zeros(())
        for _ in range(steps):
            batch = self.batches.draw(self.plan.batch)
            changed, targets = augment(batch.features, batch.targets, self.generator)
            with torch.no_grad():
                pooled = self._pool(self.model, changed)
            loss = self._loss(pooled, batch.rows, targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        self.average = Average(self.model)
        return float(loss.detach())

    def prepare_texts(self, steps: int = 200) -> float:
        """Let the text tower tell the labels apart before any sound is heard, and return its last loss.

        Two prompts of one label are drawn together, all others apart, so that the audio tower has places to
        aim at.
        """
        towers = [*self.model.text_model.parameters(), *self.model.text_projection.parameters()]
        optimizer = torch.optim.AdamW(towers, lr=self.plan.peak_rate)
        loss = torch.zeros(())
        self.model.train()
        for _ in range(steps):
            first, second = (self._embed_texts(self._drawn_texts()) for _ in range(2))
            logits = 15 * first @ second.T
            right = torch.arange(len(logits))
            loss = functional.cross_entropy(logits, right) + functional.cross_entropy(logits.T, right)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        self.average = Average(self.model)
        return float(loss.detach())

    def _drawn_texts(self) -> list[str]:
        texts = self._texts([])
        return [text for group in texts.values() for text in group]

    def progress(self) -> float:
        """Return how much of the plan is done, 0..1, by steps or by time, whichever is further."""
        return self._done

    def _look_at_clock(self) -> None:
        """Note how much of the plan is done; processes that train together go by the clock of the first."""
        done = self.step_number / (self.plan.epochs * self.steps_an_epoch)
        if self.plan.minutes is not None:
            done = max(done, (time.monotonic() - self.started) / (60 * self.plan.minutes))
        noted = torch.tensor([min(done, 1.0)])
        if self.processes > 1:
            dist.broadcast(noted, 0)
        self._done = float(noted)

    def step(self) -> float:
        """Train on one batch and return the loss."""
        warm = min(1.0, (self.step_number + 1) / self.plan.warmup_steps)
        pace = warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.progress())))
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * pace
        self.model.train()
        self.whitened.train()
        batch = self.batches.draw(self.plan.batch // self.processes)
        changed, targets = augment(batch.features, batch.targets, self.generator)
        loss = self._update(self._pool(self.model, changed), batch.rows, targets)
        self.average.update(self.model)
        self.step_number += 1
        self._look_at_clock()
        return loss

    def _make_optimizers(self) -> list[torch.optim.Optimizer]:
        """Make Muon for the matrices inside the audio tower, AdamW for everything else."""
        matrices: list[Tensor] = []
        tables: list[Tensor] = []
        vectors: list[Tensor] = []
        for name, parameter in self.model.named_parameters():
            inside = name.startswith("audio_model") and parameter.ndim == 2 and "bias_table" not in name
            (matrices if inside else tables if parameter.ndim > 1 else vectors).append(parameter)
        decay = self.plan.weight_decay
        muon = torch.optim.Muon(
            matrices, lr=self.plan.matrix_rate, weight_decay=decay, momentum=0.95, adjust_lr_fn="original"
        )
        adam = torch.optim.AdamW(
            [
                {"params": tables, "weight_decay": decay},
                {"params": [*vectors, *self.losses.parameters()], "weight_decay": 0.0},
            ],
            lr=self.plan.peak_rate,
            betas=(0.9, 0.98),
        )
        for optimizer in (muon, adam):
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]
        return [muon, adam]

    def _loss(self, pooled: Tensor, rows: np.ndarray, targets: Targets) -> Tensor:
        """Return the loss of what the tower pooled of some clips."""
        descriptions, claims = self._describe(rows, targets)
        texts = self._texts(descriptions)
        embedded = self._embed_texts([text for group in texts.values() for text in group])
        parts = dict(zip(texts, embedded.split([len(group) for group in texts.values()]), strict=True))
        audio, white = self.whitened(pooled)
        return self.losses(audio, white, parts, targets, claims, self.model.logit_scale_a.exp())

    def _update(self, pooled: Tensor, rows: np.ndarray, targets: Targets) -> float:
        """Take one step on what the tower pooled of some clips, and return the loss."""
        loss = self._loss(pooled, rows, targets)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._share_gradients()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        with torch.no_grad():
            for scale in (self.model.logit_scale_a, self.model.logit_scale_t):
                scale.copy_(self.model.logit_scale_a.clamp(0.0, math.log(MAX_LOGIT_SCALE)))
        return float(loss.detach())

    def _share_gradients(self) -> None:
        """Replace the gradients by their mean over the processes."""
        if self.processes == 1:
            return
        gradients = [
            p.grad for p in (*self.model.parameters(), *self.losses.parameters()) if p.grad is not None
        ]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.processes
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def _texts(self, descriptions: list[str]) -> dict[str, list[str]]:
        positive, negative = draw_opposites(self.taxonomy.voice, VOICE, self.rng)
        clean, noisy = draw_opposites(self.taxonomy.quality, QUALITY, self.rng)
        return {
            "labels": draw_prompts(self.vocabulary, self.rng),
            "voice": [negative, positive],
            "quality": [clean, noisy],
            "tempo": [words[int(self.rng.integers(len(words)))] for words in TEMPI.values()],
            "descriptions": descriptions,
        }

    def _describe(self, rows: np.ndarray, targets: Targets) -> tuple[list[str], Tensor]:
        """Return a text for each clip that has a description, and which of them are true of which clip."""
        place = {identity: i for i, identity in enumerate(self.vocabulary.ids)}
        words = list(TEMPI)
        chosen = torch.nonzero(targets.described > 0).flatten()
        targets = targets[chosen]
        texts, claims = [], torch.ones(len(chosen), len(chosen))
        for column, row in enumerate(rows[chosen.numpy()]):
            truth = self.truths[row]
            text, said = describe(
                genre=truth.genre, moods=truth.moods, instruments=truth.instruments, vocals=truth.vocals,
                tempo=tempo_word(truth.tempo_bpm), key=truth.key, rng=self.rng,
            )  # fmt: skip
            texts.append(text)
            for word in said:
                if word in words:
                    claims[:, column] *= (targets.tempo == words.index(word)) & (targets.tempo_weight > 0)
                elif word in place:
                    claims[:, column] *= targets.labels[:, place[word]]
            claims[column, column] = 1.0
        return texts, claims

    def _pool(self, model: ClapModel, features: Tensor) -> Tensor:
        features = level_features(features, RANGE_DB)
        longer = torch.zeros(len(features), 1, dtype=torch.bool)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.plan.bfloat16):
            output = model.audio_model(input_features=features[:, None], is_longer=longer)
        return output.pooler_output.float()

    def _embed_texts(self, texts: list[str]) -> Tensor:
        tokens = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.plan.bfloat16):
            output = self.model.text_model(
                input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
            )
        return functional.normalize(self.model.text_projection(output.pooler_output.float()), dim=-1)
