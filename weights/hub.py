"""Folders of models on the Hugging Face Hub: from its cache on this machine, else from the hub itself."""

from pathlib import Path

from leitmotif.storage.errors import first_line, is_machine_fault
from leitmotif.weights.resolve import FETCH, BadModel, check_folder, weight_files

_CONFIGURATION = ("*.json", "*.txt", "*.model")
_TOKENIZERS = ("tokenizer.json", "vocab.json", "spiece.model")


def local_folder(source: Path | str, revision: str) -> Path:
    """Return the folder of a model.

    Args:
        source: What `leitmotif.weights.resolve.resolve_model` returned, but no file.
        revision: The commit, branch or tag of a hub id.

    Raises:
        BadModel: It is neither here nor can it be fetched.
    """
    if isinstance(source, Path):
        return source
    try:
        return check_folder(_snapshot(source, revision, cached=True))
    except (OSError, ValueError):
        pass  # not in the cache, or only a part of it: the hub is asked
    folder = _fetch(source, revision, *_CONFIGURATION, "*.safetensors")
    if not weight_files(folder):
        folder = _fetch(source, revision, *_CONFIGURATION, "pytorch_model*.bin*")
    return check_folder(folder)


def tokenizer_folder(where: str, revision: str) -> Path:
    """Return the folder of a tokenizer.

    Args:
        where: A folder, or a hub id.
        revision: The commit, branch or tag of a hub id.

    Raises:
        BadModel: It is neither here nor can it be fetched.
    """
    folder = Path(where).expanduser()
    if not folder.is_dir() and (folder.is_absolute() or where.startswith((".", "~"))):
        raise BadModel(f"got tokenizer {where!r}, and no such folder exists; expected a folder or a hub id")
    if not folder.is_dir():
        try:
            folder = _snapshot(where, revision, cached=True)
        except (OSError, ValueError):
            folder = _fetch(where, revision, *_CONFIGURATION)
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise BadModel(
            f"got tokenizer folder {str(folder)!r} without {' or '.join(_TOKENIZERS)}; {FETCH}, or give "
            "another folder"
        )
    return folder


def _fetch(model: str, revision: str, *patterns: str) -> Path:
    try:
        return _snapshot(model, revision, *patterns)
    except Exception as error:
        if is_machine_fault(error):
            raise
        raise BadModel(
            f"got model {model!r} at {revision}, which is not in the cache and cannot be fetched "
            f"({first_line(error)}); {FETCH}, or give a local folder"
        ) from error


def _snapshot(model: str, revision: str, *patterns: str, cached: bool = False) -> Path:
    from huggingface_hub import snapshot_download

    found = snapshot_download(
        model, revision=revision, allow_patterns=list(patterns) or None, local_files_only=cached
    )
    return Path(str(found))
