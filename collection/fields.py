"""Fields out of a JSON object of strangers: each is taken if it is what it should be, else it is named."""

from __future__ import annotations

import math
import reprlib
from typing import Any, TypeGuard

from leitmotif.shards.addresses import public_address, without_secrets
from leitmotif.shards.texts import encodable

MAX_TEXT, MAX_ADDRESS, MAX_DESCRIPTION = 1000, 8000, 20_000


class Fields:
    """A JSON object; one odd field costs that field alone.

    Attributes:
        odd: What was passed over, in words: name, what it is, what was expected.
    """

    def __init__(self, info: Any, *, name: str = "", odd: list[str] | None = None) -> None:
        """Take what should be an object.

        Args:
            info: Any value of JSON; nothing is in one that is no object.
            name: What the object is called in its own object.
            odd: The list that is added to.
        """
        self.odd: list[str] = [] if odd is None else odd
        self._prefix = f"{name}." if name else ""
        self._info = info if isinstance(info, dict) else {}

    def text(self, *names: str, most: int = MAX_TEXT) -> str | None:
        """Return the first field that holds words; a number is a text, and a list of texts is joined.

        Args:
            names: Fields, most wanted first.
            most: Letters that are kept.
        """
        for name in names:
            value = self._info.get(name)
            if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
                value = ", ".join(item for item in value if item.strip())
            elif _is_number(value):
                value = str(value)
            if isinstance(value, str):
                if (text := encodable(value[:most])).strip():
                    return text
            elif value is not None and value != []:
                self._pass_over(name, value, "a text")
        return None

    def first_text(self, name: str) -> str | None:
        """Return the first text of a list."""
        inside = self._prefix.removesuffix(".")
        items = (Fields({name: item}, name=inside, odd=self.odd).text(name) for item in self.list(name))
        return next((text for text in items if text is not None), None)

    def address(self, *names: str) -> str | None:
        """Return the first field that holds an address that may be written, without its secrets."""
        for name in names:
            text = self.text(name, most=MAX_ADDRESS)
            address = None if text is None else public_address(text)
            if address is not None:
                return address
            if text is not None:
                self._pass_over(name, without_secrets(text), "a web address")
        return None

    def number(self, name: str, *, most: float) -> float | None:
        """Return a number from 0 to `most`."""
        value = self._info.get(name)
        if _is_number(value) and 0 <= value <= most:
            return value
        if value is not None:
            self._pass_over(name, value, f"a number from 0 to {most:,.0f}")
        return None

    def list(self, name: str) -> list[Any]:
        """Return a list; an empty one where there is none."""
        value = self._info.get(name)
        if isinstance(value, list):
            return value
        if value is not None:
            self._pass_over(name, value, "a list")
        return []

    def object(self, name: str) -> Fields:
        """Return the fields of an object within."""
        value = self._info.get(name)
        if value is not None and not isinstance(value, dict):
            self._pass_over(name, value, "an object")
        return Fields(value, name=self._prefix + name, odd=self.odd)

    def _pass_over(self, name: str, value: Any, expected: str) -> None:
        self.odd.append(f"{self._prefix}{name} (got {reprlib.repr(value)}, expected {expected})")


def _is_number(value: Any) -> TypeGuard[int | float]:
    # (An int may be too large for a float, which `math.isfinite` makes of it.)
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
