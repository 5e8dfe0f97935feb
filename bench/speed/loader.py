"""CPU of an epoch of the shard loader against webdataset, on the same clips, shuffled by the same buffer.

Both sides have the same number of workers, batches and rows of the shuffle buffer, and the same functions
decode. The clips lie in Parquet shards as `publish` writes them and in tar files with the same rows, one
member for each file, as webdataset's own writer makes them; both come from the page cache, so that CPU is
what limits them: that of the trainer's process and of the workers.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import webdataset

from bench.figure import cpu_seconds, figure, ratios
from bench.sound import chord_in_noise
from leitmotif.shards.manifest import write_manifest
from leitmotif.shards.schema import shard_schema
from leitmotif.shards.writer import plan_shards, write_shard
from leitmotif.training.loader.decode import decode_audio, decode_frame
from leitmotif.training.loader.loader import ShardLoader

# Many times what the shuffle buffer holds, as an epoch is: at first both sides only fill it.
CLIPS, DECODED_CLIPS, PAIRS, WORKERS = int(os.environ.get("LEITMOTIF_BENCH_CLIPS", "1024")), 192, 5, 2
BATCH, BUFFER = 8, 128
# Smaller than published shards, so that each worker of webdataset has several to shuffle.
_SHARD_BYTES = 64 << 20
_SECONDS, _RATE_HZ, _FRAMES, _SHAPE = 10.0, 44_100, 10, (448, 796)
# Media repeat after so many clips; shorter cycles would let the compression of a row group see repetitions.
_DISTINCT = 48
Side = Callable[[], Iterator[list[Any]]]
_COLUMNS = ("clip_id", "caption", "moods", "audio", "frames")


def figures() -> Iterator[dict[str, Any]]:
    """Yield `loader/webdataset` and `loader-decoded/webdataset`."""
    yield _figure("loader/webdataset", CLIPS, False, ">= 1.6")
    yield _figure("loader-decoded/webdataset", min(CLIPS, DECODED_CLIPS), True, ">= 1.3")


def _figure(name: str, clips: int, decode: bool, target: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="leitmotif-bench-") as folder:
        dataset, tars = Path(folder) / "dataset", Path(folder) / "tars"
        write_clips(dataset, tars, clips)
        sides = partial(_ours, dataset, decode), partial(_theirs, tars, decode)
        _check_same_work(*(side() for side in sides), clips)  # an epoch of each, unmeasured
        runs = ratios(*(partial(_read, side, clips) for side in sides), PAIRS, seconds=cpu_seconds)
    return figure(
        name,
        runs,
        unit="x speed",
        against=f"webdataset {webdataset.__version__} over the same {clips} clips of {_SECONDS:g} s with "
        f"{_FRAMES} frames in tar files, {'decoded' if decode else 'as bytes'}, {WORKERS} workers each; "
        "seconds of CPU",
        target=target,
    )


def _read(side: Side, clips: int) -> None:
    """Read an epoch of a side."""
    rows = sum(len(batch) for batch in side())
    if rows != clips:
        raise RuntimeError(f"{rows} of {clips} rows were read")


def _ours(dataset: Path, decode: bool) -> Iterator[list[Any]]:
    yield from ShardLoader(
        dataset, "train", columns=_COLUMNS, batch_size=BATCH, buffer=BUFFER, workers=WORKERS, decode=decode
    )


def _theirs(tars: Path, decode: bool) -> Iterator[list[Any]]:
    """As webdataset's manual has it; the buffer is divided among the workers, as ours is."""
    urls = sorted(map(str, tars.glob("*.tar")))
    samples = webdataset.WebDataset(urls, shardshuffle=len(urls), seed=0).shuffle(BUFFER // WORKERS)
    batches = samples.map(_decoded if decode else _raw).batched(BATCH, collation_fn=list)
    yield from webdataset.WebLoader(batches, batch_size=None, num_workers=WORKERS, prefetch_factor=2)


def _raw(sample: dict[str, Any]) -> dict[str, Any]:
    frames = [sample[f"{number}.jpg"] for number in range(_FRAMES)]
    return {**json.loads(sample["json"]), "audio": sample["flac"], "frames": frames}


def _decoded(sample: dict[str, Any]) -> dict[str, Any]:
    row = _raw(sample)
    row["audio"] = decode_audio(row["audio"])
    row["frames"] = [decode_frame(frame) for frame in row["frames"]]
    return row


def _check_same_work(ours: Iterator[list[Any]], theirs: Iterator[list[Any]], clips: int) -> None:
    """Check that both sides give every row once, and the same rows."""
    sums = [{row["clip_id"]: _sum(row) for batch in side for row in batch} for side in (ours, theirs)]
    if sums[0] != sums[1] or len(sums[0]) != clips:
        raise RuntimeError("the two sides gave different rows")


def _sum(row: dict[str, Any]) -> tuple[Any, ...]:
    audio, frames = row["audio"], row["frames"]
    if isinstance(audio, bytes):
        return row["caption"], json.dumps(row["moods"]), hash(audio), hash(b"".join(frames))
    return (
        row["caption"],
        audio.rate_hz,
        float(np.asarray(audio.samples).std()),
        [int(frame.sum()) for frame in frames],
    )


def write_clips(dataset: Path, tars: Path, clips: int) -> None:
    """Write the same clips as Parquet shards and as tar files, one for each shard."""
    (dataset / "data").mkdir(parents=True)
    tars.mkdir()
    media = [_media(np.random.default_rng(seed)) for seed in range(min(_DISTINCT, clips))]
    rows = [_row(number, *media[number % len(media)]) for number in range(clips)]
    sizes = [len(row["audio"]["bytes"]) + sum(len(frame["bytes"]) for frame in row["frames"]) for row in rows]
    spans = plan_shards(sizes, shard_bytes=_SHARD_BYTES)
    for number, span in enumerate(spans):
        name = f"train-{number:05d}-of-{len(spans):05d}"
        chosen = [(sizes[row], rows[row]) for row in span]
        write_shard(dataset / "data" / f"{name}.parquet", shard_schema(clap_dim=1, clip_dim=1), iter(chosen))
        _write_tar(tars / f"{name}.tar", [row for _, row in chosen])
    write_manifest(dataset, {"rows": {"train": clips}})


def _write_tar(path: Path, rows: list[dict[str, Any]]) -> None:
    with webdataset.TarWriter(str(path)) as tar:
        for row in rows:
            words = {name: row[name] for name in ("clip_id", "caption", "moods")}
            frames = {f"{number}.jpg": frame["bytes"] for number, frame in enumerate(row["frames"])}
            tar.write({"__key__": row["clip_id"], "json": words, "flac": row["audio"]["bytes"], **frames})


def _row(number: int, flac: bytes, jpegs: list[bytes]) -> dict[str, Any]:
    return {
        "clip_id": f"{number:032x}",
        "license": "CC0-1.0",
        "caption": f"calm piano music, number {number}",
        "moods": [{"tag": "calm", "score": 0.5}, {"tag": "happy", "score": 0.25}],
        "audio": {"bytes": flac, "path": f"{number:032x}.flac"},
        "frames": [
            {"bytes": jpeg, "path": f"{number:032x}-{part:02d}.jpg"} for part, jpeg in enumerate(jpegs)
        ],
    }


def _media(rng: np.random.Generator) -> tuple[bytes, list[bytes]]:
    """Make a chord in noise as FLAC, and soft patterns as JPEG, of the usual sizes."""
    sound = chord_in_noise(rng, _SECONDS, _RATE_HZ)
    frames = []
    for _ in range(_FRAMES):
        coarse = rng.integers(0, 256, (_SHAPE[0] // 16, _SHAPE[1] // 16, 3), dtype=np.uint8)
        picture = cv2.resize(coarse, _SHAPE[::-1], interpolation=cv2.INTER_CUBIC)
        frames.append(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    return sound, frames
