"""The parts of the network: made from scratch or of a published base, written to checkpoints, read again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import StableAudioDiTModel, StableAudioProjectionModel
from safetensors.torch import load_file, save_file

from leitmotif.generators.ecmg.adapter import MusicControlAdapter
from leitmotif.generators.ecmg.controlformer import MusicControlFormer
from leitmotif.generators.ecmg.network import PARTS, EcmgNetwork
from leitmotif.generators.ecmg.settings import Settings
from leitmotif.generators.ecmg.stylization import StylizationModule
from leitmotif.generators.published_layout import check_pipeline, load_part, part_folder
from leitmotif.storage.errors import UserError
from leitmotif.weights.load import fill, loading

WEIGHTS = "diffusion_pytorch_model.safetensors"  # as diffusers names them
LONGEST_S = 512.0  # that Stable Audio knows of
_TIME_DIM = 256


def build_network(settings: Settings, facts: Mapping[str, Any]) -> EcmgNetwork:
    """Return the network of a new run; its branch of control and its Stylization module change nothing yet.

    Args:
        settings: Settings of the run.
        facts: Of the encoded dataset: `latent_dim`, `text_dim`, `clap_dim`.

    Raises:
        BadModel: The base is missing, incomplete or of another kind.
        UserError: The base does not fit the settings or the latents.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        transformer, projection = (
            _from_scratch(settings, facts) if settings.base is None else _of_base(settings)
        )
        _check_fit(transformer, projection, settings, facts)
        if settings.control == "controlformer":
            control: Any = MusicControlFormer.of(
                transformer, settings.control_layers, noisy_input=settings.noisy_input
            )
        else:
            control = MusicControlAdapter.of(transformer)
        styles = StylizationModule(int(facts["clap_dim"]), int(transformer.config.cross_attention_input_dim))
    for part in (transformer, projection):
        part.requires_grad_(trains_base(settings))
    # The frequencies of the time are drawn once, and never learned.
    transformer.time_proj.requires_grad_(False)
    return EcmgNetwork(transformer, projection, control, styles, again=settings.gradient_checkpointing)


def trains_base(settings: Settings) -> bool:
    """Tell whether the transformer's own weights learn."""
    return settings.base is None or settings.train_base


def parts_learned(settings: Settings) -> tuple[str, ...]:
    """Return the parts that a checkpoint holds: those that learn."""
    return PARTS if trains_base(settings) else ("control", "stylization")


def save_parts(net: EcmgNetwork, folder: Path, settings: Settings, weights: Mapping[str, Any] | None) -> None:
    """Write the parts that learn, each as diffusers does, into folders of their names.

    Args:
        net: The network.
        folder: Where to.
        settings: Settings of the run.
        weights: Weights by name where they lie scattered over processes; the network's own by default.
    """
    whole = net.state_dict() if weights is None else weights
    for name in parts_learned(settings):
        part = getattr(net, name)
        part.save_config(str(folder / name))
        own = {key: whole[f"{name}.{key}"].detach().cpu().contiguous() for key in part.state_dict()}
        save_file(own, folder / name / WEIGHTS, metadata={"format": "pt"})


def load_parts(net: EcmgNetwork, folder: Path, settings: Settings) -> None:
    """Fill the parts that a checkpoint holds.

    Raises:
        ValueError: A weight is missing, unknown, or of another shape.
        OSError: A file is missing.
    """
    for name in parts_learned(settings):
        fill(getattr(net, name), load_file(folder / name / WEIGHTS))


def _from_scratch(settings: Settings, facts: Mapping[str, Any]) -> tuple[Any, Any]:
    text_dim, latent_dim = int(facts["text_dim"]), int(facts["latent_dim"])
    transformer = StableAudioDiTModel(
        sample_size=settings.frames,
        in_channels=latent_dim,
        out_channels=latent_dim,
        num_layers=settings.layers,
        attention_head_dim=settings.width // settings.heads,
        num_attention_heads=settings.heads,
        num_key_value_attention_heads=settings.heads,
        cross_attention_dim=settings.width,
        cross_attention_input_dim=text_dim,
        global_states_input_dim=2 * text_dim,
        time_proj_dim=_TIME_DIM,
    )
    projection = StableAudioProjectionModel(
        text_encoder_dim=text_dim, conditioning_dim=text_dim, min_value=0, max_value=LONGEST_S
    )
    return transformer, projection


def _of_base(settings: Settings) -> tuple[Any, Any]:
    base = str(settings.base)
    check_pipeline(base, settings.revision)
    made = []
    for part, kind in zip(PARTS, (StableAudioDiTModel, StableAudioProjectionModel), strict=False):
        folder = part_folder(base, part, settings.revision)
        with loading(base, kind.__name__, "a folder in the layout of Stable Audio Open"):
            made.append(load_part(kind, folder))
    return made[0], made[1]


def _check_fit(transformer: Any, projection: Any, settings: Settings, facts: Mapping[str, Any]) -> None:
    config = transformer.config
    if config.in_channels != facts["latent_dim"]:
        raise UserError(
            f"got latents of {facts['latent_dim']} numbers; the base {settings.base!r} takes "
            f"{config.in_channels}: encode the dataset with its own codec"
        )
    if projection.config.text_encoder_dim != facts["text_dim"]:
        raise UserError(
            f"got text states of {facts['text_dim']} numbers; the base {settings.base!r} takes "
            f"{projection.config.text_encoder_dim}: encode the dataset with its own text encoder"
        )
    if settings.frames > config.sample_size:
        raise UserError(
            f"got frames={settings.frames}; the base {settings.base!r} makes at most {config.sample_size}"
        )
    if settings.control == "controlformer" and settings.control_layers > config.num_layers:
        raise UserError(
            f"got control_layers={settings.control_layers}; the base {settings.base!r} has "
            f"{config.num_layers} blocks"
        )
