"""Tables of YouTube ids or addresses, with or without windows: AudioSet, DISCO, SymMV and their like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leitmotif.collection.request import Request
from leitmotif.collection.table import header_of, number_in, read_rows
from leitmotif.storage.errors import UserError

ID_COLUMNS = ("ytid", "youtube_id", "video_id", "yt_id", "url", "youtube_url", "video_url", "link", "id")
_START = ("start_seconds", "start_s", "start", "start_time")
_END = ("end_seconds", "end_s", "end", "end_time")
_LABELS = ("positive_labels", "labels", "label", "tags", "genre")
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")


@dataclass(frozen=True)
class IdTable:
    """A CSV file with a column of ids or addresses; others are used where their names are known.

    AudioSet's segment lists (`# YTID, start_seconds, end_seconds, positive_labels`) are read as they are.
    """

    path: Path

    def requests(self) -> Iterator[Request]:
        """Yield an item for each row.

        Raises:
            UserError: The file is no such table, or a row has no id.
        """
        names = header_of(self.path)
        place = {name: number for number, name in reversed(list(enumerate(names)))}
        of_id = _first(place, ID_COLUMNS)
        if of_id is None:
            raise UserError(
                f"{str(self.path)!r} has no column of ids; expected one of {', '.join(ID_COLUMNS)}"
            )
        begun = False
        for line, cells in read_rows(self.path):
            if cells[0].startswith("#") or (not begun and [cell.casefold() for cell in cells] == names):
                continue
            begun = True
            cells += [""] * (len(names) - len(cells))
            start, end = (
                number_in(cells[at], path=self.path, line=line, name=names[at]) if at is not None else None
                for at in (_first(place, _START), _first(place, _END))
            )
            if (end is not None and end <= (start or 0.0)) or (start is not None and start < 0):
                raise UserError(f"line {line} of {str(self.path)!r} has a window from {start} to {end} s")
            labels = _first(place, _LABELS)
            yield Request(
                url=self._url(cells[of_id], line),
                artist=_cell(cells, place, "artist"),
                title=_cell(cells, place, "title"),
                start_s=start if end is not None else None,
                end_s=end,
                labels=tuple(word.strip() for word in cells[labels].split(",") if word.strip())
                if labels is not None
                else (),
                source=self.path.name,
            )

    def _url(self, word: str, line: int) -> str:
        if word.lower().startswith(("http://", "https://")):
            return word
        if _YOUTUBE_ID.fullmatch(word):
            return f"https://www.youtube.com/watch?v={word}"
        raise UserError(
            f"line {line} of {str(self.path)!r} has the id {word[:40]!r}; expected the 11 letters of a "
            "YouTube id, or an address"
        )


def _first(place: dict[str, int], names: tuple[str, ...]) -> int | None:
    return next((place[name] for name in names if name in place), None)


def _cell(cells: list[str], place: dict[str, int], name: str) -> str | None:
    return cells[place[name]] or None if name in place else None
