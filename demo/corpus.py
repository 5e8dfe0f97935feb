"""A small corpus of music videos of which everything is known, for first runs and tests."""

import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from demo.film import Encoding, encode_again, whole_file, write_film
from demo.metadata import describe_clip, describe_copy, draw_artists, draw_title
from demo.music import render_music
from demo.pictures import KINDS, render_pictures

TRUTH_NAME = "truth.jsonl"
SPOILT_FROM = 12  # from so many clips on, two are copies of others and one is broken
_NEGATIVE_SHARE = 1 / 3


@dataclass(frozen=True)
class ClipTruth:
    """What is in one file of the corpus.

    Attributes:
        file: Name of the film in the corpus' folder.
        kind: Kind of picture, see `demo.pictures.KINDS`.
        moving: Whether the picture is a film that moves.
        title: Of the song.
        artist: Of the song; several clips share one.
        duration_s: Length.
        instruments: Audible ones, the loudest first.
        genre: Of the music.
        moods: The nearest first.
        valence: -1 to 1, of music and pictures.
        arousal: -1 to 1, of music and pictures.
        tempo_bpm: Of music and pictures; None where nothing is on a grid.
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
    order = [*_deal(rng, rendered - still, moving=True), *_deal(rng, still, moving=False)]
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
    kinds = [kind for kind, moves in KINDS.items() if moves is moving]
    pack: list[str] = []
    for _ in range(count):
        pack = pack or [str(kind) for kind in rng.permutation(kinds)]
        yield pack.pop()


def render_clip(plan: ClipPlan, out: Path) -> ClipTruth:
    """Render one clip with its sidecar into the folder `out`."""
    rng = np.random.default_rng([plan.seed, 42])
    music = render_music(plan.seed, duration_s=plan.duration_s, solo=False)
    truth = music.truth
    title = draw_title(truth.valence, truth.arousal, rng)
    frames = render_pictures(
        plan.kind,
        plan.seed,
        duration_s=plan.duration_s,
        fps=plan.fps,
        size=plan.size,
        valence=truth.valence,
        arousal=truth.arousal,
        tempo_bpm=truth.tempo_bpm or 100.0,
        names=(title, plan.artist),
    )
    encoding = Encoding(
        crf=int(rng.integers(21, 28)),
        key_every=round(plan.fps * rng.uniform(2, 6)),
        audio_bits_s=int(rng.choice([128_000, 160_000, 192_000])),
    )
    film = out / f"{plan.name}.mp4"
    write_film(film, frames, music.mix, fps=plan.fps, encoding=encoding)
    if plan.broken:
        _cut_off(film)
    info = describe_clip(
        plan.name,
        title=title,
        artist=plan.artist,
        kind=plan.kind,
        duration_s=plan.duration_s,
        genre=truth.genre,
        moods=truth.moods,
        instruments=truth.instruments,
        rng=rng,
    )
    _write_text(out / f"{plan.name}.info.json", json.dumps(info, indent=1, ensure_ascii=False) + "\n")
    facts = {field: getattr(truth, field) for field in truth.__dataclass_fields__}
    return ClipTruth(
        file=film.name,
        kind=plan.kind,
        moving=KINDS[plan.kind],
        title=title,
        artist=plan.artist,
        duration_s=plan.duration_s,
        duplicate_of=None,
        duplicate=None,
        broken=plan.broken,
        seed=plan.seed,
        **facts,
    )


def _write_text(path: Path, text: str) -> None:
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _cut_off(film: Path) -> None:
    """Keep the first three fifths of a file, as a download does that was interrupted."""
    content = film.read_bytes()
    with whole_file(film) as partial:
        partial.write_bytes(content[: len(content) * 3 // 5])


def _render_copies(names: list[str], truths: list[ClipTruth], out: Path, seed: int) -> Iterator[ClipTruth]:
    """Repeat two clips that move: one byte by byte, one encoded again, smaller and coarser."""
    rng = np.random.default_rng([seed, 43])
    sound = [truth for truth in truths if truth.moving and not truth.broken]
    picks = rng.permutation(len(sound))[: len(names)]
    for name, pick, way in zip(names, picks, ("exact", "near"), strict=True):
        original = sound[int(pick)]
        source = out / original.file
        if way == "exact":
            film = out / f"{name}.mp4"
            with whole_file(film) as partial:
                shutil.copyfile(source, partial)
        else:
            film = out / f"{name}.mkv"
            encoding = Encoding("matroska", crf=31, key_every=250, audio_bits_s=96_000)
            encode_again(source, film, size=_smaller(source), encoding=encoding)
        info = json.loads(source.with_suffix(".info.json").read_text(encoding="utf-8"))
        copy = describe_copy(info, name, rng)
        _write_text(out / f"{name}.info.json", json.dumps(copy, indent=1, ensure_ascii=False) + "\n")
        yield replace(original, file=film.name, duplicate_of=original.file, duplicate=way)


def _smaller(source: Path) -> tuple[int, int]:
    capture = cv2.VideoCapture(str(source))
    width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    capture.release()
    return 2 * round(width / 3), 2 * round(height / 3)


def render_corpus(
    out: Path,
    *,
    clips: int = 24,
    seed: int = 0,
    duration_s: float = 20.0,
    size: tuple[int, int] = (480, 270),
    fps: float = 25.0,
    workers: int = 1,
) -> list[ClipTruth]:
    """Render a corpus of music videos with sidecars and its truth.

    About a third are no real films (covers, slideshows, lyrics). From 12 clips on, the last three are a broken
    file, an exact copy and a smaller, coarser copy of others. The same arguments give the same files.

    Args:
        out: Folder; made where it is missing. Files of the same names are replaced.
        clips: How many films.
        seed: Draws everything.
        duration_s: Length of each, at least 0.5.
        size: Width and height in pixels, even.
        fps: Frames a second.
        workers: Processes.

    Returns:
        The truth of every film, as in `truth.jsonl`, which is written last.

    Raises:
        ValueError: A number that makes no corpus.
    """
    if clips < 1 or workers < 1 or seed < 0:
        raise ValueError(f"got {clips} clips, {workers} workers and seed {seed}; give at least 1, 1 and 0")
    if size[0] % 2 or size[1] % 2 or min(size) < 64:
        raise ValueError(f"got a size of {size[0]}x{size[1]}; give even numbers of 64 or more")
    if duration_s < 0.5 or fps <= 0:
        raise ValueError(
            f"got {duration_s} s at {fps} frames/s; give at least 0.5 s and more than 0 frames/s"
        )
    out.mkdir(parents=True, exist_ok=True)
    (out / TRUTH_NAME).unlink(missing_ok=True)
    plans, copies = plan_corpus(clips=clips, seed=seed, duration_s=duration_s, size=size, fps=fps)
    folders = [out] * len(plans)
    if workers == 1:
        truths = list(map(render_clip, plans, folders))
    else:
        spawn = multiprocessing.get_context("spawn")
        count = min(workers, len(plans), os.cpu_count() or 1)
        with ProcessPoolExecutor(
            count, mp_context=spawn, initializer=cv2.setNumThreads, initargs=(1,)
        ) as pool:
            truths = list(pool.map(render_clip, plans, folders))
    truths += _render_copies(copies, truths, out, seed)
    lines = [json.dumps(asdict(truth), ensure_ascii=False) + "\n" for truth in truths]
    _write_text(out / TRUTH_NAME, "".join(lines))
    return truths
