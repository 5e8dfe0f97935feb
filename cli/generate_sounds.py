"""`leitmotif generate --backend NAME`: sounds from words, by any text-to-audio backend."""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.cli.progress import progress

if TYPE_CHECKING:
    from leitmotif.generators.generator import Request
    from leitmotif.generators.text_to_audio.text_to_audio import TextToAudio
    from leitmotif.storage.progress import OnProgress

SECONDS = 8.0
# What it takes of the options of the command, beside its own; the others are about bridges.
OWN = ("negative", "revision")
TAKEN = ("backend", "text", "out", "model", "seconds", "seed", "count", "device", *OWN)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that are its own."""
    own = parser.add_argument_group("with a text-to-audio backend")
    own.add_argument("--negative", metavar="TEXT", help="what the sound is not to be like")
    own.add_argument("--revision", metavar="NAME", help="revision of a hub id that --model names")


def make(options: argparse.Namespace) -> int:
    """Make and write every sound, and return the exit code."""
    from leitmotif.generators.backends import open_generator
    from leitmotif.generators.text_to_audio.output import places
    from leitmotif.pipelines.describing import one_line_errors

    started = time.monotonic()
    with one_line_errors():
        requests = _requests(options)
        named = [f"sound-{number + 1}" for number in range(len(requests))]
        found = places(named if len(named) > 1 else ["sound"], options.out)
        model = None if options.model is None else str(options.model)
        backend = open_generator(
            options.backend, model=model, revision=options.revision, device=options.device
        )
        sounds = _make(options, backend, list(zip(requests, found, strict=True)))
    if options.json:
        console.print_json({"sounds": sounds, "seconds": round(time.monotonic() - started, 2)})
    return Exit.DONE


def _requests(options: argparse.Namespace) -> list[Request]:
    """Return what is asked for: each text so many times, with seeds that rise.

    Raises:
        UserError: There is no text, or no number of sounds.
    """
    from leitmotif.generators.generator import Request
    from leitmotif.storage.errors import UserError

    if not options.text:
        raise UserError(f'got no words for {options.backend}; say what it is to make, such as --text "rain"')
    if options.count < 1:
        raise UserError(f"--count is {options.count}; expected 1 or more")
    seconds = SECONDS if options.seconds is None else options.seconds
    return [
        Request(seconds, text, negative_prompt=options.negative, seed=(options.seed or 0) + more)
        for text in options.text
        for more in range(options.count)
    ]


def _tell(tell: OnProgress, before: int, total: int, step: int) -> None:
    tell("generate", before + step, total)


def _make(options: argparse.Namespace, backend: TextToAudio, wanted: list[Any]) -> list[dict[str, Any]]:
    """Make and write every sound, and return their records."""
    from leitmotif.generators.backends import facts_of
    from leitmotif.generators.text_to_audio.output import write_sound
    from leitmotif.weights.device import resolve_device

    model = None if options.model is None else str(options.model)
    facts = facts_of(options.backend, model, options.revision)
    facts["device"] = resolve_device(options.device)
    records = []
    done, total = 0, sum(backend.steps(request) for request, _ in wanted)
    with progress() as tell:
        for request, place in wanted:
            (sound,) = backend.generate([request], partial(_tell, tell, done, total))
            done += backend.steps(request)
            records.append({**write_sound(place, sound, request, facts), "file": str(place)})
    if not options.json:
        for record in records:
            print(f"{record['file']}: {record['seconds']:g} s, seed {record['seed']}")
            print(f"  {record['text']} ({record['backend']}, {record['licence']})")
    return records
