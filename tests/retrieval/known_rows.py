"""Published datasets whose clips lie where a test puts them."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from leitmotif.shards.manifest import write_manifest
from leitmotif.shards.schema import QUARANTINE, REJECTED, shard_schema
from leitmotif.storage import parquet
from leitmotif.storage.documents import yaml_text
from leitmotif.weights.adapters import adapters, constants_of
from leitmotif.weights.catalog import name_model

Row = dict[str, Any]
STAGES = {
    "tagging": {"backend": "clap", "model": "clap-mini", "revision": None, "tokenizer": None},
    "vision": {"backend": "clip", "model": "clip-mini", "revision": None},
}


def model_id(stage: str) -> str:
    facts = constants_of(adapters(stage)[STAGES[stage]["backend"]])
    return name_model(facts, {**STAGES[stage], "backend": None})


def unit(*values: float) -> list[float]:
    vector = np.array(values, np.float64)
    return (vector / np.linalg.norm(vector)).tolist()


def a_row(number: int, **other: Any) -> dict[str, Any]:
    """A row as `publish` writes it, without media."""
    return {
        "clip_id": f"{number:032x}",
        "source_id": f"source-{number}",
        "source_url": f"https://video.example/{number}",
        "recording_id": f"recording-{number}",
        "license": "CC0-1.0",
        "title": f"Title {number}",
        "artist": f"Artist {number}",
        "start_s": 0.0,
        "duration_s": 4.0,
        "instruments": [{"tag": "piano", "score": 0.9}],
        "genres": [{"tag": "rock", "score": 0.8}],
        "moods": [],
        "tempo_bpm": 100.0,
        "tempo_class": "medium",
        "caption": f"Music, number {number}.",
        "models": [
            {"backend": "tagging", "model": f"{model_id('tagging')} + musicnn@musicnn-0.1.0"},
            {"backend": "vision", "model": model_id("vision")},
        ],
    } | other


def write_dataset(
    folder: Path,
    rows: Sequence[dict[str, Any]],
    *,
    dims: tuple[int, int] = (4, 4),
    **splits: Sequence[dict[str, Any]],
) -> Path:
    """Write rows as the split train, and others as theirs; what is there is replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    schema = shard_schema(clap_dim=dims[0], clip_dim=dims[1])
    counts = {}
    for split, members in {"train": rows, **splits}.items():
        table = pa.Table.from_pylist(list(members), schema=schema)
        parquet.write_table(table, folder / "data" / f"{split}-00000-of-00001.parquet")
        counts[split] = len(table)
    parquet.write_table(REJECTED.empty_table(), folder / "rejected.parquet")
    parquet.write_table(QUARANTINE.empty_table(), folder / "quarantine.parquet")
    (folder / "recipe.yaml").write_text(yaml_text({"version": "0.1.0", "stages": STAGES}))
    kept = sum(counts.values())
    write_manifest(
        folder, {"catalogued": kept, "kept": kept, "rejected": 0, "quarantined": 0, "rows": counts}
    )
    return folder
