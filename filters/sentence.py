"""What a rule found on a clip, as a sentence for people."""

from __future__ import annotations

import math

from leitmotif.filters.rule import YES_OR_NO, Rule

_MOST_DIGITS = 12


def in_words(value: float, unit: str, *, digits: int = 3) -> str:
    """Return a number with its unit as people write it: shares as percent, minus signs as such.

    Args:
        value: A number that a rule judges, or its threshold.
        unit: The rule's unit.
        digits: Significant digits.
    """
    if unit.startswith("share"):
        return f"{_plain(100 * value, digits)} %"
    return _plain(value, digits) + (f" {unit}" if unit in ("s", "dB") else "")


def limit_text(keep: str, threshold: float, unit: str) -> str:
    """Return a threshold with the side that is kept, such as "≥ 2.6 %"."""
    if unit == YES_OR_NO:
        return "required" if threshold > 0 else "not required"
    return f"{'≥' if keep == 'at least' else '≤'} {in_words(threshold, unit)}"


def explain(rule: Rule, value: float | None, threshold: float) -> str:
    """Return what a rule found and what it wants, such as "0.3 % of the picture changes; …".

    Args:
        rule: The rule.
        value: What was measured; None where nothing was.
        threshold: What it was compared with.
    """
    if value is None or not rule.finding:
        return rule.why
    digits = 3
    # A value just beyond the threshold must not read like the threshold.
    while digits < _MOST_DIGITS and value != threshold and _same(value, threshold, rule.unit, digits):
        digits += 1
    found, wanted = (in_words(number, rule.unit, digits=digits) for number in (value, threshold))
    return f"{rule.finding.format(found)}; the rule wants {rule.keep} {wanted}"


def _same(value: float, threshold: float, unit: str, digits: int) -> bool:
    return in_words(value, unit, digits=digits) == in_words(threshold, unit, digits=digits)


def _plain(value: float, digits: int) -> str:
    """Write a number with a given count of digits, thousands separated and never as a power of ten."""
    if not math.isfinite(value):
        return str(value).replace("-", "−")
    after = 0 if value == 0 else max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{after}f}"
    return (text.rstrip("0").rstrip(".") if after else text).replace("-", "−")
