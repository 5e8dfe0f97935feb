"""The parts of the network: made from scratch or of a published base, written to checkpoints, read again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from leitmotif.generators.ecmg.base import Base
from leitmotif.generators.ecmg.network import ADDED, EcmgNetwork
from leitmotif.generators.ecmg.settings import Settings
from leitmotif.generators.ecmg.stable_audio import StableAudioBase
from leitmotif.generators.ecmg.stable_audio_3 import StableAudio3Base
from leitmotif.generators.ecmg.stylization import StylizationModule
from leitmotif.generators.published_layout import base_pipeline, load_part, part_folder
from leitmotif.storage.errors import UserError
from leitmotif.weights.load import fill, loading

WEIGHTS = "diffusion_pytorch_model.safetensors"  # as diffusers names them
# By what a published model calls itself (`published_layout.BASES`).
_KINDS: Mapping[str, type[Base]] = {kind.PIPELINE: kind for kind in (StableAudioBase, StableAudio3Base)}


def build_network(settings: Settings, facts: Mapping[str, Any]) -> EcmgNetwork:
    """Return the network of a new run; its branch of control and its Stylization module change nothing yet.

    Args:
        settings: Settings of the run.
        facts: Of the encoded dataset: `latent_dim`, `latent_rate_hz`, `text_dim`, `clap_dim`.

    Raises:
        BadModel: The base is missing, incomplete or of another kind.
        UserError: The base does not fit the settings or the latents.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        base = _from_scratch(settings, facts) if settings.base is None else _published(settings)
        _check_fit(base, settings, facts)
        if settings.control == "controlformer":
            control = base.controlformer(settings.control_layers, noisy_input=settings.noisy_input)
        else:
            control = base.adapter()
        styles = StylizationModule(int(facts["clap_dim"]), base.shape.token_dim)
    for part in base.modules:
        part.requires_grad_(trains_base(settings))
    for part in base.never_learned():
        part.requires_grad_(False)
    return EcmgNetwork(base, control, styles, again=settings.gradient_checkpointing)


def base_kind(settings: Settings) -> type[Base]:
    """Return which kind of base the settings name.

    Raises:
        BadModel: It is missing, or of no kind that is known.
    """
    if settings.base is None:
        return StableAudioBase
    return _KINDS[base_pipeline(settings.base, settings.revision)]


def trains_base(settings: Settings) -> bool:
    """Tell whether the transformer's own weights learn."""
    return settings.base is None or settings.train_base


def parts_learned(settings: Settings) -> tuple[str, ...]:
    """Return the parts that a checkpoint holds: those that learn."""
    return (*base_kind(settings).PARTS, *ADDED) if trains_base(settings) else ADDED


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


def _from_scratch(settings: Settings, facts: Mapping[str, Any]) -> Base:
    return StableAudioBase.from_scratch(
        frames=settings.frames,
        layers=settings.layers,
        width=settings.width,
        heads=settings.heads,
        latent_dim=int(facts["latent_dim"]),
        text_dim=int(facts["text_dim"]),
    )


def _published(settings: Settings) -> Base:
    model, kind = str(settings.base), base_kind(settings)
    made = []
    for part, of in kind.PARTS.items():
        folder = part_folder(model, part, settings.revision)
        with loading(model, of.__name__, f"a folder in the layout of a {kind.PIPELINE}"):
            made.append(load_part(of, folder))
    transformer, conditioner = made
    with loading(model, kind.PIPELINE, "the published shape"):
        return kind(transformer, conditioner)


def _check_fit(base: Base, settings: Settings, facts: Mapping[str, Any]) -> None:
    shape = base.shape
    if shape.latent_dim != facts["latent_dim"]:
        raise UserError(
            f"got latents of {facts['latent_dim']} numbers; the base {settings.base!r} takes "
            f"{shape.latent_dim}: encode the dataset with its own codec"
        )
    if shape.text_dim != facts["text_dim"]:
        raise UserError(
            f"got text states of {facts['text_dim']} numbers; the base {settings.base!r} takes "
            f"{shape.text_dim}: encode the dataset with its own text encoder"
        )
    if settings.frames > (longest := base.longest(float(facts["latent_rate_hz"]))):
        raise UserError(f"got frames={settings.frames}; the base {settings.base!r} makes at most {longest}")
    if settings.control == "controlformer" and settings.control_layers > shape.layers:
        raise UserError(
            f"got control_layers={settings.control_layers}; the base {settings.base!r} has "
            f"{shape.layers} blocks"
        )
