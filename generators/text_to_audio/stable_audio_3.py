"""Stable Audio 3 as a text-to-audio model: what its backends for music and for sound effects share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from diffusers import (
    AutoencoderSAME,
    FlowMatchEulerDiscreteScheduler,
    StableAudio3DiTModel,
    StableAudio3Pipeline,
)
from diffusers.pipelines.stable_audio_3 import StableAudio3DurationEmbedder
from transformers import T5GemmaEncoderModel

from leitmotif.generators.generator import Request, loaded
from leitmotif.generators.text_to_audio.pipelines import (
    of_diffusers,
    of_transformers,
    open_pipeline,
    tokenizer,
)
from leitmotif.generators.text_to_audio.text_to_audio import OnStep, make_each
from leitmotif.storage.documents import read_object
from leitmotif.training.loader.decode import Audio
from leitmotif.weights.files import ByHand
from leitmotif.weights.resolve import BadModel

# The distilled models have guidance in their weights and take 8 steps, the base ones are guided as Stable
# Audio Open is and take 100 (diffusers' page on Stable Audio 3).
STEPS, BASE_STEPS, BASE_GUIDANCE = 8, 100, 7.0


def _scheduler(folder: Path) -> Any:
    """Return the scheduler, which alone tells a distilled model from a base one.

    Raises:
        ValueError: It is that of an earlier converter, whose settings would be passed over.
    """
    named = read_object(folder / "scheduler_config.json").get("_class_name")
    if named != FlowMatchEulerDiscreteScheduler.__name__:
        raise ValueError(f"its scheduler is a {named}; convert it again by the script of diffusers 0.42")
    return FlowMatchEulerDiscreteScheduler.from_pretrained(str(folder))


_PARTS = {
    "vae": of_diffusers(AutoencoderSAME),
    "text_encoder": of_transformers(T5GemmaEncoderModel),
    "tokenizer": tokenizer,
    "duration_embedder": of_diffusers(StableAudio3DurationEmbedder),
    "transformer": of_diffusers(StableAudio3DiTModel),
    "scheduler": _scheduler,
}


class StableAudio3:
    """Makes sounds by Stable Audio 3 (`leitmotif.generators.text_to_audio.text_to_audio.TextToAudio`).

    Args:
        model: A converted model: a folder, or a hub id; by default what `fetch-models` tells how to make.
        revision: Revision of a hub id.

    Attributes:
        made: What the user converts.

    Reference:
        Stable Audio 3, arXiv:2605.17991.
    """

    name: str
    rate_hz: int
    channels: int
    longest_s: float
    made: ByHand

    def __init__(self, model: str | None = None, revision: str | None = None) -> None:
        self.model, self.revision = model, revision or "main"
        self._pipeline: Any = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights onto a torch device.

        Raises:
            BadModel: They are missing, incomplete, or of another kind.
        """
        if self.model is None and self.made.missing():
            raise BadModel(f"got no model of {self.name}: {self.made.told()}")
        self._pipeline = open_pipeline(
            StableAudio3Pipeline,
            _PARTS,
            self.model or str(self.made.folder),
            self.revision,
            device,
            name=self.name,
        )
        config = self._pipeline.vae.config
        self.rate_hz, self.channels = int(config.sampling_rate), int(config.audio_channels)
        self.distilled = bool(self._pipeline.scheduler.config.stochastic_sampling)
        return self

    def steps(self, request: Request) -> int:
        """Return how many steps a request takes."""
        return STEPS if self.distilled else BASE_STEPS

    def generate(self, requests: Sequence[Request], on_step: OnStep = lambda step: None) -> list[Audio]:
        """Return one sound for each request, in order. A distilled model leaves a negative prompt aside.

        Raises:
            UserError: A request cannot be met.
        """
        loaded(self._pipeline)
        return make_each(self, requests, self._make, on_step)

    def _make(self, request: Request, on_step: OnStep) -> np.ndarray:
        def told(pipeline: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            on_step(step + 1)
            return tensors

        guided: dict[str, Any] = {}
        if not self.distilled:
            guided = {"guidance_scale": BASE_GUIDANCE, "negative_prompt": request.negative_prompt}
        samples = round(request.seconds * self.rate_hz)
        sound: torch.Tensor = self._pipeline(
            request.prompt,
            # The pipeline rounds down; half a sample more makes that the same for every length.
            duration=(samples + 0.5) / self.rate_hz,
            num_inference_steps=self.steps(request),
            generator=torch.Generator().manual_seed(request.seed),
            callback_on_step_end=told,
            **guided,
        ).audios
        return sound[0].float().cpu().numpy()
