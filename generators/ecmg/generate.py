"""Generates music with a trained model: from text, a style, and music to follow."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from leitmotif.generators.codecs.codec import decode_long, encode_long, latent_rate_hz
from leitmotif.generators.diffusion.guidance import guided
from leitmotif.generators.diffusion.samplers import NoiseSource, Solver, sample
from leitmotif.generators.ecmg.encode import fit_audio
from leitmotif.generators.ecmg.run import MusicModel, open_model
from leitmotif.generators.generator import Request, loaded
from leitmotif.generators.loudness import normalize
from leitmotif.storage.errors import UserError
from leitmotif.training.loader.decode import Audio

Row = dict[str, Any]
"""Conditions of one sound by name, as arrays and numbers of NumPy."""


class EcmgGenerator:
    """Explicitly conditioned music generation (`leitmotif.generators.generator.Generator`).

    Args:
        run: What `leitmotif train ecmg` wrote.
        steps: Steps from noise to sound; those of the run by default.
        guidance: How much the conditions are followed; that of the run by default.
    """

    rate_hz: int
    longest_s: float

    def __init__(self, run: Path, *, steps: int | None = None, guidance: float | None = None) -> None:
        self.run, self.steps, self.guidance = Path(run), steps, guidance
        self._model: MusicModel | None = None

    def load(self, device: str = "cpu") -> Self:
        """Load the run's model.

        Raises:
            UserError: As of `leitmotif.generators.ecmg.run.open_model`.
        """
        self._model = model = open_model(self.run, device)
        self.device = torch.device(device)
        self.rate_hz = model.codec.rate_hz
        self.longest_s = model.settings.frames / latent_rate_hz(model.codec)
        settings = model.settings
        self.solver = self._solver(self.steps or settings.sampling_steps)
        self.scale = settings.guidance if self.guidance is None else self.guidance
        return self

    def sampling(self, steps: int, guidance: float) -> Self:
        """Return the same model with another way from noise to sound.

        Args:
            steps: How many steps.
            guidance: How much the conditions are followed.

        Raises:
            UserError: A value is of no use.
        """
        if steps < 1 or not (math.isfinite(guidance) and guidance >= 1):
            raise UserError(f"got {steps} steps and guidance {guidance:g}; expected 1 or more of both")
        other = copy.copy(self)
        other.solver, other.scale = self._solver(steps), guidance
        return other

    def _solver(self, steps: int) -> Solver:
        settings = self.model.settings
        return self.model.net.kind.solver(steps, settings.sigma_min, settings.sigma_max)

    @property
    def model(self) -> MusicModel:
        """The model, once it is loaded."""
        return loaded(self._model)

    def generate(
        self, requests: Sequence[Request], on_step: Callable[[int], None] = lambda step: None
    ) -> list[Audio]:
        """Return one sound for each request, in order, at the run's loudness.

        Args:
            requests: What they are to be like; those of the same number of latent frames are one batch.
            on_step: Called after each step of the sampler with its number, from 1 through all batches.

        Raises:
            UserError: A request cannot be met.
        """
        for request in requests:
            self._check(request)
        sounds: dict[int, Audio] = {}
        lengths = [self._frames(request) for request in requests]
        steps = len(self.solver.sigmas()) - 1
        for done, frames in enumerate(dict.fromkeys(lengths)):
            numbers = [number for number, length in enumerate(lengths) if length == frames]

            def told(step: int, before: int = done * steps) -> None:
                on_step(before + step)

            made = self._batch([requests[number] for number in numbers], frames, told)
            sounds |= zip(numbers, made, strict=True)
        return [sounds[number] for number in range(len(requests))]

    def _batch(self, requests: Sequence[Request], frames: int, on_step: Callable[[int], None]) -> list[Audio]:
        """Return the sounds of requests, made together of so many latent frames."""
        model = self.model
        noise = NoiseSource(
            [request.seed for request in requests], (model.codec.latent_dim, frames), self.device
        )
        conditions = self.conditions(requests)
        conditions["control"] = conditions["control"][..., :frames]
        denoiser = guided(conditioned(model, conditions), self.scale, model.net.kind.OBJECTIVE)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            latents = sample(denoiser, noise, self.solver, on_step)
        return [self._finish(each, request) for each, request in zip(latents, requests, strict=True)]

    def _frames(self, request: Request) -> int:
        """Return how many latent frames a sound is made of: its own, or those of a window."""
        codec = self.model.codec
        if not self.model.net.kind.EXACT:
            return self.model.settings.frames
        return -(-round(request.seconds * codec.rate_hz) // codec.hop)

    def conditions(self, requests: Sequence[Request]) -> dict[str, Tensor]:
        """Return the conditions of all requests, then those of the same without them.

        Without its conditions a request has nothing at all, or its negative prompt in their place.
        """
        rows = [self._row(request) for request in requests]
        rows += [self._without(request, row) for request, row in zip(requests, rows, strict=True)]
        return {
            name: torch.from_numpy(np.stack([row[name] for row in rows])).to(self.device) for name in rows[0]
        }

    def _row(self, request: Request) -> Row:
        model = self.model
        follows = request.reference is not None and request.strength != 0
        control = np.zeros((model.codec.latent_dim, model.settings.frames), np.float32)
        if request.reference is not None and follows:
            control = self._latents(request.reference)
        style = np.zeros(int(model.facts["clap_dim"]), np.float32)
        if request.style is not None:
            style = np.asarray(request.style, np.float32)
        return {
            **self._text(request.prompt or ""),
            "style": style,
            "styled": np.bool_(request.style is not None),
            "control": control,
            "weight": np.float32(request.strength if follows else 0.0),
            "start_s": np.float32(0.0),
            "total_s": np.float32(request.seconds),
            "keep": np.bool_(True),
        }

    def _without(self, request: Request, row: Row) -> Row:
        if request.negative_prompt is None:
            return {**row, "keep": np.bool_(False)}
        nothing: Row = {"styled": np.bool_(False), "weight": np.float32(0.0)}
        return {**row, **self._text(request.negative_prompt), **nothing}

    def _text(self, prompt: str) -> Row:
        """Return the states of a prompt, zero behind them, and how many there are."""
        (states,) = self.model.text.states([prompt])
        text = np.zeros((self.model.text.max_tokens, self.model.text.dim), np.float32)
        text[: len(states)] = states
        return {"text": text, "tokens": np.int64(len(states))}

    def _latents(self, reference: Audio) -> np.ndarray:
        """Return the latents to follow, (dim, frames); a short track is repeated, a long one cut."""
        model = self.model
        frames = model.settings.frames
        longest = math.ceil(self.longest_s * reference.rate_hz)
        audio = fit_audio(reference.samples[:, :longest], reference.rate_hz, model.codec)
        latents = encode_long(model.codec, audio).numpy().T  # (frames, dim)
        return np.ascontiguousarray(np.resize(latents, (frames, latents.shape[1])).T)

    def _finish(self, latents: Tensor, request: Request) -> Audio:
        """Return the sound of latents (dim, frames), of the length that was asked for.

        Raises:
            UserError: A latent is no number.
        """
        codec = self.model.codec
        if broken := int((~latents.isfinite()).sum()):
            raise UserError(
                f"the model gave {broken} of {latents.numel()} numbers that are not finite for seed "
                f"{request.seed}; take another checkpoint or seed, less guidance, or --device cpu"
            )
        samples = round(request.seconds * codec.rate_hz)
        frames = -(-samples // codec.hop)
        sound = decode_long(codec, latents[:, :frames])[:, :samples].numpy()
        return Audio(normalize(sound, codec.rate_hz, self.model.settings.loudness), codec.rate_hz)

    def _check(self, request: Request) -> None:
        """Refuse what cannot be made.

        Raises:
            UserError: With the reason.
        """
        model = self.model
        shortest = 1 / latent_rate_hz(model.codec)
        if not shortest <= request.seconds <= self.longest_s:
            raise UserError(
                f"got {request.seconds:g} s to generate; this model makes {shortest:.2f} to "
                f"{self.longest_s:.2f} s at a time"
            )
        if request.seed < 0:
            raise UserError(f"got seed {request.seed}; expected 0 or more")
        if not math.isfinite(request.strength):
            raise UserError(f"got strength {request.strength}; expected a number, such as 1")
        dim = int(model.facts["clap_dim"])
        if request.style is not None and np.shape(request.style) != (dim,):
            raise UserError(
                f"got a style of shape {np.shape(request.style)}; the model was trained with CLAP embeddings "
                f"of {dim} numbers: take the clap_embedding of a dataset that was curated with the same model"
            )
        if request.style is not None and not np.isfinite(request.style).all():
            raise UserError(
                "got a style with numbers that are not finite; take the clap_embedding of another"
            )
        if request.reference is not None and not request.reference.samples.size:
            raise UserError("got a reference without any sound; give a longer one, or none")
        if request.reference is not None and not np.isfinite(request.reference.samples).all():
            raise UserError("got a reference with samples that are not finite; give another, or none")


def conditioned(
    model: MusicModel, conditions: dict[str, Tensor]
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return the network of a model with conditions (2 n, …), as `guidance.guided` asks for it.

    Args:
        model: The model.
        conditions: Of n sounds with their conditions, then of the same without.
    """

    def network(seen: Tensor, time: Tensor, numbers: Tensor) -> Tensor:
        own = {name: value[numbers] for name, value in conditions.items()}
        said: Tensor = model.net(seen, time, **own)
        return said.float()

    return network
