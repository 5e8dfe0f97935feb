"""Text-to-audio backend `sound-effects`: computed sounds, without any weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from leitmotif.generators.generator import Request
from leitmotif.generators.sound_effects.choose import choose
from leitmotif.generators.sound_effects.render import render
from leitmotif.generators.sound_effects.signals import RATE_HZ as RATE
from leitmotif.generators.text_to_audio.text_to_audio import OnStep, make_each
from leitmotif.training.loader.decode import Audio

MODEL_ID = "sound-effects"
REVISION = "1"
LICENSE = "Apache-2.0"
COMMERCIAL = "yes"
RATE_HZ = 44_100
CHANNELS = "2"
LONGEST_S = 600.0
MEMORY = "less than 1 GB a minute"
BEST_AT = "rain, wind, sea, steps, engines, bells and two dozen more; no weights, faster than it plays"
REFERENCE = "Farnell, Designing Sound, MIT Press 2010, for most of the models"


class SoundEffects:
    """Computes sound effects (`leitmotif.generators.text_to_audio.text_to_audio.TextToAudio`)."""

    name = "sound-effects"
    rate_hz, channels, longest_s = RATE, 2, LONGEST_S

    def load(self, device: str = "cpu") -> Self:
        """Load nothing: there is nothing to load."""
        return self

    def steps(self, request: Request) -> int:
        """Return 1: a sound is computed at once."""
        return 1

    def generate(self, requests: Sequence[Request], on_step: OnStep = lambda step: None) -> list[Audio]:
        """Return one sound for each request, in order.

        Raises:
            UserError: A request names no effect, or cannot be met.
        """
        return make_each(self, requests, _make, on_step)


def _make(request: Request, on_step: OnStep) -> np.ndarray:
    wanted = choose(str(request.prompt), request.negative_prompt)
    samples = render(wanted, request.seconds, request.seed)
    on_step(1)
    return samples


TEXT_TO_AUDIO = SoundEffects
