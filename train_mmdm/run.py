"""The folder of a run: its parts, and the model in it, opened to describe.

RUN/
  settings.json      everything that was chosen       tokenizer/     the text's tokens
  checkpoints/       step-…/network: adapters (`peft`), or all weights (`transformers`)
  base/              what the adapters of a network from scratch stand on
  log.jsonl, tensorboard/, samples.jsonl, README.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from leitmotif.train_mmdm import network
from leitmotif.train_mmdm.processor import Processor
from leitmotif.train_mmdm.settings import Settings, read_settings
from leitmotif.train_mmdm.tokens import open_tokenizer
from leitmotif.training.ema import apply_average
from leitmotif.training.run import best_checkpoint, reading

TOKENIZER, NETWORK, BASE = "tokenizer", "network", "base"
SAMPLES_NAME, CARD_NAME = "samples.jsonl", "README.md"


@dataclass(frozen=True)
class DescriptionModel:
    """A model that is ready to describe.

    Attributes:
        net: InternVL, with adapters where the run has them; in evaluation mode.
        tokenizer: Tokenizer of the network.
        processor: Makes the network's inputs.
        settings: Settings of the run.
        checkpoint: The folder it was read from.
    """

    net: Any
    tokenizer: Any
    processor: Processor
    settings: Settings
    checkpoint: Path


def open_model(run: Path, device: str | torch.device = "cpu") -> DescriptionModel:
    """Return the model of a run, ready to describe; what is missing or damaged in it is one line.

    Raises:
        UserError: The folder is no run, has no checkpoint yet, or lacks files.
        OutsideError: The device has no room for the model.
    """
    with reading(run):
        return open_run(run, device)


def open_run(run: str | Path, device: str | torch.device = "cpu") -> DescriptionModel:
    """Return the model of a run: its checkpoint of the least validation loss, or the last one.

    Raises:
        UserError: The folder is no run, it has no checkpoint yet, or its base weights cannot be had.
    """
    run = Path(run)
    settings = read_settings(run)
    checkpoint = best_checkpoint(run, settings.KIND)
    tokenizer = open_tokenizer(run / TOKENIZER)
    net = open_network(checkpoint / NETWORK, settings, device)
    return DescriptionModel(net.eval(), tokenizer, Processor(tokenizer, settings), settings, checkpoint)


def open_network(folder: Path, settings: Settings, device: str | torch.device = "cpu") -> Any:
    """Return the network that a checkpoint holds: the base with its adapters, or all of it."""
    if (
        torch.device(device).type == "cpu"
    ):  # bitsandbytes wants a GPU; the adapters fit the full weights as well
        settings = replace(settings, four_bit=False)
    if not settings.lora_rank:
        net = network.load_pretrained(folder, settings, device)
    else:
        source = folder.parents[2] / BASE if settings.model_id is None else settings.model_id
        net = network.load_adapters(network.load_pretrained(source, settings, device), folder)
    apply_average(net, folder.parent)
    return net if settings.four_bit else net.to(device)


def save_network(net: Any, folder: Path, state: dict[str, torch.Tensor] | None = None) -> None:
    """Write the adapters, or the whole network where it has none, in the format of their library.

    Args:
        net: The network.
        folder: Where to.
        state: Weights by name, in the network's shapes, where they lay scattered over processes.
    """
    net.save_pretrained(str(folder), state_dict=state)
    (folder / CARD_NAME).unlink(missing_ok=True)  # peft's empty card; the run has its own
