"""The flow that collects: sources to files on disk. Hosts bound how fast it goes, so it needs no workers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collection.collector import Progress, Tally
from collection.collector import collect as run_collector
from collection.folder import SourceError
from collection.settings import Settings
from collection.shelf import Shelf
from collection.sources import open_source
from pipelines.errors import OutsideError, UserError, is_outside


def collect(
    sources: Sequence[str],
    folder: Path,
    settings: Settings,
    *,
    progress: Progress = lambda done, wanted: None,
) -> Tally:
    """Fetch what sources want into a folder.

    Args:
        sources: Words that `collection.sources` knows.
        folder: Where files and record lie.
        settings: Bounds and manners.
        progress: Told how far the run is.

    Returns:
        The counts.

    Raises:
        UserError: A source or the folder is of no use.
        OutsideError: The disk failed; what was fetched is kept.
    """
    try:
        opened = [open_source(word) for word in sources]
        return run_collector(opened, Shelf(folder), settings, progress=progress)
    except SourceError as error:
        raise UserError(str(error)) from error
    except OSError as error:
        if not is_outside(error):
            raise
        raise OutsideError(
            f"{error.strerror or error} while writing to {str(folder)!r}; make room and run again, what was "
            "fetched so far is kept"
        ) from error


def collect_flow(sources: Sequence[str], folder: Path, settings: Settings, **options: Any) -> Tally:
    """Run `collect` as a Prefect flow, for schedules and deployments; the command needs none.

    Args:
        sources: As of `collect`.
        folder: As of `collect`.
        settings: As of `collect`.
        options: As of `collect`.

    Returns:
        The counts.
    """
    from prefect import flow  # takes seconds

    def run() -> Tally:
        return collect(sources, folder, settings, **options)

    return flow(name="collect")(run)()
