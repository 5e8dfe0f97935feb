"""The folder of a run, and the model in it, opened to generate.

RUN/
  settings.json      everything that was chosen       encoder.json   what encoded the dataset
  checkpoints/       step-…/network: the parts that learn, each as diffusers writes it
  log.jsonl, tensorboard/, README.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from leitmotif.generators.codecs.codec import AudioCodec
from leitmotif.generators.codecs.open import open_codec
from leitmotif.generators.ecmg.encode import codec_of
from leitmotif.generators.ecmg.network import EcmgNetwork
from leitmotif.generators.ecmg.parts import build_network, load_parts, parts_learned
from leitmotif.generators.ecmg.settings import Settings
from leitmotif.generators.ecmg.task import NETWORK
from leitmotif.generators.ecmg.text import TextStates, open_text
from leitmotif.storage.atomic import write_text
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.documents import read_object
from leitmotif.training.ema import EMA, apply_average
from leitmotif.training.run import best_checkpoint, reading
from leitmotif.training.settings import read_settings
from leitmotif.weights.resolve import digest_of_ends

ENCODER_NAME, CARD_NAME = "encoder.json", "README.md"


@dataclass(frozen=True)
class MusicModel:
    """A model that is ready to generate.

    Attributes:
        net: The network, in evaluation mode.
        codec: Makes sound of its latents.
        text: Reads prompts.
        settings: Settings of the run.
        facts: What encoded its dataset.
        checkpoint: The folder it was read from.
    """

    net: EcmgNetwork
    codec: AudioCodec
    text: TextStates
    settings: Settings
    facts: Mapping[str, Any]
    checkpoint: Path

    def revision(self) -> str:
        """Return "sha256:" and 12 hex digits that change with what sounds depend on."""
        own = {
            name: digest_of_ends(self.checkpoint / NETWORK / name) for name in parts_learned(self.settings)
        }
        settings = self.settings
        facts = {
            **own,
            "ema": _digest_of_file(self.checkpoint / EMA),
            "codec": self.codec.fingerprint,
            "text": self.text.fingerprint,
            "base": [settings.base, settings.revision],
            "sampling": [settings.frames, settings.sigma_min, settings.sigma_max, settings.loudness],
        }
        return "sha256:" + hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def _digest_of_file(path: Path) -> str | None:
    return sha256_of(path) if path.is_file() else None


def write_facts(run: Path, facts: Mapping[str, Any]) -> None:
    """Write what encoded the dataset of a run."""
    write_text(run / ENCODER_NAME, json.dumps(dict(facts), indent=1) + "\n")


def open_model(run: Path, device: str = "cpu") -> MusicModel:
    """Return the model of a run: its checkpoint of the least validation loss, or the last one.

    Raises:
        UserError: The folder is no run, has no checkpoint yet, or lacks files; or base, codec or text encoder
            cannot be had.
        OutsideError: The device has no room for the model.
    """
    with reading(run):
        settings = read_settings(run, Settings)
        facts = read_object(run / ENCODER_NAME)
        checkpoint = best_checkpoint(run, settings.KIND)
        net = build_network(settings, facts)
        load_parts(net, checkpoint / NETWORK, settings)
        apply_average(net, checkpoint)
        codec = open_codec(codec_of(settings), device, revision=settings.revision)
        text = open_text(settings.text, settings.base, device, revision=settings.revision)
        moved = net.eval().requires_grad_(False).to(torch.device(device))
    return MusicModel(moved, codec, text, settings, facts, checkpoint)
