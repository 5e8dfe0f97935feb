"""Writes the reports of a dataset or of a workspace into its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leitmotif.pipelines.ledger import Ledger
from leitmotif.reports.card import compose_card
from leitmotif.reports.card_preview import SHEET, SOUND, draw_preview
from leitmotif.reports.croissant import compose_croissant
from leitmotif.reports.figures.png import draw_card, encode_png
from leitmotif.reports.page import compose_page
from leitmotif.reports.source import open_source
from leitmotif.reports.statistics.measure import measure
from leitmotif.reports.statistics.schema import check_stats
from leitmotif.shards.dataset import Dataset
from leitmotif.storage.atomic import write_files

FIGURES = "figures"


def write_reports(folder: Path, ledger: Ledger | None = None, *, name: str | None = None) -> list[Path]:
    """Measure a published dataset or a workspace and write its reports into it.

    A dataset gets stats.json, report.html, README.md with figures/*.png and preview/*, and croissant.json; a
    workspace, which is nothing to pass on yet, the first two. Everything is made before anything is written,
    and written beside its place and renamed, so that a failure leaves what was there.

    Args:
        folder: The dataset's or the workspace's folder.
        ledger: Ledger of the workspace that a dataset comes from, for previews of clips that were left out.
        name: What to call it; the folder's name by default. Give it where the folder is still to be renamed.

    Returns:
        What was written.

    Raises:
        DatasetError: The folder is neither.
    """
    source = open_source(folder, name=name)
    stats = measure(source)
    check_stats(stats)
    contents = {
        "stats.json": _json(stats),
        "report.html": compose_page(source, stats, ledger=ledger).encode(),
    }
    if isinstance(source, Dataset):
        figures = draw_card(stats)
        contents |= {f"{FIGURES}/{figure.name}.png": encode_png(figure) for figure in figures}
        preview = draw_preview(source)
        contents |= preview.files
        contents["README.md"] = compose_card(source, stats, figures, preview).encode()
        contents["croissant.json"] = _json(
            compose_croissant(source, stats, fresh={"stats.json": contents["stats.json"]})
        )
    written = write_files(folder, contents)
    _drop_former_figures(folder, written)
    return written


def _drop_former_figures(folder: Path, written: list[Path]) -> None:
    for path in (*(folder / FIGURES).glob("*.png"), folder / SHEET, folder / SOUND):
        if path not in written and path.is_file():
            path.unlink()


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
