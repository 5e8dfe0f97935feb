"""Write the reports of a dataset or a workspace anew, its page alone to another place, or compare two."""

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
        "--out",
        type=Path,
        metavar="FILE",
        help="write the page alone, here; of a comparison A-against-B.html by default",
    )


def run(options: argparse.Namespace) -> int:
    """Write the report files and name them."""
    from leitmotif.reports.errors import one_line_errors
    from leitmotif.storage.errors import UserError

    if options.out is not None:
        _check_page(options.out)
    for folder in filter(None, (options.folder, options.against)):
        if not folder.exists():
            lacking = no_such_folder(folder, "manifest.json", "plan.yaml")
            raise UserError(f"{str(folder)!r} is no dataset or workspace ({lacking}); give one of these")
    with one_line_errors(options.folder):
        if options.against is None and options.out is None:
            written = _write(options.folder)
        else:
            written = _write_page(options)
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


def _check_page(out: Path) -> None:
    """Refuse a place that is a folder, or lies in a dataset, whose manifest names all of its files."""
    from leitmotif.collection.ours import kind_around
    from leitmotif.storage.errors import UserError
    from leitmotif.storage.places import check_place

    check_place(out)
    if out.is_dir():
        raise UserError(
            f"--out {str(out)!r} is a folder; name the page, such as {str(out / 'report.html')!r}"
        )
    around = kind_around(out)
    if around and around[0] == "dataset":
        raise UserError(
            f"--out {str(out)!r} lies in the dataset {str(around[1])!r}, which holds what was published "
            "alone; give another place, or leave --out away"
        )


def _write_page(options: argparse.Namespace) -> list[Path]:
    """Write one page, of one folder or of two that are compared, and touch neither."""
    from leitmotif.reports.comparison import render_comparison
    from leitmotif.reports.write import render_report
    from leitmotif.storage.atomic import write_files

    if options.against is None:
        text, out = render_report(options.folder), options.out
    else:
        text = render_comparison(options.folder, options.against)
        names = (folder.resolve().name for folder in (options.folder, options.against))
        out = options.out or Path("-against-".join(names) + ".html")
    return write_files(out.absolute().parent, {out.name: text.encode()})
