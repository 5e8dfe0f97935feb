"""Finds a model in the layout of diffusers: a folder with `model_index.json` and one folder for each part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leitmotif.storage.documents import read_object
from leitmotif.storage.errors import first_line, is_machine_fault
from leitmotif.weights.generator_table import CONVERTED
from leitmotif.weights.load import loading
from leitmotif.weights.resolve import BadModel

INDEX = "model_index.json"
# What models that can be trained on call themselves: Stable Audio Open, and Stable Audio 3.
BASES = ("StableAudioPipeline", "StableAudio3Pipeline")
# What is fetched of a repository: parts of diffusers and transformers, in safetensors alone.
FILES = (
    INDEX,
    "*/config.json",
    "*/*.safetensors",
    "*/*.safetensors.index.json",
    "tokenizer*/*",
    "scheduler/*",
    "feature_extractor/*",
)


def layout_folder(model: str, revision: str | None = None) -> Path:
    """Return the folder of a model; a hub id is fetched into the cache of the hub's library.

    Args:
        model: A folder, or a hub id; of a model that is published in another format that of the original,
            which lies where the user converted it to.
        revision: Commit, branch or tag of a hub id; "main" by default.

    Raises:
        BadModel: It is neither here nor can it be fetched, or is in another layout.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir() and model in CONVERTED:
        if CONVERTED[model].missing():
            raise BadModel(f"got no model {model!r}: {CONVERTED[model].told()}")
        folder = CONVERTED[model].folder
    if not folder.is_dir():
        if folder.is_absolute() or model.startswith((".", "~")) or len(model.split("/")) != 2:
            raise BadModel(f"got model {model!r}, and no such folder exists; {_expected()}")
        folder = _fetch(model, revision or "main")
    if not (folder / INDEX).is_file():
        raise BadModel(f"got model {model!r} without {INDEX}; {_expected()}")
    return folder


def part_folder(model: str, part: str, revision: str | None = None) -> Path:
    """Return the folder of one part, such as "vae".

    Raises:
        BadModel: As of `layout_folder`, or the part is missing.
    """
    folder = layout_folder(model, revision) / part
    if not folder.is_dir():
        raise BadModel(f"got model {model!r} without its part {part!r}; {_expected()}")
    return folder


def base_pipeline(model: str, revision: str | None = None) -> str:
    """Return what a model that is to be trained on calls itself: one of `BASES`.

    Raises:
        BadModel: As of `layout_folder`; it is another kind of model, or distilled to few steps.
    """
    with loading(model, INDEX, "a model of Stable Audio"):
        folder = layout_folder(model, revision)
        kind = str(read_object(folder / INDEX).get("_class_name"))
        scheduler = folder / "scheduler" / "scheduler_config.json"
        distilled = scheduler.is_file() and read_object(scheduler).get("stochastic_sampling")
    if kind not in BASES:
        raise BadModel(
            f"got base {model!r}, a {kind}; expected a {' or a '.join(BASES)}, such as Stable Audio Open"
        )
    if distilled:
        raise BadModel(
            f"got base {model!r}, which is distilled to a few steps; expected the model that it was made of, "
            "such as stabilityai/stable-audio-3-small-music-base"
        )
    return kind


def load_part(kind: Any, folder: Path) -> Any:
    """Return one of diffusers' models with exactly the weights of its folder, in float32.

    Args:
        kind: Its class.
        folder: The folder of the part.

    Raises:
        OSError, ValueError: A file is missing, or a weight is missing, unknown, or of another shape.
    """
    net, report = kind.from_pretrained(str(folder), output_loading_info=True, low_cpu_mem_usage=False)
    if strange := [*report["missing_keys"], *report["unexpected_keys"], *report["mismatched_keys"]]:
        raise ValueError(f"{len(strange)} weights do not fit its config.json, {strange[0]} first")
    return net.float()


def _fetch(model: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download

    def snapshot(*, cached: bool) -> Path:
        found = snapshot_download(
            model, revision=revision, allow_patterns=list(FILES), local_files_only=cached
        )
        return Path(str(found))

    try:
        found = snapshot(cached=True)
        if (found / INDEX).is_file():
            return found
    except (OSError, ValueError):
        pass  # not in the cache: the hub is asked
    try:
        return snapshot(cached=False)
    except Exception as error:
        if is_machine_fault(error):
            raise
        raise BadModel(
            f"got model {model!r} at {revision}, which is not in the cache and cannot be fetched "
            f"({first_line(error)}); accept its licence at https://huggingface.co/{model} and run "
            "`hf auth login`, or give a local folder"
        ) from error


def _expected() -> str:
    return "expected a folder in the layout of stabilityai/stable-audio-open-1.0, or its hub id"
