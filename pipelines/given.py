"""Options of `curate` that a workspace remembers: for everything in it, or for the sources they came with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from leitmotif.storage.documents import DocumentError, read_mapping, yaml_text
from leitmotif.storage.errors import UserError

NAME = "stated.yaml"
Option = Literal["metadata", "license"]
OPTIONS: tuple[Option, ...] = ("metadata", "license")
# Where the note has what was given with sources: option → source → text.
_SOURCES = "sources"
# And the hash of each table of whose rows it was told what is of no use.
_TOLD = "told"


@dataclass(frozen=True)
class Given:
    """What was given for the files of a workspace.

    Attributes:
        everywhere: Option → text, of all files for which nothing was given with a source.
        sources: Option → folder or file → text, of the files in it; "" is nothing, also where something is
            given for a folder around.
        told: Table → hash of its bytes when it was told what of it is of no use.
    """

    everywhere: Mapping[Option, str] = field(default_factory=dict)
    sources: Mapping[Option, Mapping[str, str]] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.everywhere or self.sources)

    def of(self, option: Option, *paths: Path) -> str | None:
        """Return what holds for a file: what was given for it, else the innermost folder, else everything.

        Args:
            option: Its name.
            paths: The file, and then what it was called before: what was given with one of those names holds
                where nothing was given with a source for the file as it is called now.
        """
        known = self.sources.get(option, {})
        if known:
            names = [os.path.abspath(path) for path in paths]  # noqa: PTH100 - without `..`
            around = (folder for name in names for folder in _folders(name))
            for name in (*names, *around):
                if name in known:
                    return known[name] or None
        return self.everywhere.get(option)

    def texts(self, option: Option) -> list[str]:
        """Return every text that was given, each once, sorted."""
        given = {self.everywhere.get(option, ""), *self.sources.get(option, {}).values()}
        return sorted(given - {""})

    def places(self, option: Option, text: str) -> list[str]:
        """Return the sources that a text was given with, sorted; none where it holds for everything."""
        if self.everywhere.get(option) == text:
            return []
        return sorted(source for source, given in self.sources.get(option, {}).items() if given == text)

    def within(self, option: Option, sources: Sequence[Path]) -> dict[str, str]:
        """Return what was given for folders and files inside some sources: place → text."""
        wide = {os.path.abspath(source) for source in sources}  # noqa: PTH100
        known = self.sources.get(option, {})
        return {
            place: text
            for place, text in sorted(known.items())
            if place not in wide and not wide.isdisjoint(_folders(place))
        }

    def changed(self, option: Option, text: str | None, sources: Sequence[Path]) -> Given:
        """Return what holds once an option is given.

        Args:
            option: Its name.
            text: What is given; None leaves it as it was, "" forgets it.
            sources: The sources that it is given with; without any it holds for everything.
        """
        if text is None:
            return self
        others = {name: texts for name, texts in self.sources.items() if name != option}
        if not sources:
            everywhere = {name: given for name, given in self.everywhere.items() if name != option}
            return Given({**everywhere, **({option: text} if text else {})}, others, self.told)
        places = [os.path.abspath(source) for source in sources]  # noqa: PTH100
        kept = {place: given for place, given in self.sources.get(option, {}).items() if place not in places}
        wider = Given(self.everywhere, {option: kept})
        kept |= {place: text for place in places if text or wider.of(option, Path(place))}
        return Given(self.everywhere, {**others, **({option: kept} if kept else {})}, self.told)


def read_given(root: Path) -> Given:
    """Return what was given for the files of a workspace; nothing where nothing was.

    Raises:
        UserError: The note cannot be read.
    """
    note = root / NAME
    if not note.is_file():
        return Given()
    try:
        words = read_mapping(note)
        texts = _texts({name: words[name] for name in OPTIONS if words.get(name)})
        everywhere = {name: texts[name] for name in OPTIONS if name in texts}
        by_option = words.get(_SOURCES) or {}
        if not isinstance(by_option, dict) or not all(isinstance(each, dict) for each in by_option.values()):
            raise DocumentError(f"{_SOURCES} holds no texts by option and source")
        sources = {name: _texts(by_option[name]) for name in OPTIONS if by_option.get(name)}
        told = words.get(_TOLD) or {}
        if not isinstance(told, dict):
            raise DocumentError(f"{_TOLD} holds no texts by table")
        return Given(everywhere, sources, _texts(told))
    except (DocumentError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{str(note)!r} cannot be read ({reason}); delete it, and give --metadata and --license again"
        ) from error


def given_text(given: Given) -> str:
    """Return the note, which `read_given` reads back."""
    sources = {
        option: dict(sorted(texts.items())) for option, texts in sorted(given.sources.items()) if texts
    }
    told = {_TOLD: dict(sorted(given.told.items()))} if given.told else {}
    return yaml_text(dict(sorted(given.everywhere.items())) | ({_SOURCES: sources} if sources else {}) | told)


def _texts(words: Mapping[object, object]) -> dict[str, str]:
    if other := [
        name for name, text in words.items() if not isinstance(name, str) or not isinstance(text, str)
    ]:
        raise DocumentError(f"{other[0]} is no text")
    return {str(name): str(text) for name, text in words.items()}


def _folders(path: str) -> Iterator[str]:
    """Yield the folders around an absolute path, the innermost first."""
    while path != (folder := os.path.dirname(path)):  # noqa: PTH120 - asked of every file of the catalog
        yield folder
        path = folder
