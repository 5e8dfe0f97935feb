"""Numbers in what strangers send: headers, robots.txt. Plain ASCII digits within bounds, or none.

Python's own readers take the digits of all scripts, signs, underscores and "inf", and raise where
`str.isdigit` says yes (a superscript two) or where there are too many of them.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from time import time

_WHOLE = re.compile(r"[0-9]{1,18}")
_DECIMAL = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})")
# What a wait of more digits than `decimal_number` takes amounts to: longer than any run.
ENDLESS_S = 1e9
_ENDLESS = re.compile(r"[0-9]{10,}(?:\.[0-9]*)?")
# Longer texts are no dates.
_DATE_LETTERS = 100


def whole_number(text: str | None) -> int | None:
    """Return the whole number that a text is; None where it is no such, or has more than 18 digits."""
    found = _WHOLE.fullmatch((text or "").strip(" \t"))
    return None if found is None else int(found[0])


def decimal_number(text: str | None) -> float | None:
    """Return the number, from 0 to a billion, that a text is; None where it is no such."""
    found = _DECIMAL.fullmatch((text or "").strip(" \t"))
    return None if found is None else float(found[0])


def retry_after_s(text: str | None) -> float | None:
    """Return the seconds of a Retry-After header (a number or a date), None where there is none.

    Reference: RFC 9110, section 10.2.3. Numbers with a fraction, which some servers send, are taken, too.
    """
    if (seconds := decimal_number(text)) is not None:
        return seconds
    if _ENDLESS.fullmatch((text or "").strip(" \t")):
        return ENDLESS_S
    try:
        date = parsedate_to_datetime((text or "")[:_DATE_LETTERS])
        # (A date without a zone is one of GMT.)
        return max((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time(), 0.0)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
