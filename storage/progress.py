"""How whoever works tells whoever shows it how far it is."""

from __future__ import annotations

from typing import Protocol


class OnProgress(Protocol):
    """Called again and again while something goes on, from one thread at a time."""

    def __call__(self, what: str, done: int, total: int, note: str = "", /) -> None:
        """Show how far it is.

        Args:
            what: Is under way: a stage, a file that is fetched, a step of a training.
            done: Clips, files, bytes or steps so far.
            total: How many there are, as far as is known now; 0 where it is not.
            note: A few words on what became of them.
        """


def show_nothing(what: str, done: int, total: int, note: str = "", /) -> None:
    """Take part in nothing: what is called where nobody asked to see anything."""
