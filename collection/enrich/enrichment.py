"""What others know of a collected file, added to the metadata beside it; each is asked once, at its pace."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from leitmotif.collection.archive import Archive
from leitmotif.collection.errors import MAX_WAIT_S, CollectError, HostStopped, Unavailable
from leitmotif.collection.metadata import Metadata, merged
from leitmotif.collection.retry import retrying
from leitmotif.collection.settings import Settings
from leitmotif.collection.sidecar import load_sidecar, metadata_of
from leitmotif.extras import needs
from leitmotif.plugins import add_plugins, check_class
from leitmotif.shards.texts import encodable
from leitmotif.storage.atomic import write_text
from leitmotif.storage.errors import UserError, is_machine_fault, one_line
from leitmotif.storage.progress import OnProgress, show_nothing

logger = logging.getLogger("leitmotif.collection")

# Module and class of each, in the order of use: codes that one finds another looks up.
ENRICHERS = {
    "shazam": ("leitmotif.collection.enrich.shazam", "Shazam"),
    "musicbrainz": ("leitmotif.collection.enrich.musicbrainz", "MusicBrainz"),
}


class Enricher(Protocol):
    """One who knows recordings; one file each in this folder, opened with the settings of a run."""

    def look_up(self, file: Path, metadata: Metadata) -> dict[str, Any] | None:
        """Return what is known of a file, as it is stored beside it; None where nothing is.

        Raises:
            Unavailable: Network or server failed, or asks to wait.
            HostStopped: The server asks to be left alone.
        """

    def close(self) -> None:
        """Let connections go."""


@dataclass
class Enriched:
    """What one enricher did.

    Attributes:
        found: Files that it knows.
        nothing: Files that it does not know.
        already: Files that it was asked about before.
        failed: Files that it could not be asked about; a later run does.
        left: Files for a later run, since it asked to be left alone.
        stopped: What it said.
    """

    found: int = 0
    nothing: int = 0
    already: int = 0
    failed: int = 0
    left: int = 0
    stopped: str = field(default="")


def open_enricher(name: str, settings: Settings) -> Enricher:
    """Return an enricher by its name.

    Raises:
        UserError: There is none of that name, its package is missing, or it lacks a setting.
    """
    known = known_enrichers()
    if name not in known:
        raise UserError(f"nobody is called {name!r} who knows recordings; known are {', '.join(known)}")
    module, kind = known[name]
    try:
        enricher: Enricher = getattr(import_module(module), kind)(settings)
    except ModuleNotFoundError as error:
        raise UserError(needs(name, str(error.name), "metadata")) from error
    return enricher


def known_enrichers() -> dict[str, tuple[str, str]]:
    """Return module and class of each, those of plugins too."""
    return add_plugins("enrichers", ENRICHERS, _take)


def _take(name: str, thing: Any) -> dict[str, tuple[str, str]]:
    check_class(thing, ["look_up", "close"], "leitmotif.collection.enrich.enrichment.Enricher")
    return {name: (thing.__module__, thing.__name__)}


def check_enrichers(names: Sequence[str], settings: Settings) -> None:
    """Find out whether enrichers can be used, before anything is fetched.

    Raises:
        UserError: One cannot.
    """
    for name in names:
        open_enricher(name, settings).close()


def enrich(
    archive: Archive,
    names: Sequence[str],
    settings: Settings,
    *,
    on_progress: OnProgress = show_nothing,
) -> dict[str, Enriched]:
    """Ask about every collected file that was not asked about before.

    Args:
        archive: Where the files lie, with their metadata.
        names: Whom to ask; those of `ENRICHERS` in that table's order, then those of plugins.
        settings: Tries, waits and whether to ask again about files that were not known.
        on_progress: Called with how many files are done.

    Returns:
        What each did.

    Raises:
        UserError: An enricher cannot be used, or the folder.
        OSError: The disk failed; what was found is kept.
    """
    ordered = [name for name in ENRICHERS if name in names] + [
        name for name in names if name not in ENRICHERS
    ]
    with ExitStack() as opened:
        enrichers = {name: open_enricher(name, settings) for name in ordered}
        for enricher in enrichers.values():
            opened.callback(enricher.close)
        opened.enter_context(archive.held())
        done = {name: Enriched() for name in enrichers}
        files = archive.files()
        for number, (file, sidecar) in enumerate(files, start=1):
            for name, enricher in enrichers.items():
                _enrich_file(name, enricher, file, sidecar, settings, done[name])
                on_progress(name, number, len(files))
    return done


def _enrich_file(
    name: str, enricher: Enricher, file: Path, sidecar: Path, settings: Settings, done: Enriched
) -> None:
    try:
        info = load_sidecar(sidecar)
    except ValueError as error:
        done.failed += 1
        logger.warning("%s: passed over (%s)", sidecar, error)
        return
    metadata = merged(metadata_of(info, where=sidecar))
    enrichments = info.get("enrichments")
    known = enrichments if isinstance(enrichments, dict) else {}
    former = known.get(name)
    if isinstance(former, dict) and (former.get("found") or not settings.retry_failed):
        done.already += 1
        return
    if done.stopped:
        done.left += 1
        return
    try:
        answer = _asked(enricher, file, metadata, settings)
    except HostStopped as stop:
        done.stopped, done.left = str(stop), done.left + 1
        return
    except CollectError as error:
        done.failed += 1
        logger.info("%s: %s: %s", name, file.name, error)
        return
    except Exception as error:
        if is_machine_fault(error, writing=True):
            raise
        # One odd answer must not end a run of thousands.
        done.failed += 1
        told = f"{type(error).__name__}: {one_line(error, 200)}"
        logger.warning("%s: %s: what it answers is of no use (%s)", name, file.name, told)
        return
    found = {"found": answer is not None, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    info["enrichments"] = known | {name: found | encodable(answer or {})}
    write_text(sidecar, json.dumps(info))
    if answer is None:
        done.nothing += 1
    else:
        done.found += 1


def _asked(enricher: Enricher, file: Path, metadata: Metadata, settings: Settings) -> dict[str, Any] | None:
    """Ask with a few tries, and the waits that are asked for."""
    try:
        return retrying(settings, longest_s=MAX_WAIT_S)(enricher.look_up, file, metadata)
    except Unavailable as error:
        if error.wait_s is None:
            raise
        raise HostStopped(f"{error}; {settings.attempts} tries were answered so") from error
