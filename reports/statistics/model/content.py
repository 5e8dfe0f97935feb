"""Parts of stats.json about what clips hold: music, words, people."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field, with_config
from typing_extensions import TypedDict

from leitmotif.reports.statistics.model.numbers import (
    CLOSED,
    BinCounts,
    ByKind,
    Count,
    Counts,
    Histogram,
)


@with_config(CLOSED)
class Histograms(TypedDict):
    """Histograms over the kept clips."""

    duration_s: Histogram
    """Length of the clips, seconds."""
    motion: Histogram
    """Mean change between consecutive frames; see `unit`."""
    tempo_bpm: Histogram
    """Tempo, beats per minute."""
    vocal_score: Histogram
    """Vocal score, 0..1."""
    pam_score: Histogram
    """PAM quality, 0..1."""
    caption_words: Histogram
    """Words of a caption, split at white space."""


@with_config(CLOSED)
class Joined(TypedDict):
    """Captions read one after the other as one text."""

    captions: Count
    """Captions in the text: all, or those of the seeded sample."""
    of: Count
    """Clips of the dataset."""
    words: Count
    """Words in the text."""
    mtld: float | None
    """MTLD, words."""
    type_token_ratio: float | None
    """0..1; falls with the length of the text."""


@with_config(CLOSED)
class LexicalDiversity(TypedDict):
    """Variety of words in captions."""

    mtld: Histogram
    """Measure of textual lexical diversity of each caption, words (McCarthy and Jarvis 2010): mean of a
    forward and a backward pass. `missing` are captions without a word and those in which no word
    repeats, whose MTLD is not defined."""
    threshold: float
    """Type-token ratio under which a factor of MTLD is complete."""
    unrepeated: Count
    """Captions in which no word repeats."""
    type_token_ratio: Histogram
    """Distinct words over words of each caption, 0..1."""
    joined: Joined
    """Of captions read one after the other as one text: what MTLD is made for, since a caption alone is
    short."""


@with_config(CLOSED)
class TempoDensity(TypedDict):
    """Density of tempo."""

    count: Count
    """Clips with a tempo."""
    bandwidth_bpm: float | None
    """Standard deviation of the kernel, BPM; null for fewer than two different values."""
    bpm: list[float]
    """Where the density is given, BPM."""
    density: list[float]
    """Density, per BPM."""


@with_config(CLOSED)
class GenreTempo(TypedDict):
    """Tempo of the clips of a genre."""

    count: Count
    """Clips."""
    mean: float
    """BPM."""
    quartiles: list[float]
    """25, 50 and 75 % quantiles, BPM."""
    counts: BinCounts


@with_config(CLOSED)
class TempoByGenre(TypedDict):
    """Tempo of the clips of each genre."""

    edges: list[float]
    """Edges of the bins, one more than there are bins, ascending."""
    genres: dict[str, GenreTempo]
    """Genre → its clips with a tempo, most first."""


@with_config(CLOSED)
class MotionTempo(TypedDict):
    """Visual motion against tempo."""

    count: Count
    """Clips."""
    tempo_edges: list[float]
    """Edges of the bins, one more than there are bins, ascending."""
    motion_edges: list[float]
    """Edges of the bins, one more than there are bins, ascending."""
    counts: list[BinCounts]
    """One row for each bin of motion, one number for each bin of tempo: clips."""
    pearson: float | None
    """Correlation, -1..1; null for fewer than 10 clips, or where one of both is constant."""
    spearman: float | None
    """Rank correlation, -1..1; null likewise."""


@with_config(CLOSED)
class KindAndTag(TypedDict):
    """A tag and its kind."""

    kind: Literal["instruments", "genres", "moods"]
    """instruments, genres or moods."""
    tag: str
    """Tag."""


@with_config(CLOSED)
class Cooccurrence(TypedDict):
    """How often two tags stand on the same clip."""

    labels: list[KindAndTag]
    """Tags in the order of rows and columns: by kind, most frequent first."""
    counts: list[BinCounts]
    """Symmetric: clips that have both tags; on the diagonal, clips that have the tag."""


@with_config(CLOSED)
class TagScore(TypedDict):
    """Scores of a tag."""

    count: Count
    """Clips."""
    min: float | None
    """Least score."""
    max: float | None
    """Greatest score."""
    mean: float | None
    """Mean score."""
    counts: BinCounts


@with_config(CLOSED)
class TagScores(TypedDict):
    """Scores of the tags that clips have."""

    edges: list[float]
    """Edges of the bins of every tag: cosines, or probabilities."""
    kinds: ByKind[dict[str, TagScore]]
    """Kind → tag → its scores, most frequent first."""


@with_config(CLOSED)
class Vocabulary(TypedDict):
    """Words of the captions."""

    words: Count
    """All words."""
    distinct: Count
    """Distinct words."""
    top: Counts
    """The most frequent words → how often."""


@with_config(CLOSED)
class Languages(TypedDict):
    """Language of title and description."""

    counts: Counts
    """ISO 639 code → clips; `und` where there is too little text to say, or none that the model is sure
    of."""
    measured: Count
    """Clips looked at."""
    of: Count
    """Clips of the dataset."""
    seed: int
    """Seed of the sample."""
    method: str
    """What told the language, and how."""
    least_letters: Count
    """Letters under which a text is `und`."""
    least_confidence: NotRequired[Annotated[float, Field(ge=0, le=1)]]
    """Probability of the likeliest language under which a text is `und`."""


@with_config(CLOSED)
class Artists(TypedDict):
    """How clips spread over artists."""

    named: Count
    """Clips that name an artist."""
    unnamed: Count
    """Clips that do not."""
    distinct: Count
    """Artists."""
    top: Counts
    """The most frequent artists (at most 100), as most often spelt → clips."""
    share_top_1: float | None
    """Share of `top`'s clips over all artists (a clip by two counts for both), 0..1, of the most frequent
    artist; null without names."""
    share_top_10: float | None
    """Of the 10 most frequent together."""
    share_top_100: float | None
    """Of the 100 most frequent together."""
    gini: float | None
    """Gini coefficient of clips per artist: 0 all equal, towards 1 one has all."""


@with_config(CLOSED)
class SplitBalance(TypedDict):
    """How a split compares with the whole."""

    clips: Count
    """Clips."""
    share: float | None
    """Share of all clips, 0..1."""
    hours: float
    """Hours."""
    total_variation: ByKind[float | None]
    """Kind → total variation distance between the split's shares of tag assignments and those of the
    whole: 0 the same, 1 nothing in common; null without tags."""
    shares: ByKind[dict[str, float]]
    """Kind → tag → share of the split's clips that have it, 0..1, in the order of `tags`."""


@with_config(CLOSED)
class EmbeddingMap(TypedDict):
    """CLAP embeddings in two dimensions."""

    method: str
    """How the two dimensions were found."""
    seed: int
    """Seed of the sample."""
    of: Count
    """Clips of the dataset."""
    explained: list[float]
    """Share of the variance along x and y, 0..1; empty without points."""
    clip_id: list[str]
    """Clips, at most 2,000."""
    name: list[str]
    """What people call each: its title, else its file."""
    x: list[float]
    """First component."""
    y: list[float]
    """Second component."""
    genre: list[str | None]
    """Best genre of each; null without one."""
