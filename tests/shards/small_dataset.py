"""A small published dataset whose every row is as `leitmotif publish` writes it, but for its size."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import soundfile
from PIL import Image

from leitmotif.shards.manifest import write_manifest
from leitmotif.shards.schema import QUARANTINE, REJECTED, shard_schema
from leitmotif.storage import parquet

SCHEMA = shard_schema(clap_dim=4, clip_dim=4)
TRAIN = ("train-00000-of-00002", "train-00001-of-00002")
TEST = "test-00000-of-00001"
SECONDS = 0.25


def flac(number: int, *, rate_hz: int = 44_100, channels: int = 2, seconds: float = SECONDS) -> bytes:
    """A tone whose pitch is the number's."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    tone = 0.3 * np.sin(2 * np.pi * 110 * (number + 1) * times)
    out = io.BytesIO()
    soundfile.write(out, np.stack([tone] * channels, 1), rate_hz, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def jpeg(number: int, size: tuple[int, int] = (48, 32)) -> bytes:
    """A picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", size, (40 * number % 256, 80, 120)).save(out, "JPEG")
    return out.getvalue()


def row(number: int) -> dict[str, Any]:
    clip_id = f"{number:032x}"
    frames = [
        {"bytes": jpeg(number + each), "path": f"{clip_id}-{each:02d}-0.{each}00s.jpg"} for each in range(2)
    ]
    return {
        "clip_id": clip_id,
        "source_id": f"source-{number}",
        "source_url": f"https://video.example/{number}",
        "recording_id": f"recording-{number}",
        "license": "CC0-1.0",
        "title": f"Title {number}",
        "artist": f"Artist {number}",
        "description": "words " * 20,
        "comments": ["fine", "good"],
        "start_s": 0.0,
        "duration_s": SECONDS,
        "width": 48,
        "height": 32,
        "fps": 25.0,
        "motion": 0.1,
        "frames": frames,
        "audio": {"bytes": flac(number), "path": f"{clip_id}.flac"},
        "instruments": [{"tag": "piano", "score": 0.9}],
        "genres": [{"tag": "classical", "score": 0.8}],
        "moods": [{"tag": "calm", "score": 0.7}],
        "tempo_bpm": 100.0,
        "tempo_class": "medium",
        "key": "C major",
        "vocal_score": 0.1,
        "pam_score": 0.9,
        "clap_embedding": [0.5, 0.5, 0.5, 0.5],
        "clip_embedding": [1.0, 0.0, 0.0, 0.0],
        "caption": f"A calm piano piece, number {number}.",
        "caption_backend": "grammar",
        "caption_prompt": "grammar-sentence-v1",
        "models": [{"backend": "tagging", "model": "clap@1"}],
    }


def write_shard(path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema = SCHEMA) -> None:
    parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)


def counts(train: int = 3, test: int = 1) -> dict[str, Any]:
    kept = train + test
    return {
        "catalogued": kept + 1,
        "kept": kept,
        "rejected": 1,
        "quarantined": 0,
        "rows": {"train": train, "test": test},
    }


def write_small_dataset(folder: Path) -> Path:
    """Write two shards of train, with two rows and one, and one of test with one row."""
    (folder / "data").mkdir(parents=True)
    for name, numbers in {TRAIN[0]: [0, 1], TRAIN[1]: [2], TEST: [3]}.items():
        write_shard(folder / "data" / f"{name}.parquet", [row(number) for number in numbers])
    rejected = [{"clip_id": "gone", "source": "g.mp4", "rule": "motion", "value": 0.0, "threshold": 0.1}]
    parquet.write_table(pa.Table.from_pylist(rejected, schema=REJECTED), folder / "rejected.parquet")
    parquet.write_table(QUARANTINE.empty_table(), folder / "quarantine.parquet")
    (folder / "README.md").write_text("A card.")
    (folder / "stats.json").write_text("{}")
    write_manifest(folder, counts())
    return folder
