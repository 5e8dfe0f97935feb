"""Fetch music videos and tracks into a folder, politely, with what is known of each beside it.

A SOURCE is an address (of a file, a video page or a playlist), a text file of addresses, a CSV file of ids
with or without time windows (AudioSet and its like), a CSV chart of artists and titles to search for, or a
chart of Spotify (spotify:artist:ID, spotify:tracks:WORDS, ...). Run the same command again to go on; what is
there is not fetched again. `leitmotif curate DIR` takes the folder.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.cli.progress import progress
from leitmotif.phrases import command

if TYPE_CHECKING:
    from leitmotif.collection.settings import Settings

EXAMPLE = "leitmotif collect urls.txt --out my-videos/"
_MIB = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", nargs="+", metavar="SOURCE", help="what to fetch; see docs/collection.md")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder to collect into")
    what = parser.add_argument_group("what is fetched")
    what.add_argument(
        "--max-height", type=int, default=720, metavar="PX", help="tallest picture (default: 720)"
    )
    what.add_argument(
        "--max-file-size", type=float, default=2048, metavar="MIB", help="largest file (default: 2048)"
    )
    what.add_argument(
        "--max-duration", type=float, default=3600, metavar="S", help="longest file (default: 3600)"
    )
    what.add_argument(
        "--max-playlist", type=int, default=500, metavar="N", help="entries of a playlist (default: 500)"
    )
    what.add_argument("--comments", action="store_true", help="fetch the ten top comments as well")
    what.add_argument(
        "--country", default="US", metavar="CC", help="whose charts, where Spotify has several (default: US)"
    )
    what.add_argument(
        "--enrich",
        default="",
        metavar="NAMES",
        help="ask others about the collected files: shazam, musicbrainz, or both with a comma",
    )
    run = parser.add_argument_group("how much, in this run")
    run.add_argument("--max-files", type=int, metavar="N", help="files")
    run.add_argument("--max-bytes", type=float, metavar="MIB", help="mebibytes")
    run.add_argument("--max-hours", type=float, metavar="H", help="hours")
    run.add_argument("--retry-failed", action="store_true", help="try again what was refused or is gone")
    manners = parser.add_argument_group("manners")
    manners.add_argument("--jobs", type=int, default=4, metavar="N", help="downloads at a time (default: 4)")
    manners.add_argument("--per-host", type=int, default=2, metavar="N", help="of one host (default: 2)")
    manners.add_argument(
        "--pause", type=float, default=1.0, metavar="S", help="mean pause between two of a host (default: 1)"
    )
    manners.add_argument(
        "--tries", type=int, default=3, metavar="N", help="of one item in a run (default: 3)"
    )
    manners.add_argument(
        "--ignore-robots",
        action="store_true",
        help="fetch what robots.txt disallows or a host reserves from mining; for what is yours or permitted",
    )
    network = parser.add_argument_group("network")
    network.add_argument("--cookies", type=Path, metavar="FILE", help="a cookies.txt; it is never written to")
    network.add_argument(
        "--proxy", metavar="http://HOST:PORT", help="no other proxy is used, whatever is set"
    )
    network.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a host of yours whose address is not public; may be repeated",
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 if anything was refused or failed")


def run(options: argparse.Namespace) -> int:
    """Collect, print the counts, return the exit code."""
    from leitmotif.storage.errors import OutsideError

    settings = _settings(options)
    try:
        from leitmotif.collection.run import collect, enrich
    except ModuleNotFoundError as error:
        raise OutsideError(
            f"the package {error.name!r} is missing; run `pip install 'leitmotif-av[collect]'`"
        ) from error
    names = [name.strip() for name in options.enrich.split(",") if name.strip()]
    with progress() as tell:
        summary = collect(
            options.source,
            options.out,
            settings,
            enrichers=names,
            progress=tell,
        )
        enriched = enrich(options.out, names, settings, progress=tell) if names else {}
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
    from leitmotif.storage.errors import UserError

    for name in ("max_height", "max_file_size", "max_duration", "max_playlist", "jobs", "per_host", "tries"):
        if not getattr(options, name) > 0:
            raise UserError(f"--{name.replace('_', '-')} is {getattr(options, name):g}; expected more than 0")
    for name in ("max_files", "max_bytes", "max_hours"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise UserError(f"--{name.replace('_', '-')} is {value:g}; expected more than 0")
    if not options.pause >= 0:
        raise UserError(f"--pause is {options.pause:g}; expected 0 or more seconds")
    if options.proxy is not None and not options.proxy.startswith("http://"):
        raise UserError(f"--proxy is {options.proxy!r}; expected http://HOST:PORT")
    if not (len(options.country) == 2 and options.country.isalpha()):
        raise UserError(f"--country is {options.country!r}; expected two letters, such as US")
    return Settings(
        country=options.country.upper(),
        ignore_robots=options.ignore_robots,
        max_height=options.max_height,
        max_file_bytes=int(options.max_file_size * _MIB),
        max_duration_s=options.max_duration,
        max_playlist=options.max_playlist,
        max_files=options.max_files,
        max_bytes=None if options.max_bytes is None else int(options.max_bytes * _MIB),
        max_seconds=None if options.max_hours is None else options.max_hours * 3600,
        jobs=options.jobs,
        per_host=options.per_host,
        pause_s=options.pause,
        attempts=options.tries,
        comments=options.comments,
        retry_failed=options.retry_failed,
        cookies=options.cookies,
        guard=Guard(frozenset(host.lower().rstrip(".") for host in options.allow_host), options.proxy),
    )
