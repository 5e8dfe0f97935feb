"""The whole recipe of clip-mini: render scenes, train a tiny `CLIPModel`, measure, write."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast

from leitmotif.encoders.clip import ClipEncoder
from leitmotif.encoders.tokenizers import train_tokenizer
from leitmotif.taxonomy.labels import Taxonomy, load
from leitmotif.train_mini import scenes as source
from leitmotif.train_mini.clap_evaluate import label_rows
from leitmotif.train_mini.clap_network import Average, contrast, count_parameters
from leitmotif.train_mini.folder import save_model
from leitmotif.train_mini.ranking_metrics import area_under_roc
from leitmotif.train_mini.scenes import KIND_WORDS, SceneTruth, describe_scene, render_scenes

logger = logging.getLogger(__name__)

TRAIN_SEEDS, TEST_SEEDS = 1_000_000, 0
TEST_SCENES = 240
BATCH = 64
PEAK_RATE = 1e-3


def make_clip(tokenizer: PreTrainedTokenizerFast) -> CLIPModel:
    """Return an untrained clip-mini: 4 layers of 128 on 8 x 8 patches, 2 layers of 96 on text."""
    return CLIPModel(
        CLIPConfig(
            text_config={
                "vocab_size": len(tokenizer), "hidden_size": 96, "intermediate_size": 192,
                "num_hidden_layers": 2,
                "num_attention_heads": 4, "max_position_embeddings": tokenizer.model_max_length,
                "projection_dim": 64, "bos_token_id": tokenizer.bos_token_id,
                "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
            },
            vision_config={
                "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4,
                "num_attention_heads": 4, "image_size": source.IMAGE_SIZE, "patch_size": 8,
                "projection_dim": 64,
            },
            projection_dim=64,
        )
    )  # fmt: skip


class ClipTrainer:
    """One run of clip-mini."""

    def __init__(
        self, taxonomy: Taxonomy, pixels: np.ndarray, truths: Sequence[SceneTruth], seed: int = 0
    ) -> None:
        torch.manual_seed(seed)
        self.taxonomy, self.pixels, self.truths = taxonomy, pixels, truths
        self.tokenizer = train_tokenizer(source.scene_texts(taxonomy), style="clip", size=1200, max_length=32)
        self.model = make_clip(self.tokenizer)
        self.average = Average(self.model, 0.997)
        self.rng = np.random.default_rng(seed)
        self.moods = source.mood_names(taxonomy)
        self.labels = [*self.moods, *KIND_WORDS]
        self.targets, self.weights = self._make_targets()
        self.bias = torch.nn.Parameter(torch.tensor([12.0, 0.3]))  # scale, threshold
        learned = [*self.model.parameters(), self.bias]
        self.optimizer = torch.optim.AdamW(learned, lr=PEAK_RATE, weight_decay=0.05)
        self.step_number = 0

    def _make_targets(self) -> tuple[Tensor, Tensor]:
        targets = torch.zeros(len(self.truths), len(self.labels))
        weights = torch.ones_like(targets)
        for row, truth in enumerate(self.truths):
            for name in (*truth.moods, truth.kind):
                targets[row, self.labels.index(name)] = 1.0
            for column, mood in enumerate(self.taxonomy.moods):
                valence, arousal = mood.valence or 0.0, mood.arousal or 0.0
                distance = math.hypot(valence - truth.valence, arousal - truth.arousal)
                if mood.id not in truth.moods and distance < 0.5:
                    weights[row, column] = 0.2
        return targets, weights

    def run(self, epochs: int, minutes: float | None) -> list[float]:
        """Train and return the mean loss of each epoch."""
        means, started = [], time.monotonic()
        steps = max(1, len(self.pixels) // BATCH)
        for epoch in range(epochs):
            order, losses = self.rng.permutation(len(self.pixels)), []
            for start in range(0, steps * BATCH, BATCH):
                done = self.step_number / (epochs * steps)
                if minutes is not None:
                    done = max(done, (time.monotonic() - started) / (60 * minutes))
                if done >= 1.0:
                    break
                losses.append(self.step(order[start : start + BATCH], done))
            if not losses:
                break
            means.append(float(np.mean(losses)))
            logger.info("epoch %d, loss %.3f", epoch, means[-1])
        return means

    def step(self, rows: np.ndarray, done: float) -> float:
        """Train on one batch and return the loss.

        Args:
            rows: Numbers of the frames to learn from, shape (batch,).
            done: How much of the training is done, 0..1; sets the learning rate.
        """
        warm = min(1.0, (self.step_number + 1) / 50)
        for group in self.optimizer.param_groups:
            group["lr"] = PEAK_RATE * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        self.model.train()
        sentences, said = zip(*(describe_scene(self.truths[row], self.rng) for row in rows), strict=True)
        claims = torch.tensor([[float(self._holds(row, words)) for words in said] for row in rows])
        images = _unit(self.model.get_image_features(pixel_values=self._jitter(rows)))
        texts = self._embed([*self._prompts(), *sentences])
        prompts, described = texts[: len(self.labels)], texts[len(self.labels) :]
        logits = self.bias[0].clamp(1, 40) * (images @ prompts.T - self.bias[1])
        index = torch.from_numpy(rows)
        loss = 4 * functional.binary_cross_entropy_with_logits(
            logits, self.targets[index], weight=self.weights[index], pos_weight=torch.tensor(2.0)
        )
        scale = self.model.logit_scale.exp()
        loss = loss + 0.5 * contrast(scale * images @ described.T, claims)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(0.0, math.log(50.0))
        self.average.update(self.model)
        self.step_number += 1
        return float(loss.detach())

    def _holds(self, row: int, words: Sequence[str]) -> bool:
        truth = self.truths[row]
        return all(word in (*truth.moods, truth.kind, *truth.genres) for word in words)

    def _prompts(self) -> list[str]:
        texts = []
        for names, templates in ((self.moods, source.MOOD_TEMPLATES), (KIND_WORDS, source.KIND_TEMPLATES)):
            for words in names.values():
                word = words[0] if self.rng.random() < 0.5 else words[int(self.rng.integers(len(words)))]
                texts.append(templates[int(self.rng.integers(len(templates)))].format(word))
        return texts

    def _jitter(self, rows: np.ndarray) -> Tensor:
        """Mirror, shift, and change the exposure a little."""
        pixels = torch.from_numpy(self.pixels[rows].astype(np.float32))  # (batch, 3, h, w)
        flip = torch.from_numpy(self.rng.random(len(rows)) < 0.5)
        pixels = torch.where(flip[:, None, None, None], pixels.flip(3), pixels)
        right, down = (int(x) for x in self.rng.integers(-4, 5, 2))
        pixels = torch.roll(pixels, (down, right), dims=(2, 3))
        gain = torch.from_numpy(self.rng.uniform(0.9, 1.1, (len(rows), 1, 1, 1)).astype(np.float32))
        tint = torch.from_numpy(self.rng.normal(0, 0.06, (len(rows), 3, 1, 1)).astype(np.float32))
        return pixels * gain + tint

    def _embed(self, texts: Sequence[str]) -> Tensor:
        tokens = self.tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
        ids, mask = tokens["input_ids"], tokens["attention_mask"]
        return _unit(self.model.get_text_features(input_ids=ids, attention_mask=mask))


def _unit(output: Any) -> Tensor:
    return functional.normalize(output if torch.is_tensor(output) else output.pooler_output, dim=-1)


def train_clip(
    cache_dir: Path, out: Path, *, scenes: int, epochs: int, minutes: float | None = None, workers: int = 2
) -> None:
    """Render the training scenes, train, and write the model."""
    trainer = ClipTrainer(load(), *render_scenes(TRAIN_SEEDS, scenes, cache_dir, workers=workers))
    logger.info("%d frames of %d scenes", len(trainer.pixels), scenes)
    trainer.run(epochs, minutes)
    save_model(trainer.model, trainer.average.state, (source.make_image_processor(), trainer.tokenizer), out)


def measure_clip(
    folder: Path, cache_dir: Path, *, test_scenes: int = TEST_SCENES, workers: int = 2
) -> dict[str, Any]:
    """Return the figures of a finished model on scenes that it was never trained on."""
    taxonomy = load()
    encoder = ClipEncoder(str(folder)).load()
    pixels, truths = render_scenes(TEST_SEEDS, test_scenes, cache_dir, workers=workers)
    images = encoder.embed_images([_picture(frame) for frame in pixels])
    rows = label_rows(encoder, taxonomy.moods)
    scores = images @ rows.T
    truth = np.array([[mood.id in t.moods for mood in taxonomy.moods] for t in truths], float)
    known = [i for i in range(truth.shape[1]) if truth[:, i].sum() >= 10]
    best = scores.argmax(axis=1)
    places = np.array([(mood.valence or 0.0, mood.arousal or 0.0) for mood in taxonomy.moods])
    wanted = np.array([(t.valence, t.arousal) for t in truths])
    asked = [[f"a video of {word}" for word in words] for words in KIND_WORDS.values()]
    kinds = np.stack([encoder.embed_texts(texts).mean(0) for texts in asked])
    guessed = [list(KIND_WORDS)[i] for i in (images @ kinds.T).argmax(axis=1)]
    pairs = list(zip(guessed, truths, strict=True))
    areas = [area_under_roc(truth[:, i], scores[:, i]) for i in known]
    return {
        "model": "clip-mini",
        "revision": encoder.revision_id,
        "taxonomy": taxonomy.fingerprint,
        "size": {
            "parameters, millions": count_parameters(CLIPModel.from_pretrained(folder)) / 1e6,
            "weights, MB": (folder / "model.safetensors").stat().st_size / 1e6,
        },
        "inference": {"logit scale": encoder.logit_scale},
        "rendered test frames, never trained on": {
            "frames": len(truths),
            "mood AUC (mean over moods)": float(np.mean(areas)),
            "mood top-1 is a true mood": float(truth[np.arange(len(best)), best].mean()),
            "a mood drawn at random is a true mood": float(truth.mean()),
            "distance of the top mood in valence and arousal": float(
                np.linalg.norm(places[best] - wanted, axis=1).mean()
            ),
            "kind of scene top-1": float(np.mean([g == t.kind for g, t in pairs])),
        },
    }


def _picture(pixels: np.ndarray) -> Image.Image:
    """Return the picture that the processor turned into these pixels."""
    processor = source.make_image_processor()
    mean, std = (np.asarray(x, np.float32) for x in (processor.image_mean, processor.image_std))
    values = (pixels.astype(np.float32).transpose(1, 2, 0) * std + mean) * 255  # (3, h, w) to (h, w, 3)
    return Image.fromarray(np.clip(np.round(values), 0, 255).astype(np.uint8))
