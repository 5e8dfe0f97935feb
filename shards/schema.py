"""The table that a published dataset holds: one row is one clip."""

from __future__ import annotations

import json

import pyarrow as pa

from leitmotif.shards.columns import (
    CLIPS,
    EDITED_SOUNDS,
    EDITS,
    MIX,
    QUARANTINED_CLIPS,
    REJECTED_CLIPS,
    SOUNDS,
    Column,
    schema_of,
)

REJECTED, QUARANTINE = schema_of(REJECTED_CLIPS), schema_of(QUARANTINED_CLIPS)
# By the names of their files.
SIDE_TABLES = {"rejected": REJECTED, "quarantine": QUARANTINE}


def shard_schema(*, clap_dim: int, clip_dim: int, mix: bool = False) -> pa.Schema:
    """Return the Arrow schema of a shard, with the `huggingface` metadata that types sounds and pictures.

    Args:
        clap_dim: Length of an audio embedding.
        clip_dim: Length of an image embedding.
        mix: With the sound before the voice was taken out.

    Returns:
        The schema; `datasets` reads its metadata and decodes sounds and pictures by itself.
    """
    sized = {"clap_embedding": clap_dim, "clip_embedding": clip_dim}
    fields = [
        pa.field(name, pa.list_(pa.float32(), sized[name]) if name in sized else kind)
        for name, kind, _ in (_with_mix() if mix else CLIPS)
    ]
    features = {field.name: _feature(field.type) for field in fields}
    features |= {name: {"_type": "Audio"} for name in SOUNDS if name in features}
    features["frames"] = {"feature": {"_type": "Image"}, "_type": "List"}
    info = {"info": {"features": features}}
    return pa.schema(fields, metadata={"huggingface": json.dumps(info, sort_keys=True)})


def edits_schema() -> pa.Schema:
    """Return the Arrow schema of a shard of edits, with metadata as of `shard_schema`."""
    schema = schema_of(EDITS)
    features = {field.name: _feature(field.type) for field in schema}
    features |= {name: {"_type": "Audio"} for name in EDITED_SOUNDS}
    info = {"info": {"features": features}}
    return schema.with_metadata({"huggingface": json.dumps(info, sort_keys=True)})


def holds_edits(schema: pa.Schema) -> bool:
    """Tell whether a shard holds edits, rather than clips."""
    return EDITED_SOUNDS[0] in schema.names


def _with_mix() -> list[Column]:
    place = next(number for number, column in enumerate(CLIPS, 1) if column[0] == "audio")
    return [*CLIPS[:place], MIX, *CLIPS[place:]]


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
