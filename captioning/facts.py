"""What a captioner gets to know about a clip."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CaptionFacts:
    """Facts about one clip; None and empty tuples are facts that are not known.

    Attributes:
        clip_id: Seeds every choice of words.
        title: Title of the source; never quoted.
        artist: Artist of the source; never quoted.
        description: Description of the source; a grammar reads it for themes only.
        comments: What viewers wrote, best first; a grammar does not read them.
        instruments: Label ids, best first.
        genres: Label ids, best first.
        moods: Label ids, best first.
        tempo_bpm: Beats a minute.
        tempo_class: "slow", "medium" or "fast".
        key: Such as "D major".
        has_vocals: Whether somebody sings or speaks, where that is sure.
    """

    clip_id: str
    title: str | None = None
    artist: str | None = None
    description: str | None = None
    comments: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    tempo_bpm: float | None = None
    tempo_class: str | None = None
    key: str | None = None
    has_vocals: bool | None = None
