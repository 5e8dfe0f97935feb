"""Score a film, a picture or words: look, choose music that fits, and write the film with it."""

from __future__ import annotations

import argparse
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.cli.progress import progress

if TYPE_CHECKING:
    from leitmotif.pipelines.scoring import Scored

EXAMPLE = "leitmotif score my-video.mp4"
# What music may be asked to have, by the name that `Request.attributes` has for it.
ATTRIBUTES = ("genre", "mood", "instrument", "tempo", "key", "metre", "valence", "arousal")
SOUND_WAYS = ("replace", "mix", "refuse")
FOLLOWED = ("cuts", "motion")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("given", metavar="FILE|TEXT", help="a film, a picture, or words in quotes")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the film with its music, or a .wav or .flac (NAME-scored)"
    )
    parser.add_argument(
        "--describe",
        metavar="TEXT|RUN",
        help="what the music is to be like; or what `leitmotif train mmdm` wrote, which says so itself",
    )
    parser.add_argument("--genre", metavar="LABEL", help="a genre that the music is to have")
    parser.add_argument("--mood", metavar="LABELS", help="one mood, or several with commas between")
    parser.add_argument("--instrument", metavar="LABELS", help="one instrument, or several")
    parser.add_argument("--tempo", metavar="BPM|CLASS", help="beats a minute, or slow, medium or fast")
    parser.add_argument("--key", metavar="KEY", help="such as 'D minor'")
    parser.add_argument("--metre", metavar="METRE", help="3/4 or 4/4")
    parser.add_argument("--valence", metavar="V", help="unpleasant to pleasant, -1 to 1")
    parser.add_argument("--arousal", metavar="A", help="still to excited, -1 to 1")
    parser.add_argument(
        "--follow", choices=FOLLOWED, help="beats that meet the cuts of a film, or its motion"
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="length (the film's; else 30)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="another one gives another piece (0)"
    )
    parser.add_argument(
        "--sound",
        choices=SOUND_WAYS,
        default="replace",
        help="what becomes of sound that the film has: the music stands in its place (replace), gives way to "
        "it (mix), or there is none (refuse)",
    )
    parser.add_argument("--backend", metavar="NAME", help="a text-to-audio backend (arranger)")
    parser.add_argument("--midi", type=Path, metavar="FILE", help="write the notes, too, as a MIDI file")
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 … or auto")


def run(options: argparse.Namespace) -> int:
    """Score, tell what was made, return the exit code."""
    from leitmotif.extras import needs
    from leitmotif.storage.errors import UserError

    if find_spec("pretty_midi") is None:  # which brings the sound font, and what writes MIDI files
        raise UserError(needs("making music", "pretty_midi", "generate"))
    from leitmotif.pipelines.describing import one_line_errors
    from leitmotif.pipelines.scoring import Scorer, task_of
    from leitmotif.weights.device import checked_device

    started = time.monotonic()
    with one_line_errors():
        words, described = _described(options.describe)
        task = task_of(
            options.given,
            describe=words,
            attributes=given_attributes(options),
            seconds=options.seconds,
            seed=options.seed,
            follow=options.follow,
            sound=options.sound,
            out=options.out,
            midi=options.midi,
        )
        device = checked_device(options.device)
        with progress() as tell, Scorer(backend=options.backend, describe=described, device=device) as scorer:
            scored = scorer.score(task, tell)
    for note in scored.notes:
        console.print_error(f"note: {note}")
    if options.json:
        seconds = round(time.monotonic() - started, 2)
        console.print_json({"file": str(scored.place.out), **scored.record, "took_s": seconds})
    else:
        print_scored(scored)
    return Exit.DONE


def given_attributes(options: argparse.Namespace) -> dict[str, str]:
    """Return what options ask the music to have."""
    found = {name: getattr(options, name, None) for name in ATTRIBUTES}
    return {name: value for name, value in found.items() if value is not None}


def print_scored(scored: Scored) -> None:
    """Print what was made, for people."""
    record: dict[str, Any] = dict(scored.record)
    plan = record["plan"] or {}
    print(f"{scored.place.out}: {record['seconds']:.1f} s, seed {record['seed']}, by {record['backend']}")
    said = record["description"]
    source = f"({said['from']})"
    print(f"  text      {said['text']} {source}" if said["text"] else f"  text      {source}")
    if "genre" in plan:
        players = ", ".join(dict.fromkeys(player["label"] for player in plan["players"]))
        print(
            f"  music     {plan['genre']}, {plan['tempo_bpm']:.0f} BPM, {plan['key']}, {plan['metre']}: "
            f"{players}"
        )
    print(f"  level     {record['loudness_lufs']:.1f} LUFS, true peak {record['true_peak_db']:.1f} dBTP")


def _described(given: str | None) -> tuple[str | None, Path | None]:
    """Return the words that were given, or the folder of a description model."""
    from leitmotif.storage.errors import UserError

    if given is None:
        return None, None
    if Path(given).is_dir():
        return None, Path(given)
    if not given.strip() or (" " not in given.strip() and "/" in given):
        raise UserError(
            f"got --describe {given!r}; expected words, or a folder that `leitmotif train mmdm` wrote"
        )
    return given, None
