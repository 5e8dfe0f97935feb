"""Reads an instruction such as "make the drums louder in the second half" into a list of edits."""

from __future__ import annotations

import re
from dataclasses import replace

from leitmotif.generators.editing.amount import take_amount
from leitmotif.generators.editing.edit import (
    EVERYTHING,
    USUAL_DB,
    VOCALS,
    Action,
    Edit,
)
from leitmotif.generators.editing.section import Section
from leitmotif.generators.editing.section_words import take_sections, with_digits
from leitmotif.generators.editing.targets import (
    UnknownTargetError,
    read_addition,
    read_style,
    read_target,
)
from leitmotif.generators.editing.verbs import VERBS, Verb
from leitmotif.storage.errors import UserError

# An instruction is a sentence or two; nobody types more, and what is longer is no instruction.
LONGEST = 500
CAN_DO = (
    "it can: add X, remove X, keep only X, replace X with Y, make X louder or softer (a bit, much, by N dB), "
    "each in the first or second half, a third, the intro, the ending, from 0:10 to 0:20, the last 5 "
    "seconds; X is the vocals, the accompaniment, everything, or an instrument"
)


class NotFollowedError(UserError):
    """An instruction that cannot be followed; says what was understood, and what can be done."""


_SILENCE = Edit(action="remove", target=EVERYTHING)


def read_instruction(text: str) -> tuple[Edit, ...]:
    """Return what an instruction asks for, in order.

    Args:
        text: One or more sentences in English.

    Raises:
        NotFollowedError: Something in it is not understood; nothing is guessed.
    """
    if len(text) > LONGEST:
        raise NotFollowedError(f"got an instruction of {len(text)} letters; expected {LONGEST} at most")
    found: list[Edit] = []
    carried: Section | None = None
    for clause in _clauses(text):
        rest, sections = take_sections(clause)
        if len(sections) > 1:
            raise _refused(text, found, f"{clause!r} names {len(sections)} parts of the recording")
        if not _FILLERS.sub("", rest).strip():
            carried = sections[0] if sections else carried
            continue
        section = sections[0] if sections else carried or Section()
        try:
            edits = [replace(edit, section=section) for edit in _edits(rest)]
            if _SILENCE in edits:
                raise UserError(f"{clause!r} would leave nothing at all")
            found += edits
        except UserError as error:
            raise _refused(text, found, str(error)) from error
    if not found:
        raise _refused(text, found, "it says nothing that is to be done")
    return tuple(found)


def _refused(text: str, found: list[Edit], reason: str) -> NotFollowedError:
    understood = "; ".join(map(str, found)) or "nothing"
    return NotFollowedError(f"cannot follow {text!r}: {reason}; understood: {understood}; {CAN_DO}")


_DO = (
    r"make|turn|bring|take|get|cut|remove|delete|mute|drop|strip|kill|silence|erase|eliminate|omit|leave|"
    r"exclude|"
    r"replace|swap|substitute|exchange|switch|change|convert|transform|restyle|rework|add|insert|include|put|"
    r"mix|layer|overlay|introduce|boost|raise|increase|amplify|emphasi[sz]e|lift|lower|reduce|decrease|"
    r"soften|"
    r"attenuate|quieten|weaken|keep|isolate|extract|solo|use|play|give|without|no|let|push|pull|dial|fade"
)
_WHERE = r"in the|in|during|at the|from|only|then"
_SPLIT = re.compile(
    rf"\s*[;\n!]\s*|\.(?:\s+|$)|,? (?:and then|then|and also|and|but) (?=(?:{_DO}|{_WHERE}) )|"
    rf",\s*(?=(?:{_DO}|then) )"
)
_LEADING = re.compile(rf"^(?P<where>(?:{_WHERE}) [^,]+), (?P<what>.+)$")
_LEAD = re.compile(
    r"^(?:(?:please|now|also|then|and|just|only|kindly|can you|could you|would you|i want to|i want|i would "
    r"like|i'd like|you to|to|let's|let us|there should be|with)\b ?)+"
)
_FILLERS = re.compile(r"\b(?:please|only|just|thanks|thank you|and|then)\b|[,.!]")


def _clauses(text: str) -> list[str]:
    """Return the parts of an instruction of which each asks for one thing, or says where."""
    flat = (
        text.casefold()
        .replace("?", " ")
        .replace("’", "'")
        .replace("–", "-")
        .replace("—", "-")
        .replace("−", "-")
    )
    flat = with_digits(" ".join(flat.split()))
    found = []
    for part in _SPLIT.split(flat):
        part = part.strip(" ,.")
        leading = _LEADING.match(part)
        found += [leading["where"], leading["what"]] if leading else [part]
    return [part for part in found if part]


def _edits(clause: str) -> list[Edit]:
    """Return the edits of a clause, of which the part of the recording is taken out.

    Raises:
        UserError: It is not understood.
    """
    kept_only = re.match(r"^(?:please )?(?:only|just) ", clause)
    clause = _LEAD.sub("", clause).strip(" ,.").removesuffix("please").strip(" ,.")
    clause, amount_db, sign = take_amount(clause)
    clause = clause.strip(" ,.")
    refused: UnknownTargetError | None = None
    for verb in VERBS:
        match = verb.pattern.fullmatch(clause)
        if match is None:
            continue
        groups = match.groupdict()
        try:
            return _of_verb(verb, groups.get("t") or "", groups.get("by"), amount_db)
        except UnknownTargetError as error:
            refused = refused or error
    if sign and (target := _target_or_none(clause)):
        action: Action = "louder" if sign > 0 else "softer"
        return [Edit(action=action, target=target, amount_db=amount_db)]
    if kept_only and (target := _target_or_none(clause)):
        return [Edit(action="remove", target=target, but=True)]
    raise refused or UnknownTargetError(f"{clause!r} says nothing that it can do")


def _of_verb(verb: Verb, t: str, by: str | None, amount_db: float | None) -> list[Edit]:
    if verb.action == "restyle":
        return [Edit(action="restyle", target=target, by=read_style(by or "")) for target in _targets(t)]
    if verb.action == "replace":
        (target,) = _one(t)
        if target == EVERYTHING:
            return [Edit(action="restyle", target=target, by=read_style(by or ""))]
        instead, words = read_addition(by or "")
        return [Edit(action="replace", target=target, by=instead, words=words)]
    if verb.action == "add":
        named = [read_addition(part) for part in _parts(t)]
        return [Edit(action="add", target=target, words=words) for target, words in named]
    if verb.instrumental:
        return [Edit(action="remove", target=VOCALS)]
    if verb.action == "remove":
        return [Edit(action="remove", target=target, but=verb.but) for target in _targets(t)]
    amount = USUAL_DB if amount_db is None else amount_db
    return [Edit(action=verb.action, target=target, but=verb.but, amount_db=amount) for target in _targets(t)]


def _one(phrase: str) -> list[str]:
    targets = _targets(phrase)
    if len(targets) != 1:
        raise UnknownTargetError(f"{phrase!r} names several things to replace; give one at a time")
    return targets


def _targets(phrase: str) -> list[str]:
    try:
        return [read_target(phrase)]
    except UnknownTargetError:
        if len(parts := _parts(phrase)) < 2:
            raise
        return [read_target(part) for part in parts]


def _parts(phrase: str) -> list[str]:
    return [part for part in re.split(r",? and |, |,| & | plus ", phrase) if part.strip()]


def _target_or_none(phrase: str) -> str | None:
    try:
        return read_target(phrase)
    except UnknownTargetError:
        return None
