"""The words of a grammar: a file `grammar-*.yaml` of `captioning/prompts`, checked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from leitmotif.storage.documents import DocumentError, read_mapping
from leitmotif.storage.errors import UserError

PROMPTS = Path(__file__).with_name("prompts")

# What each slot of a sentence says; a sentence fits a clip of which all that is known.
SLOTS: dict[str, frozenset[str]] = {
    "a_piece": frozenset({"piece"}),
    "this_piece": frozenset({"piece"}),
    "a_paced_piece": frozenset({"piece", "pace"}),
    "this_paced_piece": frozenset({"piece", "pace"}),
    "moods": frozenset({"moods"}),
    "a_plain_piece": frozenset({"piece", "moods"}),
    "this_plain_piece": frozenset({"piece", "moods"}),
    "instruments": frozenset({"instruments"}),
    "tempo": frozenset({"tempo"}),
    "key": frozenset({"key"}),
}
_SLOT = re.compile(r"\{([^{}]*)\}")

Word = Annotated[str, StringConstraints(min_length=1, pattern=r"^\S(.*\S)?$")]
Words = Annotated[tuple[Word, ...], Field(min_length=1)]


class PromptFile(BaseModel):
    """What every prompt file says: its name with version, and the length of a caption at most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z-]+-v\d+$")]
    max_words: int = Field(ge=12)


PromptT = TypeVar("PromptT", bound=PromptFile)


class Templates(PromptFile):
    """All that a grammar says, and how.

    Attributes:
        id: Name with version, as it is written in datasets.
        max_words: Length of a caption at most.
        moods: Adjectives for each mood.
        genres: How a genre is written before a noun.
        instruments: How an instrument is written in a list; an "s" at its end makes it plural.
        plural: Instruments that are plural without the "s".
        pieces: Nouns for music of which it is not known whether somebody sings.
        songs: Sentences about music with a voice, and what follows each of them.
        instrumentals: Sentences about music without one; those with a genre before them are "instrumental".
        paces: Adjectives for slow, medium and fast.
        tempi: Phrases such as "a slow tempo of about {bpm} BPM" for slow, medium and fast.
        themes: Words of a title or description that may be spoken of, and how.
        evoking: How a theme follows a sentence, with `{theme}`.
        sentences: Templates.
    """

    moods: dict[str, Words]
    genres: dict[str, Word]
    instruments: dict[str, Words]
    plural: tuple[Word, ...]
    pieces: Words
    songs: Words
    instrumentals: Words
    paces: dict[str, Words]
    tempi: dict[str, Words]
    themes: dict[str, Word]
    evoking: Words
    sentences: Words

    @field_validator("sentences")
    @classmethod
    def _known_slots(cls, sentences: tuple[str, ...]) -> tuple[str, ...]:
        for sentence in sentences:
            for slot in _SLOT.findall(sentence):
                if slot not in SLOTS and not re.fullmatch(r"verb:\w+\|\w+", slot):
                    known = ", ".join(sorted(SLOTS))
                    raise ValueError(
                        f"slot {slot!r} is not known in {sentence!r}; expected {known}, or verb:drive|drives"
                    )
            if sentence.endswith("."):
                raise ValueError(f"{sentence!r} ends with a period; leave it out, a theme may follow")
        if len(set(sentences)) < len(sentences):
            raise ValueError("a sentence stands there twice; remove one")
        if not any(facts_of(sentence) == {"piece"} for sentence in sentences):
            raise ValueError(
                "no sentence does with {a_piece} alone; add one for clips of which nothing is known"
            )
        return sentences

    @field_validator("paces", "tempi")
    @classmethod
    def _all_classes(cls, words: dict[str, Words]) -> dict[str, Words]:
        if set(words) != {"slow", "medium", "fast"}:
            raise ValueError(f"got {', '.join(words)}; expected slow, medium, fast")
        return words

    @property
    def digest(self) -> str:
        """The first 12 hex digits of the SHA-256 of all the words."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


def facts_of(sentence: str) -> frozenset[str]:
    """Return the facts that a sentence needs to be known: piece, moods, instruments, tempo, pace, key."""
    return frozenset[str]().union(*(SLOTS.get(slot, frozenset()) for slot in _SLOT.findall(sentence)))


def prompt_ids() -> list[str]:
    """Return the ids of all grammars."""
    return sorted(path.stem for path in PROMPTS.glob("grammar-*.yaml"))


def read_templates(prompt_id: str) -> Templates:
    """Read a grammar.

    Raises:
        LookupError: There is no such prompt; the known ones are listed.
        UserError: The file does not say what it should.
    """
    return read_prompt_file(PROMPTS, prompt_id, prompt_ids(), Templates)


def read_prompt_file(folder: Path, prompt_id: str, known: Sequence[str], kind: type[PromptT]) -> PromptT:
    """Read a prompt file as what it is to be.

    Args:
        folder: Where it lies.
        prompt_id: Name of the file, without its suffix.
        known: All of its kind.
        kind: A model with an `id`.

    Raises:
        LookupError: There is no such prompt; the known ones are listed.
        UserError: The file does not say what it should.
    """
    if prompt_id not in known:
        raise LookupError(f"got prompt {prompt_id!r}; expected one of {', '.join(known)}")
    path = folder / f"{prompt_id}.yaml"
    try:
        prompt = kind.model_validate(read_mapping(path))
    except (DocumentError, ValidationError) as error:
        raise UserError(f"prompt file {path.name!r} cannot be used: {error}") from error
    if prompt.id != prompt_id:
        raise UserError(f"prompt file {path.name!r} calls itself {prompt.id!r}; the two must agree")
    return prompt
