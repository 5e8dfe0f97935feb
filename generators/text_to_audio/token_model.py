"""Draws sounds from transformers' MusicGen: tokens of a codec, one frame after the other, after a text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import StoppingCriteria, StoppingCriteriaList
from transformers.modeling_outputs import BaseModelOutput

from leitmotif.generators.generator import Request
from leitmotif.generators.text_to_audio.text_to_audio import OnStep

# As the published models are used: audiocraft's defaults for both MusicGen and AudioGen.
GUIDANCE, TOP_K = 3.0, 250


class TokenModel:
    """A `MusicgenForConditionalGeneration` with the tokenizer of its text encoder.

    Args:
        net: The network, on its device.
        tokenizer: Its tokenizer.

    Reference:
        Copet et al., Simple and controllable music generation, arXiv:2306.05284.
    """

    def __init__(self, net: Any, tokenizer: Any) -> None:
        self.net, self.tokenizer = net, tokenizer
        codec = net.config.audio_encoder
        self.rate_hz, self.frame_rate_hz = int(codec.sampling_rate), float(codec.frame_rate)
        self.channels = int(net.config.decoder.audio_channels)

    def steps(self, request: Request) -> int:
        """Return how many tokens of each codebook are drawn: each codebook is one frame behind the former."""
        codebooks = self.net.config.decoder.num_codebooks // self.channels
        return math.ceil(request.seconds * self.frame_rate_hz) + codebooks - 1

    @torch.inference_mode()
    def make(self, request: Request, on_step: OnStep) -> np.ndarray:
        """Return the sound of a request, float32 (channels, samples), up to a frame longer than asked for."""
        device = self.net.device
        devices = [device] if device.type == "cuda" else []
        # In 32 bits on a GPU as well: the codec's sound in 16 has a noise of its own.
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(request.seed)
            sound: Tensor = self.net.generate(
                **self._conditions(request),
                do_sample=True,
                top_k=TOP_K,
                guidance_scale=GUIDANCE,
                max_new_tokens=self.steps(request),
                stopping_criteria=StoppingCriteriaList([_Told(on_step)]),
            )
        return sound[0].float().cpu().numpy()

    def _conditions(self, request: Request) -> dict[str, Any]:
        """Return the states of a prompt, then those to be led away from: nothing, or other words."""
        texts = [str(request.prompt), *([request.negative_prompt] if request.negative_prompt else [])]
        tokens = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt").to(self.net.device)
        mask = tokens["attention_mask"]
        states = self.net.text_encoder(input_ids=tokens["input_ids"], attention_mask=mask).last_hidden_state
        if len(texts) == 1:
            states, mask = (torch.cat([each, torch.zeros_like(each)]) for each in (states, mask))
        return {
            "input_ids": tokens["input_ids"][:1],
            "encoder_outputs": BaseModelOutput(last_hidden_state=states),
            "attention_mask": mask,
        }


class _Told(StoppingCriteria):
    """Stops nothing, and tells of each step."""

    def __init__(self, on_step: OnStep) -> None:
        self.on_step, self.step = on_step, 0

    def __call__(self, input_ids: Tensor, scores: Any, **unused: Any) -> Tensor:
        self.step += 1
        self.on_step(self.step)
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
