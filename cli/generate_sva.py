"""`leitmotif generate --backend sva`: a silent film in, a scored film out."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.cli.progress import progress

if TYPE_CHECKING:
    from leitmotif.generators.sva.record import SvaRecord
    from leitmotif.pipelines.sva import SvaMaker

BACKEND = "sva"
# Without weights, on any machine.
EFFECTS, MUSIC = "sound-effects", "arranger"
# Its own options are None where they are not given: other backends know none of them.
OWN: dict[str, Any] = {
    "server": None,
    "server_model": None,
    "style": None,
    "frames": "random",
    "sfx": EFFECTS,
    "bgm": MUSIC,
    "mix": "safe",
    "sound": "replace",
}
# What it takes: of the options that it shares these, and its own.
TAKEN = ("video", "out", "describe", "seed", "device", "strict", "bridges", "backend", *OWN)
# A record says these already.
_RECORDED = ("video", "describe", "seed", *OWN)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that are its own."""
    own = parser.add_argument_group("with --backend sva")
    own.add_argument(
        "--server",
        metavar="URL",
        help="an OpenAI-compatible server whose model sees films, and writes a scheme",
    )
    own.add_argument("--server-model", metavar="NAME", help="the model that is served")
    own.add_argument("--style", metavar="TEXT", help='what the sound is to be, such as "melancholic"')
    own.add_argument(
        "--frames",
        choices=("random", "shots"),
        help="what the model sees: an intra frame, or one of each shot",
    )
    own.add_argument("--sfx", metavar="NAME[=MODEL]", help=f"what makes the effects ({EFFECTS})")
    own.add_argument("--bgm", metavar="NAME[=MODEL]", help=f"what makes the music ({MUSIC})")
    own.add_argument(
        "--mix", choices=("safe", "paper"), help="at one loudness, or as the paper has it (safe)"
    )
    own.add_argument(
        "--sound", choices=("replace", "mix", "refuse"), help="what becomes of the film's own sound (replace)"
    )


def score(options: argparse.Namespace) -> int:
    """Score every film, tell of those that could not be, and return the exit code."""
    from leitmotif.pipelines.describing import one_line_errors
    from leitmotif.pipelines.sva import SvaMaker
    from leitmotif.storage.errors import UserError
    from leitmotif.storage.places import check_place

    started = time.monotonic()
    films: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    with one_line_errors():
        check_place(options.out)
        with SvaMaker(device=options.device) as maker:
            inputs = list(_inputs(options))
            for path, out in inputs:
                try:
                    films.append(_scored(options, maker, path, out))
                except UserError as error:
                    if len(inputs) == 1:
                        raise
                    failed.append({"input": str(path), "message": str(error)})
                    console.print_error(f"leitmotif: {error}")
        if not films:
            raise UserError(f"none of {len(inputs)} films could be scored", {"failed": failed})
    if options.json:
        seconds = round(time.monotonic() - started, 2)
        console.print_json({"films": films, "failed": failed, "seconds": seconds})
    return Exit.STRICT if options.strict and failed else Exit.DONE


def _inputs(options: argparse.Namespace) -> Iterator[tuple[Path, Path]]:
    """Yield films, or records of them, and where each goes."""
    from leitmotif.media.soundtrack import SUFFIXES
    from leitmotif.storage.errors import UserError

    given = options.bridges or options.video
    if options.bridges and (both := [name for name in _RECORDED if getattr(options, name)]):
        raise UserError(
            f"got --bridges and --{both[0].replace('_', '-')}; the file says it: edit it, or leave it out"
        )
    if not given:
        raise UserError("got no film to score; give it by --video")
    if len(given) == 1 and options.out.suffix:
        yield given[0], options.out
        return
    if options.out.exists() and not options.out.is_dir():
        raise UserError(f"{str(options.out)!r} is a file; expected a folder for {len(given)} films")
    names = [path.stem for path in given]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"got several films called {twice[0]!r}; score them one by one")
    for path in given:
        suffix = path.suffix if path.suffix.lower() in SUFFIXES else ".mp4" if options.bridges else ".mkv"
        yield path, options.out / f"{path.stem}{suffix}"


def _scored(options: argparse.Namespace, maker: SvaMaker, path: Path, out: Path) -> dict[str, Any]:
    from leitmotif.generators.sva.record import read_sva
    from leitmotif.generators.sva.sounds import Voice

    if options.bridges:
        record = read_sva(path)
    else:
        own = {name: getattr(options, name) or value for name, value in OWN.items()}
        record = maker.plan(
            path,
            out,
            describe=options.describe,
            server=own["server"],
            model=own["server_model"],
            style=own["style"],
            frames=own["frames"],
            effects=Voice.of(own["sfx"]),
            music=Voice.of(own["bgm"]),
            sound=own["sound"],
            mix=own["mix"],
            seed=options.seed or 0,
        )
    with progress() as tell:
        written = maker.make(record, out, lambda done: tell("generate", done, len(record.sounds)))
    if written.made is not None and written.made.replaced:
        console.print_error(
            f"note: {Path(record.video).name} has sound of its own, in whose place the new one stands; "
            "--sound mix has both"
        )
    if not options.json:
        _print_film(written, out)
    return {"file": str(out), "record": str(out.with_suffix(".json")), **written.facts()}


def _print_film(record: SvaRecord, out: Path) -> None:
    made = record.made
    assert made is not None
    print(
        f"{out}: {record.seconds:.1f} s, {made.loudness_lufs:.1f} LUFS, "
        f"true peak {made.true_peak_db:.1f} dBTP"
    )
    print(f"  scheme    by {record.seen.by}{': ' if record.scheme.idea else ''}{record.scheme.idea}")
    for sound in record.sounds:
        left_out = "" if sound.kept else f"; left out: {sound.reason}"
        print(f"  {sound.role:<9} {sound.prompt} ({sound.backend}, seed {sound.seed}){left_out}")
