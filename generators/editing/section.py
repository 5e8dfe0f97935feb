"""Which part of a recording is meant: a half, a third, the intro, from one moment to another."""

from __future__ import annotations

from dataclasses import dataclass

from leitmotif.storage.errors import UserError

WHOLE, SPAN = "whole", "span"
# Where named parts begin and end, in shares of the length.
SHARES = {
    "first half": (0.0, 1 / 2),
    "second half": (1 / 2, 1.0),
    "first third": (0.0, 1 / 3),
    "middle third": (1 / 3, 2 / 3),
    "last third": (2 / 3, 1.0),
    "first quarter": (0.0, 1 / 4),
    "second quarter": (1 / 4, 1 / 2),
    "third quarter": (1 / 2, 3 / 4),
    "last quarter": (3 / 4, 1.0),
}
INTRO, OUTRO = "intro", "outro"
NAMES = (WHOLE, *SHARES, INTRO, OUTRO, SPAN)
# Nobody looks for the form of the piece: both last an eighth of it, within what is usual for songs.
_EDGE_SHARE, _EDGE_LEAST_S, _EDGE_MOST_S = 1 / 8, 4.0, 20.0
# What is shorter holds nothing that could be heard changing.
SHORTEST_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a recording of any length.

    Attributes:
        name: One of `NAMES`; of a span, the times say which.
        start_s: Where a span begins; below zero it counts from the end, None is the beginning.
        end_s: Where a span ends; None is the end.
    """

    name: str = WHOLE
    start_s: float | None = None
    end_s: float | None = None

    def bounds(self, seconds: float) -> tuple[float, float]:
        """Return where it begins and ends in a recording, in seconds.

        Args:
            seconds: Length of the recording.

        Raises:
            UserError: The recording has no such part.
        """
        if self.name == WHOLE:
            return 0.0, seconds
        if self.name in SHARES:
            start, end = SHARES[self.name]
            return start * seconds, end * seconds
        edge_s = min(max(_EDGE_SHARE * seconds, _EDGE_LEAST_S), _EDGE_MOST_S, seconds / 2)
        if self.name == INTRO:
            return 0.0, edge_s
        if self.name == OUTRO:
            return seconds - edge_s, seconds
        start_s = 0.0 if self.start_s is None else self.start_s
        start_s = max(0.0, seconds + start_s) if start_s < 0 else start_s
        end_s = seconds if self.end_s is None else min(self.end_s, seconds)
        if end_s - start_s < SHORTEST_S:
            raise UserError(
                f"got the part {self}; the recording lasts {seconds:.1f} s, and a part {SHORTEST_S:g} s "
                "or more"
            )
        return start_s, end_s

    def __str__(self) -> str:
        """Return it in words that the grammar reads."""
        if self.name != SPAN:
            return {WHOLE: "throughout"}.get(self.name, f"in the {self.name}")
        if self.end_s is None:
            start_s = self.start_s or 0.0
            return f"in the last {-start_s:g} seconds" if start_s < 0 else f"from {clock(start_s)} on"
        if self.start_s is None:
            return f"in the first {self.end_s:g} seconds"
        return f"from {clock(self.start_s)} to {clock(self.end_s)}"


def clock(seconds: float) -> str:
    """Return a time as people write it, such as "1:05" or "0:10.5"."""
    minutes, rest = divmod(seconds, 60)
    digits = f"{rest:06.3f}".rstrip("0").rstrip(".")
    return f"{int(minutes)}:{digits if len(digits.split('.')[0]) == 2 else f'0{digits}'}"
