"""A row that ends its decoder, or takes too long, costs that row alone; a fault of the machine costs none."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leitmotif.media.errors import DecoderCrashed, MediaError, TimeLimitExceeded, TooLarge
from leitmotif.media.rights import MEMORY_BYTES
from leitmotif.pipelines import validating
from leitmotif.pipelines.validating import examine_safely
from leitmotif.shards import pieces
from leitmotif.storage.errors import OutsideError
from tests.shards.small_dataset import TRAIN, write_small_dataset


class Worker:
    """Stands for a child, which is lost over the second row of the first shard."""

    def __init__(self, error: BaseException, *, unreadable: bool) -> None:
        self.error, self.unreadable = error, unreadable

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, function: Callable[..., Any], *arguments: Any, limit_s: float) -> Any:
        shard, _, first, start, stop, decode = arguments
        hit = Path(shard).stem == TRAIN[0] and first + start <= 1 < first + stop
        if hit and (self.unreadable or 1 in decode):
            raise self.error
        return function(*arguments)


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pieces, "PIECES", 1)
    return write_small_dataset(tmp_path / "dataset")


@pytest.mark.parametrize("unreadable", [False, True])
@pytest.mark.parametrize(
    "error", [DecoderCrashed("it died"), TimeLimitExceeded("it hangs"), TooLarge("a bomb")], ids=str
)
def test_a_row_that_ends_the_decoder_is_named_and_the_others_are_checked(
    dataset: Path, monkeypatch: pytest.MonkeyPatch, error: MediaError, unreadable: bool
) -> None:
    monkeypatch.setattr(validating, "SandboxedWorker", lambda _: Worker(error, unreadable=unreadable))
    found = examine_safely(dataset, processes=2)
    assert found.problems == [f"{TRAIN[0]}.parquet row 1: cannot be read or decoded ({error})"]
    assert found.rows == 4


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), MemoryError("none left")])
def test_a_fault_of_the_machine_is_no_rows(
    dataset: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(validating, "SandboxedWorker", lambda _: Worker(error, unreadable=True))
    with pytest.raises(OutsideError, match="run again"):
        examine_safely(dataset, processes=2)


def test_a_decoder_has_memory_for_a_row_group_of_whatever_size(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    worker = Worker(DecoderCrashed("it died"), unreadable=False)
    monkeypatch.setattr(validating, "SandboxedWorker", lambda memory: given.append(memory) or worker)
    examine_safely(dataset, processes=1)
    largest = max(piece.group_bytes for piece in pieces.cut(dataset))
    assert largest > 10_000
    assert given == [MEMORY_BYTES + validating.COPIES * largest]
