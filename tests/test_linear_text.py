"""Twice as much text of strangers is about twice the work, in every function that reads it."""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from leitmotif.captioning.errors import BadCaption
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.grammar import find_theme
from leitmotif.captioning.sanitize import clean_text
from leitmotif.captioning.templates import read_templates
from leitmotif.captioning.thinking import without_thinking
from leitmotif.captioning.validate import read_caption
from leitmotif.collection.match import same_title
from leitmotif.evaluation.words import words
from leitmotif.reports.card import plain
from leitmotif.reports.statistics.languages import name_language
from leitmotif.shards import texts
from leitmotif.shards.artists import artist_names
from leitmotif.shards.licenses import license_id
from leitmotif.shards.texts import encodable, normalized
from leitmotif.shards.urls import canonical_url
from tests.work import lines_run

GRAMMAR = read_templates("grammar-sentence-v1")
SAID = "A calm piano piece with soft strings and a slow tempo that drifts along."


def caption_beside(text: str) -> None:
    """Check a caption against a page, and an answer of that length against itself."""
    facts = CaptionFacts("a", title=text, artist=text, description=text, instruments=("piano",))
    read_caption(SAID, facts, instructions="Write.", max_words=60)
    with pytest.raises(BadCaption):
        read_caption(text, facts, instructions="Write.", max_words=60)


FUNCTIONS: dict[str, Callable[[str], Any]] = {
    "artist_names": artist_names.__wrapped__,
    "name_language": name_language,
    "clean_text": lambda text: clean_text(text, 800),
    "read_caption": caption_beside,
    "find_theme": lambda text: find_theme(CaptionFacts("a", title=text, description=text), GRAMMAR),
    "without_thinking": without_thinking,
    "encodable": encodable,
    "license_id": license_id.__wrapped__,
    "canonical_url": lambda text: canonical_url(f"https://example.com/{text}"),
    "same_title": lambda text: same_title(text, text),
    "words": words,
    "plain": plain,
}
UNITS = [
    "a",
    "a.",
    "a ",
    "(",
    " ",
    "a@",
    "日",
    "(a b) é ",
    "love night ",
    "<|im_end|>",
    "</think>",
    "a\u0300\u0327",
    "%2e/",
]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_twice_the_text_is_about_twice_the_work(name: str, unit: str) -> None:
    function = FUNCTIONS[name]
    function(unit)  # what is read once is read
    once, twice = (lines_run(lambda text=unit * size: function(text)) for size in (400, 800))
    assert twice <= 2.3 * once


@pytest.mark.parametrize(
    "text", ["a\u0327\u0300" * 9, "\uff76\uff9e", "e\u0301" * 500, "\u0f73\u0f71", "plain"]
)
@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_letters_with_the_marks_that_languages_use_are_normalized_as_ever(form: Any, text: str) -> None:
    assert normalized(form, text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("marks", ["\u0300\u0327", "\uff9e\u0327", "\u0f73", "\u0344\u0316"])
def test_no_letter_with_more_than_thirty_marks_is_put_into_order(
    monkeypatch: pytest.MonkeyPatch, marks: str
) -> None:
    given: list[str] = []
    real = unicodedata.normalize

    def normalize(form: Any, text: str) -> str:
        given.append(text)
        return real(form, text)

    monkeypatch.setattr(texts.unicodedata, "normalize", normalize)
    assert normalized("NFKC", "a" + marks * 50_000 + "b").endswith("b")
    assert max(map(len, given)) <= 32
