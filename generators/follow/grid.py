"""A grid of beats that meets a film: plain data, which any generator can take as a control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leitmotif.generators.follow.rhythm import Event

VERSION = 1
NEAR_S = 0.05  # of a beat: what is seen and heard within two frames or so is one


@dataclass(frozen=True)
class BeatGrid:
    """Beats and bars.

    Attributes:
        follow: What is followed: "cuts" or "motion".
        tempo_bpm: Around which the bars are.
        metre: Beats of a whole bar.
        starts_s: Start of each bar, the last of which holds the last chord; and the end of the piece.
        beats: Beats of each bar; some are shorter, so that the next one meets something.
        events: What is seen.
    """

    follow: str
    tempo_bpm: float
    metre: int
    starts_s: tuple[float, ...]
    beats: tuple[int, ...]
    events: tuple[Event, ...]

    @property
    def bars(self) -> int:
        """How many bars there are before the last chord."""
        return len(self.beats) - 1

    def bar_tempi_bpm(self) -> np.ndarray:
        """Return the tempo of each bar before the last chord."""
        return 60.0 * np.array(self.beats[:-1]) / np.diff(self.starts_s[:-1])

    def beats_s(self) -> np.ndarray:
        """Return when the beats come, up to the last chord, which is one."""
        found = [
            start + (end - start) * np.arange(count) / count
            for start, end, count in zip(
                self.starts_s[:-2], self.starts_s[1:-1], self.beats[:-1], strict=True
            )
        ]
        return np.concatenate([*found, [self.starts_s[-2]]])

    def downbeats_s(self) -> np.ndarray:
        """Return when the bars begin."""
        return np.array(self.starts_s[:-1])

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it: what was seen with the beat that it met, if it met one."""
        beats_s, downbeats_s = self.beats_s(), self.downbeats_s()
        seen = []
        for event in self.events:
            beat, off_s = nearest(beats_s, event.time_s)
            met = abs(off_s) <= NEAR_S
            down = met and abs(nearest(downbeats_s, event.time_s)[1]) <= NEAR_S
            seen.append(
                {
                    "time_s": round(event.time_s, 4),
                    "kind": event.kind,
                    "weight": round(event.weight, 3),
                    "met": "downbeat" if down else "beat" if met else None,
                    "beat": beat if met else None,
                    "off_s": round(off_s, 4),
                }
            )
        return {
            "version": VERSION,
            "follow": self.follow,
            "tempo_bpm": round(self.tempo_bpm, 3),
            "metre": f"{self.metre}/4",
            "bars": [
                {"start_s": round(start, 4), "beats": count}
                for start, count in zip(self.starts_s[:-1], self.beats, strict=True)
            ],
            "end_s": round(self.starts_s[-1], 4),
            "beats_s": np.round(beats_s, 4).tolist(),
            "downbeats_s": np.round(downbeats_s, 4).tolist(),
            "events": seen,
        }


def nearest(times_s: Sequence[float] | np.ndarray, time_s: float) -> tuple[int, float]:
    """Return which of some ascending moments is nearest to another, and by how much it is later."""
    place = int(np.searchsorted(times_s, time_s))
    around = [index for index in (place - 1, place) if 0 <= index < len(times_s)]
    index = min(around, key=lambda each: abs(times_s[each] - time_s))
    return index, float(times_s[index] - time_s)
