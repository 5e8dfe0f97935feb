"""Parts of stats.json about clips as such: what became of them, their numbers, copies and splits."""

from __future__ import annotations

from typing import Literal, NotRequired

from pydantic import with_config
from typing_extensions import TypedDict

from leitmotif.reports.statistics.model.numbers import (
    CLOSED,
    BinCounts,
    Count,
    Counts,
)


@with_config(CLOSED)
class ClipCounts(TypedDict):
    """Clips by what became of them."""

    catalogued: Count
    """All clips."""
    kept: Count
    """Clips that passed."""
    rejected: Count
    """Clips that a rule rejected."""
    quarantined: Count
    """Clips that an error stopped."""
    pending: NotRequired[Count]
    """Clips not measured yet; in a workspace only."""


@with_config(CLOSED)
class RejectedByRule(TypedDict):
    """What a rule rejected."""

    count: Count
    """Clips."""
    threshold: float | None
    """Its threshold, in the rule's unit."""
    min: float | None
    """Least rejected value."""
    max: float | None
    """Greatest rejected value."""


@with_config(CLOSED)
class QuarantinedByStage(TypedDict):
    """Clips that a stage failed on."""

    count: Count
    """Clips."""
    errors: Counts
    """Class of the error → clips."""


@with_config(CLOSED)
class FunnelStep(TypedDict):
    """One step from all clips to the kept."""

    step: str
    """catalogued, the rule, the stage, or kept."""
    kind: Literal["catalogued", "rule", "quarantined", "pending", "kept"]
    """What the step is."""
    clips: Count
    """Clips left after the step."""
    lost: Count
    """Clips lost in it."""
    hours: float | None
    """Length of what is left, hours; null where the lengths of left-out clips are not stored (datasets
    without measured.parquet)."""
    lost_hours: float | None
    """Length of what is lost, hours; null as above."""
    unknown: Count
    """Lost clips without a known length; they count 0 hours."""


@with_config(CLOSED)
class RuleNumbers(TypedDict):
    """The number that a rule judges, over the clips that reach the rule."""

    stage: str
    """Stage that measured the number."""
    unit: str
    """Unit of the number."""
    keep: Literal["at least", "at most"]
    """The side of the threshold that is kept, itself included."""
    threshold: float
    """In `unit`."""
    why: str
    """Why such clips are left out."""
    reached: Count
    """Clips that the rule was asked about."""
    passed: Count
    """Those that passed."""
    missing: Count
    """Those without the number; they pass."""
    edges: list[float]
    """Edges of the bins, one more than there are bins, ascending."""
    counts: BinCounts


@with_config(CLOSED)
class LiveRule(TypedDict):
    """A rule of the interactive funnel."""

    name: str
    """Rule."""
    stage: str
    """Its stage."""
    keep: Literal["at least", "at most"]
    """Kept side."""
    unit: str
    """Unit of the stops."""
    threshold: float
    """The published threshold; one of the stops."""
    stops: list[float]
    """Thresholds to choose from, ascending, at most 250. At stop j a clip with code c passes `at least`
    when c > j, `at most` when c <= j; code 254 (no number) always passes."""


@with_config(CLOSED)
class InteractiveFunnel(TypedDict):
    """A joint table of what the rules judge."""

    clips: Count
    """Rows in the table: every clip but those left out, or a seeded random sample of at most 100,000 of
    them."""
    of: Count
    """Clips that the sample stands for."""
    left_out: Count
    """Exact duplicates and licences that are not allowed, which no threshold brings back; not in `of`."""
    seed: int | None
    """Seed of the sample; null where every clip is in."""
    stages: list[str]
    """Stages in the order of measuring."""
    rules: list[LiveRule]
    """In the order in which rules are asked."""
    duration_step_s: float
    """Unit of the stored lengths, seconds."""
    columns: list[str]
    """Columns of `data` in order, each `clips` values: one uint8 code for each rule; `stop` (uint8: 255
    measured throughout; else 2 x stage index, plus 1 where the stage failed, so the clip is quarantined
    there instead of waiting); `duration` (uint16, little-endian, in `duration_step_s`; 0 where
    unknown)."""
    encoding: Literal["base64 of zlib (RFC 1950) of the columns one after the other"]
    """How `data` is packed."""
    approximate: list[str]
    """Rules whose number depends on which other clips are there; it is that under the published
    thresholds."""
    data: str
    """The packed columns."""


@with_config(CLOSED)
class LargestGroup(TypedDict):
    """One of the largest groups of copies."""

    source_id: str
    """The source that stays."""
    copies: Count
    """Its rejected copies."""


@with_config(CLOSED)
class Copies(TypedDict):
    """Rejected copies of one sort."""

    clips: Count
    """Rejected copies, the one that stays not counted."""
    groups: Count
    """Recordings that have at least one copy."""
    sizes: Counts
    """Clips in a group, the one that stays included → how many groups have that size."""
    largest: list[LargestGroup]
    """The largest groups, at most 20."""


@with_config(CLOSED)
class Duplicates(TypedDict):
    """Copies that were rejected."""

    exact: Copies
    """Files with the same bytes."""
    near: Copies
    """Other copies of a recording."""


@with_config(CLOSED)
class Leak(TypedDict):
    """Groups that must lie in one split each."""

    known: Count
    """Clips that name such a group."""
    groups: Count
    """Distinct groups."""
    violations: Count
    """Groups that lie in two splits or more; 0 is what is wanted."""
    clips: Count
    """Clips of those groups; one that names two counts twice."""
    examples: list[str]
    """Names of the first of those groups, at most 10, by name."""


@with_config(CLOSED)
class Leakage(TypedDict):
    """Whether splits share what they must not."""

    artist: Leak
    """Artists, whatever the spelling."""
    source: Leak
    """Sources (source_id)."""
    url: Leak
    """Sources by address (source_url)."""
    recording: Leak | None
    """Groups of copies of one recording; null where the groups are not stored."""


@with_config(CLOSED)
class Spread(TypedDict):
    """How evenly the labels of a kind are used."""

    labels: Count
    """Labels of the taxonomy's whole list, and any others that clips have."""
    used: Count
    """Labels that at least one clip has."""
    entropy_bits: float | None
    """Shannon entropy of the shares of all assignments, bits; null without any."""
    evenness: float | None
    """Entropy over that of equal use of all `labels`, 0..1 (Pielou); null without any, or where there is
    one label."""
    under: dict[str, float]
    """Label → share of the kept clips that have it, 0..1, for labels below `under_share`, rarest first."""


@with_config(CLOSED)
class LanguageSpread(TypedDict):
    """How evenly languages are used."""

    used: Count
    """Languages seen."""
    entropy_bits: float | None
    """Shannon entropy, bits."""
    evenness: float | None
    """Over that of equal use of the languages seen; null for fewer than two."""
    most: str | None
    """The most frequent language."""
    share_most: float | None
    """Its share of the texts whose language could be told, 0..1."""


@with_config(CLOSED)
class Representation(TypedDict):
    """Which styles and languages are rare."""

    under_share: float
    """Share of the kept clips under which a label counts as under-represented, 0..1."""
    instruments: Spread
    """Instruments."""
    genres: Spread
    """Genres."""
    moods: Spread
    """Moods."""
    languages: LanguageSpread
    """Languages of the metadata, `und` left out."""


@with_config(CLOSED)
class Sample(TypedDict):
    """How rows were sampled."""

    seed: int
    rows: Count
    """Rows read."""
    of: Count
    """Clips of the dataset."""
    method: str
    """How the rows were chosen."""
