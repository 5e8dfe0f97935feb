"""Writes the four reports of a published dataset into its folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

from reports.card import compose_card
from reports.croissant import compose_croissant
from reports.page import compose_page
from reports.published import open_published
from reports.statistics import measure


def write_reports(dataset: Path, *, name: str | None = None) -> list[Path]:
    """Measure a published dataset and write stats.json, report.html, README.md and croissant.json into it.

    Each file is written beside its place and renamed, so that a reader never sees half of one; croissant.json
    comes last, since it holds the hashes of other files.

    Args:
        dataset: The dataset's folder.
        name: What to call it; the folder's name by default. Give it where the folder is still to be renamed.

    Returns:
        The four paths, in the order in which they were written.

    Raises:
        NotPublishedError: The folder is not a published dataset.
    """
    published = open_published(dataset, name=name)
    stats = measure(published)
    return [
        _write(
            dataset / "stats.json", json.dumps(stats, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        ),
        _write(dataset / "report.html", compose_page(published, stats)),
        _write(dataset / "README.md", compose_card(published, stats)),
        _write(
            dataset / "croissant.json",
            json.dumps(compose_croissant(published, stats), indent=2, ensure_ascii=False) + "\n",
        ),
    ]


def _write(path: Path, text: str) -> Path:
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path
