"""A small corpus of music videos of which everything is known, for first runs and tests."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np

from leitmotif.demo.metadata import describe_clip, describe_copy, draw_title
from leitmotif.demo.pictures.render import KINDS, render_pictures
from leitmotif.demo.plan import ClipPlan, ClipTruth, plan_corpus
from leitmotif.demo.video import encode_again
from leitmotif.media.mux import Encoding, write_video
from leitmotif.music.render import render_music
from leitmotif.storage.atomic import whole_file
from leitmotif.storage.progress import OnProgress, show_nothing

TRUTH_NAME = "truth.jsonl"


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
    write_video(film, frames, music.mix, fps=plan.fps, encoding=encoding)
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


def _render_copies(
    names: list[str], truths: list[ClipTruth], out: Path, seed: int, size: tuple[int, int]
) -> Iterator[ClipTruth]:
    """Repeat two clips that move: one byte by byte, one encoded again, smaller and coarser."""
    rng = np.random.default_rng([seed, 43])
    sound = [truth for truth in truths if truth.moving and not truth.broken]
    picks = rng.permutation(len(sound))[: len(names)]
    for name, pick, way in zip(names, picks, ("exact", "near"), strict=False):
        original = sound[int(pick)]
        source = out / original.file
        if way == "exact":
            film = out / f"{name}.mp4"
            with whole_file(film) as partial:
                shutil.copyfile(source, partial)
        else:
            film = out / f"{name}.mkv"
            encoding = Encoding("matroska", crf=31, key_every=250, audio_bits_s=96_000)
            smaller = (2 * round(size[0] / 3), 2 * round(size[1] / 3))
            encode_again(source, film, size=smaller, encoding=encoding)
        info = json.loads(source.with_suffix(".info.json").read_text(encoding="utf-8"))
        copy = describe_copy(info, name, rng)
        _write_text(out / f"{name}.info.json", json.dumps(copy, indent=1, ensure_ascii=False) + "\n")
        yield replace(original, file=film.name, duplicate_of=original.file, duplicate=way)


def render_corpus(
    out: Path,
    *,
    clips: int = 24,
    seed: int = 0,
    duration_s: float = 20.0,
    size: tuple[int, int] = (480, 270),
    fps: float = 25.0,
    workers: int = 1,
    on_progress: OnProgress = show_nothing,
) -> list[ClipTruth]:
    """Render a corpus of music videos with sidecars and its truth.

    About a third are no real films (covers, slideshows, lyrics). From 12 clips on, the last three are a
    broken file, an exact copy and a smaller, coarser copy of others. The same arguments give the same files.

    Args:
        out: Folder; made where it is missing. Files of the same names are replaced.
        clips: How many films.
        seed: Draws everything.
        duration_s: Length of each, at least 0.5.
        size: Width and height in pixels, even.
        fps: Frames a second.
        workers: Processes.
        on_progress: Called with how many films are done.

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
    duration_s = float(duration_s)
    out.mkdir(parents=True, exist_ok=True)
    (out / TRUTH_NAME).unlink(missing_ok=True)
    plans, copies = plan_corpus(clips=clips, seed=seed, duration_s=duration_s, size=size, fps=fps)
    folders = [out] * len(plans)
    truths: list[ClipTruth] = []

    def take(rendered: Iterable[ClipTruth]) -> None:
        for truth in rendered:
            truths.append(truth)
            on_progress("render", len(truths), len(plans) + len(copies))

    on_progress("render", 0, len(plans) + len(copies))
    if workers == 1:
        take(map(render_clip, plans, folders))
    else:
        spawn = multiprocessing.get_context("spawn")
        count = min(workers, len(plans), os.cpu_count() or 1)
        with ProcessPoolExecutor(
            count, mp_context=spawn, initializer=cv2.setNumThreads, initargs=(1,)
        ) as pool:
            take(pool.map(render_clip, plans, folders))
    take(_render_copies(copies, [*truths], out, seed, size))
    lines = [json.dumps(asdict(truth), ensure_ascii=False) + "\n" for truth in truths]
    _write_text(out / TRUTH_NAME, "".join(lines))
    return truths
