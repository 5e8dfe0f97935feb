"""The scheme of a soundtrack: two sound effects and a piece of music, in words, as a model wrote them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.dataclasses import dataclass

from leitmotif.captioning.validate import REFUSAL
from leitmotif.shards.texts import encodable
from leitmotif.storage.documents import DocumentError, parse_yaml

# Of the paper: two effects, each a short sentence in 12 words.
EFFECTS, EFFECT_WORDS = 2, 12
# What a prompt of MusicGen may be; its text encoder reads a few words more.
MUSIC_WORDS, IDEA_WORDS = 80, 20
MOST_LETTERS = 4000
_MOST_BRACES = 20
# Whoever refuses says so soon.
_SOON = 300

# What says that an effect is music. Words that are sounds of the world as well (a horn, a bell, a whistle, an
# elephant's trumpet, a heart's beat) are not among them.
_MUSIC = re.compile(
    r"\b(?:music|musical|melod(?:y|ies|ic)|songs?|tunes?|soundtrack|chords?|harmon(?:y|ies)|bgm|orchestra(?:l)?"
    r"|symphon(?:y|ic)|synth(?:s|esi[sz]ers?)?|pianos?|guitars?|violins?|cellos?|ukuleles?|banjos?|saxophones?"
    r"|clarinets?|harps?|drums?|drumbeats?|jazz|techno|bassline|arpeggios?)\b",
    re.IGNORECASE,
)
_KEYS = {
    **dict.fromkeys(("idea", "title", "theme"), "idea"),
    **dict.fromkeys(("sfx", "sfxs", "effects", "sound effects", "sound_effects"), "effects"),
    **dict.fromkeys(("bgm", "music", "background music", "background_music"), "music"),
}
_KEY = re.compile(
    r"[\"'*]{0,3}\b(idea|title|sfxs?|sound[ _]effects?|bgm|background[ _]music)\b[\"'*]{0,3}\s{0,3}[:=]",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"([^\"]+)\"|'((?:[^']|(?<=\w)'(?=\w))+)'")
_LISTED = re.compile(r"[;|\n]|\s\d[.)]\s|^\d[.)]\s")
_BULLET = re.compile(r"^(?:sfx|bgm|effect|sound)?\s?\d?\s?[.):-]?\s+|^\d[.)]\s?|^[-•*]\s?", re.IGNORECASE)
_TYPED = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'"})
_COMMA = re.compile(r",(?=\s{0,50}[}\]])")

Words = Annotated[str, StringConstraints(min_length=1, max_length=MOST_LETTERS)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Scheme:
    """What a film is to sound like.

    Attributes:
        idea: What it is about, in a few words; empty where nobody said.
        effects: Sounds of the world, without music: two of a model, fewer where words of a user name fewer.
        music: The music in the background.
    """

    idea: str = ""
    effects: Annotated[tuple[Words, ...], Field(max_length=EFFECTS)] = ()
    music: Words

    def text(self) -> str:
        """Return it as a model is to write it."""
        return json.dumps(
            {"idea": self.idea, "SFX": list(self.effects), "BGM": self.music}, ensure_ascii=False
        )


class BadScheme(ValueError):  # noqa: N818
    """What a model wrote is no scheme; the text says why, in words that the model is told."""


def read_scheme(text: str) -> Scheme:
    """Return the scheme in what a model wrote.

    Prose and fences around it, typographic and single quotes, commas that lack or are too many, brackets in
    texts, names in other letters, and more than two effects are mended.

    Args:
        text: The answer, without what the model thought.

    Raises:
        BadScheme: There is none, or one that cannot be used.
    """
    said = _typed(text).strip()
    if not said:
        raise BadScheme("the answer is empty")
    if len(said) > MOST_LETTERS:
        raise BadScheme(f"the answer has {len(said)} letters, and {MOST_LETTERS} at most are read")
    for facts in _candidates(said):
        return _checked(facts)
    if refuses(said):
        raise BadScheme("the answer is a refusal")
    raise BadScheme('the answer holds no JSON object with "SFX" and "BGM"')


def refuses(said: str) -> bool:
    """Tell whether an answer begins with a refusal."""
    return REFUSAL.search(said[:_SOON]) is not None


def read_schemes(text: str) -> tuple[Scheme, ...]:
    """Return the schemes in what a model wrote, a line or an object each; those of no use are left out.

    Raises:
        BadScheme: There is none of use.
    """
    said, found = _typed(text)[:MOST_LETTERS], []
    for piece in re.split(r"(?<=\})|\n\s*\n", said):
        try:
            found.append(read_scheme(piece))
        except BadScheme:
            continue
    if not found:
        raise BadScheme(
            'the answer holds no example of the form {"idea": "…", "SFX": ["…", "…"], "BGM": "…"}'
        )
    return tuple(found)


def _typed(text: str) -> str:
    """Return a text with the quotes of a keyboard; one behind a backslash, which JSON lacks, is one, too."""
    return encodable(text).translate(_TYPED).replace("\\'", "'")


def _candidates(said: str) -> Iterator[Mapping[str, Any]]:
    """Yield what may be the scheme: an object, the same read as YAML, what stands behind the names."""
    begins = [match.start() for match in re.finditer(r"\{", said)][:_MOST_BRACES]
    for begin in begins:
        part = said[begin:]
        try:
            value, _ = json.JSONDecoder(strict=False).raw_decode(_COMMA.sub("", part))
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and _has(named := _named(value)):
            yield named
    for begin in begins[:1]:
        try:
            value = parse_yaml(said[begin : said.rfind("}") + 1])
        except DocumentError:
            continue
        if isinstance(value, dict) and _has(named := _named(value)):
            yield named
    if _has(named := _behind_names(said)):
        yield named


def _named(value: Mapping[Any, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for key, each in value.items():
        name = _KEYS.get(str(key).strip().lower())
        if name is not None:
            named.setdefault(name, each)
        elif isinstance(each, dict):  # {"scheme": {…}}
            named = {**_named(each), **named}
    return named


def _has(named: Mapping[str, Any]) -> bool:
    return "effects" in named and "music" in named


def _behind_names(said: str) -> dict[str, Any]:
    """Return what stands behind each name, up to the next, where there is no JSON to be read."""
    names = list(_KEY.finditer(said))
    ends = [*(name.start() for name in names), len(said)]
    named: dict[str, Any] = {}
    for name, end in zip(names, ends[1:], strict=True):
        key, value = _KEYS[re.sub(r"effect$", "effects", name[1].lower())], said[name.end() : end]
        quoted = [double or single for double, single in _QUOTED.findall(value)]
        named.setdefault(key, quoted or [part for part in _LISTED.split(value) if part.strip()])
    return named


def _checked(named: Mapping[str, Any]) -> Scheme:
    music = _phrase(" ".join(_texts(named["music"])))
    if not music:
        raise BadScheme('"BGM" is empty; describe the music in one sentence')
    if len(music.split()) > MUSIC_WORDS:
        raise BadScheme(f'"BGM" has {len(music.split())} words, and {MUSIC_WORDS} at most are expected')
    idea = " ".join(_phrase(" ".join(_texts(named.get("idea")))).split()[:IDEA_WORDS])
    return Scheme(idea=idea, effects=_effects(_texts(named["effects"])), music=music)


def _effects(texts: list[str]) -> tuple[str, ...]:
    """Return the first two that can be used.

    Raises:
        BadScheme: There are fewer.
    """
    phrases: list[str] = []
    for phrase in filter(None, map(_phrase, texts)):
        if phrase.casefold() not in map(str.casefold, phrases):
            phrases.append(phrase)
    faults = {phrase: fault for phrase in phrases if (fault := _fault(phrase))}
    good = [phrase for phrase in phrases if phrase not in faults]
    if len(good) >= EFFECTS:
        return tuple(good[:EFFECTS])
    for fault in faults.values():
        raise BadScheme(fault)
    raise BadScheme(f'"SFX" has {len(good)} effects that differ, and exactly {EFFECTS} are expected')


def _fault(effect: str) -> str | None:
    words = len(effect.split())
    if words > EFFECT_WORDS:
        return f"the effect {effect[:100]!r} has {words} words, and {EFFECT_WORDS} at most are expected"
    if found := _MUSIC.search(effect):
        return f"the effect {effect!r} is music ({found[0]}); take a sound of the real world in its place"
    if not any(letter.isalpha() for letter in effect):
        return f"the effect {effect!r} says nothing"
    return None


def _texts(value: Any) -> list[str]:
    """Return the texts in a value, whatever form a model gave it."""
    if isinstance(value, str):
        parts = [part for part in _LISTED.split(value) if part.strip()]
        return parts or [value]
    if isinstance(value, dict):
        told = value.get("description") or value.get("text")
        return _texts(told) if told else [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [] if value is None else [str(value)]


def _phrase(text: str) -> str:
    """Return a phrase in one line, without bullets, brackets, and quotes around it."""
    line = " ".join(re.sub(r"[\[\]{}\"`*<>]", " ", encodable(text)).split())
    line = _BULLET.sub("", line).strip(" ,;:'")
    return line[:-1] if line.endswith(".") and line.count(".") == 1 else line
