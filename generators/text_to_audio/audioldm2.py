"""Text-to-audio backend `audioldm2`: AudioLDM 2 of the University of Surrey, by diffusers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from diffusers import (
    AudioLDM2Pipeline,
    AudioLDM2ProjectionModel,
    AudioLDM2UNet2DConditionModel,
    AutoencoderKL,
    DDIMScheduler,
)
from transformers import ClapFeatureExtractor, ClapModel, GPT2LMHeadModel, SpeechT5HifiGan, T5EncoderModel

from leitmotif.generators.generator import Request, loaded
from leitmotif.generators.text_to_audio.pipelines import (
    configured,
    of_diffusers,
    of_transformers,
    open_pipeline,
    tokenizer,
)
from leitmotif.generators.text_to_audio.text_to_audio import OnStep, make_each
from leitmotif.training.loader.decode import Audio
from leitmotif.weights.published import pinned

MODEL_ID = "cvssp/audioldm2"
REVISION = "c8e7e189d324425c05c4c2f81214041ef4107983"
LICENSE = "code Apache-2.0, weights CC-BY-NC-SA-4.0"
COMMERCIAL = "no"
RATE_HZ = 16_000
CHANNELS = "1"
# The models were trained on sounds of 10.24 seconds.
LONGEST_S = 10.24
MEMORY = "6 GB"
BEST_AT = "everyday sounds and ambience; cvssp/audioldm2-music for music"
REFERENCE = "Liu et al., AudioLDM 2, IEEE/ACM TASLP 32, 2024, arXiv:2308.05734"
PACKAGES = ("diffusers",)
EXTRA = "generate"
SETTINGS = {"model": "cvssp/audioldm2", "revision": None}

# As its authors use it.
STEPS, GUIDANCE = 200, 3.5
_PARTS = {
    "vae": of_diffusers(AutoencoderKL),
    "text_encoder": of_transformers(ClapModel),
    "text_encoder_2": of_transformers(T5EncoderModel),
    "projection_model": of_diffusers(AudioLDM2ProjectionModel),
    "language_model": of_transformers(GPT2LMHeadModel),
    "tokenizer": tokenizer,
    "tokenizer_2": tokenizer,
    "feature_extractor": configured(ClapFeatureExtractor),
    "unet": of_diffusers(AudioLDM2UNet2DConditionModel),
    "scheduler": configured(DDIMScheduler),
    "vocoder": of_transformers(SpeechT5HifiGan),
}


class AudioLDM2:
    """Makes everyday sounds (`leitmotif.generators.text_to_audio.text_to_audio.TextToAudio`).

    Args:
        model: `cvssp/audioldm2`, `-large` or `-music`, or a folder of the same format.
        revision: Revision of a hub id; by default the pinned one.
    """

    rate_hz: int
    name = "audioldm2"
    channels = 1
    longest_s = LONGEST_S

    def __init__(self, model: str = MODEL_ID, revision: str | None = None) -> None:
        self.model, self.revision = model, pinned(model, revision)
        self._pipeline: Any = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights onto a torch device.

        Raises:
            BadModel: They are missing, incomplete, or of another kind.
        """
        self._pipeline = open_pipeline(
            AudioLDM2Pipeline, _PARTS, self.model, self.revision, device, name=self.name
        )
        self.rate_hz = int(self._pipeline.vocoder.config.sampling_rate)
        return self

    def steps(self, request: Request) -> int:
        """Return how many steps a request takes."""
        return STEPS

    def generate(self, requests: Sequence[Request], on_step: OnStep = lambda step: None) -> list[Audio]:
        """Return one sound for each request, in order.

        Raises:
            UserError: A request cannot be met.
        """
        loaded(self._pipeline)
        return make_each(self, requests, self._make, on_step)

    def _make(self, request: Request, on_step: OnStep) -> np.ndarray:
        pipeline = self._pipeline
        # Whole frames of the latents, of which the pipeline would leave away a part.
        hop = math.prod(pipeline.vocoder.config.upsample_rates) * pipeline.vae_scale_factor
        samples = math.ceil(request.seconds * self.rate_hz / hop) * hop
        sound = pipeline(
            request.prompt,
            negative_prompt=request.negative_prompt,
            audio_length_in_s=(samples + 0.5) / self.rate_hz,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            generator=torch.Generator().manual_seed(request.seed),
            callback=lambda step, time, latents: on_step(step + 1),
        ).audios
        return np.asarray(sound, dtype=np.float32)


TEXT_TO_AUDIO = AudioLDM2
