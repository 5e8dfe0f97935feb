"""What the parts of stats.json are made of."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict  # of Python 3.12; pydantic needs it

T = TypeVar("T")
# No key that is not described; the text below a key is its description.
CLOSED = ConfigDict(extra="forbid", use_attribute_docstrings=True)

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
# Text -> how many clips (or what the key says), greatest first, then by name.
Counts = dict[str, Count]
BinCounts = Annotated[
    list[Count],
    Field(description="Counts, one for each bin; values beyond the ends count in the outer bins."),
]


@with_config(CLOSED)
class ByKind(TypedDict, Generic[T]):
    """One value for each kind of tag."""

    instruments: T
    genres: T
    moods: T


@with_config(CLOSED)
class Quantiles(TypedDict):
    """Quantiles of the values, by linear interpolation; null without values."""

    p5: float
    """The 5 % quantile."""
    p25: float
    """The 25 % quantile."""
    p50: float
    """The 50 % quantile."""
    p75: float
    """The 75 % quantile."""
    p95: float
    """The 95 % quantile."""


@with_config(CLOSED)
class Histogram(TypedDict):
    """A number over the kept clips."""

    unit: str
    """Unit of the edges, such as s, BPM, share of full scale, words, 0..1."""
    edges: list[float]
    """Edges of the bins, one more than there are bins, ascending."""
    counts: BinCounts
    count: Count
    """Clips that have the number."""
    missing: Count
    """Clips that have none (null or not finite)."""
    min: float | None
    """Least value, in `unit`."""
    max: float | None
    """Greatest value, in `unit`."""
    mean: float | None
    """Mean, in `unit`."""
    quantiles: Quantiles | None
    thresholds: dict[str, float]
    """Rule on this number → its threshold, in `unit`."""
    rejected_counts: list[Count]
    """Counts over the same bins of the clips that these rules rejected; empty where there is none."""
