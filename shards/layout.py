"""Which files of a published dataset hold its rows."""

from __future__ import annotations

import re
from pathlib import Path

from leitmotif.shards.manifest import MANIFEST, read_manifest
from leitmotif.shards.splits import SPLITS

DATA, FEATURES = "data", "features"
# What `leitmotif index` makes of it, where that lies in the dataset.
INDEX = "index"
# Beside the shards: what happened to the clips that are in none of them, and what was measured of all.
REJECTED_FILE, MEASURED_FILE = "rejected.parquet", "measured.parquet"
# What describes a dataset and is made anew from what is in it: files, and folders of pictures and sound.
REPORTS = ("stats.json", "report.html", "README.md", "croissant.json")
FIGURES, PREVIEW = "figures", "preview"
_SHARD = re.compile(rf"{DATA}/(?P<split>.+)-\d{{5}}-of-\d{{5}}\.parquet")


def split_of(file: str) -> str | None:
    """Return the split of a file that is named as a shard, by its path in the dataset; None of any other."""
    match = _SHARD.fullmatch(file)
    return match["split"] if match else None


def find_shards(dataset: Path) -> dict[str, tuple[Path, ...]]:
    """Return the shards of every split, in order.

    They are those that the manifest lists; whatever else lies in `data/` is none. A dataset that is being
    written has no manifest yet: of such a one they are the files that are named as shards.

    Args:
        dataset: The folder.

    Returns:
        train, validation, test, as far as they have shards, then other splits by name.

    Raises:
        DatasetError: The manifest cannot be read.
    """
    files = (
        read_manifest(dataset)["files"]
        if (dataset / MANIFEST).is_file()
        else [path.relative_to(dataset).as_posix() for path in list_data(dataset)]
    )
    found: dict[str, list[Path]] = {}
    for file in sorted(files):
        if split := split_of(file):
            found.setdefault(split, []).append(dataset / file)
    known = [split for split in SPLITS if split in found]
    return {split: tuple(found[split]) for split in (*known, *sorted(found.keys() - set(SPLITS)))}


def list_data(dataset: Path) -> list[Path]:
    """Return every Parquet file in `data/`, a shard or not.

    For what must overlook nothing, such as taking clips down.
    """
    return sorted((dataset / DATA).glob("*.parquet"))


def find_tables(dataset: Path) -> list[Path]:
    """Return every Parquet file with rows of clips, in the manifest or not: shards, then side tables."""
    return [
        *list_data(dataset),
        *sorted(dataset.glob("*.parquet")),
        *sorted(dataset.glob(f"{FEATURES}/*/*.parquet")),
    ]
