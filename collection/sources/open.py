"""Which source a word of the command line names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from leitmotif.collection.request import Source
from leitmotif.collection.settings import Settings
from leitmotif.collection.sources.chart import ARTIST, TITLE, Chart
from leitmotif.collection.sources.id_table import ID_COLUMNS, IdTable
from leitmotif.collection.sources.url_list import Url, UrlList
from leitmotif.collection.table import header_of
from leitmotif.extras import needs
from leitmotif.phrases import command
from leitmotif.plugins import add_plugins, check_class
from leitmotif.storage.errors import UserError

SPOTIFY = ("spotify:", "https://open.spotify.com/")
Opener = Callable[[str, Settings], Source]
# What stands before the first colon of a word that is ours.
OURS = ("spotify", "http", "https")


def open_source(word: str, settings: Settings | None = None) -> Source:
    """Return the source that a word names, by its form.

    Args:
        word: An address; a text file of addresses; a CSV file of ids, addresses or songs; `spotify:…`, or the
            name of a plugin's source in its place.
        settings: Settings of the run: bounds, and the country of charts.

    Raises:
        UserError: It is none of these.
    """
    if word.startswith(SPOTIFY):
        return _spotify(word, settings or Settings())
    if word.lower().startswith(("http://", "https://")):
        return Url(word)
    kinds = plugin_sources() if ":" in word else {}
    if (prefix := word.partition(":")[0]) in kinds:
        source: Source = kinds[prefix](word, settings or Settings())
        return source
    path = Path(word)
    if path.is_dir():
        whole = path.absolute()
        curate = command("curate", whole, "--out", whole.with_name(f"{whole.name}-workspace"))
        raise UserError(f"source {word!r} is a folder, which needs no collecting; measure it: `{curate}`")
    if not path.is_file():
        raise UserError(
            f"source {word!r} is neither an address (http://, https://), nor spotify:…, nor a file; give one "
            "of them"
        )
    if path.suffix.lower() != ".csv":
        return UrlList(path)
    names = set(header_of(path))
    if names & set(ID_COLUMNS):
        return IdTable(path)
    if names & set(ARTIST) and names & set(TITLE):
        return Chart(path)
    raise UserError(
        f"{word!r} has the columns {', '.join(sorted(names))[:200] or 'none'}; expected artist and title, or "
        f"one of {', '.join(ID_COLUMNS)}"
    )


def plugin_sources() -> dict[str, Opener]:
    """Return what opens a word of a plugin's source, by what stands before the word's colon."""
    ours: dict[str, Opener] = dict.fromkeys(OURS, _spotify)
    return {name: kind for name, kind in add_plugins("sources", ours, _take).items() if name not in ours}


def _take(name: str, thing: Any) -> dict[str, Opener]:
    check_class(thing, ["requests"], "leitmotif.collection.request.Source")
    return {name: thing}


def _spotify(word: str, settings: Settings) -> Source:
    try:
        from leitmotif.collection.sources.spotify import SpotifyChart
    except ModuleNotFoundError as error:
        raise UserError(needs("a chart of Spotify", str(error.name), "metadata")) from error
    return SpotifyChart(word, settings)
