"""What a rule is: a threshold over one number that a stage stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Rule:
    """A decision about clips. A file of `filters` that exports `RULES` registers its rules by being there.

    Attributes:
        name: As in recipes, settings and the table of the rejected.
        stage: The stage that measures the number.
        column: Where it stores the number.
        keep: Keep clips whose number is "at least" or "at most" the threshold.
        threshold: The default: the published value where there is one.
        unit: Of the number.
        why: One line for the person whose clip was rejected.
        reference: Where the threshold comes from.
    """

    name: str
    stage: str
    column: str
    keep: Literal["at least", "at most"]
    threshold: float
    unit: str
    why: str
    reference: str = ""

    def passes(self, values: pa.Array | pa.ChunkedArray, threshold: float) -> pa.Array:
        """Tell which numbers pass; a number that is not known (null) passes.

        Args:
            values: Numbers, shape (clips,).
            threshold: In the rule's unit.

        Returns:
            Booleans without nulls, shape (clips,).
        """
        compare = pc.greater_equal if self.keep == "at least" else pc.less_equal
        return pc.fill_null(compare(values, pa.scalar(threshold, pa.float64())), True)


@cache
def discover() -> dict[str, Rule]:
    """Return every rule of this package by name.

    Raises:
        ValueError: Two rules have the same name.
    """
    import filters

    rules: dict[str, Rule] = {}
    for module in iter_modules(filters.__path__, "filters."):
        for rule in getattr(import_module(module.name), "RULES", ()):
            if rule.name in rules:
                raise ValueError(f"rule {rule.name!r} of {module.name} exists already; give it another name")
            rules[rule.name] = rule
    return rules
