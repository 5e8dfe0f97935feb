"""What a rule is: a threshold over one stored number, applied in bulk; and how rules are found."""

from __future__ import annotations

import importlib
import math
import pkgutil
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif import filters
from leitmotif.plugins import add_plugins


@dataclass(frozen=True)
class Rule:
    """Keeps a clip while one number that a stage measured stays on one side of a threshold.

    Attributes:
        name: unique, as people write it: `publish --set motion.threshold=0.01`.
        stage: the stage whose store holds the number.
        column: the column of that store.
        keep: the side that is kept; the threshold itself is kept.
        threshold: the default.
        unit: of the number, such as "s", "dB" or "share".
        why: one line for reports: what a rejected clip is.
        finding: what was measured, in words with "{}" where the number stands; empty where `why` says it all.
        reference: paper or page that the rule comes from.
    """

    name: str
    stage: str
    column: str
    keep: Literal["at least", "at most"]
    threshold: float
    unit: str
    why: str
    finding: str = ""
    reference: str = ""

    def __post_init__(self) -> None:
        if self.keep not in ("at least", "at most"):
            raise ValueError(f"rule {self.name!r} keeps {self.keep!r}; expected 'at least' or 'at most'")
        if math.isnan(self.threshold):
            raise ValueError(f"the threshold of rule {self.name!r} is not a number; give one in {self.unit}")

    def passes(self, values: pa.Array | pa.ChunkedArray, threshold: float | None = None) -> pa.BooleanArray:
        """Which clips stay, one boolean a value and never null.

        Args:
            values: numbers of the rule's column. A missing one passes: what was not measured is not held
                against a clip.
            threshold: instead of the rule's own.
        """
        limit = pa.scalar(self.threshold if threshold is None else threshold, pa.float64())
        numbers = values.cast(pa.float64(), safe=False)
        compare = pc.greater_equal if self.keep == "at least" else pc.less_equal
        kept = pc.fill_null(compare(numbers, limit), True)
        return kept.combine_chunks() if isinstance(kept, pa.ChunkedArray) else kept


def discover() -> dict[str, Rule]:
    """Every rule by its name: those in the RULES of each file of this room, and those of plugins.

    Raises:
        ValueError: if two rules share a name.
    """
    found: dict[str, Rule] = {}
    for info in sorted(pkgutil.iter_modules(filters.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"leitmotif.filters.{info.name}")
        for rule in getattr(module, "RULES", ()):
            if rule.name in found:
                raise ValueError(
                    f"two rules are called {rule.name!r}; rename the one in filters/{info.name}.py"
                )
            found[rule.name] = rule
    return add_plugins("rules", found, _take)


def _take(name: str, thing: Any) -> dict[str, Rule]:
    if not isinstance(thing, tuple) or not all(isinstance(rule, Rule) for rule in thing):
        raise TypeError(f"got {type(thing).__name__}; expected a tuple of leitmotif.filters.rule.Rule")
    return {rule.name: rule for rule in thing}
