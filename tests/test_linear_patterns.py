"""No pattern that reads what strangers wrote takes more than a time in proportion to its length.

Counted by `tests.regex_steps`; the functions around the patterns are counted in the tests of their rooms.
"""

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from leitmotif.shards.artists import _BETWEEN
from tests.regex_steps import Steps, grows_linearly, hostile_units

ROOT = Path(__file__).resolve().parents[1]
# Rooms that read titles, descriptions, names, addresses, captions and answers.
ROOMS = (
    "captioning",
    "collection",
    "evaluation",
    "media",
    "pipelines",
    "reports",
    "review",
    "shards",
    "storage",
)
ROOMS += ("taxonomy", "train_mmdm", "generators/sva")
CALLS = {"compile", "search", "match", "fullmatch", "findall", "finditer", "split", "sub", "subn"}
# What only files of this project, or of the user's own writing, are read by.
OURS = {
    "pipelines/models_page.py",  # docs/models.md
    "pipelines/rules_page.py",  # docs/rules.md
    "captioning/templates.py",  # our prompts
    "captioning/prompt.py",
    "taxonomy/document.py",  # a taxonomy
    "storage/atomic.py",  # names of our folders
    "shards/layout.py",
}
# What reads a text whose length is bounded before, or letters that stand there once.
BOUNDED = {
    "captioning/validate.py": "an answer has at most 2400 letters there",
    "collection/leftovers.py": "the name of a file has at most 255 bytes",
    "collection/enrich/musicbrainz.py": "a title has at most 1000 letters",
    "collection/fetch/opt_out.py": "of a tag of 2000 letters",
    "generators/sva/scheme.py": "an answer has at most 4000 letters there",
    "shards/addresses.py:_SCHEME": "of the first 64 letters",
    "shards/artists.py:_BETWEEN": "every blank stands alone there",
    "shards/artists.py:_AND": "as above",
    "shards/artists.py:_TOPIC": "as above",
    "shards/artists.py:_TWO_SCRIPTS": "matched as a whole, from one place",
}


@cache
def patterns() -> dict[str, tuple[str, int]]:
    """Return every pattern in the rooms, by file and line."""
    found: dict[str, tuple[str, int]] = {}
    for path in sorted(each for room in ROOMS for each in (ROOT / room).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        text = path.read_text(encoding="utf-8")
        if name in OURS or name in BOUNDED or "re." not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Assign)
                and _is_call(node.value)
                and isinstance(node.targets[0], ast.Name)
            ):
                module = import_module("leitmotif." + name.removesuffix(".py").replace("/", "."))
                compiled = getattr(module, node.targets[0].id, None)
                if isinstance(compiled, re.Pattern):
                    source = compiled.pattern
                    shown = source if isinstance(source, str) else source.decode("latin-1")
                    found[f"{name}:{node.targets[0].id}"] = shown, compiled.flags & ~re.UNICODE
            elif (
                _is_call(node)
                and node.func.attr != "compile"
                and isinstance(node.args[0], ast.Constant)
                and isinstance(node.args[0].value, str)
            ):
                found.setdefault(f"{name}:{node.lineno}", (node.args[0].value, 0))
    return found


def _is_call(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in CALLS
        and bool(node.args)
    )


def test_every_pattern_takes_about_twice_the_steps_for_twice_the_text() -> None:
    slow = []
    for where, (pattern, flags) in patterns().items():
        if where in BOUNDED:
            continue
        for unit in hostile_units(pattern, flags):
            # (What is bounded, as {1,64} is, shows so beyond its bound only.)
            if not grows_linearly(pattern, flags, unit, 30) and not grows_linearly(pattern, flags, unit, 150):
                slow.append(f"{where}: {unit!r} again and again")
                break
    assert not slow, "\n".join(slow)


def test_brackets_without_end_between_names_take_about_twice_the_steps_for_twice_as_many() -> None:
    for unit in ("(", "([", "a("):
        assert grows_linearly(_BETWEEN.pattern, _BETWEEN.flags & ~re.UNICODE, unit, 60)


@pytest.mark.parametrize(
    ("pattern", "unit"),
    [
        (r"\w+@\w+", "a"),
        (r"(?:[a-z0-9-]+\.)+(?:com|net)\b", "a."),
        (r"[(\[]+ (?:and|y) ", "("),
        (r"\s+$", " "),
        (r"(?:a+)+b", "a"),
    ],
)
def test_a_pattern_that_goes_back_again_and_again_is_found_out(pattern: str, unit: str) -> None:
    assert not grows_linearly(pattern, 0, unit, 16)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?<!\w)#\w+", "a #tag #b"),
        (r"^(['\"]+)(.*?)\1$", "'a'"),
        (r"(?>a+)b|a{2,3}?c", "aab aaac"),
        (r"\bx\b", "x"),
    ],
)
def test_what_is_counted_finds_what_the_library_finds(pattern: str, text: str) -> None:
    for start in range(len(text)):
        found = re.compile(pattern).match(text, start)
        end = next(Steps(pattern, 0, text)._match(start), None)
        assert end == (found.end() if found else None)
    assert Steps(pattern, 0, text).find_all() > len(text)
