"""Edit a recording by an instruction: add, remove, replace, make louder or softer, in any part of it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.cli.progress import progress

EXAMPLE = 'leitmotif edit song.mp3 "make the vocals louder in the second half" --out louder.flac'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("recording", type=Path, metavar="AUDIO", help="a recording, or a film, for its sound")
    parser.add_argument("instruction", metavar="TEXT", help="what is to be changed, in quotes")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="a .wav or .flac file")
    parser.add_argument(
        "--separator",
        metavar="NAME",
        help="what takes it apart (spleeter, or repet where that is not fetched)",
    )
    parser.add_argument("--separator-model", metavar="NAME", help="another model of the separator")
    parser.add_argument(
        "--backend", default="arranger", metavar="NAME", help="what plays what is added (arranger)"
    )
    parser.add_argument("--model", metavar="ID|FOLDER", help="another model of that backend")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="another one adds something else (0)"
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 … or auto")
    parser.add_argument("--dry-run", action="store_true", help="say what was understood and write nothing")


def run(options: argparse.Namespace) -> int:
    """Edit, say what was understood and done, return the exit code."""
    from leitmotif.generators.editing.editor import Editor, Tools
    from leitmotif.generators.editing.grammar import read_instruction
    from leitmotif.pipelines.describing import one_line_errors
    from leitmotif.storage.errors import UserError
    from leitmotif.weights.device import resolve_device

    started = time.monotonic()
    with one_line_errors():
        edits = read_instruction(options.instruction)
        if options.seed < 0:
            raise UserError(f"got seed {options.seed}; expected 0 or more")
        if options.dry_run:
            return _tell(options, {"edits": [edit.facts() for edit in edits]}, list(map(str, edits)))
        tools = Tools(
            separator=options.separator,
            separator_model=options.separator_model,
            backend=options.backend,
            model=options.model,
            seed=options.seed,
            device=resolve_device(options.device),
        )
        with progress() as tell, Editor(tools) as editor:
            record = editor.edit(
                options.recording, edits, options.out, instruction=options.instruction, on_progress=tell
            )
    if record["voice_heard"] is False:
        console.print_error(
            "note: hardly a voice was found; what was taken for one is residue of other sounds"
        )
    if record["limited_db"]:
        console.print_error(
            f"note: peaks up to {record['limited_db']:.1f} dB beyond full scale are held by a limiter"
        )
    if options.json:
        seconds = round(time.monotonic() - started, 2)
        console.print_json({**record, "file": str(options.out), "took_s": seconds})
        return Exit.DONE
    print(f"{options.out}: {record['seconds']:.1f} s")
    return _tell(options, {}, list(map(str, edits)))


def _tell(options: argparse.Namespace, facts: dict[str, Any], understood: list[str]) -> int:
    if options.json:
        console.print_json({**facts, "understood": understood})
    else:
        for line in understood:
            print(f"  {line}")
    return Exit.DONE
