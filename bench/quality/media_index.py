"""The index of a folder of labelled recordings."""

from __future__ import annotations

import csv
from pathlib import Path


def read_media_index(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a folder's INDEX.csv: `file`, `kind`, and what else is known, by column."""
    with (folder / "INDEX.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
