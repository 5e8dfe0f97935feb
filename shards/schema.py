"""The table that a published dataset holds: one row is one clip."""

from __future__ import annotations

import json

import pyarrow as pa

TAG = pa.struct([("tag", pa.string()), ("score", pa.float32())])
TAGS = pa.list_(TAG)
# A list of pairs rather than an Arrow map: `datasets` has no feature for a map and refuses the whole file.
MODELS = pa.list_(pa.struct([("backend", pa.string()), ("model", pa.string())]))
TAG_KINDS = ("instruments", "genres", "moods")
FILE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

_FIELDS: list[tuple[str, pa.DataType]] = [
    ("clip_id", pa.string()),
    ("source_id", pa.string()),
    ("source_url", pa.string()),
    ("recording_id", pa.string()),
    ("license", pa.string()),
    ("retrieved_at", pa.timestamp("us", tz="UTC")),
    ("title", pa.string()),
    ("artist", pa.string()),
    ("description", pa.string()),
    ("comments", pa.list_(pa.string())),
    ("start_s", pa.float64()),
    ("duration_s", pa.float64()),
    ("width", pa.int32()),
    ("height", pa.int32()),
    ("fps", pa.float32()),
    ("motion", pa.float32()),
    ("frames", pa.list_(FILE)),
    ("audio", FILE),
    *((kind, TAGS) for kind in TAG_KINDS),
    ("tempo_bpm", pa.float32()),
    ("tempo_class", pa.string()),
    ("key", pa.string()),
    ("vocal_score", pa.float32()),
    ("pam_score", pa.float32()),
    ("clap_embedding", pa.list_(pa.float32())),
    ("clip_embedding", pa.list_(pa.float32())),
    ("caption", pa.string()),
    ("caption_backend", pa.string()),
    ("caption_prompt", pa.string()),
    ("models", MODELS),
]

REJECTED = pa.schema(
    [
        ("clip_id", pa.string()),
        ("source_id", pa.string()),
        ("source", pa.string()),
        ("rule", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("detail", pa.string()),
    ]
)
QUARANTINE = pa.schema(
    [
        ("clip_id", pa.string()),
        ("source_id", pa.string()),
        ("source", pa.string()),
        ("stage", pa.string()),
        ("error", pa.string()),
        ("message", pa.string()),
    ]
)
# By the names of their files.
SIDE_TABLES = {"rejected": REJECTED, "quarantine": QUARANTINE}


def shard_schema(*, clap_dim: int, clip_dim: int) -> pa.Schema:
    """Return the Arrow schema of a shard, with the `huggingface` metadata that types audio and frames.

    Args:
        clap_dim: Length of an audio embedding.
        clip_dim: Length of an image embedding.

    Returns:
        The schema; `datasets` reads its metadata and decodes `audio` and `frames` by itself.
    """
    sized = {"clap_embedding": clap_dim, "clip_embedding": clip_dim}
    fields = [
        pa.field(name, pa.list_(pa.float32(), sized[name]) if name in sized else kind)
        for name, kind in _FIELDS
    ]
    features = {field.name: _feature(field.type) for field in fields}
    features["audio"] = {"_type": "Audio"}
    features["frames"] = {"feature": {"_type": "Image"}, "_type": "List"}
    info = {"info": {"features": features}}
    return pa.schema(fields, metadata={"huggingface": json.dumps(info, sort_keys=True)})


def _feature(kind: pa.DataType) -> object:
    """Return the `datasets` feature (as its JSON form) of an Arrow type."""
    if pa.types.is_fixed_size_list(kind):
        return {"feature": _feature(kind.value_type), "length": kind.list_size, "_type": "List"}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    if pa.types.is_timestamp(kind):
        return {"dtype": f"timestamp[{kind.unit}, tz={kind.tz}]", "_type": "Value"}
    name = {"float": "float32", "double": "float64"}.get(str(kind), str(kind))
    return {"dtype": name, "_type": "Value"}
