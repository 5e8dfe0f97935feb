"""Text-to-audio backend `stable-audio-3-sfx`: Stability AI's Stable Audio 3 small-sfx, by diffusers."""

from __future__ import annotations

from leitmotif.generators.text_to_audio.stable_audio_3 import StableAudio3
from leitmotif.weights.generator_table import SA3_SFX

MODEL_ID = "stabilityai/stable-audio-3-small-sfx"
REVISION = "converted"
LICENSE = "code Apache-2.0, weights Stability AI Community License, text encoder Gemma terms"
COMMERCIAL = "below 1 million US$ of revenue a year"
RATE_HZ = 44_100
CHANNELS = "2"
LONGEST_S = 120.0
MEMORY = "4 GB"
BEST_AT = "sound effects and ambience; first choice for them, runs on a CPU"
REFERENCE = "Stable Audio 3, arXiv:2605.17991"
PACKAGES = ("diffusers",)
EXTRA = "generate"
SETTINGS = {"model": None, "revision": None}


class StableAudio3Sfx(StableAudio3):
    """Makes sound effects (`leitmotif.generators.text_to_audio.stable_audio_3.StableAudio3`)."""

    name = "stable-audio-3-sfx"
    longest_s = LONGEST_S
    made = SA3_SFX


TEXT_TO_AUDIO = StableAudio3Sfx
