"""Addresses: one, or a text file with one a line. A playlist's address stands for its entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leitmotif.collection.request import Request
from leitmotif.storage.errors import UserError, one_line

MAX_LINE = 8192


@dataclass(frozen=True)
class Url:
    """One address."""

    url: str

    def requests(self) -> Iterator[Request]:
        """Yield the one item."""
        yield Request(url=self.url, source=self.url)


@dataclass(frozen=True)
class UrlList:
    """A text file of addresses; empty lines and those that begin with # are passed over."""

    path: Path

    def requests(self) -> Iterator[Request]:
        """Yield an item for each line.

        Raises:
            UserError: The file cannot be read, or a line is no address.
        """
        try:
            with self.path.open(encoding="utf-8-sig") as lines:
                for number, line in enumerate(lines, start=1):
                    url = line.strip()
                    if not url or url.startswith("#"):
                        continue
                    if not url.lower().startswith(("http://", "https://")) or len(url) > MAX_LINE:
                        raise UserError(
                            f"line {number} of {str(self.path)!r} is {url[:80]!r}; expected an address that "
                            "begins with http:// or https://"
                        )
                    yield Request(url=url, source=self.path.name)
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"{str(self.path)!r} cannot be read as a list of addresses ({one_line(error)})"
            ) from error
