"""What a scored film follows from, and what became of it: JSON beside it, from which it is made again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from leitmotif.generators.mixing.mix import Way
from leitmotif.generators.records import facts_of, holds, read_record
from leitmotif.generators.sva.frames import Choice
from leitmotif.generators.sva.scheme import Scheme
from leitmotif.generators.sva.writer import Question

VERSION = 1
OwnSound = Literal["replace", "mix", "refuse"]
SoundRole = Literal["effect", "music"]
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class FrameFacts:
    """A picture that was looked at (`leitmotif.generators.sva.frames.Shown`)."""

    time_s: float
    number: int | None
    of: int
    sha256: str


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Seen:
    """How the scheme came about.

    Attributes:
        by: Who said it: "the user", a run, or a model and its server.
        style: What the user wished.
        choice: How pictures were chosen.
        frames: The pictures.
        prompts: Name and digest of what a model was asked with.
        description: What is to be seen, or what was said.
        key_words: What stood for the style.
        questions: What the model was asked, and answered.
    """

    by: str
    style: str | None = None
    choice: Choice | None = None
    frames: tuple[FrameFacts, ...] = ()
    prompts: str | None = None
    description: str
    key_words: str | None = None
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class SoundFacts:
    """One sound of the scheme.

    Attributes:
        role: "effect" or "music".
        prompt: What it is a sound of.
        backend: What made it, of `leitmotif.generators.backends`.
        model: Its model, as it was asked for; None of its own choice.
        identity: Model and revision that made it.
        seconds: How much was made.
        seed: Seed of it.
        rms: What the noise gate measured; None of music, which is not asked.
        kept: Whether it is in the mix.
        reason: Why it is not.
    """

    role: SoundRole
    prompt: str
    backend: str
    model: str | None = None
    identity: str | None = None
    seconds: float | None = None
    seed: Annotated[int, Field(ge=0)]
    rms: float | None = None
    kept: bool = True
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class MadeFilm:
    """The film that was made.

    Attributes:
        file: Its name.
        sha256: Of its file.
        replaced: Whether the film had a sound, in whose place the new one stands.
        graph: The graph of filters that mixed its sound, as `ffmpeg -filter_complex` takes it.
        rate_hz: Sampling rate of the mix.
        loudness_lufs: Integrated loudness of the film, as it is decoded.
        true_peak_db: Its true peak, dB of full scale.
        leitmotif: The version that made it.
        device: Where the sounds were made.
    """

    file: str
    sha256: str
    replaced: bool = False
    graph: str
    rate_hz: int
    loudness_lufs: float
    true_peak_db: float
    leitmotif: str
    device: str


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class SvaRecord:
    """Everything that a scored film follows from.

    Attributes:
        version: Of this form.
        video: The film.
        seconds: Its length.
        sound: What becomes of its own sound.
        mix: How sounds are mixed.
        seed: Of frames, words and sounds.
        seen: How the scheme came about.
        scheme: What the film is to sound like.
        sounds: Its sounds, which are made anew of a record.
        made: What was made of it.
    """

    version: Annotated[int, Field(ge=VERSION, le=VERSION)] = VERSION
    video: str
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    sound: OwnSound = "replace"
    mix: Way = "safe"
    seed: Annotated[int, Field(ge=0)] = 0
    seen: Seen
    scheme: Scheme
    sounds: tuple[SoundFacts, ...]
    made: MadeFilm | None = None

    def facts(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return facts_of(self)


_READER = TypeAdapter(SvaRecord)


def read_sva(path: Path) -> SvaRecord:
    """Return the record in a file.

    Raises:
        UserError: There is no such file, or something in it is of no use.
    """
    return read_record(path, _READER, "record of a scored film")


def is_sva(path: Path) -> bool:
    """Tell whether a file is such a record, whatever was edited in it."""
    return holds(path, "scheme", "sounds", "seen")
