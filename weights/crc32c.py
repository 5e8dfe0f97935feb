"""The checksum that TensorFlow writes beside what it stores: CRC-32C, of many bytes at once.

Reference:
    RFC 3720, appendix B.4 (the polynomial); LevelDB, util/crc32c.h (the mask).
"""

from __future__ import annotations

from functools import cache

import numpy as np

_POLYNOMIAL = 0x82F63B78  # 0x1EDC6F41 with its bits in reverse
_ALL = 0xFFFFFFFF
_LANE = 512  # bytes of a lane


def masked_crc32c(data: bytes) -> int:
    """Return the checksum of some bytes as it is stored: rotated, plus a constant."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & _ALL


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of some bytes.

    They are cut into lanes that advance together, which numpy does fast. A remainder is linear: that of one
    lane, moved on by the bytes of the next, adds to the next one's own.
    """
    table = _table().tolist()
    head = len(data) % _LANE
    crc = _ALL
    for byte in data[:head]:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    body = np.frombuffer(data, np.uint8, offset=head).reshape(-1, _LANE)
    first, second, third, fourth = _moved()
    for lane in _advance(np.zeros(len(body), np.uint32), body).tolist():
        crc = first[crc & 255] ^ second[crc >> 8 & 255] ^ third[crc >> 16 & 255] ^ fourth[crc >> 24] ^ lane
    return crc ^ _ALL


@cache
def _table() -> np.ndarray:
    """Return what each byte leaves of itself, shape (256,)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table


@cache
def _moved() -> list[list[int]]:
    """Return what a lane of zeros makes of each of a remainder's four bytes: 4 tables of 256."""
    bytes_of = np.arange(256, dtype=np.uint32) << np.array([[0], [8], [16], [24]], np.uint32)
    moved = _advance(bytes_of.ravel(), np.zeros((bytes_of.size, _LANE), np.uint8))
    return [row.tolist() for row in moved.reshape(4, 256)]


def _advance(crc: np.ndarray, lanes: np.ndarray) -> np.ndarray:
    """Return the remainders, shape (n,), after the bytes of each lane, shape (n, bytes)."""
    table = _table()
    for column in lanes.T:
        crc = table[(crc ^ column) & 255] ^ crc >> 8
    return crc
