"""All settings of a multimodal music description model, from network to sampling; saved with every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from leitmotif.assignments import known
from leitmotif.training import settings as training_settings
from leitmotif.training.settings import Count, LoopSettings, Name, Positive, read_changes

PATCHES_A_TOKEN = 4  # pixel shuffle of InternVL: 2 x 2 patches become one token of the language model

MODEL_KIND = "an InternVL in the format of transformers, whose id ends in -hf"  # what model_id names

# Reaches the projections of the language model and misses the vision tower, whose layers bear the same names.
LORA_TARGETS = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"

Dropout = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", protected_namespaces=()))
class Settings(LoopSettings):
    """Settings of one run; the defaults of training and sampling are those of Visuals Music Bridge.

    Attributes:
        model_id: Hub id or folder of an InternVL in the format of `transformers`; None builds a small one.
        revision: Commit of the hub; None takes the newest.
        image_side: Side of a frame in pixels, as the vision tower sees it.
        patch_side: Side of a patch of the vision tower in pixels.
        frames: Frames of a video.
        lora_rank: Rank of the adapters; 0 trains every weight.
        lora_alpha: The adapters' change is multiplied by alpha / rank.
        lora_dropout: Dropout before the adapters.
        dropout: Dropout of the small network without `model_id`, which otherwise learns captions by heart.
        four_bit: Whether the frozen weights are held in 4 bits (QLoRA); needs bitsandbytes and a GPU.
        gradient_checkpointing: Compute activations twice rather than keep them.
        attention: "auto", "sdpa", "eager" or "flash_attention_2".
        describe_visuals_first: Half of the examples, drawn again each epoch, ask for the visual elements and
            the attributes of the music first; otherwise all ask for the description alone.
        flip: Mirror the frames of half of the examples, drawn again each epoch.
        recipe: "paper", "internvl" or "tiny": where learning rate, decay and warm-up come from.
        validation_rows: Size of the fixed set whose loss is measured.
        samples: Descriptions of the fixed set that are written down at each validation.
        top_k: Sampling takes among this many most probable tokens.
        top_p: Sampling takes among the tokens that hold this much probability.
        temperature: Sampling evens the probabilities out above 1, and sharpens them below.
        max_new_tokens: Length of an answer at most.
    """

    KIND: ClassVar[str] = "mmdm"
    RENAMED: ClassVar[dict[str, str]] = LoopSettings.RENAMED | {"elicit": "describe_visuals_first"}

    model_id: Name
    revision: Name = None
    image_side: Positive = 448
    patch_side: Positive = 14
    frames: Positive = 10  # Visuals Music Bridge looks at this many
    lora_rank: Count = 16  # of Visuals Music Bridge
    lora_alpha: Positive = 32
    lora_dropout: Dropout = 0.05
    dropout: Dropout = 0.0
    four_bit: bool = False
    gradient_checkpointing: bool = True
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2"] = "auto"
    describe_visuals_first: bool = True
    flip: bool = False
    recipe: Literal["paper", "internvl", "tiny"] = "paper"
    learning_rate: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-6
    validation_rows: Count = 64
    samples: Count = 4
    top_k: Positive = 50
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    max_new_tokens: Positive = 192

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.image_side % (2 * self.patch_side):
            raise ValueError(
                f"got image_side {self.image_side}; expected a multiple of {2 * self.patch_side} "
                f"(2 x 2 patches of {self.patch_side} pixels become one token)"
            )
        if self.four_bit and (self.lora_rank == 0 or self.model_id is None):
            raise ValueError(
                "got four_bit=true without adapters on a pretrained model; weights in 4 bits cannot be "
                "trained: set lora_rank above 0 and choose a preset other than tiny"
            )
        return self

    @property
    def tokens_a_frame(self) -> int:
        """How many tokens a frame takes in the prompt: 256 at 448 pixels and patches of 14."""
        return (self.image_side // self.patch_side) ** 2 // PATCHES_A_TOKEN


# Visuals Music Bridge, appendix B.1; it names neither decay nor warm-up: AdamW's default, and InternVL's.
# InternVL's own recipe for adapters: shell/internvl2.0/2nd_finetune of OpenGVLab/InternVL.
RECIPES: dict[str, dict[str, Any]] = {
    "paper": {"learning_rate": 1e-6, "weight_decay": 0.01, "warmup": 0.03},
    "internvl": {"learning_rate": 4e-5, "weight_decay": 0.05, "warmup": 0.03},
    "tiny": {"learning_rate": 1e-3, "weight_decay": 0.05, "warmup": 0.05},
}

# The default first. No revision is pinned where none was looked up: a run then says by the id alone which
# weights it used.
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
        eval_steps=30,
        patience=8,
    ),
    "internvl3-1b": Settings(preset="internvl3-1b", model_id="OpenGVLab/InternVL3-1B-hf"),
    "internvl3-2b": Settings(preset="internvl3-2b", model_id="OpenGVLab/InternVL3-2B-hf"),
    "internvl3-8b": Settings(preset="internvl3-8b", model_id="OpenGVLab/InternVL3-8B-hf"),
    "internvl3-14b": Settings(preset="internvl3-14b", model_id="OpenGVLab/InternVL3-14B-hf"),
    "internvl2.5-8b": Settings(preset="internvl2.5-8b", model_id="OpenGVLab/InternVL2_5-8B-MPO-hf"),
}


def choose_settings(preset: str | None = None, changes: Sequence[str] = ()) -> Settings:
    """Return a preset with changes.

    Args:
        preset: One of `PRESETS`; None takes the first.
        changes: "key=value" pairs; a recipe is applied before the others, and `epochs` takes the preset's
            `min_steps` back.

    Raises:
        UserError: An unknown preset, key or recipe, or a value that does not fit.
    """
    preset = preset or next(iter(PRESETS))
    known("preset", preset, PRESETS)
    values = read_changes(Settings, changes)
    chosen = RECIPES[known("recipe", values["recipe"], RECIPES)] if "recipe" in values else {}
    # Who says how many passes there are to be means no more and no fewer.
    passes = {"min_steps": 0} if "epochs" in values else {}
    return Settings.changed({**asdict(PRESETS[preset]), **chosen, **passes, **values})


def read_settings(run: Path) -> Settings:
    """Return the settings of a run.

    Raises:
        UserError: The folder holds none, or what it holds are no settings.
    """
    return training_settings.read_settings(run, Settings)
