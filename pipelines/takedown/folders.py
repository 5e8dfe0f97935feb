"""Take names out of a folder: a workspace or collected folder in place, a dataset by writing another."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from leitmotif.pipelines.takedown.redact import Redactor, remove, rewrite_table
from leitmotif.pipelines.takedown.targets import files_in
from leitmotif.retrieval.takedown import follow_takedown, is_whole
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError, advice
from leitmotif.shards.layout import DATA, FIGURES, INDEX, PREVIEW, REPORTS
from leitmotif.shards.manifest import MANIFEST, Facts, find_changes, read_manifest, write_manifest
from leitmotif.shards.takedown import Removal, keep_damage, read_record, write_record
from leitmotif.storage.atomic import clear_folder, whole_folder
from leitmotif.storage.parquet import DamagedError

logger = logging.getLogger("leitmotif.pipelines")

# What describes a folder, pictures and sound of its clips included: made again from what is left.
_REPORTS = frozenset((*REPORTS, FIGURES, MANIFEST))


def clean(folder: Path, redactor: Redactor, finish: Callable[[Path], object], *, scratch: Path) -> int:
    """Take names out of a folder file by file; what is cut short is finished by the next call.

    Args:
        folder: A workspace or a collected folder.
        redactor: What goes.
        finish: Called with the folder to write its reports, if it had some.
        scratch: Folder on the same file system.

    Returns:
        How many rows, lines and files went.

    Raises:
        OSError: The disk refused.
    """
    described = [folder / name for name in _REPORTS if (folder / name).is_file()]
    for path in described:
        path.unlink()
    gone = sum(remove(path, redactor, scratch=scratch) for path in files_in(folder))
    if described:
        finish(folder)
    return gone


def rebuild(
    dataset: Path, removals: Sequence[Removal], redactor: Redactor, finish: Callable[[Path], object]
) -> int:
    """Write a dataset again without the names, and put it in place at once.

    Args:
        dataset: The folder.
        removals: Entries for its record.
        redactor: What goes.
        finish: Called with the new folder, to write the reports.

    Returns:
        How many rows and lines went.

    Raises:
        OSError: The disk refused; the dataset is as it was.
    """
    gone = 0
    clear_folder(dataset)  # of what killed commands left beside files of it
    stated = _not_ours_to_state(dataset)
    known = read_manifest(dataset)["files"]
    # Whatever is wrong with an index, it is made again.
    left_out = _REPORTS if is_whole(dataset) else {*_REPORTS, INDEX}
    with whole_folder(dataset) as beside:
        (beside / DATA).mkdir()
        for path in files_in(dataset):
            new = beside / path.relative_to(dataset)
            if path.relative_to(dataset).parts[0] in left_out:
                continue
            new.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".parquet":
                changed, removed = _rewrite(dataset, path, new, redactor)
                gone += removed
                if not changed:
                    _link(path, new)
                    name = path.relative_to(dataset).as_posix()
                    if name in known:
                        stated.setdefault(name, known[name])
            else:
                shutil.copy2(path, new)
                gone += remove(new, redactor, scratch=beside)
        counts = _counts(beside)
        keep_damage(dataset, beside)
        write_record(beside, [*read_record(dataset), *removals])
        finish(beside)
        # What was taken away as a whole is not missing.
        still = {name for name in stated if (beside / name).is_file() or not (dataset / name).is_file()}
        write_manifest(beside, counts, stated={name: stated[name] for name in sorted(still)})
        follow_takedown(dataset, beside)
    return gone


def _rewrite(dataset: Path, path: Path, new: Path, redactor: Redactor) -> tuple[bool, int]:
    """Write a table without the names; return whether there were any, and how many rows went.

    Raises:
        DatasetError: The table is damaged.
    """
    try:
        changed, _, removed = rewrite_table(path, new, redactor)
    except DamagedError as error:
        name = path.relative_to(dataset).as_posix()
        raise DatasetError(f"{name} cannot be read ({error.reason}); {advice(dataset)}") from error
    return changed, removed


def _not_ours_to_state(dataset: Path) -> dict[str, Facts | None]:
    """Return what the manifest says of files that are damaged or missing, and None of shards that it lacks.

    A takedown goes on over them, since nothing is a reason to keep what must go; but a new manifest must not
    make them right.
    """
    files = read_manifest(dataset)["files"]
    described = {
        name: facts for name, facts in files.items() if Path(name).parts[0] not in (*_REPORTS, PREVIEW)
    }
    stated: dict[str, Facts | None] = {}
    for name, change in find_changes(dataset, described):
        logger.warning(
            "%s was damaged before anything was taken down (%s), and stays so in the manifest; publish again",
            dataset,
            change,
        )
        stated[name] = files[name]
    strangers = (path.relative_to(dataset).as_posix() for path in (dataset / DATA).glob("*"))
    return stated | {name: None for name in strangers if name not in files}


def _link(path: Path, new: Path) -> None:
    """Give an unchanged file a second name; copy it where the disk cannot."""
    try:
        os.link(path, new)
    except OSError:
        shutil.copy2(path, new)


def _counts(folder: Path) -> dict[str, Any]:
    """Count the rows, and take away the shards of a split that has none left: `datasets` would load no other.

    Where nothing is left at all, one empty shard of train says what the columns are.
    """
    dataset = Dataset(folder)
    rows = dataset.splits
    if not any(rows.values()):
        rows = {"train": 0}
        shards = sorted(path for paths in dataset.shards.values() for path in paths)
        for path in shards[1:]:
            path.unlink()
        shards[0].rename(shards[0].with_name("train-00000-of-00001.parquet"))
    else:
        for split in [split for split, count in rows.items() if not count]:
            del rows[split]
            for path in dataset.shards[split]:
                path.unlink()
    counts = {"rejected": dataset.side_rows("rejected"), "quarantined": dataset.side_rows("quarantine")}
    kept = sum(rows.values())
    return {"catalogued": kept + sum(counts.values()), "kept": kept, **counts, "rows": rows}
