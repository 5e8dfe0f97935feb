"""What a piece is to be like, as far as somebody said so."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from leitmotif.music.score import MAJOR_KEYS, MINOR_KEYS
from leitmotif.music.sounds import SOUNDS
from leitmotif.music.styles import STYLES
from leitmotif.retrieval.attributes import TEMPI
from leitmotif.storage.errors import UserError
from leitmotif.taxonomy.labels import Taxonomy, UnknownLabelError, load

SLOWEST_BPM, FASTEST_BPM = 40.0, 220.0
METRES = (3, 4)
_LETTERS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_SIGNS = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
KEY = re.compile(r"(?<!\w)([a-gA-G])[ -]?(#|♯|b|♭|sharp|flat)?[ -](major|minor|maj|min)(?!\w)", re.IGNORECASE)
# Of "valence" and "arousal": a mood is a point in this square.
_LIMIT = 1.0


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """What is wanted; what is None, or empty, the arranger chooses.

    Attributes:
        genre: A label of `leitmotif.taxonomy`.
        moods: Labels of moods; where they lie between them is the mood of the piece.
        valence: Unpleasant to pleasant, -1 to 1; stands over that of the moods.
        arousal: Still to excited, -1 to 1; stands over that of the moods.
        tempo_bpm: Beats a minute.
        tempo: "slow", "medium" or "fast"; `tempo_bpm` stands over it.
        key: Such as "F# minor".
        beats: Beats a bar, 3 or 4.
        instruments: Labels of instruments, all of which play.
        alone: Whether nothing else plays beside them.
        without: Labels of instruments that do not play.
    """

    genre: str | None = None
    moods: tuple[str, ...] = ()
    valence: float | None = None
    arousal: float | None = None
    tempo_bpm: float | None = None
    tempo: str | None = None
    key: str | None = None
    beats: int | None = None
    instruments: tuple[str, ...] = ()
    alone: bool = False
    without: tuple[str, ...] = ()

    def over(self, others: Attributes) -> Attributes:
        """Return these, and what they leave open as others have it.

        A number and the words for the same thing (tempo and class, mood and its place) go together.
        """
        mine, theirs = asdict(self), asdict(others)
        for group in (("tempo_bpm", "tempo"), ("moods", "valence", "arousal"), ("instruments", "alone")):
            if any(mine[name] not in (None, (), False) for name in group):
                theirs.update({name: mine[name] for name in group})
        return Attributes(**{name: theirs[name] if _open(value) else value for name, value in mine.items()})


def _open(value: Any) -> bool:
    return value is None or value == () or value is False


def attributes_of(wanted: Mapping[str, Any], taxonomy: Taxonomy | None = None) -> Attributes:
    """Return attributes as users write them.

    Args:
        wanted: By kind: "genre", "mood" and "instrument" (names of the label set, their synonyms, several
            with commas between), "tempo" (a class, or beats a minute), "key", "metre" ("3/4"), "valence",
            "arousal".
        taxonomy: The label set; the one that ships by default.

    Raises:
        UserError: A name or a number is of no use.
    """
    taxonomy = taxonomy or load()
    found: dict[str, Any] = {}
    for kind, value in wanted.items():
        if value is None or value == "":
            continue
        if kind not in _READERS:
            raise UserError(f"got attribute {kind!r}; expected one of {', '.join(_READERS)}")
        found.update(_READERS[kind](str(value), taxonomy))
    return Attributes(**found)


def key_of(text: str) -> tuple[int, bool] | None:
    """Return pitch class and whether it is minor, of a key in words such as "B flat major"; else None."""
    match = KEY.search(text)
    if match is None:
        return None
    letter, sign, mode = match.groups()
    tonic = (_LETTERS[letter.lower()] + _SIGNS[(sign or "").lower()]) % 12
    return tonic, mode.lower().startswith("min")


def key_name(tonic: int, minor: bool) -> str:
    """Return the name of a key, such as "F# minor"."""
    return f"{MINOR_KEYS[tonic]} minor" if minor else f"{MAJOR_KEYS[tonic]} major"


def _labels(kind: str, known: Mapping[str, object] | None = None) -> Any:
    def read(value: str, taxonomy: Taxonomy) -> dict[str, Any]:
        found = []
        for name in filter(None, (part.strip() for part in value.split(","))):
            try:
                label = taxonomy.find(name)
            except UnknownLabelError as error:
                raise UserError(f"{kind}: {error}") from error
            if label.kind != kind:
                raise UserError(f"got {kind} {name!r}, which is {_article(label.kind)}; give it as such")
            if known is not None and label.id not in known:
                raise UserError(f"got {kind} {name!r}, which is not played; known are {', '.join(known)}")
            found.append(label.id)
        found = list(dict.fromkeys(found))
        if kind == "genre":
            return {"genre": found[0]} if found else {}
        return {f"{kind}s": tuple(found)}

    return read


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _tempo(value: str, taxonomy: Taxonomy) -> dict[str, Any]:
    word = value.strip().lower()
    if word in TEMPI:
        return {"tempo": word}
    bpm = _number("tempo", word.removesuffix("bpm"), SLOWEST_BPM, FASTEST_BPM, f"{', '.join(TEMPI)} or BPM")
    return {"tempo_bpm": bpm}


def _key(value: str, taxonomy: Taxonomy) -> dict[str, Any]:
    found = key_of(value)
    if found is None:
        raise UserError(f"got key {value!r}; expected one such as 'D minor', 'F# major' or 'B flat major'")
    return {"key": key_name(*found)}


def _metre(value: str, taxonomy: Taxonomy) -> dict[str, Any]:
    beats = value.strip().removesuffix("/4")
    if beats not in map(str, METRES):
        raise UserError(f"got metre {value!r}; expected 3/4 or 4/4")
    return {"beats": int(beats)}


def _place(kind: str) -> Any:
    return lambda value, taxonomy: {kind: _number(kind, value, -_LIMIT, _LIMIT, "a number")}


def _number(kind: str, value: str, low: float, high: float, expected: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise UserError(f"got {kind} {value!r}; expected {expected} from {low:g} to {high:g}")
    return number


_READERS = {
    "genre": _labels("genre", STYLES),
    "mood": _labels("mood"),
    "instrument": _labels("instrument", SOUNDS),
    "tempo": _tempo,
    "key": _key,
    "metre": _metre,
    "valence": _place("valence"),
    "arousal": _place("arousal"),
}
