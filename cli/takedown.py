"""Remove sources from a dataset, a workspace and a collected folder, prove it, and keep them out."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from leitmotif.cli import console
from leitmotif.cli.progress import progress
from leitmotif.phrases import count as counted

EXAMPLE = "leitmotif takedown my-dataset/ 'https://video.example/watch?v=1' --workspace work/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "target", type=Path, metavar="DATASET|WS", help="a dataset, a workspace or a collected folder"
    )
    parser.add_argument(
        "id", nargs="*", default=[], metavar="ID", help="a clip id, source id, source address or media hash"
    )
    parser.add_argument(
        "--list", type=Path, metavar="FILE", help="a text file of ids, one a line; # begins a comment"
    )
    parser.add_argument("--workspace", type=Path, metavar="WS", help="remove them from this workspace, too")
    parser.add_argument(
        "--collected", type=Path, metavar="DIR", help="remove them from this collected folder, too"
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for the record")
    parser.add_argument(
        "--keep-out", action="store_true", help="record addresses and hashes that nothing here knows"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed and change nothing")


def run(options: argparse.Namespace) -> int:
    """Take down, print what went, return the exit code."""
    from leitmotif.pipelines.takedown.run import describe, plan_takedown, take_down
    from leitmotif.pipelines.takedown.targets import open_targets
    from leitmotif.reports.write import write_reports

    words = [*options.id, *(_read_list(options.list) if options.list else [])]
    targets = open_targets(options.target, workspace=options.workspace, collected=options.collected)
    removals = plan_takedown(words, targets, reason=options.reason, keep_out=options.keep_out)
    if options.dry_run:
        done = describe(removals, targets)
    else:
        with progress() as tell:
            done = take_down(
                removals,
                targets,
                finish=lambda folder: write_reports(
                    folder, name=None if folder == targets.workspace else options.target.name
                ),
                on_progress=tell,
            )
    if options.json:
        console.print_json(asdict(done) | {"dry_run": options.dry_run})
        return 0
    for name in done.sources:
        if name in done.already:
            print(f"{'already':<12} {name} was taken down before")
        else:
            print(f"{'would go' if options.dry_run else 'taken down':<12} {name}")
    print(f"{'clips':<12} {len(done.clips)}")
    for folder, count in done.removed.items():
        print(f"{'removed':<12} {count} rows, lines and files from {folder}")
    for split in done.emptied:
        print(f"note: split {split} has no clip any more")
    for name in done.same_recording:
        print(f"note: {name} stays, and seems to hold the same recording")
    if done.without_address:
        print(
            f"note: {counted(done.without_address, 'clip')} that the dataset left out may be of an address "
            "given, since it does not hold theirs; --workspace WS finds them by it, or give file names or "
            "clip ids of rejected.parquet and quarantine.parquet"
        )
    if not options.dry_run:
        print(f"{'searched':<12} {counted(done.searched, 'file')}; only takedown.jsonl names them still")
        if targets.dataset is not None:
            print("note: an index of it elsewhere (index --out) holds them until it is made again")
        if targets.workspace is None:
            print("note: later runs know of it where the record lies; --workspace WS keeps it out of WS, too")
    return 0


def _read_list(path: Path) -> list[str]:
    from leitmotif.storage.errors import UserError, one_line

    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # a name may hold any other end of a line
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"list {str(path)!r} cannot be read ({one_line(error)}); give a text file of ids"
        ) from error
    # An address may hold a #, so only one that stands apart begins a comment.
    words = (line.split(" #")[0].strip(" \t\r") for line in lines)
    return [word for word in words if word.strip() and not word.startswith("#")]
