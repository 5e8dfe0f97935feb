import gc
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from leitmotif.training import loader_freight
from leitmotif.training.loader_freight import BLOCKS, Freight, Receiver, Sender


class Pair(NamedTuple):
    left: Any
    right: Any


@pytest.fixture
def ends() -> tuple[Sender, Receiver]:
    receiver = Receiver(2)
    return Sender(1, receiver.taken), receiver


def shipped(ends: tuple[Sender, Receiver], value: Any) -> tuple[Any, Freight]:
    sender, receiver = ends
    freight = sender.pack(value)
    return receiver.unpack(freight), freight


def picture(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape or (40, 50, 3), dtype=np.uint8)


def test_what_goes_in_comes_out(ends: tuple[Sender, Receiver]) -> None:
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
    found, freight = shipped(ends, values)
    assert freight.number is not None and len(freight.pickled) < 80_000
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


def test_small_values_need_no_block(ends: tuple[Sender, Receiver]) -> None:
    found, freight = shipped(ends, {"id": "x", "n": np.arange(4)})
    assert freight.number is None and found["n"].tolist() == [0, 1, 2, 3]


def test_values_that_are_kept_are_never_overwritten(ends: tuple[Sender, Receiver]) -> None:
    kept = [shipped(ends, [picture(seed), torch.from_numpy(picture(seed))])[0] for seed in range(BLOCKS + 5)]
    for seed, (array, tensor) in enumerate(kept):
        np.testing.assert_array_equal(array, picture(seed))
        np.testing.assert_array_equal(tensor.numpy(), picture(seed))


def test_a_view_of_a_value_keeps_its_block(ends: tuple[Sender, Receiver]) -> None:
    corner = shipped(ends, picture(1))[0][:2, :2]
    row = shipped(ends, torch.from_numpy(picture(2)))[0][3]
    for seed in range(10, 30):
        shipped(ends, picture(seed))
    np.testing.assert_array_equal(corner, picture(1)[:2, :2])
    np.testing.assert_array_equal(row.numpy(), picture(2)[3])


def test_a_block_is_used_again_once_its_values_are_dropped(ends: tuple[Sender, Receiver]) -> None:
    gc.disable()
    try:
        numbers = [shipped(ends, [picture(seed), bytes(9000)])[1].number for seed in range(20)]
        new = [shipped(ends, picture(1))[1].block is not None for _ in range(3)]
    finally:
        gc.enable()
    assert set(numbers) == {0} and not any(new)
    assert ends[1].taken.sum() == 0


def test_a_block_that_is_too_small_is_replaced(ends: tuple[Sender, Receiver]) -> None:
    for size in (40, 80, 200, 60):
        found, freight = shipped(ends, picture(size, size, size, 3))
        np.testing.assert_array_equal(found, picture(size, size, size, 3))
        assert freight.number == 0
        del found
    assert len(ends[0].blocks) == 1


def test_without_room_in_shared_memory_values_go_through_the_pipe(
    ends: tuple[Sender, Receiver], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(loader_freight, "_SHARE_OF_ROOM", 1e-12)
    found, freight = shipped(ends, [picture(1), torch.from_numpy(picture(2)), bytes(9000)])
    assert freight.number is None and len(pickle.dumps(freight)) > 15_000
    np.testing.assert_array_equal(found[0], picture(1))
    np.testing.assert_array_equal(found[1].numpy(), picture(2))
    assert found[2] == bytes(9000)
    monkeypatch.setattr(loader_freight, "_SHARED_MEMORY", tmp_path / "missing")
    assert shipped(ends, picture(1))[1].number == 0
