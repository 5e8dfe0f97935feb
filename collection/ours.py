"""Folders that other commands wrote: what lies in them is no source, though some of it is media."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leitmotif.shards.layout import DATA, FEATURES, FIGURES, INDEX, PREVIEW
from leitmotif.shards.manifest import MANIFEST
from leitmotif.shards.recipe import RECIPE


@dataclass(frozen=True)
class Kind:
    """A kind of folder.

    Attributes:
        name: What it is called.
        marks: Files and folders that it holds, all of them.
        inner: Folders that belong to it. What else lies beside them is the user's.
    """

    name: str
    marks: tuple[str, ...]
    inner: tuple[str, ...]


# What lies in it beside these, its media/ first, is a source like any other.
COLLECTED = Kind("record of collected files", ("record", "partial"), ("record", "partial"))
KINDS = (
    Kind("workspace", ("plan.yaml", "catalog"), ("catalog", "stages", "runs", "recordings", "scratch")),
    Kind("dataset", (MANIFEST, RECIPE), (DATA, FEATURES, FIGURES, INDEX, PREVIEW)),
    Kind("survey", ("key.json", "questionnaire"), ("questionnaire", "responses")),
    Kind("training run", ("settings.json", "checkpoints"), ("checkpoints",)),
    COLLECTED,
)


def inner_folders(folders: Sequence[str], files: Sequence[str]) -> tuple[str, set[str]]:
    """Return what kind of ours a folder is ("" for none), and which of the folders in it are passed over.

    Args:
        folders: Names of the folders in it.
        files: Names of the files in it.
    """
    held = {*folders, *files}
    for kind in KINDS:
        if held.issuperset(kind.marks):
            return kind.name, held.intersection(kind.inner)
    return "", set()


def kinds_of(folder: Path) -> list[str]:
    """Return what kinds of ours a folder is; none where there is no such folder."""
    held = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return [kind.name for kind in KINDS if held.issuperset(kind.marks)]


def kind_around(folder: Path) -> tuple[str, Path] | None:
    """Return what kind of ours a folder lies in, but for `COLLECTED`, and that folder; None for none."""
    for around in folder.resolve().parents:
        for kind in KINDS:
            if kind is not COLLECTED and all((around / mark).exists() for mark in kind.marks):
                return kind.name, around
    return None
