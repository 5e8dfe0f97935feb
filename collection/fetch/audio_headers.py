"""Read the headers of the simplest containers, WAV and FLAC; anything odd is left to a decoder."""

from __future__ import annotations

import struct

# Enough for the chunks that writers put before the samples.
HEAD_BYTES = 4096
_PCM = frozenset({1, 3})  # whole numbers, floating point
_EXTENSIBLE = 0xFFFE
_RATES_HZ = range(1000, 768_001)
_CHANNELS = range(1, 65)


def read_header(head: bytes, size_bytes: int) -> tuple[str, float] | None:
    """Return the ending and the length of a sound file, or None where a decoder must look.

    Args:
        head: The first bytes, `HEAD_BYTES` of them or the whole file.
        size_bytes: Size of the file.

    Returns:
        ".wav" or ".flac", and seconds.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        duration_s = _wav_s(head, size_bytes)
        return None if duration_s is None else (".wav", duration_s)
    if head[:4] == b"fLaC":
        duration_s = _flac_s(head, size_bytes)
        return None if duration_s is None else (".flac", duration_s)
    return None


def _wav_s(head: bytes, size_bytes: int) -> float | None:
    place, form = 12, b""
    while place + 8 <= len(head):
        name, length = struct.unpack_from("<4sI", head, place)
        place += 8
        if name == b"fmt ":
            form = head[place : place + length]
        elif name == b"data":
            return _samples_s(form, length) if 0 < length <= size_bytes - place else None
        place += length + length % 2
    return None


def _samples_s(form: bytes, data_bytes: int) -> float | None:
    if len(form) not in (16, 18, 40):
        return None
    kind, channels, rate_hz, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", form)
    if kind == _EXTENSIBLE and len(form) == 40:
        (kind,) = struct.unpack_from("<H", form, 24)
    plain = kind in _PCM and bits in (8, 16, 24, 32, 64) and frame_bytes == channels * bits // 8
    if not plain or channels not in _CHANNELS or rate_hz not in _RATES_HZ or data_bytes < frame_bytes:
        return None
    return float(data_bytes // frame_bytes / rate_hz)


def _flac_s(head: bytes, size_bytes: int) -> float | None:
    # The first block is STREAMINFO, 34 bytes; 10 bytes into it 20 bits of rate, 8 of form, 36 of samples.
    if len(head) < 42 or head[4] & 0x7F or head[5:8] != b"\0\0\x22" or size_bytes <= 42:
        return None
    bits = int.from_bytes(head[18:26], "big")
    rate_hz, samples = bits >> 44, bits & (1 << 36) - 1
    return samples / rate_hz if rate_hz in _RATES_HZ and samples else None
