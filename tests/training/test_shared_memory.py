import gc
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from leitmotif.training.loader import shared_memory
from leitmotif.training.loader.shared_memory import BLOCKS, SharedBatch, SharedReader, SharedWriter


class Pair(NamedTuple):
    left: Any
    right: Any


@pytest.fixture
def ends() -> tuple[SharedWriter, SharedReader]:
    reader = SharedReader(2)
    return SharedWriter(1, reader.taken), reader


def shipped(ends: tuple[SharedWriter, SharedReader], value: Any) -> tuple[Any, SharedBatch]:
    writer, reader = ends
    sent = writer.pack(value)
    return reader.unpack(sent), sent


def picture(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape or (40, 50, 3), dtype=np.uint8)


def test_what_goes_in_comes_out(ends: tuple[SharedWriter, SharedReader]) -> None:
    values = {
        "bytes": [b"short", bytes(range(256)) * 40],
        "arrays": [
            picture(1),
            picture(2)[:, ::2],
            np.asfortranarray(picture(3)),
            np.arange(3),
            np.zeros((0, 4)),
        ],
        "pair": Pair(np.linspace(-1, 1, 9000, dtype=np.float32).reshape(2, -1), 44100),
        "tensors": [
            torch.arange(6000).reshape(2, 3, -1),
            torch.ones(3000, dtype=torch.bfloat16),
            torch.empty(0),
        ],
        "turned": torch.arange(9000.0).reshape(90, 100).T,
        "learned": torch.ones(5000, requires_grad=True),
        "text": "words" * 5000,
    }
    found, sent = shipped(ends, values)
    assert sent.number is not None and len(sent.pickled) < 80_000
    assert found["bytes"] == values["bytes"] and found["text"] == values["text"]
    for mine, theirs in zip(found["arrays"], values["arrays"], strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)
    assert isinstance(found["pair"], Pair) and found["pair"].right == 44100
    np.testing.assert_array_equal(found["pair"].left, values["pair"].left)
    for mine, theirs in zip(found["tensors"], values["tensors"], strict=True):
        assert mine.dtype == theirs.dtype and torch.equal(mine, theirs)
    assert torch.equal(found["turned"], values["turned"])
    assert found["learned"].requires_grad and torch.equal(found["learned"], values["learned"])


def test_small_values_need_no_block(ends: tuple[SharedWriter, SharedReader]) -> None:
    found, sent = shipped(ends, {"id": "x", "n": np.arange(4)})
    assert sent.number is None and found["n"].tolist() == [0, 1, 2, 3]


def test_values_that_are_kept_are_never_overwritten(ends: tuple[SharedWriter, SharedReader]) -> None:
    kept = [shipped(ends, [picture(seed), torch.from_numpy(picture(seed))])[0] for seed in range(BLOCKS + 5)]
    for seed, (array, tensor) in enumerate(kept):
        np.testing.assert_array_equal(array, picture(seed))
        np.testing.assert_array_equal(tensor.numpy(), picture(seed))


def test_a_view_of_a_value_keeps_its_block(ends: tuple[SharedWriter, SharedReader]) -> None:
    corner = shipped(ends, picture(1))[0][:2, :2]
    row = shipped(ends, torch.from_numpy(picture(2)))[0][3]
    for seed in range(10, 30):
        shipped(ends, picture(seed))
    np.testing.assert_array_equal(corner, picture(1)[:2, :2])
    np.testing.assert_array_equal(row.numpy(), picture(2)[3])


def test_a_block_is_used_again_once_its_values_are_dropped(ends: tuple[SharedWriter, SharedReader]) -> None:
    gc.disable()
    try:
        numbers = [shipped(ends, [picture(seed), bytes(9000)])[1].number for seed in range(20)]
        new = [shipped(ends, picture(1))[1].block is not None for _ in range(3)]
    finally:
        gc.enable()
    assert set(numbers) == {0} and not any(new)
    assert ends[1].taken.sum() == 0


def test_a_block_that_is_too_small_is_replaced(ends: tuple[SharedWriter, SharedReader]) -> None:
    for size in (40, 80, 200, 60):
        found, sent = shipped(ends, picture(size, size, size, 3))
        np.testing.assert_array_equal(found, picture(size, size, size, 3))
        assert sent.number == 0
        del found
    assert len(ends[0].blocks) == 1


def test_without_room_in_shared_memory_values_go_through_the_pipe(
    ends: tuple[SharedWriter, SharedReader], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shared_memory, "_SHARE_OF_ROOM", 1e-12)
    found, sent = shipped(ends, [picture(1), torch.from_numpy(picture(2)), bytes(9000)])
    assert sent.number is None and len(pickle.dumps(sent)) > 15_000
    np.testing.assert_array_equal(found[0], picture(1))
    np.testing.assert_array_equal(found[1].numpy(), picture(2))
    assert found[2] == bytes(9000)
    monkeypatch.setattr(shared_memory, "_SHARED_MEMORY", tmp_path / "missing")
    assert shipped(ends, picture(1))[1].number == 0
