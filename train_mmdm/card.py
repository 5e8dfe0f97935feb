"""The model card of a run, written from its settings, its log and its samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from leitmotif.shards.dataset import Dataset
from leitmotif.storage.atomic import write_text
from leitmotif.train_mmdm.processor import question_of
from leitmotif.train_mmdm.run import CARD_NAME, SAMPLES_NAME
from leitmotif.train_mmdm.settings import Settings
from leitmotif.training.logs import read_log, whole_records

SHOWN = (
    "recipe", "learning_rate", "weight_decay", "warmup", "batch", "accumulation", "epochs", "lora_rank",
    "lora_alpha", "lora_dropout", "four_bit", "precision", "frames", "image_side", "describe_visuals_first",
    "seed",
)  # fmt: skip


def write_card(
    run: Path, dataset: Dataset, settings: Settings, facts: Mapping[str, Any], *, rows: int
) -> None:
    """Write README.md into a run.

    Args:
        run: Folder of the run.
        dataset: What it was trained on.
        settings: Settings of the run.
        facts: Figures at the training's end: `checkpoint`, `step`, `epoch`, `loss`, `validation_loss`.
        rows: Training rows that could be used.
    """
    parts = [
        _front_matter(dataset, settings),
        f"# {run.name}: a multimodal music description model",
        _summary(dataset, settings, rows),
        _use(run, settings),
        "## Training",
        _table(asdict(settings), SHOWN),
        _losses(run, facts),
        _samples(run),
        _limits(settings),
        _licence(dataset, settings),
    ]
    write_text(run / CARD_NAME, "\n\n".join(part for part in parts if part) + "\n")


def _front_matter(dataset: Dataset, settings: Settings) -> str:
    facts: dict[str, Any] = {
        "language": "en",
        "library_name": "peft" if settings.lora_rank else "transformers",
        "pipeline_tag": "image-text-to-text",
        "tags": ["music", "music-captioning", "video"],
        # Nobody can give what neither the base weights nor the clips give: the section below says both.
        "license": "other",
        "license_name": "terms-of-base-weights-and-clips",
        "license_link": "README.md#licence",
        "datasets": [dataset.path.resolve().name],
    }
    if settings.model_id is not None:
        facts |= {
            "base_model": settings.model_id,
            "base_model_relation": "adapter" if settings.lora_rank else "finetune",
        }
    return f"---\n{yaml.safe_dump(facts, sort_keys=False)}---"


def _summary(dataset: Dataset, settings: Settings, rows: int) -> str:
    split = dataset.split("train")
    base = "a small network of InternVL's architecture, trained from scratch"
    if settings.model_id is not None:
        revision = settings.revision or "not pinned"
        kind = f"LoRA adapters of rank {settings.lora_rank} on the language model of"
        base = (
            f"{kind if settings.lora_rank else 'all weights of'} `{settings.model_id}` (revision {revision})"
        )
    return (
        f"Describes in words the music that fits the frames of a video. It is {base}, after section 3.1 of "
        f"*Visuals Music Bridge*. It learned from {rows} clips, the train split of the dataset "
        f"`{dataset.path.resolve().name}` "
        f"(fingerprint `{split.fingerprint}`); how those were made, that dataset's card says."
    )


def _use(run: Path, settings: Settings) -> str:
    return (
        f"## Use\n\n    leitmotif describe {run.name} VIDEO\n\nIt is shown {settings.frames} frames of "
        f"{settings.image_side} pixels and asked: *{question_of(settings.frames)}* Sampling: top-k "
        f"{settings.top_k}, top-p {settings.top_p:g}, temperature {settings.temperature:g}."
    )


def _table(values: Mapping[str, Any], names: tuple[str, ...]) -> str:
    lines = [f"| {name} | {values[name]} |" for name in names]
    return "\n".join(["| setting | value |", "|---|---|", *lines])


def _losses(run: Path, facts: Mapping[str, Any]) -> str:
    lines = [
        f"| {line['step']} | {line['epoch']} | {line['loss']:.4f} |"
        for line in read_log(run)
        if line["kind"] == "validation"
    ]
    ended = (
        f"It ended after {facts['step']} steps with a training loss of {facts['loss']:.4f}; "
        f"`{facts['checkpoint']}` is used."
    )
    if not lines:
        return f"{ended} There were no rows to validate with."
    header = ["| step | epoch | validation loss |", "|---|---|---|"]
    return "\n".join([ended, "", *header, *lines])


def _samples(run: Path) -> str:
    path = run / SAMPLES_NAME
    lines = whole_records(path)
    if not lines:
        return ""
    last = [line for line in lines if line["step"] == lines[-1]["step"]]
    shown = [
        f"- `{line['clip_id']}`\n  - wrote: {_one_line(line['answer'])}\n"
        f"  - dataset: {_one_line(line['truth'])}"
        for line in last
    ]
    return "\n".join(["## Samples of the validation rows, after the last epoch", "", *shown])


def _licence(dataset: Dataset, settings: Settings) -> str:
    """Return under which terms the weights stand: those of the base weights, and those of the clips."""
    counts: Counter[str] = Counter()
    for table in dataset.stream("train", ["license"]):
        if "license" in table.column_names:
            counts.update(name or "unknown" for name in table["license"].to_pylist())
    clips = ", ".join(f"{_one_line(name)} ({count})" for name, count in counts.most_common()) or "unknown"
    base = (
        "It has no base weights."
        if settings.model_id is None
        else f"The terms of its base weights apply: https://huggingface.co/{settings.model_id}."
    )
    return (
        f"## Licence\n\n{base} It learned from clips of the dataset `{dataset.path.resolve().name}` under "
        f"these licences (clips): {clips}. Where one is unknown, ask the owner of the rights before passing "
        "the weights on."
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _limits(settings: Settings) -> str:
    tiny = (
        "It knows the pictures of its training rows and nothing else of the world: it serves tests and first "
        "steps, not real videos."
    )
    return (
        "## Limits\n\nIt repeats what its dataset's tags and captions say, their errors among it, and has "
        "heard no music. "
        + (tiny if settings.model_id is None else "Frames are stills: what moves between them is not seen.")
    )
