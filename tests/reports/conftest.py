"""A synthetic published dataset: every column, real frames and audio, titles from the wild."""

import datetime
import functools
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml
from PIL import Image

from leitmotif.shards.schema import QUARANTINE, REJECTED, shard_schema
from leitmotif.taxonomy.labels import LABELS_PATH

HOSTILE = "<script>alert('x')</script> & {{ 7*7 }} | `tick` \u202eright"
WHEN = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


@functools.cache
def jpeg(seed: int) -> bytes:
    """A small picture: a colour gradient with a disc whose place depends on the seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:120, 0:200]
    centre = rng.uniform(30, 90), rng.uniform(40, 160)
    disc = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < 900
    base = rng.uniform(40, 220, size=3)
    pixels = np.stack([base[c] * (0.4 + 0.6 * x / 200) for c in range(3)], axis=-1)
    pixels[disc] = 255 - base
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, "JPEG", quality=80)
    return out.getvalue()


@functools.cache
def flac() -> bytes:
    """A tenth of a second of a tone, stereo."""
    tone = 0.2 * np.sin(2 * np.pi * 440 * np.arange(4410) / 44100)
    out = io.BytesIO()
    soundfile.write(out, np.stack([tone, tone], axis=1), 44100, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def clip(index: int, *, video: bool = True) -> dict[str, object]:
    """One row; what is in it follows from the index."""
    rng = np.random.default_rng(index)
    instruments = [["piano", "strings"], ["drums", "electric guitar", "bass guitar"], ["synth pad"]][
        index % 3
    ]
    genre, mood = [("classical", "calm"), ("rock", "energetic"), ("ambient", "dreamy")][index % 3]
    unit = rng.normal(size=8).astype(np.float32)
    unit /= np.linalg.norm(unit)
    return {
        "clip_id": f"clip{index:04d}",
        "source_id": f"source{index // 2:04d}",
        "source_url": f"https://example.org/watch/{index // 2}",
        "license": ["CC-BY-4.0", "unknown"][index % 5 == 0],
        "retrieved_at": WHEN,
        "title": HOSTILE if index == 0 else f"Song {index}",
        "artist": f"Artist {index % 4}",
        "description": None if index % 3 else "An evening by the sea.",
        "comments": ["so good"] * (index % 3),
        "start_s": 20.0 * (index % 2),
        "duration_s": 20.0 + index % 7,
        "width": 640 if video else None,
        "height": 360 if video else None,
        "fps": 25.0 if video else None,
        "motion": float(4 + rng.gamma(3.0, 3.0)) if video else None,
        "frames": [{"bytes": jpeg(10 * index + n), "path": f"{n:02d}.jpg"} for n in range(4)]
        if video
        else None,
        "audio": {"bytes": flac(), "path": f"clip{index:04d}.flac"},
        "instruments": [
            {"tag": tag, "score": 0.6 - 0.1 * rank} for rank, tag in enumerate(instruments[: 1 + index % 3])
        ],
        "genres": [{"tag": genre, "score": 0.5}],
        "moods": [] if index % 4 == 3 else [{"tag": mood, "score": 0.45}],
        "tempo_bpm": None if index % 6 == 5 else float(rng.normal(112, 22)),
        "tempo_class": ["slow", "medium", "fast"][index % 3],
        "key": ["C major", "A minor", "D major"][index % 3],
        "vocal_score": float(np.clip(rng.beta(1, 24), 0, 0.099)),
        "pam_score": float(1 - rng.beta(1, 30)),
        "clap_embedding": unit.tolist(),
        "clip_embedding": unit.tolist() if video else None,
        "caption": f"A {mood} {genre} piece with {' and '.join(instruments)}, in a steady tempo.",
        "caption_backend": "grammar",
        "caption_prompt": "grammar-sentence-v1",
        "models": [
            {"backend": "tagging", "model": "clap-mini@1f2e3d"},
            {"backend": "separation", "model": "repet-sim"},
            {"backend": "caption", "model": "grammar"},
        ],
    }


def recipe(*, video: bool) -> dict[str, object]:
    rules = {"too-short": 5.0, "too-long": 3600.0}
    rules |= {"motion": 3.0} if video else {}
    rules |= {"vocal": 0.1, "pam": 0.9, "near-duplicate": 0.9}
    return {
        "recipe": "music-video" if video else "music-track",
        "profile": "embedded",
        "version": "0.1.0",
        "rules": rules,
        "stages": {"tagging": {"backend": "clap"}},
        "models": {"tagging": "clap-mini@1f2e3d"},
    }


def refused(*, video: bool, count: int = 9) -> list[dict[str, object]]:
    """Rejected rows: static pictures or vocals, too short, and a near-duplicate with its detail."""
    first = ("motion", 0.7, 3.0) if video else ("vocal", 0.62, 0.1)
    rows = []
    for index in range(count):
        rule, value, threshold = [first, ("pam", 0.41, 0.9), ("near-duplicate", 0.97, 0.9)][index % 3]
        rows.append(
            {
                "clip_id": f"out{index:04d}",
                "source_id": f"outsource{index}",
                "source": f"folder/{HOSTILE if index == 0 else index}.mp4",
                "rule": rule,
                "value": value + 0.002 * index,
                "threshold": threshold,
                "detail": "clip0001" if rule == "near-duplicate" else None,
            }
        )
    return rows


@pytest.fixture
def publish(tmp_path: Path) -> Callable[..., Path]:
    """Write a published dataset and return its folder."""

    def write(*, clips: int = 12, rejected: int = 9, quarantined: int = 2, video: bool = True) -> Path:
        folder = tmp_path / "dataset"
        (folder / "data").mkdir(parents=True)
        schema = shard_schema(clap_dim=8, clip_dim=8)
        rows = [clip(index, video=video) for index in range(clips)]
        held = clips // 4
        for split, part in {"train": rows[held:], "validation": rows[:held]}.items():
            if part:
                table = pa.Table.from_pylist(part, schema=schema)
                pq.write_table(table, folder / "data" / f"{split}-00000-of-00001.parquet", row_group_size=5)
        broken = [
            {
                "clip_id": None,
                "source_id": f"broken{index}",
                "source": f"folder/broken{index}.mp4",
                "stage": "probe",
                "error": "NotMedia",
                "message": f"got {HOSTILE}, expected a media file",
            }
            for index in range(quarantined)
        ]
        for name, out, kind in (
            ("rejected", refused(video=video, count=rejected), REJECTED),
            ("quarantine", broken, QUARANTINE),
        ):
            pq.write_table(pa.Table.from_pylist(out, schema=kind), folder / f"{name}.parquet")
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe(video=video), sort_keys=False))
        (folder / "taxonomy.yaml").write_bytes(LABELS_PATH.read_bytes())
        return folder

    return write
