"""The folders that a takedown looks into, and what they say of their sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from leitmotif.phrases import no_such_folder
from leitmotif.pipelines.takedown.sources import (
    Fact,
    durations_in,
    facts_of_collected,
    facts_of_dataset,
    facts_of_workspace,
    former_windows,
    stored_ids,
)
from leitmotif.shards.manifest import MANIFEST
from leitmotif.shards.takedown import Removal, is_record, read_record
from leitmotif.storage.atomic import clear_leftovers
from leitmotif.storage.errors import UserError
from leitmotif.storage.lock import LOCK


@dataclass(frozen=True)
class Targets:
    """Where a source may be; at least one is given."""

    workspace: Path | None = None
    dataset: Path | None = None
    collected: Path | None = None

    @property
    def folders(self) -> list[Path]:
        """Those that are given."""
        return [place for place in (self.workspace, self.collected, self.dataset) if place is not None]

    def facts(self) -> list[Fact]:
        """Return what all of them say of every file, clip and item."""
        return [
            *(facts_of_workspace(self.workspace) if self.workspace else ()),
            *(facts_of_dataset(self.dataset) if self.dataset else ()),
            *(facts_of_collected(self.collected) if self.collected else ()),
        ]

    def recorded(self) -> list[Removal]:
        """Return what was taken down from any of them.

        Raises:
            UserError: A record cannot be read.
        """
        return [removal for folder in self.folders for removal in read_record(folder)]

    def with_former_windows(self, removals: Sequence[Removal], facts: Sequence[Fact]) -> Iterator[Removal]:
        """Add the clips that earlier runs cut by another length, and whose rows still lie in the stores."""
        known = {name for fact in facts for name in fact.clip_ids}
        strangers = set(stored_ids(self.workspace)) - known if self.workspace else set()
        durations = durations_in(self.workspace) if self.workspace and strangers else {}
        for removal in removals:
            windows: set[str] = set()
            for media_id in removal.media_ids:
                if duration_s := durations.get(media_id):
                    windows |= former_windows(media_id, duration_s, strangers)
            yield Removal(**vars(removal) | {"clip_ids": tuple(sorted({*removal.clip_ids, *windows}))})


def open_targets(target: Path, *, workspace: Path | None = None, collected: Path | None = None) -> Targets:
    """Tell what kind of folder was named first, and put the places together.

    Raises:
        UserError: A folder is not what it should be.
    """
    for folder, kind, mark, writer in (
        (collected, "collected folder", "record", "collect"),
        (workspace, "workspace", "catalog", "curate"),
    ):
        if folder is not None and not (folder / mark).is_dir():
            lacking = f"no {mark}/" if folder.exists() else no_such_folder(folder, mark)
            raise UserError(
                f"{str(folder)!r} is no {kind} ({lacking}); give one that `leitmotif {writer}` wrote"
            )
    clear_leftovers(target)  # which gives a folder its name back that was to be replaced
    if not target.exists():
        lacking = no_such_folder(target, MANIFEST, "catalog", "record")
        raise UserError(
            f"{str(target)!r} is no dataset, workspace or collected folder ({lacking}); give one of these"
        )
    if (target / MANIFEST).is_file():
        return Targets(workspace, target, collected)
    if (target / "catalog").is_dir() and workspace is None:
        return Targets(target, None, collected)
    if (target / "record").is_dir() and collected is None:
        return Targets(workspace, None, target)
    raise UserError(
        f"{str(target)!r} is no dataset (no {MANIFEST}), workspace (no catalog/) or collected folder (no "
        "record/); give one of these"
    )


def files_in(folder: Path) -> list[Path]:
    """Return every file of a folder but the takedown record, former ones that were damaged, and the lock."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if path.name != LOCK and not is_record(path))
