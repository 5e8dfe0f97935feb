"""All settings of a multimodal music description model, from network to sampling; saved with every run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from leitmotif.shards.store import write_text
from leitmotif.training.errors import TrainingInputError

SETTINGS_NAME = "settings.json"
PATCHES_A_TOKEN = 4  # pixel shuffle of InternVL: 2 x 2 patches become one token of the language model

# Reaches the projections of the language model and misses the vision tower, whose layers bear the same names.
LORA_TARGETS = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


@dataclass(frozen=True)
class Settings:
    """Settings of one run; the defaults of training and sampling are those of Visuals Music Bridge.

    Attributes:
        preset: Name that the run was begun with.
        model_id: Hub id or folder of an InternVL in the format of `transformers`; None builds a small one.
        revision: Commit of the hub; None takes the newest.
        image_side: Side of a frame in pixels, as the vision tower sees it.
        patch_side: Side of a patch of the vision tower in pixels.
        frames: Frames of a video.
        lora_rank: Rank of the adapters; 0 trains every weight.
        lora_alpha: The adapters' change is multiplied by alpha / rank.
        lora_dropout: Dropout before the adapters.
        dropout: In the small network that is built without `model_id`, or it learns captions by heart.
        four_bit: Whether the frozen weights are held in 4 bits (QLoRA); needs bitsandbytes and a GPU.
        precision: "bf16" or "fp32".
        gradient_checkpointing: Compute activations twice rather than keep them.
        attention: "auto", "sdpa", "eager" or "flash_attention_2".
        elicit: Half of the examples, drawn anew each epoch, ask for the visual elements and the attributes of
            the music first; otherwise all ask for the description alone.
        flip: Mirror the frames of half of the examples, drawn anew each epoch.
        recipe: "paper", "internvl" or "tiny": where learning rate, decay and warm-up come from.
        learning_rate: Highest.
        weight_decay: Of AdamW.
        warmup: Share of the steps in which the rate rises.
        max_grad_norm: Longer gradients are shortened to it.
        batch: Examples that go through the network at once, on each device.
        accumulation: Batches of one optimiser step.
        epochs: Passes over the training rows.
        min_steps: Few rows are passed over more often, until there were so many steps.
        max_epochs: But not more often than this; 0 sets no bound.
        watch_steps: Validations come after an epoch, and at least so many steps apart.
        seed: Draws adapters, order and dropout.
        shuffle_buffer: Rows among which the loader draws the next one.
        workers: Processes that decode frames.
        validation_rows: Size of the fixed set whose loss is watched.
        samples: Descriptions of the fixed set that are written down at each validation.
        patience: Validations without a better loss after which training ends; 0 never ends early.
        checkpoint_steps: Steps between checkpoints; 0 writes them at the end of epochs only.
        top_k: Sampling takes among this many most probable tokens.
        top_p: Sampling takes among the tokens that hold this much probability.
        temperature: Of sampling.
        max_new_tokens: Length of an answer at most.
        tensorboard: Write TensorBoard files.
        wandb: Log to Weights & Biases; needs wandb.
    """

    preset: str
    model_id: str | None
    revision: str | None = None
    image_side: int = 448
    patch_side: int = 14
    frames: int = 10
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.05
    dropout: float = 0.0
    four_bit: bool = False
    precision: str = "bf16"
    gradient_checkpointing: bool = True
    attention: str = "auto"
    elicit: bool = True
    flip: bool = False
    recipe: str = "paper"
    learning_rate: float = 1e-6
    weight_decay: float = 0.01
    warmup: float = 0.03
    max_grad_norm: float = 1.0
    batch: int = 2
    accumulation: int = 8
    epochs: int = 10
    min_steps: int = 0
    max_epochs: int = 0
    watch_steps: int = 0
    seed: int = 0
    shuffle_buffer: int = 1024
    workers: int = 0
    validation_rows: int = 64
    samples: int = 4
    patience: int = 0
    checkpoint_steps: int = 0
    top_k: int = 50
    top_p: float = 1.0
    temperature: float = 1.0
    max_new_tokens: int = 192
    tensorboard: bool = True
    wandb: bool = False

    def __post_init__(self) -> None:
        _check(self)

    @property
    def tokens_a_frame(self) -> int:
        """How many tokens a frame takes in the prompt: 256 at 448 pixels and patches of 14."""
        return (self.image_side // self.patch_side) ** 2 // PATCHES_A_TOKEN


def _check(settings: Settings) -> None:
    at_least: dict[str, float] = {
        "image_side": 1, "patch_side": 1, "frames": 1, "lora_rank": 0, "lora_alpha": 1, "lora_dropout": 0,
        "dropout": 0, "learning_rate": 0, "weight_decay": 0, "warmup": 0, "max_grad_norm": 0, "batch": 1,
        "accumulation": 1, "epochs": 1, "min_steps": 0, "max_epochs": 0, "watch_steps": 0, "seed": 0,
        "shuffle_buffer": 1, "workers": 0, "validation_rows": 0, "samples": 0, "patience": 0,
        "checkpoint_steps": 0, "top_k": 1, "max_new_tokens": 1,
    }  # fmt: skip
    for key, least in at_least.items():
        if not getattr(settings, key) >= least:
            raise TrainingInputError(f"got {key} {getattr(settings, key)}; expected at least {least:g}")
    if not 0 < settings.top_p <= 1 or not settings.temperature > 0 or not settings.warmup <= 1:
        raise TrainingInputError(
            f"got top_p {settings.top_p}, temperature {settings.temperature} and warmup {settings.warmup}; "
            "expected 0 < top_p <= 1, temperature > 0 and warmup <= 1"
        )
    if not max(settings.dropout, settings.lora_dropout) < 1:
        raise TrainingInputError(
            f"got dropout {settings.dropout} and lora_dropout {settings.lora_dropout}; expected less than 1"
        )
    if settings.image_side % (2 * settings.patch_side):
        raise TrainingInputError(
            f"got image_side {settings.image_side}; expected a multiple of {2 * settings.patch_side} "
            f"(2 x 2 patches of {settings.patch_side} pixels become one token)"
        )
    choices = {
        "precision": ("bf16", "fp32"),
        "attention": ("auto", "sdpa", "eager", "flash_attention_2"),
        "recipe": tuple(RECIPES),
    }
    for key, known in choices.items():
        if getattr(settings, key) not in known:
            raise TrainingInputError(
                f"got {key} {getattr(settings, key)!r}; expected one of {', '.join(known)}"
            )
    if settings.four_bit and (settings.lora_rank == 0 or settings.model_id is None):
        raise TrainingInputError(
            "got four_bit=true without adapters on a pretrained model; weights in 4 bits cannot be trained: "
            "set lora_rank above 0 and choose a preset other than tiny"
        )


# Visuals Music Bridge, appendix B.1; it names neither decay nor warm-up: AdamW's default, and InternVL's.
# InternVL's own recipe for adapters: shell/internvl2.0/2nd_finetune of OpenGVLab/InternVL.
RECIPES: dict[str, dict[str, Any]] = {
    "paper": {"learning_rate": 1e-6, "weight_decay": 0.01, "warmup": 0.03},
    "internvl": {"learning_rate": 4e-5, "weight_decay": 0.05, "warmup": 0.03},
    "tiny": {"learning_rate": 1e-3, "weight_decay": 0.05, "warmup": 0.05},
}

# No revision is pinned where none was looked up: a run then says which weights it used by the id alone.
PRESETS: dict[str, Settings] = {
    "tiny": Settings(
        preset="tiny",
        model_id=None,
        image_side=64,
        patch_side=16,
        lora_rank=0,
        dropout=0.1,
        precision="fp32",
        gradient_checkpointing=False,
        flip=True,
        recipe="tiny",
        **RECIPES["tiny"],
        batch=16,
        accumulation=1,
        epochs=16,
        min_steps=900,
        max_epochs=40,
        watch_steps=30,
        patience=8,
    ),
    "internvl3-1b": Settings(preset="internvl3-1b", model_id="OpenGVLab/InternVL3-1B-hf"),
    "internvl3-2b": Settings(preset="internvl3-2b", model_id="OpenGVLab/InternVL3-2B-hf"),
    "internvl3-8b": Settings(preset="internvl3-8b", model_id="OpenGVLab/InternVL3-8B-hf"),
    "internvl3-14b": Settings(preset="internvl3-14b", model_id="OpenGVLab/InternVL3-14B-hf"),
    "internvl2.5-8b": Settings(preset="internvl2.5-8b", model_id="OpenGVLab/InternVL2_5-8B-MPO-hf"),
}


def choose_settings(preset: str, changes: Sequence[str] = ()) -> Settings:
    """Return a preset with changes.

    Args:
        preset: One of `PRESETS`.
        changes: "key=value" pairs; a recipe is applied before the others, and `epochs` takes the preset's
            `min_steps` back.

    Raises:
        TrainingInputError: An unknown preset, key or recipe, or a value that does not fit.
    """
    if preset not in PRESETS:
        raise TrainingInputError(f"got preset {preset!r}; expected one of {', '.join(PRESETS)}")
    values = dict(_read_change(change) for change in changes)
    recipe = values.get("recipe", PRESETS[preset].recipe)
    if recipe not in RECIPES:
        raise TrainingInputError(f"got recipe {recipe!r}; expected one of {', '.join(RECIPES)}")
    chosen = RECIPES[recipe] if "recipe" in values else {}
    # Who says how many passes there shall be means no more and no fewer.
    passes = {"min_steps": 0} if "epochs" in values else {}
    return replace(PRESETS[preset], **{**chosen, **passes, **values})


def _read_change(change: str) -> tuple[str, Any]:
    key, equals, text = change.partition("=")
    kinds = {field.name: str(field.type) for field in fields(Settings) if field.name != "preset"}
    if not equals or key not in kinds:
        raise TrainingInputError(
            f"got --set {change!r}; expected key=value with one of the keys {', '.join(kinds)}"
        )
    kind = kinds[key]
    try:
        if kind == "bool":
            return key, {"true": True, "false": False}[text.lower()]
        if kind == "int":
            return key, int(text)
        if kind == "float":
            return key, float(text)
    except (KeyError, ValueError) as error:
        wanted = {"bool": "true or false", "int": "a whole number", "float": "a number"}[kind]
        raise TrainingInputError(f"got --set {change!r}; expected {wanted} for {key}") from error
    return key, None if "None" in kind and text.lower() in ("", "none") else text


def write_settings(folder: Path, settings: Settings) -> None:
    """Write the settings into a folder."""
    write_text(folder / SETTINGS_NAME, json.dumps(asdict(settings), indent=1) + "\n")


def read_settings(folder: Path) -> Settings:
    """Return the settings of a run.

    Raises:
        TrainingInputError: The folder holds none, or what it holds are no settings.
    """
    path = folder / SETTINGS_NAME
    try:
        values: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Settings(**values)
    except FileNotFoundError as error:
        raise TrainingInputError(
            f"{str(folder)!r} has no {SETTINGS_NAME}; give a folder that `leitmotif train mmdm` wrote"
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise TrainingInputError(
            f"cannot use {str(path)!r} ({error}); give a folder that `leitmotif train mmdm` wrote"
        ) from error
