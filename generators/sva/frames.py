"""The pictures of a film that a model is shown: one intra frame by chance, or one of each of its shots."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from leitmotif.filters.motion import measure_motion
from leitmotif.media.intra_frames import draw_intra_frame
from leitmotif.media.key_frames import timed_key_frames

Choice = Literal["random", "shots"]
SHORT_SIDE = 448
# Of the longest shots; more pictures would fill what a small model can read.
MOST_SHOTS = 6


@dataclass(frozen=True)
class Shown:
    """A picture that a model is shown.

    Attributes:
        time_s: When it is shown in the film.
        picture: JPEG.
        number: Which of the intra frames it is, from 0; None of a shot's.
        of: How many intra frames, or shots, there are.
    """

    time_s: float
    picture: bytes
    number: int | None
    of: int

    @property
    def sha256(self) -> str:
        """SHA-256 of the picture."""
        return hashlib.sha256(self.picture).hexdigest()


def choose_frames(film: Path, choice: Choice, seed: int) -> list[Shown]:
    """Return pictures of a film, in order.

    Args:
        film: The film.
        choice: "random" draws one of the intra frames, as SVA does; "shots" takes one of each of the longest
            shots.
        seed: Of what is drawn.

    Raises:
        Unreadable, NotMedia, MissingStream, TooLarge, DecodeFailed: It has no pictures that can be read.
    """
    if choice == "random":
        frame = draw_intra_frame(film, seed=seed, short_side=SHORT_SIDE)
        return [Shown(frame.time_s, frame.picture, frame.number, frame.of)]
    motion = measure_motion(film)
    shots = list(zip(motion.shot_starts_s or (), motion.shot_ends_s or (), strict=True))
    count = min(max(len(shots), 1), MOST_SHOTS)
    found = timed_key_frames(film, count=count, short_side=SHORT_SIDE, shots=shots)
    return [Shown(time_s, picture, None, max(len(shots), 1)) for time_s, picture in found]
