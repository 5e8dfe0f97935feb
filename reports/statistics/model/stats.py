"""The form of stats.json, of which its JSON Schema is made."""

from __future__ import annotations

from typing import Literal

from pydantic import with_config
from typing_extensions import TypedDict

from leitmotif.reports.statistics.model.clips import (
    ClipCounts,
    Duplicates,
    FunnelStep,
    InteractiveFunnel,
    Leakage,
    QuarantinedByStage,
    RejectedByRule,
    Representation,
    RuleNumbers,
    Sample,
)
from leitmotif.reports.statistics.model.content import (
    Artists,
    Cooccurrence,
    EmbeddingMap,
    Histograms,
    Languages,
    LexicalDiversity,
    MotionTempo,
    SplitBalance,
    TagScores,
    TempoByGenre,
    TempoDensity,
    Vocabulary,
)
from leitmotif.reports.statistics.model.numbers import (
    CLOSED,
    Amount,
    ByKind,
    Count,
    Counts,
)


@with_config(CLOSED)
class Stats(TypedDict):
    """What stats.json holds. Counts are clips where nothing else is said; shares are 0..1."""

    schema_version: Literal[1]
    """Version of this schema."""
    kind: Literal["dataset", "workspace"]
    """A published dataset, or a workspace that is not published yet."""
    dataset: str
    """What the dataset or the workspace is called."""
    recipe: str | None
    """Name of the recipe."""
    profile: str | None
    """Name of the profile."""
    version: str | None
    """Version of leitmotif that made it."""
    counts: ClipCounts
    """Clips by what became of them; catalogued is the sum of the others."""
    rows: Counts
    """Split → clips. A workspace has the one split `kept`."""
    hours: dict[str, Amount]
    """Split → length of its clips, hours."""
    rejected: dict[str, RejectedByRule]
    """Rule → what it rejected, in the order in which rules are asked."""
    quarantined: dict[str, QuarantinedByStage]
    """Stage → clips that it failed on, most first."""
    funnel: list[FunnelStep]
    """From all clips to the kept: first `catalogued`, last `kept`; between them, in the order in which
    clips meet them, for each stage what failed in it, what still waits for it, and the rules over its
    numbers."""
    rules: dict[str, RuleNumbers]
    """Rule → its stored number over all clips that reach it, under the published thresholds, in the order
    in which rules are asked. Empty where the numbers are not stored (datasets without
    measured.parquet)."""
    asked_only: dict[str, Literal["films", "tracks"]]
    """Rule → the kind of files that alone is asked for it, where a recipe takes files with a moving
    picture (films) one way and all others (tracks) another. Rules of both kinds are left out."""
    live: InteractiveFunnel | None
    """A compact joint table of what the rules judge, from which a page recounts the funnel for other
    thresholds; null where the numbers are not stored. Walk: for each stage of `stages` in order, a clip
    whose stop says so is quarantined or waits there; then the stage's rules are asked in the order of
    `rules`; the first that fails rejects the clip. Exact at each of a rule's stops."""
    histograms: Histograms
    """Histograms over the kept clips (figures 4, 5, 6, 11 and 12 of the Visuals Music Bridge paper)."""
    lexical_diversity: LexicalDiversity
    """Variety of words in captions (figure 13 of the paper). Words are split at white space, stripped of
    punctuation at their ends, and folded to lower case."""
    tempo_density: TempoDensity
    """Density of tempo (figure 10 of the paper): Gaussian kernel density, bandwidth by Scott's rule."""
    tempo_by_genre: TempoByGenre
    """Tempo of the clips of each genre."""
    motion_tempo: MotionTempo
    """Visual motion against tempo, over clips that have both."""
    tags: ByKind[Counts]
    """Kind → tag → clips (figures 7, 8 and 9 of the paper)."""
    untagged: ByKind[Count]
    """Kind → clips without a tag of it."""
    unused_tags: ByKind[list[str]]
    """Kind → labels of the taxonomy that no clip has."""
    families: Counts
    """Family of instruments → assigned tags."""
    cooccurrence: Cooccurrence
    """How often two tags stand on the same clip, for the most frequent tags (at most 40)."""
    tag_scores: TagScores
    """Scores of the tags that clips have."""
    sizes: Counts
    """Frame size, width×height in pixels → clips."""
    tempo_classes: Counts
    """slow, medium, fast → clips."""
    keys: Counts
    """Key → clips."""
    licenses: Counts
    """License → clips, by one name however the sources word it: its SPDX identifier, `CC-BY` and the like
    where no version is stated, `LicenseRef-…` of any other text, `unknown`; the column has the words."""
    caption_backends: Counts
    """What wrote the caption → clips."""
    caption_prompts: Counts
    """Prompt id with version → clips."""
    vocabulary: Vocabulary
    """Words of the captions."""
    languages: Languages
    """Language of title and description together, by py3langid, on a seeded sample of rows."""
    artists: Artists
    """How clips spread over artists; spellings of a name count as one, and joint work counts for everybody
    who is named."""
    duplicates: Duplicates
    """Copies that were rejected."""
    split_balance: dict[str, SplitBalance]
    """Split → how it compares with the whole."""
    leakage: Leakage
    """Whether splits share what they must not."""
    embedding_map: EmbeddingMap
    """CLAP embeddings of a seeded sample in two dimensions, by principal component analysis."""
    representation: Representation
    """Which styles and languages are rare: measured against the taxonomy's whole list."""
    sample: Sample
    """Where only some rows are read (embeddings, titles, descriptions, and captions as one text): a seeded
    sample."""
    models: dict[str, Counts]
    """Backend → model id @ revision → clips."""
    embedded_models: list[str]
    """Those that ship with the package and tag, score voices or take them out alone."""
    small_models: list[str]
    """Small ones that ship, trained on renders, that made any of the numbers."""
    retrieved: list[str]
    """First and last day of retrieval, ISO 8601; empty where not known."""
