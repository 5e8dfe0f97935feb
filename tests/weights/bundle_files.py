"""Writes checkpoints in TensorFlow's format, as far as its own have it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from leitmotif.weights.crc32c import masked_crc32c

TYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9}


def varint(number: int) -> bytes:
    head = bytes([number & 127 | 128 * (number > 127)])
    return head + varint(number >> 7) if number > 127 else head


def block(rows: list[tuple[bytes, bytes]], *, snappy: bool = False) -> bytes:
    """A block of a table: keys share what they have in common with the one before; one is stored whole."""
    data, before = b"", b""
    for key, value in rows:
        shared = next((i for i, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), len(before))
        shared = min(shared, len(key))
        data += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    data += bytes(4) + (1).to_bytes(4, "little")
    stored = (literals(data) if snappy else data) + bytes([snappy])
    return stored + masked_crc32c(stored).to_bytes(4, "little")


def literals(data: bytes) -> bytes:
    """A Snappy stream without any copies."""
    parts = [data[at : at + 60] for at in range(0, len(data), 60)]
    return varint(len(data)) + b"".join(bytes([(len(part) - 1) << 2]) + part for part in parts)


def write_bundle(
    index: Path, data: Path, variables: Mapping[str, np.ndarray], *, snappy: bool = False
) -> None:
    """Write the variables by name, as one part."""
    rows, stored = [(b"", b"\x08\x01")], b""  # the header: one part
    for name, value in sorted(variables.items()):
        raw = np.ascontiguousarray(value).tobytes()
        dims = [b"\x08" + varint(size) for size in value.shape]
        shape = b"".join(b"\x12" + varint(len(dim)) + dim for dim in dims)
        entry = b"\x08" + varint(TYPES[value.dtype.name]) + b"\x12" + varint(len(shape)) + shape
        entry += b"\x20" + varint(len(stored)) if stored else b""
        entry += b"\x28" + varint(len(raw)) + b"\x35" + masked_crc32c(raw).to_bytes(4, "little")
        rows.append((name.encode(), entry))
        stored += raw
    first = block(rows, snappy=snappy)
    meta = block([])
    handles = block([(rows[-1][0], varint(0) + varint(len(first) - 5))])
    places = varint(len(first)) + varint(len(meta) - 5)
    places += varint(len(first) + len(meta)) + varint(len(handles) - 5)
    magic = (0xDB4775248B80FB57).to_bytes(8, "little")
    index.write_bytes(first + meta + handles + places.ljust(40, b"\0") + magic)
    data.write_bytes(stored)
