"""What of a film can be followed, by name."""

from __future__ import annotations

from pathlib import Path

from leitmotif.generators.follow.fit import CUTS, MOTION, Manner
from leitmotif.generators.follow.motion import watch_motion
from leitmotif.generators.follow.rhythm import Event, watch_cuts
from leitmotif.media.errors import MediaError
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.storage.errors import UserError

MANNERS: dict[str, Manner] = {manner.name: manner for manner in (CUTS, MOTION)}
_WATCHERS = {CUTS.name: watch_cuts, MOTION.name: watch_motion}
_LIMIT_S, _LIMIT_SHARE = 60.0, 4.0  # that watching may take, and of a film's length more


def watch(film: Path, seconds: float, follow: str, worker: SandboxedWorker) -> list[Event]:
    """Return what is seen of a film.

    Args:
        film: The film.
        seconds: Its length.
        follow: A key of `MANNERS`.
        worker: The process that decodes it.

    Raises:
        UserError: It cannot be read, or there is no such thing to follow.
    """
    if follow not in MANNERS:
        raise UserError(f"got {follow!r} to follow; expected one of {', '.join(MANNERS)}")
    try:
        return worker.run(_WATCHERS[follow], film, limit_s=_LIMIT_S + _LIMIT_SHARE * seconds)
    except MediaError as error:
        raise UserError(f"{str(film)!r}: {error}") from error
