"""Which stems of a separator an edit is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from leitmotif.generators.editing.edit import ACCOMPANIMENT, EVERYTHING, Edit
from leitmotif.separation.separator import INSTRUMENTAL, VOCALS, Separator, make
from leitmotif.storage.errors import UserError
from leitmotif.weights.wheel_table import SPLEETER

# What works anywhere, and what is taken where its weights are not fetched.
SEPARATOR, STAND_IN = "spleeter", "repet"
# What separators with more than two stems call them.
_STEMS = {
    "drums": "drums",
    "drum machine": "drums",
    "hand percussion": "drums",
    "bass guitar": "bass",
    "piano": "piano",
    "acoustic guitar": "guitar",
    "electric guitar": "guitar",
}
_MORE = (
    "--separator demucs has drums, bass, other and vocals, and with --separator-model htdemucs_6s guitar and "
    "piano, too"
)


def usual_separator() -> str:
    """Return the separator that is in use where none is asked for."""
    return STAND_IN if SPLEETER.missing() else SEPARATOR


def open_separator(name: str, model: str | None = None, device: str = "cpu") -> Separator:
    """Return a separator, loaded.

    Args:
        name: A file of `separation`.
        model: Another model than its own.
        device: "cpu", "cuda" …

    Raises:
        UserError: There is no such separator, or its weights are not there.
    """
    try:
        return make(name, **({} if model is None else {"model": model})).load(device)
    except UserError:
        raise
    except (LookupError, ValueError) as error:
        raise UserError(f"separation: {error}") from error


def needs_stems(edits: Iterable[Edit]) -> bool:
    """Tell whether edits are about a part of the sound."""
    return any(edit.gain_db is not None and (edit.but or edit.target != EVERYTHING) for edit in edits)


def stems_of(edit: Edit, stems: Sequence[str], name: str) -> tuple[str, ...]:
    """Return the stems whose level an edit changes.

    Args:
        edit: An edit that changes a level.
        stems: Those that the separator has.
        name: What it is called.

    Raises:
        UserError: It has no such stem.
    """
    if edit.target == EVERYTHING:
        chosen = tuple(stems)
    elif edit.target == ACCOMPANIMENT:
        chosen = tuple(stem for stem in stems if stem != VOCALS)
    else:
        wanted = _STEMS.get(edit.target, edit.target)
        if wanted not in stems:
            there = [ACCOMPANIMENT if stem == INSTRUMENTAL else stem for stem in stems]
            raise UserError(
                f"cannot {edit.action if edit.amount_db is None else 'change the level of'} the "
                f"{edit.target}: the separator in use, {name}, has no stem of it, but "
                f"{', '.join(there)}; {_MORE}"
            )
        chosen = (wanted,)
    return tuple(stem for stem in stems if stem not in chosen) if edit.but else chosen
