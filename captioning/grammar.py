"""Captions by a grammar: no model, no network, the same words for the same clip for ever."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple, Self

from leitmotif.captioning.captioner import Caption, Keep, keep_nothing
from leitmotif.captioning.errors import BadCaption
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.templates import Templates, facts_of, read_templates

MODEL_ID = "grammar"
REVISION = "2"
LICENSE = "Apache-2.0"
RATE_HZ = None  # it reads text
REFERENCE = "Visuals Music Bridge, section 3.1: one sentence from tags and metadata"

PROMPT = "grammar-sentence-v1"
MAX_INSTRUMENTS, MAX_GENRES, MAX_MOODS = 4, 2, 2
# Tries to find words that are not by chance the title or the artist.
TRIES = 8

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
# Written with a vowel, spoken with a consonant; and the other way round.
_SPOKEN_CONSONANT = re.compile(r"(?:eu|one\b|once\b|u(?:ni(?!n|m)|k|s[ei]|b))", re.IGNORECASE)
_SPOKEN_VOWEL = re.compile(r"(?:[aeiou]|hour|honest|heir|honou?r)", re.IGNORECASE)
_NEGATIONS = {"no", "not", "never", "without", "isn't", "don't"}


@dataclass(frozen=True)
class Chooser:
    """Chooses words by a hash of the clip's id: as good as chance, and the same on every machine."""

    seed: str

    def of(self, purpose: str, words: Sequence[str]) -> str:
        """Return one of the words."""
        digest = hashlib.blake2b(f"{self.seed}/{purpose}".encode(), digest_size=8).digest()
        return words[int.from_bytes(digest, "little") % len(words)]


class GrammarCaptioner:
    """Writes one sentence about each clip."""

    def __init__(self, prompt_id: str = PROMPT) -> None:
        self.prompt_id = prompt_id

    @classmethod
    def make(cls, prompt_id: str | None, settings: Mapping[str, Any], *, instrumental: bool) -> Self:
        """Return a captioner, which has no settings but its prompt."""
        return cls(prompt_id or PROMPT)

    def model(self) -> str:
        """Return `id@revision`."""
        return f"{MODEL_ID}@{REVISION}"

    def identity(self) -> Mapping[str, Any]:
        """Return what changes the words.

        Raises:
            LookupError: There is no such prompt; the known ones are listed.
        """
        return {"prompt": self.prompt_id, "prompt_digest": read_templates(self.prompt_id).digest}

    def load(self) -> Self:
        """Read the words.

        Raises:
            LookupError: There is no such prompt; the known ones are listed.
            UserError: The prompt's file does not say what it should.
        """
        self._templates = read_templates(self.prompt_id)
        return self

    def caption(self, batch: Sequence[CaptionFacts], keep: Keep = keep_nothing) -> list[Caption | BadCaption]:
        """Return a caption for each clip, in order; all at once, so that `keep` is called for none."""
        if not hasattr(self, "_templates"):
            raise RuntimeError("got a captioner without words; expected load() to be called first")
        return [write_caption(facts, self._templates) for facts in batch]


class Theme(NamedTuple):
    """What metadata speak of: words of the safe list, and the field that they stand in."""

    words: str
    source: str


def write_caption(facts: CaptionFacts, templates: Templates) -> Caption:
    """Return one sentence that says only what is given, and neither title nor artist."""
    theme = find_theme(facts, templates)
    caption = Caption("", seed=None)
    for attempt in range(TRIES):
        choose = Chooser(f"{templates.id}/{facts.clip_id}/{attempt}")
        caption = _fit(facts, templates, choose, theme)
        if not (_names(facts.title, caption.text) or _names(facts.artist, caption.text)):
            break
    return caption


def _fit(facts: CaptionFacts, templates: Templates, choose: Chooser, theme: Theme | None) -> Caption:
    """Write a sentence, saying less until it is short enough."""
    sentence = _sentence(facts, templates, choose, theme)
    if theme is not None and len(sentence.split()) <= templates.max_words:
        return Caption(sentence, seed=None, metadata=(theme.source,))
    sentence = _sentence(facts, templates, choose, None)
    count = min(MAX_INSTRUMENTS, len(facts.instruments))
    while len(sentence.split()) > templates.max_words and count > 1:
        count -= 1
        sentence = _sentence(replace(facts, instruments=facts.instruments[:count]), templates, choose, None)
    return Caption(sentence, seed=None)


def _sentence(facts: CaptionFacts, templates: Templates, choose: Chooser, theme: Theme | None) -> str:
    known = _known(facts)
    fitting = [(facts_of(each), each) for each in templates.sentences if facts_of(each) <= known]
    # What a sentence says besides the piece; "pace" and "tempo" are one thing, moods are in the piece anyway.
    said = [len({"instruments", "key"} & needs) + bool({"tempo", "pace"} & needs) for needs, _ in fitting]
    # Nearly all that is known: a caption may leave out one thing, for variety. Where no tag says how it
    # sounds, all of it: a key alone, or a voice, is no description.
    tagged = bool(facts.genres or facts.instruments or facts.moods)
    least = max(max(said) - 1, 1 if max(said) else 0) if tagged else max(said)
    template = choose.of(
        "sentence", [each for (_, each), much in zip(fitting, said, strict=True) if much >= least]
    )
    slots = _slots(facts, templates, choose, facts_of(template))
    several = len(facts.instruments[:MAX_INSTRUMENTS]) > 1
    plural = several or (bool(facts.instruments) and _is_plural(slots["instruments"], templates))
    text = re.sub(r"\{verb:(\w+)\|(\w+)\}", r"\1" if plural else r"\2", template).format(**slots)
    if theme is not None:
        text += choose.of("evoking", templates.evoking).format(theme=theme.words)
    return text[0].upper() + text[1:] + "."


def _known(facts: CaptionFacts) -> frozenset[str]:
    known = {
        "piece": True,
        "moods": bool(facts.moods),
        "instruments": bool(facts.instruments),
        "pace": facts.tempo_class is not None,
        "tempo": facts.tempo_class is not None or facts.tempo_bpm is not None,
        "key": facts.key is not None,
    }
    return frozenset(name for name, is_known in known.items() if is_known)


def _slots(
    facts: CaptionFacts, templates: Templates, choose: Chooser, needs: frozenset[str]
) -> dict[str, str]:
    """Return the text of every slot that the facts can fill."""
    moods = [
        choose.of(f"mood {mood}", templates.moods.get(mood, (mood,)))
        for mood in dict.fromkeys(facts.moods[:MAX_MOODS])
    ]
    plain = _piece(facts, templates, choose)
    piece = _described(moods, plain)
    slots = {"a_piece": with_article(piece), "this_piece": f"this {piece}"}
    if moods:
        slots |= {
            "moods": " and ".join(moods),
            "a_plain_piece": with_article(plain),
            "this_plain_piece": f"this {plain}",
        }
    if facts.tempo_class is not None:
        paced = _described([choose.of("pace", templates.paces[facts.tempo_class]), *moods], plain)
        slots |= {"a_paced_piece": with_article(paced), "this_paced_piece": f"this {paced}"}
    if "tempo" in needs:
        slots["tempo"] = _tempo(facts, templates, choose)
    if facts.instruments:
        names = dict.fromkeys(facts.instruments[:MAX_INSTRUMENTS])
        slots["instruments"] = listed(
            [choose.of(name, templates.instruments.get(name, (name,))) for name in names]
        )
    if facts.key is not None:
        slots["key"] = facts.key
    return slots


def _piece(facts: CaptionFacts, templates: Templates, choose: Chooser) -> str:
    """Return the noun with its genre: "rock track", "folk song with vocals", "instrumental jazz piece"."""
    genres = " and ".join(
        templates.genres.get(genre, genre) for genre in dict.fromkeys(facts.genres[:MAX_GENRES])
    )
    words = {None: templates.pieces, True: templates.songs, False: templates.instrumentals}[facts.has_vocals]
    noun = choose.of("piece", words)
    adjective, space, rest = noun.partition(" ")
    if space and adjective in ("instrumental", "vocal") and genres:
        return f"{adjective} {genres} {rest}"
    return f"{genres} {noun}".strip()


def _described(adjectives: Sequence[str], noun: str) -> str:
    return f"{', '.join(adjectives)} {noun}" if adjectives else noun


def _tempo(facts: CaptionFacts, templates: Templates, choose: Chooser) -> str:
    """Return "a slow tempo", "a slow tempo of about 72 BPM" or "about 72 BPM"."""
    bpm = None if facts.tempo_bpm is None else f"{round(facts.tempo_bpm)} BPM"
    if facts.tempo_class is None:
        return f"about {bpm}"
    words = choose.of("tempo", templates.tempi[facts.tempo_class])
    if bpm is None:
        return words
    return choose.of("bpm", (words, f"{words} of about {bpm}", f"about {bpm}", f"{words} of around {bpm}"))


def find_theme(facts: CaptionFacts, templates: Templates) -> Theme | None:
    """Return what the metadata speaks of, in words of the safe list; None where that would tell a name."""
    ours = set(_words(facts.artist))
    told = cache(lambda theme: _names(facts.title, theme) or _names(facts.artist, theme))
    for source in ("title", "description"):
        words = _words(getattr(facts, source))
        for before, word in zip(["", *words], words, strict=False):
            theme = templates.themes.get(word)
            if theme is None or word in ours or before in _NEGATIONS:
                continue
            if not told(theme):
                return Theme(theme, source)
    return None


def _words(text: str | None) -> list[str]:
    return [word.lower() for word in _WORD.findall(text or "")]


def _names(name: str | None, text: str) -> bool:
    """Tell whether a text holds a name, word by word."""
    wanted, words = _words(name), _words(text)
    return bool(wanted) and any(
        words[i : i + len(wanted)] == wanted for i in range(len(words) - len(wanted) + 1)
    )


def with_article(phrase: str) -> str:
    """Return the phrase with "a" or "an", by the sound of its first word."""
    vowel = _SPOKEN_VOWEL.match(phrase) and not _SPOKEN_CONSONANT.match(phrase)
    return f"{'an' if vowel else 'a'} {phrase}"


def listed(words: Sequence[str]) -> str:
    """Return "a", "a and b", or "a, b, and c"."""
    if len(words) <= 2:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"


def _is_plural(name: str, templates: Templates) -> bool:
    return name in templates.plural or (name.endswith("s") and not name.endswith("ss"))


CAPTIONER = GrammarCaptioner
