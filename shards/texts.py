"""Text of strangers, made fit to be written: JSON may hold half a letter, files of tags anything."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, Literal, TypeVar

Value = TypeVar("Value")

_MOST_MARKS = 30
# Controls (but tab and line breaks) and two code points that are no letters: XML 1.0 has no way to write
# them, so that no figure, and no page read as XML, could hold them. https://www.w3.org/TR/xml/#charsets
_UNPRINTABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]+")


def encodable(value: Value) -> Value:
    """Return a text, or lists and mappings of texts, with U+FFFD for lone surrogates, blanks for controls.

    Half of an emoji, what a text cut in the wrong place ends with, is valid in JSON (as an escape) and no
    valid Unicode: nothing can write it as UTF-8. Two halves that belong together become the letter that they
    are. Controls, such as the NUL between the values of an ID3 tag, break figures and terminals. Whatever
    comes from outside (metadata files, tags, tables, answers of servers) passes here where it comes in.

    Args:
        value: A text, a list, a tuple or a mapping, nested or not; anything else comes back as it is.
    """
    return _encodable(value)


def normalized(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    """Return a text in a form of Unicode, without what is beyond 30 marks on one letter.

    Marks on a letter are put into an order, which takes a time that grows with the square of their number. No
    letter of any language has 30.

    Reference: Unicode Standard Annex 15, section 13, Stream-Safe Text Format.
    """
    if text.isascii():
        return text
    kept, marks = [], 0
    for letter in text:
        marks = marks + 1 if _is_mark(letter) else 0
        if marks <= _MOST_MARKS:
            kept.append(letter)
    return unicodedata.normalize(form, "".join(kept))


@lru_cache(maxsize=4096)
def _is_mark(letter: str) -> bool:
    """Tell whether a letter is put into order with those before it, as itself or as what it stands for."""
    return unicodedata.combining(unicodedata.normalize("NFKD", letter)[0]) > 0


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        # An ASCII text, and any other without surrogates, costs one look.
        try:
            value.encode()
        except UnicodeEncodeError:
            value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return _UNPRINTABLE.sub(" ", value)
    if isinstance(value, dict):
        return {_encodable(name): _encodable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_encodable(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return value
