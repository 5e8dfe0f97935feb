"""Fetch music videos and tracks into a folder, politely, with what is known of each beside it.

A SOURCE is an address (of a file, a video page or a playlist), a text file of addresses, a CSV file of ids
with or without time windows (AudioSet and its like), a CSV chart of artists and titles to search for, or a
chart of Spotify (spotify:artist:ID, spotify:tracks:WORDS, ...). Run the same command again to go on; what is
there is not fetched again. `leitmotif curate DIR` takes the folder.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.cli.progress import progress
from leitmotif.extras import needs
from leitmotif.phrases import command

if TYPE_CHECKING:
    from leitmotif.collection.settings import Settings

EXAMPLE = "leitmotif collect urls.txt --out my-videos/"
_MIB = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; what is not given is left to the defaults of the settings."""
    parser.add_argument("source", nargs="+", metavar="SOURCE", help="what to fetch; see docs/collection.md")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder to collect into")
    what = parser.add_argument_group("what is fetched")
    _add(what, "--max-height", _positive(int), "max_height", "PX", "tallest picture (default: 720)")
    _add(what, "--max-file-size", _mebibytes, "max_file_bytes", "MIB", "largest file (default: 2048)")
    _add(what, "--max-duration", _positive(float), "max_duration_s", "S", "longest file (default: 3600)")
    _add(what, "--max-playlist", _positive(int), "max_playlist", "N", "entries of a playlist (default: 500)")
    what.add_argument("--comments", action="store_true", help="fetch the ten top comments as well")
    _add(
        what, "--country", _country, "country", "CC", "whose charts, where Spotify has several (default: US)"
    )
    what.add_argument(
        "--enrich",
        default="",
        metavar="NAMES",
        help="ask others about the collected files: shazam, musicbrainz, or both with a comma",
    )
    run = parser.add_argument_group("how much, in this run")
    _add(run, "--max-files", _positive(int), "max_files", "N", "files")
    _add(run, "--max-bytes", _mebibytes, "max_bytes", "MIB", "mebibytes")
    _add(run, "--max-hours", _hours, "max_seconds", "H", "hours")
    run.add_argument("--retry-failed", action="store_true", help="try again what was refused or is gone")
    manners = parser.add_argument_group("manners")
    _add(manners, "--jobs", _positive(int), "jobs", "N", "downloads at a time (default: 4)")
    _add(manners, "--per-host", _positive(int), "per_host", "N", "of one host (default: 2)")
    _add(manners, "--pause", _pause, "pause_s", "S", "mean pause between two of a host (default: 1)")
    _add(manners, "--tries", _positive(int), "attempts", "N", "of one item in a run (default: 3)")
    manners.add_argument(
        "--ignore-robots",
        action="store_true",
        help="fetch what robots.txt disallows or a host reserves from mining; for what is yours or permitted",
    )
    network = parser.add_argument_group("network")
    network.add_argument("--cookies", type=Path, metavar="FILE", help="a cookies.txt; it is never written to")
    network.add_argument(
        "--proxy", type=_proxy, metavar="http://HOST:PORT", help="no other proxy is used, whatever is set"
    )
    network.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a host of yours whose address is not public; may be repeated",
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 if anything was refused or failed")


def _add(
    group: argparse._ArgumentGroup,
    option: str,
    kind: Callable[[str], Any],
    dest: str,
    metavar: str,
    what: str,
) -> None:
    """Declare an option that is a field of the settings."""
    group.add_argument(option, type=kind, dest=dest, default=argparse.SUPPRESS, metavar=metavar, help=what)


def run(options: argparse.Namespace) -> int:
    """Collect, print the counts, return the exit code."""
    from leitmotif.storage.errors import OutsideError

    settings = _settings(options)
    try:
        from leitmotif.collection.run import collect, enrich
    except ModuleNotFoundError as error:
        raise OutsideError(needs("collecting", str(error.name), "collect")) from error
    names = [name.strip() for name in options.enrich.split(",") if name.strip()]
    with progress() as tell:
        summary = collect(
            options.source,
            options.out,
            settings,
            enrichers=names,
            on_progress=tell,
        )
        enriched = enrich(options.out, names, settings, on_progress=tell) if names else {}
    facts = asdict(summary)
    stopped = facts.pop("stopped") | {name: done.stopped for name, done in enriched.items() if done.stopped}
    asked = {name: asdict(done) for name, done in enriched.items()}
    for counts in asked.values():
        del counts["stopped"]
    told = facts | {"stopped": stopped} | ({"enriched": asked} if asked else {})
    if not options.json:
        console.print_summary(facts)
        for name, counts in asked.items():
            print(f"{name:<12} {', '.join(f'{count} {what}' for what, count in counts.items() if count)}")
        for host, reason in stopped.items():
            print(f"stopped      {host or 'the run'}: {reason}; run the same command again to go on")
        if summary.fetched or summary.already:
            workspace = options.out.absolute().with_name(f"{options.out.absolute().name}-workspace")
            print(f"next: {command('curate', options.out, '--out', workspace)}")
    hosts = [host for host in stopped if host]
    left = summary.left + sum(done.left for done in enriched.values())
    if hosts:
        raise OutsideError(
            f"{', '.join(hosts)} asked to be left alone, {left} items are left; run the same command "
            "again later, with a longer --pause or with --cookies",
            told,
        )
    if options.json:
        console.print_json(told)
    return Exit.STRICT if options.strict and (summary.refused or summary.failed) else Exit.DONE


def _settings(options: argparse.Namespace) -> Settings:
    from leitmotif.collection.guard import Guard
    from leitmotif.collection.settings import Settings

    given = vars(options).keys() & {field.name for field in fields(Settings)}
    hosts = frozenset(host.lower().rstrip(".") for host in options.allow_host)
    return Settings(guard=Guard(hosts, options.proxy), **{name: getattr(options, name) for name in given})


def _positive(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        value = _number(kind, text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"got {text}; expected more than 0")
        return value

    return parse


def _number(kind: Callable[[str], Any], text: str) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        what = "whole number" if kind is int else "number"
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a {what}") from error


def _mebibytes(text: str) -> int:
    value = _positive(float)(text)
    if math.isinf(value):
        raise argparse.ArgumentTypeError(f"got {text}; expected mebibytes")
    return int(value * _MIB)


def _hours(text: str) -> float:
    return float(_positive(float)(text) * 3600)


def _pause(text: str) -> float:
    value = float(_number(float, text))
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"got {text}; expected 0 or more seconds")
    return value


def _proxy(text: str) -> str:
    if not text.startswith("http://"):
        raise argparse.ArgumentTypeError(f"got {text!r}; expected http://HOST:PORT")
    return text


def _country(text: str) -> str:
    if not (len(text) == 2 and text.isalpha()):
        raise argparse.ArgumentTypeError(f"got {text!r}; expected two letters, such as US")
    return text.upper()
