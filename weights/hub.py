"""Repositories of the Hugging Face Hub: fetched into the cache of its own library, and found there.

Its library takes up what stopped; `fetch` does so for files behind a plain URL.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import OutsideError, RunError, UserError, first_line, is_machine_fault, one_line
from leitmotif.storage.progress import OnProgress
from leitmotif.weights.files import CONFIGURATION, TENSORS, HubRepo, note_in_lock
from leitmotif.weights.resolve import FETCH, BadModel, check_folder, weight_files

# What transformers and its HTTP clients say where a hub cannot be reached.
_NO_NETWORK = ("couldn't connect", "offline", "Connection", "timed out", "Name or service")
_TOKENIZERS = ("tokenizer.json", "vocab.json", "spiece.model")


def local_folder(source: Path | str, revision: str, *, fetch: str = FETCH) -> Path:
    """Return the folder of a model.

    Args:
        source: What `leitmotif.weights.resolve.resolve_model` returned, but no file.
        revision: The commit, branch or tag of a hub id.
        fetch: What fetches it.

    Raises:
        BadModel: It is neither here nor can it be fetched.
    """
    if isinstance(source, Path):
        return source
    try:
        return check_folder(_snapshot(source, revision, cached=True))
    except (OSError, ValueError):
        pass  # not in the cache, or only a part of it: the hub is asked
    folder = _fetch(source, revision, *CONFIGURATION, TENSORS[0], fetch=fetch)
    if not weight_files(folder):
        folder = _fetch(source, revision, *CONFIGURATION, TENSORS[1], fetch=fetch)
    return check_folder(folder)


def local_file(source: Path | str, name: str, revision: str, *, otherwise: str, fetch: str = FETCH) -> Path:
    """Return a file of a model that consists of one.

    Args:
        source: The file itself, or a hub id.
        name: The file in the repository of a hub id.
        revision: The commit, branch or tag of a hub id.
        otherwise: What else helps, such as another place to give it by.
        fetch: What fetches it.

    Raises:
        BadModel: It is neither here nor can it be fetched.
    """
    from huggingface_hub import hf_hub_download

    if isinstance(source, Path):
        return source
    try:
        return Path(hf_hub_download(source, name, revision=revision))
    except Exception as error:
        if is_machine_fault(error):
            raise
        raise BadModel(
            f"got model {source!r} at {revision}, whose {name} is not in the cache and cannot be fetched "
            f"({first_line(error)}); {fetch}, or {otherwise}"
        ) from error


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
            folder = _fetch(where, revision, *CONFIGURATION)
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise BadModel(
            f"got tokenizer folder {str(folder)!r} without {' or '.join(_TOKENIZERS)}; {FETCH}, or give "
            "another folder"
        )
    return folder


def _fetch(model: str, revision: str, *patterns: str, fetch: str = FETCH) -> Path:
    try:
        return _snapshot(model, revision, *patterns)
    except Exception as error:
        if is_machine_fault(error):
            raise
        raise BadModel(
            f"got model {model!r} at {revision}, which is not in the cache and cannot be fetched "
            f"({first_line(error)}); {fetch}, or give a local folder"
        ) from error


def _snapshot(model: str, revision: str, *patterns: str, cached: bool = False, **settings: Any) -> Path:
    """Return the folder of a revision; a file that was fetched in part is taken up where it stopped."""
    from huggingface_hub import snapshot_download

    found = snapshot_download(
        model, revision=revision, allow_patterns=list(patterns) or None, local_files_only=cached, **settings
    )
    return Path(str(found))


def fetch_repo(item: HubRepo, on_progress: OnProgress) -> Path:
    """Fetch the files of a repository that are needed, check them, and note them in the lock.

    Args:
        item: The repository.
        on_progress: Called with how far it is: (name, bytes there, bytes in all).

    Returns:
        The folder of the snapshot.

    Raises:
        UserError: The repository is closed to this user, or has no such revision or files.
        OutsideError: Network, hub or a checksum is at fault; what came so far is kept.
    """
    with hub_errors(item):
        commit, files = list_files(item)
        names = item.choose(list(files))
        if not names:
            raise UserError(
                f"{item.repo}@{item.revision} has none of {', '.join(item.files)}; expected a model's files"
            )
        total = sum(files[name][0] for name in names)
        bar = _bar_class(lambda done: on_progress(item.repo, min(done, total), total))
        folder = _snapshot(item.repo, commit, *names, tqdm_class=bar)
    expected = {name: item.sha256.get(name, files[name][1]) for name in names}
    found = {name: _checked(item, folder / name, expected[name]) for name in names}
    note_in_lock(
        item.repo,
        {
            "revision": commit,
            "asked": item.revision,
            "files": {
                name: {"size_bytes": (folder / name).stat().st_size, "sha256": found[name]} for name in names
            },
        },
    )
    return folder


def list_files(item: HubRepo) -> tuple[str, dict[str, tuple[int, str | None]]]:
    """Return the commit of a revision, and its files with size and, for large ones, SHA-256."""
    from huggingface_hub import HfApi

    info = HfApi().model_info(item.repo, revision=item.revision, files_metadata=True)
    files = {
        file.rfilename: (file.size or 0, file.lfs.sha256 if file.lfs else None)
        for file in info.siblings or []
    }
    return info.sha or item.revision, files


def cannot_load(what: str, source: object, error: Exception, *, setting: str, expected: str) -> RunError:
    """Return the error to raise for what a library could neither fetch nor open.

    Args:
        what: Such as "the tokenizer".
        source: Hub id or folder.
        error: What the library that tried raised.
        setting: What is set to give another source, such as model_id.
        expected: The kind of model that it must be.

    Returns:
        An `OutsideError` where the network is at fault, or else a `UserError`.
    """
    failed = f"{what} of {str(source)!r} ({first_line(error)})"
    if any(sign in str(error) for sign in _NO_NETWORK):
        return OutsideError(
            f"cannot fetch {failed}; try again with a network, or give a folder that holds it: "
            f"--set {setting}=FOLDER"
        )
    return UserError(f"cannot load {failed}; give a hub id or a folder of {expected}: --set {setting}=…")


@contextmanager
def hub_errors(item: HubRepo) -> Iterator[None]:
    """Turn what the hub's library raises into one line of ours.

    Raises:
        UserError: The user can do something about it.
        OutsideError: Nobody here can.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    page = f"https://huggingface.co/{item.repo}"
    try:
        yield
    except GatedRepoError as error:
        raise UserError(
            f"{item.repo} is open only to those who accept its licence; do that at {page}, then run "
            "`hf auth login` with a token of that account and try again"
        ) from error
    except RevisionNotFoundError as error:
        raise UserError(f"{item.repo} has no revision {item.revision}; see {page}/commits/main") from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"{item.repo} is not on the hub, or closed to you; see {page}, and run `hf auth login` if you "
            "may have it"
        ) from error
    except UserError:
        raise
    except OSError as error:
        if error.errno is not None and not isinstance(error, ConnectionError):
            raise
        raise OutsideError(_failed(item, error)) from error
    except Exception as error:
        # The library passes on what its HTTP client raises, which is not the one that we use.
        if "httpx" not in type(error).__module__:
            raise
        raise OutsideError(_failed(item, error)) from error


def _failed(item: HubRepo, error: Exception) -> str:
    return (
        f"{item.repo} cannot be fetched ({one_line(error, 200)}); what came so far is kept, run the same "
        "command again when the network is back"
    )


def _checked(item: HubRepo, path: Path, expected: str | None) -> str:
    """Return the SHA-256 of a fetched file.

    Raises:
        OutsideError: It is not the one that is expected; the file is deleted.
    """
    found = sha256_of(path)
    if expected is None or found == expected:
        return found
    path.resolve().unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    raise OutsideError(
        f"{path.name} of {item.repo} has the SHA-256 {found[:16]}…; expected {expected[:16]}…; it is deleted;"
        " try again, and distrust the source if it stays so"
    )


def _bar_class(tell: Callable[[int], None]) -> type:
    """Return a class that looks like a progress bar to the hub's library, and draws nothing."""
    from tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            super().__init__(*arguments, **settings | {"file": io.StringIO(), "disable": False})

        def update(self, n: float | None = 1) -> bool | None:
            """Tell of bytes; a bar that counts files is of no interest."""
            moved: bool | None = super().update(n)
            if self.unit == "B":
                tell(int(self.n))
            return moved

    return Bar
