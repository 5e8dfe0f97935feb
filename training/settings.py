"""The settings that every training has, and how those of a model are chosen, written and read again."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from leitmotif.assignments import known, read_value, split_assignment, wrong_value
from leitmotif.phrases import no_such_folder
from leitmotif.storage.atomic import write_text
from leitmotif.storage.documents import read_object
from leitmotif.storage.errors import UserError, one_line

SETTINGS_NAME = "settings.json"
_KIND = "kind"
_FORMER_KIND = "mmdm"  # until version 0.2 a run did not say its kind, and there was one
logger = logging.getLogger("leitmotif.train")

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
# "none" can be typed where a name may be missing.
Name = Annotated[
    str | None, BeforeValidator(lambda value: None if str(value).lower() in ("none", "") else value)
]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class LoopSettings:
    """What `training.loop.fit` and the optimizer go by; the settings of a model derive from it.

    Attributes:
        preset: Name that the run was begun with.
        precision: "bf16" or "fp32".
        learning_rate: Highest.
        weight_decay: Decay of AdamW, for weights with two or more axes.
        warmup: Share of the steps in which the rate rises, 0..1.
        schedule: How the rate goes on: "cosine" falls to zero; "inverse" rises by itself within some hundred
            steps and then hardly falls, whatever the number of steps, and knows no `warmup`.
        max_grad_norm: Gradient clipping, L2 norm over all weights.
        batch: Examples that go through the network at once, on each device.
        accumulation: Batches of one optimiser step.
        steps: Optimiser steps of the training; 0 counts by epochs instead.
        epochs: Passes over the training rows.
        min_steps: Few rows are passed over more often, until there were this many steps.
        max_epochs: But not more often than this; 0 sets no bound.
        eval_steps: Steps between validations. A training by epochs validates at the end of an epoch, once
            this many steps have passed since the last time; one by `steps` exactly as often, or, with 0, at
            the end of each epoch.
        patience: Validations without a better loss after which training ends; 0 never ends early.
        checkpoint_steps: Steps between checkpoints; 0 writes them with validations only.
        ema_decay: Decay of the moving average of the weights, which is then validated and used; 0 keeps
            none.
        seed: Draws weights, order and dropout.
        shuffle_buffer: Rows among which the loader draws the next one.
        workers: Processes that decode.
        tensorboard: Write TensorBoard files.
        wandb: Log to Weights & Biases; needs wandb.
    """

    KIND: ClassVar[str] = ""
    # Settings that had another name: the former one is read for one version more.
    RENAMED: ClassVar[dict[str, str]] = {"watch_steps": "eval_steps"}

    preset: str
    precision: Literal["bf16", "fp32"] = "bf16"
    learning_rate: NotNegative = 1e-4
    weight_decay: NotNegative = 0.01
    warmup: Annotated[float, Field(ge=0, le=1)] = 0.03
    schedule: Literal["cosine", "inverse"] = "cosine"
    max_grad_norm: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    # Batch, accumulation and epochs of Visuals Music Bridge, appendix B.1.
    batch: Positive = 2
    accumulation: Positive = 8
    steps: Count = 0
    epochs: Positive = 10
    min_steps: Count = 0
    max_epochs: Count = 0
    eval_steps: Count = 0
    patience: Count = 0
    checkpoint_steps: Count = 0
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    seed: Count = 0
    shuffle_buffer: Positive = 1024
    workers: Count = 0
    tensorboard: bool = True
    wandb: bool = False

    @classmethod
    def changed(cls, values: Mapping[str, Any], where: str = "") -> Self:
        """Return settings of plain values; former names are read with a line of warning.

        Args:
            values: Values of settings by name.
            where: What they come from, for messages.

        Raises:
            UserError: A value does not fit, or a name is not known; one line.
        """
        try:
            return cls(**{_current(cls, name, where): value for name, value in values.items()})
        except ValidationError as error:
            raise wrong_value(".".join(map(str, error.errors()[0]["loc"])), error) from error


Chosen = TypeVar("Chosen", bound=LoopSettings)


def read_changes(kind: type[LoopSettings], changes: Sequence[str]) -> dict[str, Any]:
    """Return what `key=value` pairs set, by name; `key=` leaves a setting as the preset has it.

    Raises:
        UserError: A pair is not written so, its key is not known, or its value is no YAML.
    """
    texts = {field.name for field in fields(kind) if "str" in str(field.type) or "Name" in str(field.type)}
    names = [field.name for field in fields(kind) if field.name != "preset"]
    read: dict[str, Any] = {}
    for change in changes:
        name, text = split_assignment(change)
        name = known("setting", _current(kind, name, "--set"), names)
        value = read_value(change)
        if value is None and text.strip().lower() not in ("none", "null", "~"):
            read.pop(name, None)
        else:
            # A commit's hash may look like a number.
            read[name] = text.strip() if name in texts and not isinstance(value, str | None) else value
    return read


def write_settings(folder: Path, settings: LoopSettings) -> None:
    """Write the settings into a folder, and which kind of training they are of."""
    values = {_KIND: settings.KIND, **asdict(settings)}
    write_text(folder / SETTINGS_NAME, json.dumps(values, indent=1) + "\n")


def read_settings(folder: Path, kind: type[Chosen]) -> Chosen:
    """Return the settings of a run.

    Raises:
        UserError: The folder holds none, or those of another kind of training.
    """
    path = folder / SETTINGS_NAME
    advice = f"give a folder that `leitmotif train {kind.KIND}` wrote"
    try:
        values = read_object(path)
        trained = values.pop(_KIND, _FORMER_KIND)
        if trained == kind.KIND:
            return kind.changed(values, str(path))
    except FileNotFoundError as error:
        lacking = f"no {SETTINGS_NAME}" if folder.exists() else no_such_folder(folder, SETTINGS_NAME)
        raise UserError(f"{str(folder)!r} is no run ({lacking}); {advice}") from error
    except (OSError, ValueError) as error:
        raise UserError(f"cannot use {str(path)!r} ({one_line(error)}); {advice}") from error
    raise UserError(f"{str(folder)!r} was trained by `leitmotif train {trained}`; {advice}")


def _current(kind: type[LoopSettings], name: str, where: str) -> str:
    """Return the present name of a setting."""
    if name not in kind.RENAMED:
        return name
    logger.warning("%s: the setting %s is called %s now", where, name, kind.RENAMED[name])
    return kind.RENAMED[name]
