"""Describe the music that fits videos, pictures or texts, with a trained description model."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.train_mmdm.arguments import add_decoding_arguments

if TYPE_CHECKING:
    from leitmotif.train_mmdm.answer import Answer
    from leitmotif.train_mmdm.describe import Describer
    from leitmotif.train_mmdm.inputs import VisualInput

EXAMPLE = "leitmotif describe run/ my-video.mp4"
SAID_NOTHING = "(the model said nothing)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", type=Path, metavar="RUN", help="what `leitmotif train mmdm` wrote")
    parser.add_argument(
        "input",
        nargs="*",
        type=Path,
        default=[],
        help="a video, a picture, or a folder of pictures (one input)",
    )
    parser.add_argument("--text", action="append", default=[], metavar="TEXT", help="a text; may be repeated")
    parser.add_argument(
        "--visuals", action="store_true", help="let the model speak of the visual elements first"
    )
    add_decoding_arguments(parser)
    parser.add_argument("--strict", action="store_true", help="exit with 1 if an input could not be read")


def run(options: argparse.Namespace) -> int:
    """Describe every input that can be read, tell of the others, and return the exit code."""
    from leitmotif.pipelines.describing import one_line_errors
    from leitmotif.storage.errors import UserError

    if not options.input and not options.text:
        raise UserError("got nothing to describe; expected INPUT… (videos, pictures, folders) or --text TEXT")
    started = time.monotonic()
    with one_line_errors():
        described, failed = _describe(options, open_model(options))
    seconds = round(time.monotonic() - started, 2)
    facts = {"descriptions": described, "failed": failed, "seconds": seconds}
    if not described:
        said = f"none of {len(failed)} inputs could be read" if failed[1:] else failed[0]["message"]
        raise UserError(said, facts)
    if options.json:
        console.print_json(facts)
    return Exit.STRICT if options.strict and failed else Exit.DONE


def open_model(options: argparse.Namespace) -> Describer:
    """Return the run's model, ready to describe as the options say."""
    from leitmotif.pipelines.describing import open_describer
    from leitmotif.storage.errors import UserError
    from leitmotif.weights.device import checked_device

    if options.batch < 1:
        raise UserError(f"--batch is {options.batch}; expected 1 or more")
    return open_describer(
        options.model,
        device=checked_device(options.device),
        visuals=options.visuals,
        seed=options.seed,
        greedy=options.greedy,
        top_k=options.top_k,
        top_p=options.top_p,
        temperature=options.temperature,
        max_tokens=options.max_tokens,
    )


def _describe(
    options: argparse.Namespace, describer: Describer
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Describe the inputs batch by batch, printing as it goes, and return the rows for JSON."""
    failed: list[dict[str, str]] = []
    described: list[dict[str, Any]] = []
    alone = len(options.input) + len(options.text) == 1
    streams = alone and not options.json and sys.stdout.isatty()
    for batch in _batches(_readable(options, describer, failed, quiet=alone), options.batch):
        answers = describer.describe(batch, tell=_print_piece if streams else None)
        for shown, answer in zip(batch, answers, strict=True):
            described.append(_row(describer, shown, answer))
            said = answer.description or SAID_NOTHING
            if streams:
                print("" if answer.description else SAID_NOTHING)
            elif not options.json:
                print(said if alone else f"{shown.name}: {said}", flush=True)
    return described, failed


def _readable(
    options: argparse.Namespace, describer: Describer, failed: list[dict[str, str]], *, quiet: bool
) -> Iterator[VisualInput]:
    """Yield the inputs that can be read; tell of each other one in a line."""
    from leitmotif.media.sandbox import SandboxedWorker
    from leitmotif.train_mmdm.inputs import BadInput, read_input, read_text

    with SandboxedWorker() as worker:
        for given in (*options.input, *options.text):
            try:
                if isinstance(given, Path):
                    shown = read_input(given, describer.model.settings.frames, worker)
                else:
                    shown = read_text(given)
                describer.check(shown)
            except BadInput as error:
                failed.append({"input": str(given), "message": str(error)})
                if not quiet:
                    console.print_error(f"leitmotif: {error}")
                continue
            yield shown


def _batches(inputs: Iterator[VisualInput], size: int) -> Iterator[list[VisualInput]]:
    batch: list[VisualInput] = []
    for shown in inputs:
        batch.append(shown)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _row(describer: Describer, shown: VisualInput, answer: Answer) -> dict[str, Any]:
    said = {name: value for name, value in asdict(answer).items() if value and name != "description"}
    return {
        "input": shown.name,
        "kind": shown.kind,
        "frames": len(shown.frames),
        "question": describer.question(shown),
        "description": answer.description,
        **said,
    }


def _print_piece(text: str) -> None:
    print(text, end="", flush=True)
