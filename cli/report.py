"""Write the report of a dataset or a workspace anew, or compare two."""

from __future__ import annotations

import argparse
from pathlib import Path

from leitmotif.cli import console
from leitmotif.phrases import no_such_folder

EXAMPLE = "leitmotif report my-dataset/ --against another-dataset/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", type=Path, metavar="DATASET|WS", help="a published dataset or a workspace")
    parser.add_argument(
        "--against", type=Path, metavar="DATASET|WS", help="compare with this one instead, on one page"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="where the comparison goes; A-against-B.html by default"
    )


def run(options: argparse.Namespace) -> int:
    """Write the report files and name them."""
    from leitmotif.reports.errors import one_line_errors
    from leitmotif.storage.errors import UserError

    if options.out is not None and options.against is None:
        raise UserError("--out names the page of a comparison; give --against as well, or leave --out away")
    for folder in filter(None, (options.folder, options.against)):
        if not folder.exists():
            lacking = no_such_folder(folder, "manifest.json", "plan.yaml")
            raise UserError(f"{str(folder)!r} is no dataset or workspace ({lacking}); give one of these")
    with one_line_errors(options.folder):
        written = _compare(options) if options.against is not None else _write(options.folder)
    if options.json:
        console.print_json({"written": [str(path) for path in written]})
    else:
        for path in written:
            print(path)
    return 0


def _write(folder: Path) -> list[Path]:
    from leitmotif.reports.workspace import is_workspace
    from leitmotif.reports.write import write_reports, write_reports_anew

    return write_reports(folder) if is_workspace(folder) else write_reports_anew(folder)


def _compare(options: argparse.Namespace) -> list[Path]:
    from leitmotif.reports.comparison import render_comparison
    from leitmotif.storage.atomic import write_files

    text = render_comparison(options.folder, options.against)
    names = (folder.resolve().name for folder in (options.folder, options.against))
    out = options.out or Path("-against-".join(names) + ".html")
    return write_files(out.absolute().parent, {out.name: text.encode()})
