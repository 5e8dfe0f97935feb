"""Writes the reports of a dataset or of a workspace into its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path, PurePosixPath
from typing import Any

from leitmotif.pipelines.damage import telling_damage
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.workspace import Workspace
from leitmotif.reports.card import compose_card
from leitmotif.reports.card_preview import SHEET, SOUND, draw_preview
from leitmotif.reports.croissant import compose_croissant
from leitmotif.reports.figures.png import draw_card, encode_png
from leitmotif.reports.page import compose_page
from leitmotif.reports.source import open_source
from leitmotif.reports.statistics.measure import measure
from leitmotif.reports.statistics.schema import check_stats
from leitmotif.reports.workspace import is_workspace
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError, advice
from leitmotif.shards.layout import FIGURES, PREVIEW, REPORTS
from leitmotif.shards.manifest import MANIFEST, find_changes, note_written, read_manifest
from leitmotif.storage.atomic import clear_folder, write_files


def write_reports_anew(folder: Path) -> list[Path]:
    """Write the reports of a published dataset again, and note them in its manifest.

    The manifest goes on saying of all other files what it said.

    Args:
        folder: The dataset's folder.

    Returns:
        What was written, the manifest last.

    Raises:
        DatasetError: The folder is no dataset, or a file that its reports are made from is not as it was
            published.
    """
    files = read_manifest(folder)["files"]
    reports = {
        name for name in files if name in REPORTS or PurePosixPath(name).parts[0] in (FIGURES, PREVIEW)
    }
    for _, change in find_changes(folder, {name: files[name] for name in files if name not in reports}):
        raise DatasetError(
            f"{str(folder)!r} is not as it was published, no report was written ({change}); {advice(folder)}"
        )
    written = write_reports(folder)
    note_written(
        folder, written, dropped=[folder / name for name in reports if not (folder / name).is_file()]
    )
    return [*written, folder / MANIFEST]


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
        OutsideError: A file of the workspace is damaged; it is set aside.
    """
    with telling_damage(Workspace(folder)) if is_workspace(folder) else nullcontext():
        return _write_reports(folder, ledger, name)


def render_report(folder: Path) -> str:
    """Return the page about a published dataset or a workspace; nothing is written.

    Raises:
        DatasetError: The folder is neither.
        OutsideError: A file of the workspace is damaged; it is set aside.
    """
    with telling_damage(Workspace(folder)) if is_workspace(folder) else nullcontext():
        source = open_source(folder)
        return compose_page(source, measure(source))


def _write_reports(folder: Path, ledger: Ledger | None, name: str | None) -> list[Path]:
    source = open_source(folder, name=name)
    clear_folder(folder)
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
