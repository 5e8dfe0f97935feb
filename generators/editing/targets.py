"""Reads what an instruction is about: the voice, the accompaniment, everything, an instrument, a sound."""

from __future__ import annotations

import re
from functools import cache

from leitmotif.generators.editing.edit import ACCOMPANIMENT, EVERYTHING, VOCALS
from leitmotif.generators.sound_effects.choose import choose
from leitmotif.phrases import near_names
from leitmotif.storage.errors import UserError
from leitmotif.taxonomy.labels import Label, UnknownLabelError, load

_NAMES = {
    VOCALS: (
        "vocal", "vocals", "voice", "voices", "singing", "singer", "singers", "lead vocal", "lead vocals",
        "lead voice", "backing vocals", "singing voice", "human voice", "rap", "rapping", "rapper", "lyrics",
        "speech",
    ),
    ACCOMPANIMENT: (
        "accompaniment", "instrumental", "instrumentals", "instruments", "backing track", "backing music",
        "background music", "band", "music behind the vocals",
    ),
    EVERYTHING: (
        "", "it", "everything", "all", "music", "song", "track", "piece", "recording", "mix", "audio",
        "sound", "volume", "whole", "whole thing", "whole song", "whole track", "whole piece", "whole mix",
        "tune", "entire song", "entire track", "entire piece", "entire mix", "overall volume",
        "overall level",
        "level", "this", "that", "them", "clip",
    ),
    # What everybody says of instruments, and the label set has under longer names.
    "acoustic guitar": ("guitar", "guitars"),
    "bass guitar": ("bass", "basses", "bassline", "bass guitars"),
    "drums": ("drum", "drum kit", "drum set", "drumming", "percussion", "beat", "beats", "drum track"),
    "saxophone": ("sax", "alto sax", "tenor sax"),
    "electric piano": ("rhodes", "keyboard", "keyboards", "keys"),
    "synthesizer": ("synth", "synths", "lead synth"),
    "synth pad": ("pad", "pads"),
    "french horn": ("horn",),
    "brass": ("horns", "brass section"),
    "mallet percussion": ("marimba", "vibraphone", "xylophone"),
    "hand percussion": ("congas", "bongos", "shaker", "tambourine"),
}  # fmt: skip
_BEFORE = re.compile(
    r"^(?:(?:the|a|an|some|any|all|its|this|that|these|those|more|my|of|solo|level|volume|sound) )+(?=\S)"
)
_BEHIND = re.compile(
    r"(?: (?:part|parts|stem|stems|track|tracks|line|lines|section|sound|sounds|level|volume|solo|music|"
    r"playing|players?|too|please|again|completely|entirely|altogether|in it|in there|in the mix|"
    r"(?:to|into|on|over|on top of) (?:it|this|the (?:mix|music|song|track|piece|recording))))+$"
)


class UnknownTargetError(UserError):
    """Words name nothing that a recording has."""


def read_target(phrase: str) -> str:
    """Return what words name, such as "the drums": a target of `Edit`.

    Raises:
        UnknownTargetError: They name nothing known.
    """
    for name in _stripped(phrase):
        if name in _known():
            return _known()[name]
        if (label := _label(name)) and label.kind in ("instrument", "vocal"):
            return VOCALS if label.kind == "vocal" else label.id
    raise UnknownTargetError(_unknown(phrase))


def read_addition(phrase: str) -> tuple[str, str]:
    """Return what is to be added, an instrument or a sound effect, and in what words it was named.

    Raises:
        UnknownTargetError: Nothing known, or what cannot be made.
    """
    words = next(iter(_stripped(phrase)), phrase)
    for place, name in enumerate(_tails(words)):
        try:
            target = read_target(name)
        except UnknownTargetError:
            continue
        if target == VOCALS:
            raise UnknownTargetError(f"no voice can be added, as {words!r} asks")
        if target in (EVERYTHING, ACCOMPANIMENT):
            break
        if any(not _describes(word) for word in words.split()[:place]):
            break
        return target, words
    try:
        chosen = choose(words)
    except UserError as error:
        raise UnknownTargetError(_unknown(phrase)) from error
    return chosen[0].effect.name, words


def read_style(phrase: str) -> str:
    """Return a style, the label of a genre or mood, or as it was said.

    Raises:
        UnknownTargetError: There are no words.
    """
    for name in _stripped(phrase):
        plain = re.sub(r" (?:feel|style|song|tune|piece|track|version)$", "", name.removeprefix("more "))
        happy = f"{plain.removesuffix('ier')}y" if plain.endswith("ier") else plain  # "happier"
        for form in (name, plain, plain.removesuffix("r"), plain.removesuffix("er"), happy):
            if (label := _label(form)) and label.kind in ("genre", "mood"):
                return label.id
    raise UnknownTargetError(f"{phrase!r} is no genre or mood of the label set")


def _stripped(phrase: str) -> list[str]:
    """Return a phrase without what says nothing, the longest first."""
    phrase = phrase.strip(" ,.")
    bare = _BEFORE.sub("", phrase)
    return list(dict.fromkeys((phrase, bare, _BEHIND.sub("", bare), _BEFORE.sub("", _BEHIND.sub("", bare)))))


def _tails(words: str) -> list[str]:
    parts = words.split()
    return [" ".join(parts[place:]) for place in range(len(parts))]


def _describes(word: str) -> bool:
    """Tell whether a word may stand before an instrument that is added."""
    if word in _ADJECTIVES:
        return True
    label = _label(word)
    return label is not None and label.kind in ("mood", "genre")


_ADJECTIVES = frozenset((
    "soft", "gentle", "quiet", "loud", "warm", "bright", "slow", "fast", "simple", "short", "long", "subtle",
    "distant", "clean", "big", "small", "low", "high", "muted", "distorted", "lively", "calm", "solo",
    "second", "another", "nice", "and", "a", "an", "the", "some", "more",
))  # fmt: skip


@cache
def _known() -> dict[str, str]:
    return {name: target for target, names in _NAMES.items() for name in names}


@cache
def _label(name: str) -> Label | None:
    for form in (name, name.removesuffix("s")):
        try:
            return load().find(form)
        except UnknownLabelError:
            continue
    return None


def _unknown(phrase: str) -> str:
    names = [*_known(), *(label.id for label in load().instruments)]
    near = near_names(phrase.strip(), [name for name in names if name])
    return f"{phrase.strip()!r} is nothing that it knows" + (f" (near: {', '.join(near)})" if near else "")
