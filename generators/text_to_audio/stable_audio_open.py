"""Text-to-audio backend `stable-audio-open`: Stability AI's Stable Audio Open 1.0.

The parts are those of diffusers, the sampler is ours: it draws as the authors' own does, and that of
diffusers needs one more package.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from diffusers import StableAudioDiTModel, StableAudioProjectionModel
from diffusers.models.embeddings import get_1d_rotary_pos_embed
from torch import Tensor

from leitmotif.generators.codecs.codec import decode_long, latent_rate_hz
from leitmotif.generators.codecs.open import open_codec
from leitmotif.generators.diffusion.guidance import guided
from leitmotif.generators.diffusion.samplers import NoiseSource, Sampler, sample
from leitmotif.generators.ecmg.text import open_text
from leitmotif.generators.generator import Request, loaded
from leitmotif.generators.published_layout import load_part, part_folder
from leitmotif.generators.text_to_audio.text_to_audio import OnStep, fetch_command, make_each
from leitmotif.training.loader.decode import Audio
from leitmotif.weights.load import loading
from leitmotif.weights.published import pinned

MODEL_ID = "stabilityai/stable-audio-open-1.0"
REVISION = "f21265c1e2710b3bd2386596943f0007f55f802e"
LICENSE = "code Apache-2.0, weights Stability AI Community License"
COMMERCIAL = "below 1 million US$ of revenue a year"
RATE_HZ = 44_100
CHANNELS = "2"
# 1024 frames of 2048 samples.
LONGEST_S = 47.5
MEMORY = "8 GB"
BEST_AT = "sound effects, field recordings, drum beats and riffs"
REFERENCE = "Evans et al., Stable Audio Open, arXiv:2407.14358"
PACKAGES = ("diffusers",)
EXTRA = "generate"
SETTINGS = {"model": "stabilityai/stable-audio-open-1.0", "revision": None}

# As on the card of the model.
STEPS, GUIDANCE, SIGMA_MIN, SIGMA_MAX = 100, 7.0, 0.3, 500.0


class StableAudioOpen:
    """Makes sounds and short music (`leitmotif.generators.text_to_audio.text_to_audio.TextToAudio`).

    Args:
        model: A hub id, or a folder in the layout of `stabilityai/stable-audio-open-1.0`.
        revision: Revision of a hub id; by default the pinned one.
    """

    name = "stable-audio-open"
    rate_hz: int
    channels: int
    longest_s: float

    def __init__(self, model: str = MODEL_ID, revision: str | None = None) -> None:
        self.model, self.revision = model, pinned(model, revision)
        self._net: Any = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights onto a torch device.

        Raises:
            BadModel: They are missing, incomplete, or of another kind.
        """
        self.device = torch.device(device)
        net, self._times = (
            self._part(kind, part)
            for kind, part in (
                (StableAudioDiTModel, "transformer"),
                (StableAudioProjectionModel, "projection_model"),
            )
        )
        self._codec = open_codec(self.model, device, revision=self.revision)
        self._text = open_text(None, self.model, device, revision=self.revision)
        self._net, self._frames = net, int(net.config.sample_size)
        self.rate_hz, self.channels = self._codec.rate_hz, self._codec.channels
        self.longest_s = self._frames / latent_rate_hz(self._codec)
        return self

    def steps(self, request: Request) -> int:
        """Return how many steps a request takes."""
        return STEPS

    def generate(self, requests: Sequence[Request], on_step: OnStep = lambda step: None) -> list[Audio]:
        """Return one sound for each request, in order.

        Raises:
            UserError: A request cannot be met.
        """
        loaded(self._net)
        return make_each(self, requests, self._make, on_step)

    def _part(self, kind: Any, part: str) -> Any:
        folder = part_folder(self.model, part, self.revision)
        with loading(
            self.model,
            kind.__name__,
            "a folder in the layout of Stable Audio Open",
            fetch=fetch_command(self.name),
        ):
            return load_part(kind, folder).eval().requires_grad_(False).to(self.device)

    @torch.inference_mode()
    def _make(self, request: Request, on_step: OnStep) -> np.ndarray:
        noise = NoiseSource([request.seed], (self._codec.latent_dim, self._frames), self.device)
        sampler = Sampler(STEPS, SIGMA_MIN, SIGMA_MAX)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            latents = sample(guided(self._network(request), GUIDANCE), noise, sampler, on_step)[0]
        samples = round(request.seconds * self.rate_hz)
        return decode_long(self._codec, latents[:, : -(-samples // self._codec.hop)]).numpy()

    def _network(self, request: Request) -> Any:
        """Return the velocity of noised latents with the words (row 0), and away from them (row 1)."""
        words, overall = self._conditions(request.prompt or "", request.seconds)
        if request.negative_prompt:
            away, _ = self._conditions(request.negative_prompt, request.seconds)
        else:
            away = torch.zeros_like(words)  # as in the training, its two times are left out, too
        context = torch.cat([words, away])
        size = self._net.config.attention_head_dim // 2
        # One turn more than there are frames: the global state goes before them.
        turns = get_1d_rotary_pos_embed(size, self._frames + 1, use_real=True, repeat_interleave_real=False)
        rotary = tuple(each.to(self.device) for each in turns)

        def velocity(seen: Tensor, time: Tensor, numbers: Tensor) -> Tensor:
            said: Tensor = self._net(
                seen,
                time,
                encoder_hidden_states=context[numbers],
                global_hidden_states=overall.expand(len(numbers), -1, -1),
                rotary_embedding=rotary,
                return_dict=False,
            )[0]
            return said.float()

        return velocity

    def _conditions(self, prompt: str, seconds: float) -> tuple[Tensor, Tensor]:
        """Return what cross-attention looks at, (1, tokens + 2, dim), and the global state, (1, 1, 2 dim)."""
        states = torch.zeros(1, self._text.max_tokens, self._text.dim, device=self.device)
        (said,) = self._text.states([prompt])
        states[0, : len(said)] = torch.from_numpy(said)
        start, end = (torch.tensor([each], device=self.device) for each in (0.0, float(seconds)))
        found = self._times(text_hidden_states=states, start_seconds=start, end_seconds=end)
        text = found.text_hidden_states.clone()
        text[:, len(said) :] = 0
        times = (found.seconds_start_hidden_states, found.seconds_end_hidden_states)
        return torch.cat([text, *times], dim=1), torch.cat(times, dim=2)


TEXT_TO_AUDIO = StableAudioOpen
