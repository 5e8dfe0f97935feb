"""What checking a dataset costs over decoding all that is in it: the same shards, decoders and processes.

Seconds of CPU are compared, those of starting the processes among them.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import soundfile
from PIL import Image

from bench.figure import cpu_seconds, figure, ratios
from bench.sound import chord_in_noise

CLIPS, PAIRS, PROCESSES = int(os.environ.get("LEITMOTIF_BENCH_CLIPS", "128")), 3, 2
_SECONDS, _RATE_HZ, _FRAMES, _SHAPE = 30.0, 44_100, 10, (448, 796)
# Media repeat after so many clips; a row group of 32 MB holds fewer.
_DISTINCT = 12
_SHARD_BYTES = 64 << 20


def figures() -> Iterator[dict[str, Any]]:
    """Yield `validate/decode`: the speed of `validate` over that of bare decoding."""
    with tempfile.TemporaryDirectory(prefix="leitmotif-bench-") as folder:
        dataset = Path(folder) / "dataset"
        write_dataset(dataset, CLIPS)
        check(dataset)
        decode(dataset)
        runs = ratios(lambda: check(dataset), lambda: decode(dataset), PAIRS, seconds=cpu_seconds)
    yield figure(
        "validate/decode",
        runs,
        unit="x speed",
        against=f"soundfile and Pillow over the same {CLIPS} clips of {_SECONDS:g} s with {_FRAMES} "
        f"frames, nothing checked; {PROCESSES} processes each, seconds of CPU",
        target=">= 0.7",
    )


def check(dataset: Path) -> None:
    """Check everything, as the command does."""
    # Here, so that the processes of the other side, which import this file, need not load it.
    from leitmotif.pipelines.validating import examine_safely

    found = examine_safely(dataset, processes=PROCESSES)
    if found.problems or found.decoded != CLIPS:
        raise RuntimeError(f"{found.decoded} of {CLIPS} rows were decoded: {found.problems[:3]}")


def decode(dataset: Path) -> None:
    """Decode everything and look at nothing, a row group at a time."""
    groups = [
        (str(path), number)
        for path in sorted((dataset / "data").glob("*.parquet"))
        for number in range(pq.read_metadata(path).num_row_groups)
    ]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        if (rows := sum(pool.map(_decode, groups))) != CLIPS:
            raise RuntimeError(f"{rows} of {CLIPS} rows were decoded")


def _decode(group: tuple[str, int]) -> int:
    path, number = group
    with pq.ParquetFile(path) as file:
        rows = file.read_row_group(number, columns=["audio", "frames"], use_threads=False).to_pylist()
    for row in rows:
        soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="int16")
        for frame in row["frames"]:
            Image.open(io.BytesIO(frame["bytes"])).load()
    return len(rows)


def write_dataset(dataset: Path, clips: int) -> None:
    """Write a dataset of one split with clips as `publish` writes them."""
    from leitmotif.shards.manifest import write_manifest
    from leitmotif.shards.schema import QUARANTINE, REJECTED, shard_schema
    from leitmotif.shards.writer import plan_shards, write_shard
    from leitmotif.storage import parquet

    (dataset / "data").mkdir(parents=True)
    media = [_media(np.random.default_rng(seed)) for seed in range(min(_DISTINCT, clips))]
    rows = [_row(number, *media[number % len(media)]) for number in range(clips)]
    sizes = [len(row["audio"]["bytes"]) + sum(len(frame["bytes"]) for frame in row["frames"]) for row in rows]
    spans = plan_shards(sizes, shard_bytes=_SHARD_BYTES)
    schema = shard_schema(clap_dim=512, clip_dim=512)
    for number, span in enumerate(spans):
        name = f"train-{number:05d}-of-{len(spans):05d}.parquet"
        write_shard(dataset / "data" / name, schema, iter([(sizes[row], rows[row]) for row in span]))
    parquet.write_table(REJECTED.empty_table(), dataset / "rejected.parquet")
    parquet.write_table(QUARANTINE.empty_table(), dataset / "quarantine.parquet")
    counts = {"catalogued": clips, "kept": clips, "rejected": 0, "quarantined": 0, "rows": {"train": clips}}
    write_manifest(dataset, counts)


def _row(number: int, flac: bytes, jpegs: list[bytes]) -> dict[str, Any]:
    clip_id = f"{number:032x}"
    unit = np.full(512, 512**-0.5, np.float32)
    return {
        "clip_id": clip_id,
        "license": "CC0-1.0",
        "artist": f"Artist {number}",
        "source_url": f"https://video.example/{number}",
        "duration_s": _SECONDS,
        "caption": f"calm piano music, number {number}",
        "clap_embedding": unit,
        "clip_embedding": unit,
        "audio": {"bytes": flac, "path": f"{clip_id}.flac"},
        "frames": [
            {"bytes": jpeg, "path": f"{clip_id}-{place:02d}-{3 * place}.000s.jpg"}
            for place, jpeg in enumerate(jpegs)
        ],
    }


def _media(rng: np.random.Generator) -> tuple[bytes, list[bytes]]:
    """Make a chord in noise as FLAC, and soft patterns as JPEG, of the usual sizes."""
    sound = chord_in_noise(rng, _SECONDS, _RATE_HZ)
    height, width = _SHAPE
    frames = []
    for _ in range(_FRAMES):
        small = Image.fromarray(rng.integers(0, 256, (14, 25, 3), np.uint8))
        out = io.BytesIO()
        small.resize((width, height), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
        frames.append(out.getvalue())
    return sound, frames
