"""Which sound effects words ask for, and in which manner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from leitmotif.generators.sound_effects import living, things, weather
from leitmotif.generators.sound_effects.effect import Effect, Manner
from leitmotif.phrases import did_you_mean
from leitmotif.storage.errors import UserError

EFFECTS = (*weather.EFFECTS, *living.EFFECTS, *things.EFFECTS)
# More than these at once are mud.
MOST_AT_ONCE = 4

_PART = re.compile(r"[,;.]|\b(?:and|with|over|plus|while|then|as|under|followed by)\b")
_WORD = re.compile(r"[a-z]+")
_SMALL = frozenset(
    ("a", "an", "the", "of", "on", "in", "at", "to", "by", "is", "are", "some", "its", "sound")
)
_GENTLE = frozenset(("gentle", "gently", "light", "soft", "softly", "quiet", "faint", "small", "calm"))
_HEAVY = frozenset(("heavy", "strong", "loud", "hard", "violent", "big", "huge", "massive", "roaring"))
_SLOW = frozenset(("slow", "slowly", "lazy", "leisurely", "idle", "idling"))
_FAST = frozenset(("fast", "quick", "quickly", "rapid", "rapidly", "hurried", "racing", "hasty", "speeding"))
_FAR = frozenset(("distant", "far", "remote", "background", "away"))
_HOW = _GENTLE | _HEAVY | _SLOW | _FAST | _FAR


@dataclass(frozen=True)
class Wanted:
    """An effect that was asked for, and its manner."""

    effect: Effect
    manner: Manner


def choose(prompt: str, negative_prompt: str | None = None) -> list[Wanted]:
    """Return the effects that words ask for, in their order, each once.

    Args:
        prompt: Such as "heavy rain on a roof with distant thunder".
        negative_prompt: What it names is left out.

    Raises:
        UserError: No effect is meant, or none is left.
    """
    found: dict[str, Wanted] = {}
    for part in _PART.split(prompt.lower()):
        words = _words(part)
        for effect in _meant(words):
            found.setdefault(effect.name, Wanted(effect, _manner(words)))
    if not found:
        raise UserError(_unknown(prompt))
    away = {effect.name for effect in _meant(_words((negative_prompt or "").lower()))}
    left = [wanted for name, wanted in found.items() if name not in away]
    if not left:
        raise UserError(f"got {prompt!r} without {negative_prompt!r}, which leaves no sound; leave out less")
    return left[:MOST_AT_ONCE]


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if word not in _SMALL]


def _meant(words: list[str]) -> Iterator[Effect]:
    """Yield what words name; two of them together ("wind chimes") go before each alone."""
    words = [word for word in words if word not in _HOW]
    at = 0
    while at < len(words):
        for many in (2, 1):
            named = _named(words[at : at + many]) if at + many <= len(words) else ()
            if named:
                yield from named
                at += many
                break
        else:
            at += 1


def _named(words: list[str]) -> tuple[Effect, ...]:
    """Return the effects that words name, in the singular or the plural."""
    forms = [""]
    for word in words:
        singular = {word, word.removesuffix("s"), word.removesuffix("es")}
        forms = [f"{form} {each}".strip() for form in forms for each in singular]
    return next((named for form in forms if (named := _vocabulary().get(form))), ())


@cache
def _vocabulary() -> dict[str, tuple[Effect, ...]]:
    """Return what each word, or pair of words, names."""
    known: dict[str, tuple[Effect, ...]] = {}
    for effect in EFFECTS:
        for word in effect.words:
            known[word] = (*known.get(word, ()), effect)
    return known


def _manner(words: list[str]) -> Manner:
    said = set(words)
    strength = 0.5 + (0.4 if said & _HEAVY else 0.0) - (0.35 if said & _GENTLE else 0.0)
    pace = 1.0 * (1.4 if said & _FAST else 1.0) * (0.65 if said & _SLOW else 1.0)
    return Manner(strength, pace, distant=bool(said & _FAR))


def _unknown(prompt: str) -> str:
    """Return what is said of words that name no effect: near words first, then all effects."""
    words = sorted(_vocabulary())
    hints = (did_you_mean(word, [w for w in words if w[0] == word[0]]) for word in _words(prompt.lower()))
    near = next(filter(None, hints), "")
    names = ", ".join(effect.name for effect in EFFECTS)
    return f"got {prompt!r}, which names no sound effect; {near}there are {names}"
