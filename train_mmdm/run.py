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
from leitmotif.train_mmdm.prompt import Prompter
from leitmotif.train_mmdm.settings import Settings, read_settings
from leitmotif.train_mmdm.tokens import open_tokenizer
from leitmotif.training.checkpoint import checkpoint_path, list_checkpoints, read_state
from leitmotif.training.errors import TrainingInputError

TOKENIZER, NETWORK, BASE = "tokenizer", "network", "base"
SAMPLES_NAME, CARD_NAME = "samples.jsonl", "README.md"


@dataclass(frozen=True)
class DescriptionModel:
    """A model that is ready to describe.

    Attributes:
        net: InternVL, with adapters where the run has them; in evaluation mode.
        tokenizer: Its tokens.
        prompter: Makes its inputs.
        settings: Of the run.
        checkpoint: The folder it was read from.
    """

    net: Any
    tokenizer: Any
    prompter: Prompter
    settings: Settings
    checkpoint: Path


def open_run(run: str | Path, device: str | torch.device = "cpu") -> DescriptionModel:
    """Return the model of a run: its checkpoint of the least validation loss, or the last one.

    Raises:
        TrainingInputError: The folder is no run, it has no checkpoint yet, or its base weights cannot be had.
    """
    run = Path(run)
    settings = read_settings(run)
    checkpoint = best_checkpoint(run)
    tokenizer = open_tokenizer(run / TOKENIZER)
    net = open_network(checkpoint / NETWORK, settings, device)
    return DescriptionModel(net.eval(), tokenizer, Prompter(tokenizer, settings), settings, checkpoint)


def open_network(folder: Path, settings: Settings, device: str | torch.device = "cpu") -> Any:
    """Return the network that a checkpoint holds: the base with its adapters, or all of it."""
    if (
        torch.device(device).type == "cpu"
    ):  # bitsandbytes wants a GPU; the adapters fit the full weights as well
        settings = replace(settings, four_bit=False)
    if not settings.lora_rank:
        return network.load_pretrained(folder, settings, device).to(device)
    if settings.model_id is None:
        base = network.load_pretrained(folder.parents[2] / BASE, settings, device)
    else:
        base = network.load_pretrained(settings.model_id, settings, device)
    net = network.load_adapters(base, folder)
    return net if settings.four_bit else net.to(device)


def best_checkpoint(run: Path) -> Path:
    """Return the checkpoint of the least validation loss; without any validation, the last one.

    Raises:
        TrainingInputError: There is none.
    """
    found = list_checkpoints(run)
    if not found:
        raise TrainingInputError(
            f"{str(run)!r} has no checkpoint yet; train it: leitmotif train mmdm DATASET --out RUN --resume"
        )
    best_step = read_state(found[-1]).get("best_step")
    best = found[-1] if best_step is None else checkpoint_path(run, best_step)
    return best if best.is_dir() else found[-1]


def save_network(net: Any, folder: Path, state: dict[str, torch.Tensor] | None = None) -> None:
    """Write the adapters, or the whole network where it has none, in the format of their library.

    Args:
        net: The network.
        folder: Where to.
        state: Its weights, where they lie scattered over several processes and were gathered.
    """
    net.save_pretrained(str(folder), state_dict=state)
    (folder / CARD_NAME).unlink(missing_ok=True)  # peft's empty card; the run has its own
