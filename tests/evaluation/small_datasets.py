"""Published datasets of a few clips, whose music lies exactly where their captions do."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from leitmotif.encoders.clap import ClapEncoder
from leitmotif.shards.schema import shard_schema

FACTS: list[dict[str, Any]] = [
    {
        "caption": "A calm, dreamy ambient piece featuring piano at a slow tempo.",
        "instruments": ["piano"],
        "genres": ["ambient"],
        "moods": ["calm", "dreamy"],
        "tempo_class": "slow",
    },
    {
        "caption": "A fast, aggressive metal track featuring electric guitar and drums.",
        "instruments": ["electric guitar", "drums"],
        "genres": ["metal"],
        "moods": ["aggressive"],
        "tempo_class": "fast",
    },
    {
        "caption": "A happy, playful folk recording played on banjo at a moderate pace.",
        "instruments": ["banjo"],
        "genres": ["folk"],
        "moods": ["happy", "playful"],
        "tempo_class": "medium",
    },
    {
        "caption": "A sad classical piece featuring violin at a slow tempo.",
        "instruments": ["violin"],
        "genres": ["classical"],
        "moods": ["sad"],
        "tempo_class": "slow",
    },
]


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def rows_of(clap: ClapEncoder, facts: Sequence[dict[str, Any]] = FACTS) -> list[dict[str, Any]]:
    """Return rows of a shard."""
    rows = []
    for number, fact in enumerate(facts):
        frames = [{"bytes": jpeg(10 * number + place), "path": f"{place}.jpg"} for place in range(5)]
        row: dict[str, Any] = {
            "clip_id": f"clip-{number}",
            "frames": frames,
            "clap_embedding": clap.embed_texts([fact["caption"]])[0].tolist(),
            "models": [{"backend": "tagging", "model": f"clap-mini@{clap.revision_id}"}],
        }
        for name, value in fact.items():
            is_tags = isinstance(value, list)
            row[name] = [{"tag": tag, "score": 0.3} for tag in value] if is_tags else value
        rows.append(row)
    return rows


def write_dataset(folder: Path, rows: Sequence[dict[str, Any]], *, split: str = "test") -> Path:
    """Write a split in two shards."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    schema = shard_schema(clap_dim=128, clip_dim=128)
    half = (len(rows) + 1) // 2
    for number, part in enumerate((rows[:half], rows[half:])):
        table = pa.Table.from_pylist(list(part), schema=schema)
        pq.write_table(table, folder / "data" / f"{split}-0000{number}-of-00002.parquet")
    return folder
