"""The bridges of one piece, as they are written beside it: whoever gives them back gets the same music."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from leitmotif.assignments import wrong_value
from leitmotif.generators.records import bytes_of, facts_of, holds, read_record
from leitmotif.storage.atomic import write_bytes

VERSION = 1
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Given:
    """What the piece was asked for with.

    Attributes:
        video: The film that it is for.
        image: The picture that it is for.
        text: The text of the user.
        reference: The music of the user.
        seconds: The length.
    """

    video: str | None = None
    image: str | None = None
    text: str | None = None
    reference: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Track:
    """Music that goes into the piece: a clip of the dataset, or a file.

    Attributes:
        clip_id: The clip, or None.
        file: The file, or None.
        sha256: Of the sound of the clip, or of the file.
        score: What the clip was found by (`leitmotif.retrieval.tracks.Hit`).
        reasons: Why it was found, in words.
        title: Its title.
        artist: Its artist.
        license: Its licence.
        caption: What is said of its music.
    """

    clip_id: str | None = None
    file: str | None = None
    sha256: str
    score: float | None = None
    reasons: tuple[str, ...] = ()
    title: str | None = None
    artist: str | None = None
    license: str | None = None
    caption: str | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        named = " - ".join(part for part in (self.artist, self.title) if part)
        return " ".join(part for part in (self.clip_id or self.file, named) if part)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class ModelFacts:
    """The model that makes the piece.

    Attributes:
        run: Its folder.
        checkpoint: The checkpoint that is used.
        revision: Changes with the weights of the run, of its codec, and of what reads its texts.
    """

    run: str
    checkpoint: str
    revision: str


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Made:
    """What was made.

    Attributes:
        file: Name of the file of sound.
        sha256: Of that file.
        film: Name of the film with it.
        film_sha256: Of that film.
        leitmotif: The version that made it.
        device: Where it was made.
    """

    file: str
    sha256: str
    film: str | None = None
    film_sha256: str | None = None
    leitmotif: str
    device: str


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Bridges:
    """Everything that the music follows from.

    Attributes:
        version: Of this form.
        text: The text bridge: what the music is to be like.
        text_from: Who said so.
        attributes: What it is to have: value by kind, such as {"genre": "jazz"}; said behind the text.
        broad: The music that is followed: the broad track.
        targeted: The music whose style is taken: the targeted track.
        dataset: The folder that the clips are in.
        given: What was asked for with.
        model: What makes it.
        seconds: Its length.
        seed: Seed of the noise that it begins as.
        strength: How much the broad track is followed; 1 as in training.
        steps: Steps from noise to sound.
        guidance: How much all conditions are followed.
        made: What was made of it.
    """

    version: Annotated[int, Field(ge=VERSION, le=VERSION)] = VERSION
    text: str
    text_from: str
    attributes: dict[str, str] = Field(default_factory=dict)
    broad: Track | None = None
    targeted: Track | None = None
    dataset: str | None = None
    given: Given = Given()
    model: ModelFacts
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    seed: Annotated[int, Field(ge=0)] = 0
    strength: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    steps: Annotated[int, Field(gt=0)]
    guidance: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    made: Made | None = None

    def facts(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return facts_of(self)

    def changed(self, **changes: Any) -> Bridges:
        """Return the bridges with other values; those that are None stay, and nothing is made of them yet.

        Raises:
            UserError: A value does not fit.
        """
        chosen = {name: value for name, value in changes.items() if value is not None}
        try:
            return replace(self, made=None, **chosen)
        except ValidationError as error:
            raise wrong_value(".".join(map(str, error.errors()[0]["loc"])), error) from error


_READER = TypeAdapter(Bridges)


def write_bridges(path: Path, bridges: Bridges) -> None:
    """Write bridges as a JSON file that people can edit.

    Raises:
        OSError: The disk refused.
    """
    write_bytes(path, bytes_of(bridges))


def read_bridges(path: Path) -> Bridges:
    """Return the bridges in a file.

    Raises:
        UserError: There is no such file, or something in it is of no use.
    """
    return read_record(path, _READER, "bridges")


def is_bridges(path: Path) -> bool:
    """Tell whether a file is one that `write_bridges` wrote, whatever was edited in it."""
    return holds(path, "text", "text_from", "model")
