"""Reads the checkpoints of TensorFlow ("tensor bundles") in numpy, without TensorFlow.

A bundle is a table of LevelDB's format, `.index`, which names the variables, and `.data-…` files with their
bytes. Every block of the table and every variable has a checksum.

Reference:
    tensorflow/core/protobuf/tensor_bundle.proto; LevelDB, doc/table_format.md; Snappy,
    format_description.txt.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from leitmotif.weights.crc32c import masked_crc32c

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")  # ends a table
_FOOTER = 48
_TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 10: "?", 19: "<f2"}  # tensorflow/core/framework/types.proto
# Fields of a BundleEntryProto.
_DTYPE, _SHAPE, _SHARD, _OFFSET, _SIZE, _CHECKSUM = range(1, 7)


def read_bundle(index: Path, data: Path, *, skip: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Return the variables of a checkpoint in one `.data` file by name.

    Args:
        index: The file `.index`.
        data: The file `.data-00000-of-00001`.
        skip: Parts of names that are left out, such as an optimizer's.

    Raises:
        ValueError: A file is no part of such a checkpoint, or is damaged.
    """
    rows = dict(_table_rows(index.read_bytes()))
    whole = data.read_bytes()
    found = {}
    for name, row in rows.items():
        if name and not any(part in name for part in skip):  # the nameless row is the bundle's header
            found[name] = _variable(name, dict(_fields(row)), whole)
    return found


def _variable(name: str, entry: dict[int, int | bytes], data: bytes) -> np.ndarray:
    kind, place, size = _number(entry, _DTYPE), _number(entry, _OFFSET), _number(entry, _SIZE)
    if kind not in _TYPES or _number(entry, _SHARD):
        raise ValueError(f"got {name} of type {kind} in part {_number(entry, _SHARD)}; expected numbers in 0")
    described = entry.get(_SHAPE, b"")
    dims = [value for _, value in _fields(described)] if isinstance(described, bytes) else []
    shape = [_number(dict(_fields(dim)), 1) for dim in dims if isinstance(dim, bytes)]
    raw = data[place : place + size]
    if masked_crc32c(raw) != entry.get(_CHECKSUM):
        raise ValueError(f"got {name} with another checksum than is stated; the file is damaged")
    return np.frombuffer(raw, _TYPES[kind]).reshape(shape)


def _number(entry: dict[int, int | bytes], field: int) -> int:
    value = entry.get(field, 0)
    if not isinstance(value, int):
        raise ValueError(f"got bytes in field {field} of an entry; expected a number")
    return value


def _table_rows(table: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the keys and values of a table, in order."""
    footer = table[-_FOOTER:]
    if len(footer) < _FOOTER or not footer.endswith(_MAGIC):
        raise ValueError("got a file without the table's magic number; expected the .index of a checkpoint")
    _, at = _varint(footer, 0)  # the block of metadata: place and size, not needed
    _, at = _varint(footer, at)
    for _, handle in _block(table, *_handle(footer, at)):
        for key, value in _block(table, *_handle(handle, 0)):
            yield key.decode(), value


def _handle(data: bytes, at: int) -> tuple[int, int]:
    """Return the place and size of a block."""
    place, at = _varint(data, at)
    return place, _varint(data, at)[0]


def _block(table: bytes, place: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a block; of a key is stored what differs from the one before."""
    end = place + size + 1  # of what the checksum behind it is of: the block, and a byte for its compression
    if masked_crc32c(table[place:end]) != int.from_bytes(table[end : end + 4], "little"):
        raise ValueError(f"got a block at {place} with another checksum than is stated; the file is damaged")
    stored, compression = table[place : end - 1], table[end - 1]
    if compression not in (0, 1):
        raise ValueError(f"got block compression {compression}; expected 0 (none) or 1 (Snappy)")
    data = _unsnappy(stored) if compression else stored
    end = len(data) - 4 * (int.from_bytes(data[-4:], "little") + 1)  # behind it: where keys are stored whole
    at, key = 0, b""
    while at < end:
        shared, at = _varint(data, at)
        unshared, at = _varint(data, at)
        length, at = _varint(data, at)
        key = key[:shared] + data[at : at + unshared]
        at += unshared + length
        yield key, data[at - length : at]


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field of a protocol buffer message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        value: int | bytes
        if tag & 7 == 0:
            value, at = _varint(data, at)
        elif tag & 7 == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        else:  # fixed: 1 is 64 bits, 5 is 32
            size = 8 if tag & 7 == 1 else 4
            value, at = int.from_bytes(data[at : at + size], "little"), at + size
        yield tag >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number that starts at a place, and where it ends."""
    value = shift = 0
    while True:
        if at >= len(data):
            raise ValueError("got a number that ends behind its bytes; the file is damaged")
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _unsnappy(data: bytes) -> bytes:
    """Return a raw Snappy block, decompressed."""
    size, at = _varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag, at = data[at], at + 1
        kind, count = tag & 3, tag >> 2
        if kind == 0:  # a literal; longer ones state their length in 1 to 4 bytes behind the tag
            extra = max(0, count - 59)
            count = int.from_bytes(data[at : at + extra], "little") if extra else count
            at += extra + count + 1
            out += data[at - count - 1 : at]
            continue
        wide = (1, 2, 4)[kind - 1]
        back = int.from_bytes(data[at : at + wide], "little")
        at += wide
        if kind == 1:
            count, back = (count & 7) + 3, (tag >> 5) << 8 | back
        if not 0 < back <= len(out):
            raise ValueError(f"got a copy from {back} bytes back after {len(out)}; expected a Snappy block")
        for _ in range(count + 1):  # may overlap what it writes
            out.append(out[-back])
    if len(out) != size:
        raise ValueError(f"got {len(out)} bytes; expected the {size} that the block states")
    return bytes(out)
