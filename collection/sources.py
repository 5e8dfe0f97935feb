"""Which source a word of the command line names."""

from __future__ import annotations

from pathlib import Path

from collection.folder import SourceError
from collection.url_list import Url, UrlList
from collection.wanted import Source


def open_source(word: str) -> Source:
    """Return the source that a word names, by its form.

    Args:
        word: An address, or the path of a text file of addresses.

    Raises:
        SourceError: It is neither.
    """
    if word.lower().startswith(("http://", "https://")):
        return Url(word)
    path = Path(word)
    if path.is_dir():
        raise SourceError(
            f"source {word!r} is a folder, which needs no collecting; give it to `leitmotif curate`"
        )
    if not path.is_file():
        raise SourceError(
            f"source {word!r} is neither an address (http://, https://) nor a file; give one of them"
        )
    return UrlList(path)
