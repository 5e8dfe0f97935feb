"""A run that collects: from the words that name sources to files on disk, and to what others know of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from leitmotif.collection.archive import Archive
from leitmotif.collection.collector import CollectSummary
from leitmotif.collection.collector import collect as run_collector
from leitmotif.collection.enrich.enrichment import Enriched, check_enrichers
from leitmotif.collection.enrich.enrichment import enrich as run_enrichers
from leitmotif.collection.errors import CollectError
from leitmotif.collection.settings import Settings
from leitmotif.collection.sources.open import open_source
from leitmotif.storage.errors import OutsideError, describe_machine_fault, is_machine_fault
from leitmotif.storage.progress import OnProgress, show_nothing


def collect(
    sources: Sequence[str],
    folder: Path,
    settings: Settings,
    *,
    enrichers: Sequence[str] = (),
    on_progress: OnProgress = show_nothing,
) -> CollectSummary:
    """Fetch what sources want into a folder.

    Args:
        sources: Words that `leitmotif.collection.sources.open.open_source` knows.
        folder: Where files and record lie.
        settings: Bounds and manners.
        enrichers: Who is going to be asked about the files (`enrich`); checked before anything is fetched.
        on_progress: Called with how far the run is.

    Returns:
        The counts.

    Raises:
        UserError: An enricher, a source or the folder is of no use.
        OutsideError: The disk failed, or a source behind the network; what was fetched is kept.
    """
    with _run_errors(folder):
        check_enrichers(enrichers, settings)
        opened = [open_source(word, settings) for word in sources]
        return run_collector(opened, Archive(folder), settings, on_progress=on_progress)


def enrich(
    folder: Path,
    names: Sequence[str],
    settings: Settings,
    *,
    on_progress: OnProgress = show_nothing,
) -> dict[str, Enriched]:
    """Add what others know of the files of a collected folder.

    Args:
        folder: Where they lie.
        names: Whom to ask: "shazam", "musicbrainz".
        settings: Tries and waits.
        on_progress: Called with how far it is.

    Returns:
        What each did.

    Raises:
        UserError: One is not known or not set up, or the folder is of no use.
        OutsideError: The disk failed; what was found is kept.
    """
    with _run_errors(folder):
        return run_enrichers(Archive(folder), names, settings, on_progress=on_progress)


@contextmanager
def _run_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except CollectError as error:
        raise OutsideError(f"{error}; run again later, what was fetched so far is kept") from error
    except (OSError, MemoryError) as error:
        if not is_machine_fault(error):
            raise
        raise OutsideError(
            f"{describe_machine_fault(error, folder)} and run again, what was fetched so far is kept"
        ) from error
