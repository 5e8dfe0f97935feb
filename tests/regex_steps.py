"""Counts the steps of a regular expression, which `re` does not tell: this goes back and tries as `re` does.

Time would tell the same, but not the same on every machine.
"""

import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

Match = Callable[[int], Iterator[int]]
# Nested generators, a few for each item.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))


class Steps:
    """A pattern over a text; `count` is how often a letter was looked at, or a place tried."""

    def __init__(self, pattern: str, flags: int, text: str = "") -> None:
        self.groups: dict[int, tuple[int, int]] = {}
        self.text, self.count, self._most = text, 0, math.inf
        parsed = parser.parse(pattern, flags)
        self.flags = parsed.state.flags
        self._match = self._sequence(list(parsed))

    def find_all(self, most: float = math.inf) -> int:
        """Return the steps to find every match, as `finditer` and `sub` do; and no further than `most`."""
        self._most, self.count, start = most, 0, 0
        self.groups.clear()
        with suppress(OverflowError):
            self._find_all(start)
        return self.count

    def _find_all(self, start: int) -> None:
        while start <= len(self.text):
            self._step()
            end = next(self._match(start), None)
            start = start + 1 if end is None or end == start else end

    def _step(self) -> None:
        self.count += 1
        if self.count > self._most:
            raise OverflowError

    def _sequence(self, items: list[Any]) -> Match:
        parts = [self._item(*item) for item in items]

        def run(at: int, number: int = 0) -> Iterator[int]:
            if number == len(parts):
                yield at
                return
            for end in parts[number](at):
                yield from run(end, number + 1)

        return run

    def _item(self, code: Any, value: Any) -> Match:
        if code in _LETTERS:
            return self._letter(code, value)
        if code is op.BRANCH:
            return self._branch([self._sequence(list(each)) for each in value[1]])
        if code is op.SUBPATTERN:
            return self._group(value[0], self._sequence(list(value[3])))
        if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            least, most, items = value[0], value[1], list(value[2])
            if code is not op.MIN_REPEAT and len(items) == 1 and items[0][0] in _LETTERS:
                whole = self._letters(least, most, self._letter(*items[0]))
                return self._first_only(whole) if code is op.POSSESSIVE_REPEAT else whole
            return self._repeat(code, least, most, self._sequence(items))
        if code is op.ATOMIC_GROUP:
            return self._first_only(self._sequence(list(value)))
        if code in (op.ASSERT, op.ASSERT_NOT):
            return self._look(code is op.ASSERT, value[0], list(value[1]))
        if code is op.AT:
            return lambda at: iter((at,) if self._is_at(value, at) else ())
        if code is op.GROUPREF:
            return self._again(value)
        raise ValueError(f"the steps of {code} are not counted here; teach this interpreter what it does")

    def _letter(self, code: Any, value: Any) -> Match:
        caseless = bool(self.flags & re.IGNORECASE)
        items = value if code is op.IN else [(code, value)]
        negated = any(kind is op.NEGATE for kind, _ in items)
        known: dict[str, bool] = {}

        def is_one(letter: str) -> bool:
            for kind, what in items:
                if kind is op.LITERAL and ord(letter) == what:
                    return True
                if kind is op.NOT_LITERAL and ord(letter) != what:
                    return True
                if kind is op.RANGE and what[0] <= ord(letter) <= what[1]:
                    return True
                if kind is op.CATEGORY and re.match(_CATEGORIES[what], letter):
                    return True
                if kind is op.ANY and (letter != "\n" or self.flags & re.DOTALL):
                    return True
            return False

        def fits(letter: str) -> bool:
            cases = {letter, letter.lower(), letter.upper()} if caseless else {letter}
            return any(is_one(each) for each in cases if len(each) == 1) != negated

        def run(at: int) -> Iterator[int]:
            self._step()
            if at < len(self.text):
                letter = self.text[at]
                if letter not in known:
                    known[letter] = fits(letter)
                if known[letter]:
                    yield at + 1

        return run

    def _letters(self, least: int, most: int, inner: Match) -> Match:
        """Repeat what is one letter, without a generator in a generator for each: long texts have many."""

        def run(at: int) -> Iterator[int]:
            ends = [at]
            while len(ends) <= most and (end := next(inner(ends[-1]), None)) is not None:
                ends.append(end)
            yield from reversed(ends[least:])

        return run

    def _branch(self, ways: list[Match]) -> Match:
        def run(at: int) -> Iterator[int]:
            for way in ways:
                yield from way(at)

        return run

    def _group(self, number: int | None, inner: Match) -> Match:
        def run(at: int) -> Iterator[int]:
            for end in inner(at):
                if number is not None:
                    self.groups[number] = (at, end)
                yield end

        return run

    def _repeat(self, code: Any, least: int, most: int, inner: Match) -> Match:
        def greedy(at: int, done: int) -> Iterator[int]:
            if done < most:
                for end in inner(at):
                    if end > at or done < least:
                        yield from greedy(end, done + 1)
            if done >= least:
                yield at

        def lazy(at: int, done: int) -> Iterator[int]:
            if done >= least:
                yield at
            if done < most:
                for end in inner(at):
                    if end > at or done < least:
                        yield from lazy(end, done + 1)

        if code is op.MIN_REPEAT:
            return lambda at: lazy(at, 0)
        whole: Match = lambda at: greedy(at, 0)  # noqa: E731
        return self._first_only(whole) if code is op.POSSESSIVE_REPEAT else whole

    def _first_only(self, inner: Match) -> Match:
        def run(at: int) -> Iterator[int]:
            end = next(inner(at), None)
            if end is not None:
                yield end

        return run

    def _look(self, wanted: bool, direction: int, items: list[Any]) -> Match:
        inner = self._sequence(items)
        width = 0 if direction > 0 else parser.SubPattern(parser.State(), items).getwidth()[0]

        def run(at: int) -> Iterator[int]:
            start = at - width
            found = start >= 0 and next(inner(start), None) is not None
            if found == wanted:
                yield at

        return run

    def _again(self, number: int) -> Match:
        def run(at: int) -> Iterator[int]:
            start, end = self.groups[number]
            self.count += end - start
            if self.text.startswith(self.text[start:end], at):
                yield at + end - start

        return run

    def _is_at(self, where: Any, at: int) -> bool:
        self.count += 1
        if where in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
            many = where is op.AT_BEGINNING and self.flags & re.MULTILINE
            return at == 0 or bool(many and self.text[at - 1] == "\n")
        if where in (op.AT_END, op.AT_END_STRING):
            return at == len(self.text) or (where is op.AT_END and self.text[at:] == "\n")
        left = at > 0 and _in_word(self.text[at - 1])
        right = at < len(self.text) and _in_word(self.text[at])
        return (left != right) == (where is op.AT_BOUNDARY)


@cache
def _in_word(letter: str) -> bool:
    return bool(re.match(r"\w", letter))


@cache
def _steps(pattern: str, flags: int) -> Steps:
    return Steps(pattern, flags)


_LETTERS = (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN)
_CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}


def hostile_units(pattern: str, flags: int) -> list[str]:
    """Return texts that, again and again, keep a pattern going: its own letters, words and pairs of them."""
    letters: dict[str, None] = dict.fromkeys("a0 -.")
    words: dict[str, None] = {}

    def walk(items: Any) -> None:
        word = ""
        for code, value in items:
            if code is op.LITERAL:
                word += chr(value)
                letters.setdefault(chr(value))
                continue
            if len(word) > 1:
                words.setdefault(word)
            word = ""
            if code is op.IN:
                for kind, what in value:
                    if kind is op.LITERAL:
                        letters.setdefault(chr(what))
                    elif kind is op.RANGE:
                        letters.setdefault(chr(what[0]))
            for part in value if isinstance(value, tuple | list) else ():
                if isinstance(part, parser.SubPattern):
                    walk(part)
                elif isinstance(part, list):
                    for each in part:
                        if isinstance(each, parser.SubPattern):
                            walk(each)
        if len(word) > 1:
            words.setdefault(word)

    walk(parser.parse(pattern, flags))
    few, some = list(letters)[:10], list(words)[:4]
    pairs = [one + two for one in few[:5] for two in few if one != two]
    return [*few, *pairs, *some, *(word + " " for word in some)]


def grows_linearly(pattern: str, flags: int, unit: str, length: int) -> bool:
    """Tell whether twice a hostile text takes about twice the steps."""

    steps = _steps(pattern, flags)

    def count(size: int, most: float) -> int:
        steps.text = (unit * size)[:size] + "\x00"
        return steps.find_all(most)

    most = 2.5 * count(length, 1000 * length)
    return count(2 * length, most) <= most
