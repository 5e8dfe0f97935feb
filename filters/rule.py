"""What a rule is: a threshold over one stored number, applied in bulk; and how rules are found."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif import filters
from leitmotif.plugins import add_plugins
from leitmotif.storage.errors import UserError

# Domains of what rules judge, and the unit of what there is or is not.
SHARE = (0.0, 1.0)
POSITIVE = (0.0, math.inf)
DB_FULL_SCALE = (-math.inf, 0.0)
YES_OR_NO = "0 or 1"
# Why files are left out before anything is measured, by no rule over a number, and what each of them is.
EXACT_DUPLICATE, LICENSE = "exact-duplicate", "license"
ASKED_FIRST = {
    EXACT_DUPLICATE: "the same bytes as another file",
    LICENSE: "a licence that is not among those of license.allow",
}


class Candidate(Protocol):
    """What a rule may know of a clip beside the numbers that a stage stored of it."""

    @property
    def clip_id(self) -> str:
        """The clip."""

    @property
    def media_id(self) -> str:
        """The media file that it is of; windows of one file share it."""

    @property
    def source_id(self) -> str:
        """The name of that file."""

    @property
    def duration_s(self) -> float | None:
        """Its length, that of the window where it is one; None where the file does not say it."""


@dataclass(frozen=True)
class Judged:
    """The numbers that a rule judges, one a clip (float64, null where there is none), and a word on each."""

    numbers: pa.Array
    details: Sequence[str | None]


# Returns a column of the rule's stage, one value a clip, in the order of the clips.
ReadColumn = Callable[[str], pa.Array]


@dataclass(frozen=True)
class Rule:
    """Keeps a clip while one number that a stage measured stays on one side of a threshold.

    Attributes:
        name: Unique, as people write it: `publish --set motion.threshold=0.01`.
        stage: The stage whose store holds the number.
        column: The column of that store.
        keep: The side that is kept; the threshold itself is kept.
        threshold: The default.
        unit: Unit of the number, such as "s", "dB" or "share".
        why: One line for reports: what a rejected clip is.
        finding: What was measured, in words with "{}" where the number stands; empty where `why` says it all.
        reference: Paper or page that the rule comes from.
        values: Makes the numbers of the clips that come to the rule; None takes `column` as it is stored.
        relative: The number depends on which other clips come to the rule, so it is known of those alone that
            the rule rejects.
        domain: The least and the greatest value that the number can have; a threshold beyond is a mistake.
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
    values: Callable[[Sequence[Candidate], ReadColumn], Judged] | None = None
    relative: bool = False
    domain: tuple[float, float] = (-math.inf, math.inf)

    def __post_init__(self) -> None:
        if self.keep not in ("at least", "at most"):
            raise ValueError(f"rule {self.name!r} keeps {self.keep!r}; expected 'at least' or 'at most'")
        if math.isnan(self.threshold):
            raise ValueError(f"the threshold of rule {self.name!r} is not a number; give one in {self.unit}")
        self.check(self.threshold)

    def check(self, threshold: float) -> None:
        """Refuse a threshold that no number of the rule can reach.

        Raises:
            ValueError: It lies beyond the rule's domain.
        """
        least, most = self.domain
        if least <= threshold <= most:
            return
        # Somebody who writes 1.2 rather means a number than 1.2 percent.
        percent = self.domain == SHARE and self.unit != YES_OR_NO and 2 <= threshold <= 100
        hint = f"; for {threshold:g} % write {threshold / 100:g}" if percent else ""
        raise ValueError(
            f"got {self.name}.threshold {threshold:g}, expected {domain_text(self.domain)}{hint}"
        )

    def judge(self, clips: Sequence[Candidate], read: ReadColumn) -> Judged:
        """Return the number of each clip, in order.

        Args:
            clips: The clips.
            read: Returns a column of the rule's stage for them.
        """
        if self.values is not None:
            return self.values(clips, read)
        return Judged(pc.cast(read(self.column), pa.float64()), [None] * len(clips))

    def passes(self, values: pa.Array | pa.ChunkedArray, threshold: float | None = None) -> pa.BooleanArray:
        """Return which clips stay, a boolean array of shape (clips,), never null.

        Args:
            values: Numbers of the rule's column, shape (clips,). A missing one passes: what was not measured
                is not held against a clip.
            threshold: Instead of the rule's own.
        """
        limit = pa.scalar(self.threshold if threshold is None else threshold, pa.float64())
        numbers = values.cast(pa.float64(), safe=False)
        compare = pc.greater_equal if self.keep == "at least" else pc.less_equal
        kept = pc.fill_null(compare(numbers, limit), True)
        return kept.combine_chunks() if isinstance(kept, pa.ChunkedArray) else kept


def domain_text(domain: tuple[float, float]) -> str:
    """Return a domain as people write it, such as "0..1" or "0 or more"; "any" where it has no ends."""
    least, most = domain
    if math.isinf(least):
        return "any" if math.isinf(most) else f"{most:g} or less"
    return f"{least:g} or more" if math.isinf(most) else f"{least:g}..{most:g}"


def discover() -> dict[str, Rule]:
    """Return every rule by its name: those in the RULES of each file of this room, and those of plugins.

    Raises:
        UserError: If two rules share a name.
    """
    found: dict[str, Rule] = {}
    for info in sorted(pkgutil.iter_modules(filters.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"leitmotif.filters.{info.name}")
        for rule in getattr(module, "RULES", ()):
            if rule.name in found:
                raise UserError(
                    f"two rules are called {rule.name!r}; rename the one in filters/{info.name}.py"
                )
            found[rule.name] = rule
    return add_plugins("rules", found, _take)


def _take(name: str, thing: Any) -> dict[str, Rule]:
    if not isinstance(thing, tuple) or not all(isinstance(rule, Rule) for rule in thing):
        raise TypeError(f"got {type(thing).__name__}; expected a tuple of leitmotif.filters.rule.Rule")
    return {rule.name: rule for rule in thing}
