"""`leitmotif generate --backend arranger --follow`: music for a film whose beats meet what is seen."""

from __future__ import annotations

import argparse
import time

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.cli.progress import progress
from leitmotif.cli.score import FOLLOWED, given_attributes, print_scored

BACKEND = "arranger"
# What it takes of the options of the command, beside its own.
OWN = ("follow",)
TAKEN = (
    "backend", "video", "text", "out", "seconds", "seed", "genre", "mood", "instrument", "tempo", *OWN,
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that are its own."""
    own = parser.add_argument_group(f"with the {BACKEND} and a film")
    own.add_argument(
        "--follow",
        choices=FOLLOWED,
        help="beats that meet what is seen of --video; --out may be the film with its music, too",
    )


def make(options: argparse.Namespace) -> int:
    """Make and write the music, and return the exit code."""
    from leitmotif.pipelines.describing import one_line_errors
    from leitmotif.pipelines.scoring import Scorer, Task
    from leitmotif.storage.errors import UserError

    started = time.monotonic()
    with one_line_errors():
        if len(options.video) != 1 or len(options.text) > 1:
            raise UserError(
                f"got --follow with {len(options.video)} films and {len(options.text)} texts; give one "
                "--video, and one --text at most"
            )
        task = Task(
            film=options.video[0],
            describe=options.text[0] if options.text else None,
            attributes=given_attributes(options),
            seconds=options.seconds,
            seed=options.seed or 0,
            follow=options.follow,
            out=options.out,
        )
        with progress() as tell, Scorer(backend=BACKEND) as scorer:
            scored = scorer.score(task, tell)
    for note in scored.notes:
        console.print_error(f"note: {note}")
    if options.json:
        seconds = round(time.monotonic() - started, 2)
        console.print_json({"file": str(scored.place.out), **scored.record, "took_s": seconds})
    else:
        print_scored(scored)
    return Exit.DONE
