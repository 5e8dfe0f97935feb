"""Checkpoints of TensorFlow are read without it, and what is damaged is not read."""

from pathlib import Path

import numpy as np
import pytest

from leitmotif.weights.crc32c import crc32c
from leitmotif.weights.tensor_bundle import _unsnappy, read_bundle
from tests.weights.bundle_files import write_bundle

VARIABLES = {
    "dense/bias": np.arange(3, dtype=np.float32),
    "dense/bias/Adam": np.ones(3, np.float32),
    "dense/kernel": np.random.default_rng(0).normal(size=(40, 30)).astype(np.float32),
    "step": np.array(7, np.int64),
}


@pytest.fixture
def bundle(tmp_path: Path) -> tuple[Path, Path]:
    index, data = tmp_path / "net.index", tmp_path / "net.data"
    write_bundle(index, data, VARIABLES)
    return index, data


@pytest.mark.parametrize(
    ("data", "crc"),  # RFC 3720, appendix B.4, and Rocksoft's check value
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_checksums_are_those_of_the_standard(data: bytes, crc: int) -> None:
    assert crc32c(data) == crc


def test_a_checksum_of_many_lanes_is_that_of_byte_after_byte() -> None:
    data, crc = np.random.default_rng(1).bytes(2_000), 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(data) == crc ^ 0xFFFFFFFF


@pytest.mark.parametrize("snappy", [False, True])
def test_variables_come_out_by_name_in_their_shapes(bundle: tuple[Path, Path], snappy: bool) -> None:
    write_bundle(*bundle, VARIABLES, snappy=snappy)
    found = read_bundle(*bundle, skip=("/Adam",))
    assert found.keys() == VARIABLES.keys() - {"dense/bias/Adam"}
    assert all(np.array_equal(found[name], VARIABLES[name]) for name in found)
    assert all(found[name].dtype == VARIABLES[name].dtype for name in found)


@pytest.mark.parametrize("at", [1, 60, -60])
def test_a_flipped_bit_is_noticed_in_either_file(bundle: tuple[Path, Path], at: int) -> None:
    index, data = bundle
    for path in (data, index):
        whole = bytearray(path.read_bytes())
        whole[at] ^= 4
        path.write_bytes(whole)
        with pytest.raises(ValueError, match="checksum than is stated; the file is damaged"):
            read_bundle(index, data)


def test_a_file_that_is_cut_short_or_no_table_is_refused(bundle: tuple[Path, Path]) -> None:
    index, data = bundle
    data.write_bytes(data.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"dense/kernel|step"):
        read_bundle(index, data)
    for short in (b"", index.read_bytes()[:-1]):
        index.write_bytes(short)
        with pytest.raises(ValueError, match=r"expected the \.index of a checkpoint"):
            read_bundle(index, data)


def test_copies_of_a_snappy_block_may_overlap_what_they_write() -> None:
    literal, near, far = b"\x08abc", bytes([(6 - 4) << 2 | 1, 3]), bytes([(4 - 1) << 2 | 2, 9, 0])
    assert _unsnappy(bytes([13]) + literal + near + far) == b"abcabcabcabca"
    long = bytes(100)
    assert _unsnappy(bytes([100, 60 << 2, 99]) + long) == long
    with pytest.raises(ValueError, match="got a copy from 9 bytes back after 3"):
        _unsnappy(bytes([7]) + literal + far)
    with pytest.raises(ValueError, match="got 3 bytes; expected the 5"):
        _unsnappy(bytes([5]) + literal)
