"""What a soundtrack is mixed of: music, effects, and the sound that a film has already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leitmotif.generators.mixing.sounds import Source
from leitmotif.storage.errors import UserError

Role = Literal["music", "effect", "film"]


@dataclass(frozen=True)
class Part:
    """A sound, and what it is in the mix.

    Attributes:
        role: "music" in the background, "effect" of something that happens, or the "film"'s own sound.
        source: The sound.
    """

    role: Role
    source: Source


class NothingToMix(UserError):  # noqa: N818
    """There is no sound to be mixed, or all of it is silent."""


def order(parts: list[Part]) -> list[Part]:
    """Return effects before music, as SVA mixes them, and the film's own sound last.

    Raises:
        NothingToMix: There are none.
    """
    if not parts:
        raise NothingToMix("there is no sound to mix: no music was asked for, and no effect was kept")
    roles: list[Role] = ["effect", "music", "film"]
    return sorted(parts, key=lambda part: roles.index(part.role))
