"""The ways to say in English what is to be done to a sound."""

from __future__ import annotations

import re
from dataclasses import dataclass

from leitmotif.generators.editing.edit import Action


@dataclass(frozen=True)
class Verb:
    """A way to say an action: a pattern with the groups `t` (target) and `by`."""

    action: Action
    pattern: re.Pattern[str]
    but: bool = False
    instrumental: bool = False


_KEEP = re.compile(
    r"(?:(?:keep|leave|isolate|solo|extract|play|give me|make it)(?: (?:only|just|nothing but))?|only|just) "
    r"(?P<t>.+?)(?: only| alone)?"
)
_SEEM, _INSTEAD = r"(?:sound|feel|be)", r"(?:instead of|in place of|rather than)"
_REMAKE = r"(?:restyle|rework|remake|redo|play|render|convert|change|transform|turn|put)"
_SWAP = r"(?:replace|swap|swap out|substitute|exchange|switch)"
_UP = r"(?:up|louder|stronger|more prominent|more present|higher|more loudly|stand out)"
_DOWN = (
    r"(?:down|softer|quieter|lower|weaker|less loud|less prominent|less present|back|more quietly|"
    r"more softly)"
)
_TURN = r"(?:turn|bring|push|crank|dial|mix|take|pull|fade|move)"
_RAISE = r"(?:boost|raise|increase|amplify|emphasi[sz]e|lift|strengthen)"
_LOWER = r"(?:lower|reduce|decrease|attenuate|soften|quieten|quiet|weaken|dim|duck|tame)"
_AWAY = (
    r"(?:remove|delete|mute|drop|cut|cut out|take out|take away|get rid of|strip|strip out|kill|silence|"
    r"erase|eliminate|lose|omit|leave out|exclude|filter out)"
)
_ADD = (
    r"(?:add|insert|include|put in|put|bring in|mix in|layer in|layer|overlay|introduce|play|give it|"
    r"let there be)"
)


def _verbs() -> tuple[Verb, ...]:
    """Return the ways to say what is to be done, in the order in which they are tried."""
    rest: tuple[tuple[Action, str], ...] = (
        ("restyle", rf"(?:make|let|have) (?P<t>.+?) (?:to )?{_SEEM} (?:more )?(?:like|as) (?P<by>.+)"),
        ("restyle", r"(?:sound|feel) (?:more )?(?:like|as) (?P<by>.+)"),
        ("restyle", rf"{_REMAKE} (?P<t>.+?) (?:as|to|into|in the style of|in) (?P<by>.+)"),
        ("restyle", r"(?:in the style of|in) (?P<by>.+)"),
        ("restyle", r"give (?P<t>.+?) an? (?P<by>.+?) (?:feel|style|touch|sound|vibe|character)"),
        ("replace", rf"{_SWAP} (?P<t>.+?) (?:with|for|by|to|against) (?P<by>.+)"),
        ("replace", r"(?:turn|change|make|transform|convert) (?P<t>.+?) (?:into|to) (?P<by>.+)"),
        ("replace", rf"(?:use|play|put|have)?(?: in)? ?(?P<by>.+?) {_INSTEAD} (?P<t>.+)"),
        ("louder", rf"(?:make|turn|have|get|let) (?P<t>.*?) ?(?:be )?{_UP}"),
        ("softer", rf"(?:make|turn|have|get|let) (?P<t>.*?) ?(?:be )?{_DOWN}"),
        ("louder", rf"{_TURN} {_UP} (?P<t>.*)"),
        ("softer", rf"{_TURN} {_DOWN} (?P<t>.*)"),
        ("louder", rf"{_TURN} (?P<t>.*?) {_UP}"),
        ("softer", rf"{_TURN} (?P<t>.*?) {_DOWN}"),
        ("louder", rf"{_RAISE}(?: the)?(?: volume| level| loudness)?(?: of)? ?(?P<t>.*)"),
        ("softer", rf"{_LOWER}(?: the)?(?: volume| level| loudness)?(?: of)? ?(?P<t>.*)"),
        ("softer", r"(?P<t>.*?) (?:is|are) too (?:loud|strong|prominent)"),
        ("louder", r"(?P<t>.*?) (?:is|are) too (?:quiet|soft|weak)"),
        ("louder", rf"(?P<t>.*?) ?(?:should be |must be )?{_UP}"),
        ("softer", rf"(?P<t>.*?) ?(?:should be |must be )?{_DOWN}"),
        ("louder", r"(?:louder|more) (?P<t>.+)"),
        ("softer", r"(?:softer|quieter|less) (?P<t>.+)"),
        ("remove", rf"{_AWAY} ?(?P<t>.*)"),
        ("remove", r"(?:take|cut|strip|leave|filter) (?P<t>.+?) (?:out|away|off)"),
        ("remove", r"(?:make (?:it|this) )?(?:without|no) (?:any )?(?P<t>.+)"),
        ("add", rf"{_ADD} (?P<t>.+)"),
    )  # fmt: skip
    but = (
        rf"{_AWAY} (?:everything|all|all the instruments|all instruments|anything)(?: else)? "
        r"(?:but|except|except for|besides|apart from|other than) (?P<t>.+)"
    )
    return (
        Verb("remove", re.compile(but), but=True),
        Verb(
            "remove",
            re.compile(r"(?:make|turn) .+? ?(?:an? )?(?:instrumental|karaoke)(?: (?:version|track))?"),
            instrumental=True,
        ),
        *(Verb(action, re.compile(pattern)) for action, pattern in rest),
        Verb("remove", _KEEP, but=True),
        # "make it calm", where nothing else fits
        Verb(
            "restyle", re.compile(r"(?:make|let) (?P<t>it|.+?) (?:be )?(?:more |a |an )?(?P<by>\S+(?: \S+)?)")
        ),
    )


VERBS = _verbs()
