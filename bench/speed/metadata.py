"""A published dataset of made-up rows without media, as large as wanted, in the true schema."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from leitmotif.filters import rule
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.settings import make_plan
from leitmotif.shards.columns import MODELS, TAG
from leitmotif.shards.schema import QUARANTINE, REJECTED, shard_schema
from leitmotif.taxonomy.labels import LABELS_PATH, load

# What the shard writer makes a row group of when rows hold no media.
GROUP_ROWS = 8192
SHARD_ROWS = 8 * GROUP_ROWS
_NOTES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_STEMS = (
    "warm slow driving gentle restless bright dark steady swaying distant layered muted soaring quiet "
    "heavy dreamy crisp rolling tense open piano guitar strings drums bass synth pad choir flute brass "
    "harp organ melody rhythm groove texture chord riff beat drone motif pulse cadence refrain "
    "arpeggio solo over under through beneath against around into toward between while and with as "
    "before until rain city night field river morning road stage sea winter light crowd train mountain "
    "window"
)
_SPOKEN = {
    "en": "this is the official video of our new song from the album that came out last summer",
    "de": "das ist das offizielle video zu unserem neuen lied vom album das letzten sommer erschien",
    "es": "este es el video oficial de nuestra nueva canción del disco que salió el verano pasado",
    "fr": "voici la vidéo officielle de notre nouvelle chanson tirée de l'album sorti l'été dernier",
    "pt": "este é o vídeo oficial da nossa nova música do álbum que saiu no verão passado",
    "ru": "это официальное видео нашей новой песни с альбома который вышел прошлым летом",
    "ja": "これは去年の夏に発売されたアルバムからの新曲の公式ビデオです",
    "ko": "지난여름에 나온 앨범에 실린 우리 신곡의 공식 뮤직비디오입니다",
}


def write_dataset(folder: Path, *, rows: int, seed: int, clap_dim: int = 512) -> Path:
    """Write a dataset whose reports are still to be made.

    Args:
        folder: It must not exist.
        rows: Kept clips; a fifth as many are rejected, and a thousandth quarantined.
        seed: Of everything in it.
        clap_dim: Length of an audio embedding.

    Returns:
        The folder.
    """
    rng = np.random.default_rng(seed)
    plan = make_plan("music-video", "paper")
    (folder / "data").mkdir(parents=True)
    shares = {"train": rows - 2 * (rows // 10), "validation": rows // 10, "test": rows // 10}
    schema = shard_schema(clap_dim=clap_dim, clip_dim=8)
    first = 0
    for split, count in shares.items():
        starts = range(0, count, SHARD_ROWS)
        for number, start in enumerate(starts):
            name = f"{split}-{number:05d}-of-{len(starts):05d}.parquet"
            with pq.ParquetWriter(folder / "data" / name, schema, compression="zstd") as writer:
                for row in range(start, min(start + SHARD_ROWS, count), GROUP_ROWS):
                    size = min(GROUP_ROWS, count - row, start + SHARD_ROWS - row)
                    writer.write_table(_clips(split, first, size, schema, rng))
                    first += size
    _write_records(folder, plan, rows, rng)
    recipe = {"version": "0", **plan.model_dump(mode="json")}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    (folder / "taxonomy.yaml").write_bytes(LABELS_PATH.read_bytes())
    return folder


def _clips(split: str, first: int, count: int, schema: pa.Schema, rng: np.random.Generator) -> pa.Table:
    numbers = np.arange(first, first + count)
    # Most clips are said of in English.
    languages = rng.choice(len(_SPOKEN), count, p=_falling(len(_SPOKEN), 1.5))
    artists = _joined([f"Artist of {split} ", np.minimum(rng.zipf(1.4, count), 80_000)])
    guests = pa.array(np.where(rng.uniform(size=count) < 0.01, " feat. Guest", ""))
    moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    models = [
        {"backend": stage, "model": f"{stage}-model@{stage[:2]}12"}
        for stage in ("tagging", "quality", "caption")
    ]
    columns = {
        "clip_id": _ids(numbers),
        "source_id": _joined(["video-", numbers // 3]),
        "source_url": _joined(["https://example.org/watch?v=", numbers // 3]),
        "license": _chosen(["CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0", "unknown"], count, rng),
        "retrieved_at": pa.array([moment] * count, pa.timestamp("us", tz="UTC")),
        "title": _joined([_phrases(3, count, rng), " - ", numbers]),
        "artist": _mask(_joined([artists, guests]), 0.05, rng),
        "description": _spoken(languages, rng),
        "start_s": pa.array(np.zeros(count)),
        "duration_s": pa.array(np.round(rng.gamma(6.0, 30.0, count) + 1.0, 3)),
        "width": pa.array(rng.choice([640, 1280, 1920], count), pa.int32()),
        "height": pa.array(np.full(count, 360), pa.int32()),
        "fps": pa.array(np.full(count, 25), pa.float32()),
        "motion": pa.array(rng.gamma(1.5, 0.02, count), pa.float32()),
        "tempo_bpm": _mask(pa.array(rng.normal(115, 25, count).clip(40, 220), pa.float32()), 0.01, rng),
        "tempo_class": _chosen(["slow", "medium", "fast"], count, rng),
        "key": _chosen([f"{note} {mode}" for note in _NOTES for mode in ("major", "minor")], count, rng),
        "vocal_score": pa.array(rng.beta(1, 20, count), pa.float32()),
        "pam_score": pa.array(1 - rng.beta(1, 25, count), pa.float32()),
        "clap_embedding": _unit_rows(count, schema.field("clap_embedding").type, rng),
        "caption": _captions(count, rng),
        "caption_backend": pa.array(["vllm"] * count),
        "caption_prompt": pa.array(["music-sentence-v1"] * count),
        "models": pa.array([models] * count, MODELS),
        **_tags(count, rng),
    }
    columns["recording_id"] = columns["clip_id"]
    for field in schema:
        if field.name not in columns:  # media, and whatever else these benchmarks do not look at
            columns[field.name] = pa.nulls(count, field.type)
    return pa.table({field.name: columns[field.name] for field in schema}, schema=schema)


def _tags(count: int, rng: np.random.Generator) -> dict[str, pa.Array]:
    known = load()
    kinds = {"instruments": (known.instruments, 5), "genres": (known.genres, 2), "moods": (known.moods, 3)}
    found = {}
    for kind, (labels, most) in kinds.items():
        # The most probable of scores with noise: as many as a clip has, no tag twice, best first.
        scores = rng.gumbel(size=(count, len(labels))) + np.log(_falling(len(labels), 1.1))
        best = np.argsort(-scores, axis=1)[:, :most]
        lengths = rng.integers(0, most + 1, count)
        values = np.sort(rng.uniform(0.2, 0.6, (count, most)), axis=1)[:, ::-1]
        taken = np.arange(most) < lengths[:, None]
        names = pa.array([label.id for label in labels]).take(pa.array(best[taken]))
        pairs = pa.StructArray.from_arrays([names, pa.array(values[taken], pa.float32())], fields=list(TAG))
        found[kind] = pa.ListArray.from_arrays(pa.array(np.append(0, np.cumsum(lengths)), pa.int32()), pairs)
    return found


def _write_records(folder: Path, plan: Plan, kept: int, rng: np.random.Generator) -> None:
    """Write the clips that are left out, and the numbers of all."""
    rejected, quarantined = kept // 5, -(-kept // 1000)
    total = kept + rejected + quarantined
    rules = rule.discover()
    names = np.array(list(plan.rules))
    chosen = names[rng.integers(len(names), size=rejected)]
    ids = _ids(np.arange(total))
    numbers = {}
    for name, threshold in plan.rules.items():
        worse = -1 if rules[name].keep == "at least" else 1
        gaps = rng.exponential(abs(threshold) or 1.0, total)
        values = threshold - worse * gaps
        failed = kept + np.flatnonzero(chosen == name)
        values[failed] = threshold + worse * (gaps[failed] + 1e-6)
        numbers[name] = pa.array(values)
    fates = pa.array(np.repeat(["kept", "rejected", "quarantined"], [kept, rejected, quarantined]))
    steps = pa.array([None] * kept + chosen.tolist() + ["probe"] * quarantined, pa.string())
    broken = np.arange(total) >= kept + rejected
    measured = {
        "clip_id": ids,
        "duration_s": pa.array(np.round(rng.gamma(6.0, 30.0, total), 3), mask=broken),
        "fate": fates,
        "step": steps,
        "stopped_at": pa.array(np.where(broken, "probe", None).tolist(), pa.string()),
        "failed": pa.array(broken),
    }
    pq.write_table(pa.table({**measured, **numbers}), folder / "measured.parquet", compression="zstd")
    out = {
        "clip_id": ids[kept : kept + rejected],
        "source_id": _joined(["out-", np.arange(rejected)]),
        "source": _joined(["videos/out-", np.arange(rejected), ".mp4"]),
        "rule": pa.array(chosen.tolist(), pa.string()),
        "value": pa.array(rng.uniform(size=rejected)),
        "threshold": pa.array([plan.rules[name] for name in chosen.tolist()], pa.float64()),
        "detail": _joined(["the same recording as video-", rng.integers(0, max(kept // 3, 1), rejected)]),
    }
    failed = {
        "clip_id": ids[kept + rejected :],
        "source_id": _joined(["broken-", np.arange(quarantined)]),
        "source": _joined(["videos/broken-", np.arange(quarantined), ".mp4"]),
        "stage": pa.array(["probe"] * quarantined, pa.string()),
        "error": pa.array(["NotMedia"] * quarantined, pa.string()),
        "message": pa.array(["not a media file"] * quarantined, pa.string()),
    }
    pq.write_table(pa.table(out, schema=REJECTED), folder / "rejected.parquet")
    pq.write_table(pa.table(failed, schema=QUARANTINE), folder / "quarantine.parquet")


@functools.cache
def _pool(words: int, size: int = 4000) -> pa.Array:
    """Return phrases of some words, frequent words more often."""
    rng = np.random.default_rng(words)
    stems = _STEMS.split()
    vocabulary = np.array([*stems, *(f"{first}{second}" for first in stems for second in stems[:50])])
    # Zipf's law over these gives an MTLD of 73 words, as of written English.
    drawn = rng.choice(vocabulary, (size, words), p=_falling(len(vocabulary), 1.0))
    return pa.array([" ".join(row) for row in drawn])


def _phrases(words: int, count: int, rng: np.random.Generator) -> pa.Array:
    pool = _pool(words)
    return pool.take(pa.array(rng.integers(0, len(pool), count)))


def _captions(count: int, rng: np.random.Generator) -> pa.Array:
    """Return sentences of 13 to 40 words, hardly one of them twice."""
    parts: list[object] = ["A ", _phrases(6, count, rng), ", ", _phrases(6, count, rng)]
    for words in (7, 8, 12):
        said = rng.uniform(size=count) < 0.5
        more = _joined([" and ", _phrases(words, count, rng)])
        parts.append(pc.if_else(pa.array(said), more, ""))
    return _joined([*parts, "."])


def _spoken(languages: np.ndarray, rng: np.random.Generator) -> pa.Array:
    texts = pa.array(list(_SPOKEN.values())).take(pa.array(languages))
    said = _joined([texts, "\nhttps://example.org/", rng.integers(0, 10**6, len(languages)), "\n"])
    for _ in range(3):
        said = _joined([said, texts, ". "])
    return said


def _joined(parts: Sequence[object]) -> pa.Array:
    """Join texts, columns of texts and columns of numbers, row by row."""
    columns = [pa.array(part).cast(pa.string()) if isinstance(part, np.ndarray) else part for part in parts]
    return pc.binary_join_element_wise(*columns, "")


def _ids(numbers: np.ndarray) -> pa.Array:
    return pa.array([f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" for number in numbers.tolist()])


def _chosen(texts: Sequence[str], count: int, rng: np.random.Generator) -> pa.Array:
    drawn = rng.choice(len(texts), count, p=_falling(len(texts), 1.0))
    return pa.array(texts).take(pa.array(drawn))


def _mask(column: pa.Array, share: float, rng: np.random.Generator) -> pa.Array:
    return pc.if_else(pa.array(rng.uniform(size=len(column)) < share), pa.scalar(None, column.type), column)


def _unit_rows(count: int, kind: pa.DataType, rng: np.random.Generator) -> pa.Array:
    rows = rng.standard_normal((count, kind.list_size), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), type=kind)


def _falling(size: int, power: float) -> np.ndarray:
    """Return probabilities that fall with the rank."""
    weights = 1.0 / np.arange(1, size + 1) ** power
    return weights / weights.sum()
