"""Datasets of rendered clips: frames, their true tags and tempo, and the grammar's caption of them."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.grammar import PROMPT, write_caption
from leitmotif.captioning.templates import read_templates
from leitmotif.demo.pictures.render import KINDS, render_pictures
from leitmotif.media.key_frames import key_frames
from leitmotif.media.mux import write_video
from leitmotif.music.moods import moods_near
from leitmotif.music.song_plan import draw_plan, lay_grid
from leitmotif.shards.manifest import write_manifest
from leitmotif.shards.schema import shard_schema
from leitmotif.shards.writer import write_shard
from leitmotif.taxonomy.tempo import tempo_class

MOVING = [kind for kind, moves in KINDS.items() if moves]
DURATION_S = 20.0
CLAP_DIM = 4


@dataclass(frozen=True)
class Truth:
    clip_id: str
    valence: float
    arousal: float
    moods: tuple[str, ...]
    tempo_bpm: float
    tempo: str
    genre: str
    instruments: tuple[str, ...]


def draw_truth(seed: int) -> Truth:
    """What `leitmotif.music.render` would play for this seed, without rendering it."""
    rng = np.random.default_rng([seed, 20])
    plan = draw_plan(rng, None, None, False, None, None, None)
    grid = lay_grid(rng, plan, DURATION_S)
    feel = plan.feel
    return Truth(
        f"clip-{seed:06d}",
        feel.valence,
        feel.arousal,
        moods_near(feel.valence, feel.arousal),
        grid.tempo_bpm,
        tempo_class(grid.tempo_bpm),
        plan.style_name,
        plan.labels,
    )


def _pictures(seed: int, truth: Truth, fps: float) -> Iterator[np.ndarray]:
    return render_pictures(
        MOVING[seed % len(MOVING)],
        seed,
        duration_s=DURATION_S,
        fps=fps,
        valence=truth.valence,
        arousal=truth.arousal,
        tempo_bpm=truth.tempo_bpm,
    )


def render_stills(seed: int, truth: Truth) -> list[bytes]:
    """Ten JPEG pictures, one every two seconds."""
    files = []
    for picture in _pictures(seed, truth, fps=0.5):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=90)
        files.append(buffer.getvalue())
    return files


def render_film(seed: int, truth: Truth, path: Path) -> list[bytes]:
    """A film, and its ten key frames as curation takes them."""
    silence = np.zeros((2, int(DURATION_S * 44100)), np.float32)
    write_video(path, _pictures(seed, truth, fps=5.0), silence, fps=5.0)
    return key_frames(path)


def make_row(truth: Truth, frames: list[bytes]) -> dict[str, object]:
    facts = CaptionFacts(
        truth.clip_id,
        instruments=truth.instruments,
        genres=(truth.genre,),
        moods=truth.moods,
        tempo_bpm=truth.tempo_bpm,
        tempo_class=truth.tempo,
        has_vocals=False,
    )
    return {
        "clip_id": truth.clip_id,
        "source_id": truth.clip_id,
        "license": "CC0-1.0",
        "frames": [{"bytes": jpeg, "path": f"{number:02d}.jpg"} for number, jpeg in enumerate(frames)],
        "instruments": _tags(truth.instruments),
        "genres": _tags((truth.genre,)),
        "moods": _tags(truth.moods),
        "tempo_bpm": truth.tempo_bpm,
        "tempo_class": truth.tempo,
        "caption": write_caption(facts, read_templates(PROMPT)).text,
        "caption_backend": "grammar",
        "caption_prompt": PROMPT,
    }


def _tags(labels: tuple[str, ...]) -> list[dict[str, object]]:
    return [{"tag": label, "score": 1.0 - 0.1 * place} for place, label in enumerate(labels)]


def write_dataset(
    folder: Path,
    splits: dict[str, list[dict[str, object]]],
    *,
    shards: int = 1,
    group_rows: int | None = None,
) -> Path:
    """A published dataset's shards and manifest, without its reports."""
    (folder / "data").mkdir(parents=True)
    schema = shard_schema(clap_dim=CLAP_DIM, clip_dim=1)
    for split, rows in splits.items():
        for shard in range(shards):
            path = folder / "data" / f"{split}-{shard:05d}-of-{shards:05d}.parquet"
            part = rows[shard * len(rows) // shards : (shard + 1) * len(rows) // shards]
            size = 1 if group_rows is None else (32 << 20) // group_rows
            write_shard(path, schema, ((size, row) for row in part))
    counts = {split: len(rows) for split, rows in splits.items()}
    write_manifest(folder, {"kept": sum(counts.values()), "rows": counts})
    return folder


def render_dataset(folder: Path, sizes: dict[str, int], *, first_seed: int = 0) -> list[Truth]:
    """Render stills for every split, each of its own seeds; returns the truths, in order."""
    cv2.setNumThreads(1)
    truths, splits, seed = [], {}, first_seed
    for split, size in sizes.items():
        splits[split] = []
        for _ in range(size):
            truth = draw_truth(seed)
            splits[split].append(make_row(truth, render_stills(seed, truth)))
            truths.append(truth)
            seed += 1
    write_dataset(folder, splits)
    (folder / "truth.json").write_text(json.dumps([truth.__dict__ for truth in truths]))
    return truths
