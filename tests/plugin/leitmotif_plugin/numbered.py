"""Files that are numbered on one host: `numbered:HOST/3` wants the first three."""

from __future__ import annotations

from collections.abc import Iterator

from leitmotif.collection.request import Request
from leitmotif.collection.settings import Settings


class Numbered:
    """Addresses of numbered files."""

    def __init__(self, word: str, settings: Settings) -> None:
        """Take the word as it was given."""
        self.host, _, self.count = word.removeprefix("numbered:").rpartition("/")

    def requests(self) -> Iterator[Request]:
        """Yield one address after the other."""
        for number in range(int(self.count)):
            yield Request(url=f"https://{self.host}/{number}.mp4", source=f"numbered:{self.host}")
