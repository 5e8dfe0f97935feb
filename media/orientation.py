"""How a player turns and mirrors a picture before it shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways to lay a rectangle on itself: fields are applied in their order.

    Attributes:
        transposed: Whether rows become columns.
        flip_x: Whether left and right change places then.
        flip_y: Whether top and bottom change places then.
    """

    transposed: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def clockwise_deg(self) -> int:
        """The clockwise turn: 0, 90, 180 or 270; of a mirrored one after left and right changed places."""
        if self.transposed:
            return 90 if self.flip_x else 270
        return 180 if self.flip_y else 0

    def applied(self, picture: np.ndarray) -> np.ndarray:
        """Return a view of a picture (height, width, …), turned."""
        if self.transposed:
            picture = picture.swapaxes(0, 1)  # (height, width, …) to (width, height, …)
        return picture[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


def orientation(frame: Any) -> Orientation:
    """Return the orientation that a frame's display matrix asks for, to the nearest quarter turn.

    The matrix is that of the container (MP4, MOV, Matroska) or of the stream (a message of H.264 and HEVC).

    Reference: ISO/IEC 14496-12, 6.2.2: (x', y') = (a x + c y, b x + d y); libavutil/display.h.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return Orientation()
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32, count=5).tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)
