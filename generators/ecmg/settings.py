"""All settings of explicitly conditioned music generation, from network to sampling; saved with every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from leitmotif.assignments import known
from leitmotif.training.settings import (
    Count,
    LoopSettings,
    Name,
    NotNegative,
    Positive,
    read_changes,
)

Share = Annotated[float, Field(ge=0, le=1)]
# stabilityai/stable-audio-open-1.0 in the layout of diffusers.
STABLE_AUDIO = "stabilityai/stable-audio-open-1.0"
# Published in a format of its own; `weights/generator_table.py` says where it lies once it is converted.
STABLE_AUDIO_3 = "stabilityai/stable-audio-3-small-music-base"


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Settings(LoopSettings):
    """The settings of a run, beside those of every training.

    Attributes:
        base: A model in the layout of Stable Audio Open or Stable Audio 3 that is trained on: a folder or a
            hub id; none trains a transformer of `layers` and `width` from scratch. It says what is learned
            (velocities, or a rectified flow) and which sampler makes sounds.
        revision: Commit, branch or tag of a base on the hub.
        codec: What turns sound into latents; none takes the codec of the base.
        text: What reads the prompts: a CLAP model; none takes that of the base.
        features: Folder of the encoded features (`ecmg-…`), where the dataset has several.
        init: Folder of a run of the same shape, whose weights this one begins with.
        frames: Latent frames of a window; a base says how many it makes.
        layers: Blocks of a transformer from scratch.
        width: Its width.
        heads: Its heads.
        control: "controlformer", the paper's copied blocks, or "adapter", decoupled cross-attention.
        control_layers: Blocks that are copied, from the first on.
        noisy_input: Whether the copied blocks hear the noised latents beside the control; equation 6 of the
            paper has the control alone.
        control_source: What is followed in training: "own", the very moment that is learned; "elsewhere",
            another moment of the same clip; "retrieved", the clip of another recording that sounds most
            alike, as in the paper.
        control_dropout: Share of the examples without music to follow.
        style_share: Share of the examples with an attribute in the prompt, and the style of a clip of it.
        cfg_dropout: Share of the examples without any condition, for guidance.
        train_base: Train the transformer as well; one from scratch always is.
        base_learning_rate: Highest rate of the transformer's own weights.
        gradient_checkpointing: Compute activations twice rather than keep them.
        validation_rows: Size of the fixed set whose loss is measured.
        sampling_steps: Steps from noise to sound.
        sigma_min: Noise at the last of them; a rectified flow has times of its own.
        sigma_max: Noise at the first of them.
        guidance: How much of its conditions the network is made to follow; 1 is its own opinion.
        loudness: Integrated loudness of what is generated, LUFS.
    """

    KIND: ClassVar[str] = "ecmg"

    base: Name
    revision: Name = None
    codec: Name = None
    text: Name = None
    features: Name = None
    init: Name = None
    frames: Positive = 1024
    layers: Positive = 24
    width: Positive = 1536
    heads: Positive = 24
    control: Literal["controlformer", "adapter"] = "controlformer"
    # The paper copies "the early layers" and says no number: a quarter of them, 276 M weights.
    control_layers: Positive = 6
    noisy_input: bool = True
    control_source: Literal["own", "elsewhere", "retrieved"] = "retrieved"
    control_dropout: Share = 0.1
    style_share: Share = 0.5
    cfg_dropout: Share = 0.1
    train_base: bool = False
    # Of Visuals Music Bridge, section 4.1, as are batch, accumulation and decay.
    base_learning_rate: NotNegative = 1e-6
    weight_decay: NotNegative = 1e-3
    schedule: Literal["cosine", "inverse"] = "inverse"
    batch: Positive = 1
    gradient_checkpointing: bool = True
    validation_rows: Count = 64
    sampling_steps: Positive = 100
    sigma_min: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.03
    sigma_max: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1000.0
    guidance: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 7.0
    # As loud as music services play (AES TD1008).
    loudness: Annotated[float, Field(ge=-70, le=0)] = -16.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.base is None and (self.codec is None or self.text is None):
            raise ValueError(
                "got base=none without codec and text; set both, such as codec-mini and clap-mini"
            )
        if self.width % (2 * self.heads) or self.width // self.heads % 4:
            raise ValueError(
                f"got width {self.width} and heads {self.heads}; expected heads of a multiple of 4 numbers"
            )
        if self.base is None and self.control_layers > self.layers:
            raise ValueError(
                f"got control_layers {self.control_layers}; expected at most layers, {self.layers}"
            )
        if self.sigma_min >= self.sigma_max:
            raise ValueError(f"got sigma_min {self.sigma_min}; expected less than sigma_max {self.sigma_max}")
        return self


# The default first.
PRESETS: dict[str, Settings] = {
    "tiny": Settings(
        preset="tiny",
        base=None,
        codec="codec-mini",
        text="clap-mini",
        frames=256,
        layers=4,
        width=128,
        heads=4,
        control_layers=2,
        # At time 0.95 the music then takes 36 % off the loss after 250 steps of 4; with the noise 26 % after
        # 400 of 8.
        noisy_input=False,
        control_source="own",
        control_dropout=0.2,
        precision="fp32",
        learning_rate=2e-3,
        base_learning_rate=2e-3,
        weight_decay=0.01,
        schedule="cosine",
        warmup=0.05,
        batch=4,
        accumulation=1,
        steps=1000,
        eval_steps=250,
        ema_decay=0.99,
        gradient_checkpointing=False,
        validation_rows=32,
        sampling_steps=25,
        guidance=2.0,
    ),
    "sao": Settings(preset="sao", base=STABLE_AUDIO, learning_rate=1e-4, warmup=0.0, ema_decay=0.999),
    "sa3-small": Settings(
        preset="sa3-small",
        base=STABLE_AUDIO_3,
        # 47.6 s of 4096 samples a frame, as long as the windows of `sao`.
        frames=512,
        layers=20,
        width=1024,
        heads=16,
        # A quarter of the blocks, as of `sao`.
        control_layers=5,
        learning_rate=1e-4,
        warmup=0.0,
        ema_decay=0.999,
    ),
}


def choose_settings(preset: str | None = None, changes: Sequence[str] = ()) -> Settings:
    """Return a preset with changes.

    Args:
        preset: One of `PRESETS`; None takes the first.
        changes: "key=value" pairs; `epochs` takes the preset's `steps` back.

    Raises:
        UserError: An unknown preset or key, or a value that does not fit.
    """
    preset = preset or next(iter(PRESETS))
    known("preset", preset, PRESETS)
    values: dict[str, Any] = read_changes(Settings, changes)
    passes = {"steps": 0} if "epochs" in values and "steps" not in values else {}
    return Settings.changed({**asdict(PRESETS[preset]), **passes, **values})
