"""Finds the weights behind a model name: shipped here, in a local folder, or on the Hugging Face Hub."""

import hashlib
import os
from pathlib import Path
from typing import Any

SHIPPED = ("clap-mini", "clip-mini")
_MINI = Path(__file__).resolve().parent / "mini"


class BadModel(ValueError):  # noqa: N818
    """The named model is missing, incomplete, or of another kind than asked for."""


def resolve_model(model: str) -> Path | str:
    """Return the folder of a shipped or local model, or the hub id unchanged.

    Args:
        model: "clap-mini" or "clip-mini", a folder with `config.json` and `model.safetensors`, or a hub id.

    Raises:
        BadModel: A folder was meant and it is missing or incomplete.
    """
    if model in SHIPPED:
        return check_folder(_MINI / model)
    path = Path(model).expanduser()
    if path.is_dir():
        return check_folder(path)
    parts = model.split("/")
    looks_local = path.is_absolute() or model.startswith((".", "~")) or len(parts) != 2 or not all(parts)
    if looks_local:
        raise BadModel(
            f"got model {model!r}, and no such folder exists; expected one of {', '.join(SHIPPED)}, a "
            "folder with config.json and model.safetensors, or a hub id like owner/name"
        )
    return model


def check_folder(folder: Path) -> Path:
    """Return the folder if it holds a model, else raise `BadModel`."""
    missing = [name for name in ("config.json", "model.safetensors") if not (folder / name).is_file()]
    if missing:
        raise BadModel(
            f"got model folder {str(folder)!r} without {' and '.join(missing)}; expected a folder written by "
            "save_pretrained, or `make mini` for the shipped models"
        )
    return folder


def check_kind(config: Any, kind: str) -> None:
    """Refuse the configuration of another kind of model, whose weights would silently be drawn at random."""
    if config.model_type != kind:
        raise ValueError(f"its config.json says model_type {config.model_type!r}")


def check_complete(report: dict[str, Any]) -> None:
    """Refuse weights in which some are missing, which would silently be drawn at random.

    Args:
        report: The loading info of `from_pretrained`.
    """
    missing = sorted(name for name in report.get("missing_keys", ()) if not name.endswith("position_ids"))
    if missing:
        raise ValueError(f"{len(missing)} weights are missing, {missing[0]} first")


def revision_of(source: Path | str, commit: str | None, asked: str | None) -> str:
    """Return what identifies the weights: "sha256:" + 12 hex digits for a folder, the commit for a hub id."""
    if isinstance(source, Path):
        digest = hashlib.sha256()
        with (source / "model.safetensors").open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        return "sha256:" + digest.hexdigest()[:12]
    return commit or asked or "unknown"


def models_dir() -> Path:
    """Return the folder of fetched checkpoints that are no hub repository.

    It is what LEITMOTIF_MODELS says, by default `~/.cache/leitmotif/models`, and may not exist.
    """
    return Path(os.environ.get("LEITMOTIF_MODELS") or "~/.cache/leitmotif/models").expanduser()
