"""What every clip of a demo corpus is to become, and what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from leitmotif.demo.metadata import draw_artists
from leitmotif.demo.pictures.film_lyrics import FILM_LYRICS
from leitmotif.demo.pictures.render import KINDS

SPOILT_FROM = 12  # from this many clips on, two are copies of others and one is broken
_NEGATIVE_SHARE = 1 / 3


@dataclass(frozen=True)
class ClipTruth:
    """What is in one file of the corpus.

    Attributes:
        file: Name of the film in the corpus' folder.
        kind: Kind of picture, see `leitmotif.demo.pictures.render.KINDS`.
        moving: Whether the picture is a film that moves, without lyrics over it.
        title: Title of the song.
        artist: Artist of the song; several clips share one.
        duration_s: Length.
        instruments: Audible ones, the loudest first.
        genre: Genre label of the music.
        moods: The nearest first.
        valence: -1 to 1, of music and pictures.
        arousal: -1 to 1, of music and pictures.
        tempo_bpm: Tempo of music and pictures; None where nothing is on a grid.
        key: Such as "C# minor"; None where nothing is in a key.
        vocals: Kinds of voices.
        degradation: Damage to the sound, or None.
        degree: 0 to 1, of the damage.
        duplicate_of: Name of the file that this one repeats, or None.
        duplicate: "exact" (same bytes) or "near" (encoded again), or None.
        broken: Whether the file was cut off and cannot be read.
        seed: The clip's own seed.
    """

    file: str
    kind: str
    moving: bool
    title: str
    artist: str
    duration_s: float
    instruments: tuple[str, ...]
    genre: str | None
    moods: tuple[str, ...]
    valence: float
    arousal: float
    tempo_bpm: float | None
    key: str | None
    vocals: tuple[str, ...]
    degradation: str | None
    degree: float
    duplicate_of: str | None
    duplicate: str | None
    broken: bool
    seed: int


@dataclass(frozen=True)
class ClipPlan:
    """What one clip is to become."""

    name: str
    kind: str
    artist: str
    seed: int
    duration_s: float
    size: tuple[int, int]
    fps: float
    broken: bool = False


def plan_corpus(
    *, clips: int, seed: int, duration_s: float, size: tuple[int, int], fps: float
) -> tuple[list[ClipPlan], list[str]]:
    """Deal out kinds, artists and seeds.

    Returns:
        The plans of the clips that are rendered, and the names of those that will be copies.
    """
    rng = np.random.default_rng([seed, 40])
    names = [f"clip-{index:04d}" for index in range(clips)]
    copies = names[-2:] if clips >= SPOILT_FROM else []
    rendered = clips - len(copies)
    still = round(rendered * _NEGATIVE_SHARE)
    films, stills = [*_deal(rng, rendered - still, moving=True)], [*_deal(rng, still, moving=False)]
    # Where every kind of still is there, and some twice, two of the second ones are lyrics over a film.
    for index in [i for i, kind in enumerate(stills) if kind in stills[:i]][:2]:
        stills[index] = FILM_LYRICS
    order = films + stills
    kinds = [str(kind) for kind in rng.permutation(order)]
    if clips >= SPOILT_FROM:  # the file that breaks is one that moves, so that every kind of still remains
        last = max(index for index, kind in enumerate(kinds) if KINDS[kind])
        kinds[last], kinds[-1] = kinds[-1], kinds[last]
    artists = draw_artists(max(1, round(clips / 2.5)), rng)
    seeds = np.random.SeedSequence([seed, 41]).generate_state(rendered)
    plans = [
        ClipPlan(name, kind, artists[int(rng.integers(0, len(artists)))], int(own), duration_s, size, fps)
        for name, kind, own in zip(names, kinds, seeds, strict=False)
    ]
    if clips >= SPOILT_FROM:
        plans[-1] = replace(plans[-1], broken=True)
    return plans, copies


def _deal(rng: np.random.Generator, count: int, *, moving: bool) -> Iterator[str]:
    kinds = [kind for kind, moves in KINDS.items() if moves is moving and kind != FILM_LYRICS]
    pack: list[str] = []
    for _ in range(count):
        pack = pack or [str(kind) for kind in rng.permutation(kinds)]
        yield pack.pop()
