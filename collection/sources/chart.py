"""A chart of songs as a CSV file; each is searched as `{artist} {song} Official Music Video`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leitmotif.collection.request import Request
from leitmotif.collection.table import header_of, number_in, read_records
from leitmotif.storage.errors import UserError

ARTIST = ("artist", "artists", "artist_name", "singer")
TITLE = ("title", "song", "track", "track_name", "name")
_DURATION_S = ("duration_s", "duration")
_DURATION_MS = ("duration_ms",)


@dataclass(frozen=True)
class Chart:
    """A CSV file with columns for artist and title, and maybe the length (duration_s or duration_ms)."""

    path: Path

    def requests(self) -> Iterator[Request]:
        """Yield a search for each row.

        Raises:
            UserError: The file is no such table, or a row lacks a name.
        """
        names = header_of(self.path)
        artist, title = (next((name for name in known if name in names), None) for known in (ARTIST, TITLE))
        if artist is None or title is None:
            raise UserError(
                f"{str(self.path)!r} has the columns {', '.join(names)[:200]}; expected artist and title"
            )
        for line, row in read_records(self.path):
            if not row.get(artist) or not row.get(title):
                raise UserError(f"line {line} of {str(self.path)!r} lacks the artist or the title")
            yield Request(
                artist=row[artist][:300],
                title=row[title][:300],
                duration_s=self._duration_s(row, line),
                source=self.path.name,
            )

    def _duration_s(self, row: dict[str, str], line: int) -> float | None:
        for names, per_second in ((_DURATION_S, 1.0), (_DURATION_MS, 1000.0)):
            for name in names:
                value = number_in(row.get(name, ""), path=self.path, line=line, name=name)
                if value is not None:
                    return value / per_second
        return None
