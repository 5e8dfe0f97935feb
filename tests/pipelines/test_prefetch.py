import errno
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from leitmotif.pipelines.prefetch import GPU_READERS, measure_with_prefetch, prefetch
from leitmotif.pipelines.stage import Clip, Row
from leitmotif.storage.errors import OutsideError

CLIPS = [Clip(str(number), Path(f"{number}.flac")) for number in range(9)]


def numbers_of(clip: Clip) -> list[float]:
    """As many items as the clip's number says, each that number; clip 0 has one."""
    number = int(clip.clip_id)
    return [float(number)] * max(number, 1)


class Model:
    """Squares numbers, remembers what came together, and fails on a number of choice."""

    def __init__(self, fails_on: float = -1.0, error: Exception | None = None) -> None:
        self.calls: list[list[float]] = []
        self.fails_on = fails_on
        self.error = error or ValueError("cannot")

    def embed(self, parts: list[list[float]]) -> np.ndarray:
        flat = [number for part in parts for number in part]
        self.calls.append(flat)
        if self.fails_on in flat:
            raise self.error
        return np.array(flat)[:, None] ** 2

    def measure(self, clips: Sequence[Clip], device: str = "cpu", read=numbers_of) -> list[Row | Exception]:
        def row(numbers: np.ndarray) -> Row:
            return {"sum": float(numbers.sum()), "items": len(numbers)}

        return list(measure_with_prefetch(clips, read, self.embed, row, device=device, together=10))


def expected(clip: Clip) -> Row:
    numbers = numbers_of(clip)
    return {"sum": sum(number**2 for number in numbers), "items": len(numbers)}


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_every_clip_gets_its_own_row_in_order(device: str) -> None:
    assert Model().measure(CLIPS, device) == [expected(clip) for clip in CLIPS]
    assert Model().measure([], device) == []


def test_on_a_cpu_no_clip_has_company() -> None:
    model = Model()
    model.measure(CLIPS)
    assert all(len(set(call)) == 1 for call in model.calls)
    assert len(model.calls) == len(CLIPS)


def test_on_a_gpu_small_clips_run_together() -> None:
    model = Model()
    model.measure(CLIPS, "cuda")
    assert len(model.calls) < len(CLIPS)
    assert len(set(model.calls[0])) > 1
    assert all(len(call) >= 10 for call in model.calls[:-1])


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_a_clip_that_cannot_be_read_fails_alone(device: str) -> None:
    def read(clip: Clip) -> list[float]:
        if clip.clip_id in "07":
            raise ValueError(f"bad {clip.clip_id}")
        return numbers_of(clip)

    rows = Model().measure(CLIPS, device, read)
    assert [str(row) for row in rows if isinstance(row, Exception)] == ["bad 0", "bad 7"]
    assert [isinstance(row, Exception) for row in rows] == [clip.clip_id in "07" for clip in CLIPS]
    assert [row for row in rows if isinstance(row, dict)] == [
        expected(clip) for clip in CLIPS if clip.clip_id not in "07"
    ]


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_a_clip_that_the_model_refuses_fails_alone(device: str) -> None:
    rows = Model(fails_on=3.0).measure(CLIPS, device)
    assert [number for number, row in enumerate(rows) if isinstance(row, Exception)] == [3]
    assert rows[4] == expected(CLIPS[4])


def test_a_clip_that_is_bad_twice_over_has_one_error() -> None:
    def read(clip: Clip) -> list[float]:
        if clip.clip_id == "1":
            raise ValueError("unreadable")
        return numbers_of(clip)

    rows = Model(fails_on=2.0).measure(CLIPS[:3], "cuda", read)
    assert [str(row) for row in rows[1:]] == ["unreadable", "cannot"]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "no room"), MemoryError("the GPU is full"), OutsideError("gone")]
)
def test_the_machine_is_not_blamed_on_a_clip(error: Exception) -> None:
    with pytest.raises((OSError, OutsideError), match=r"no room|the GPU is full|gone"):
        Model(fails_on=3.0, error=error).measure(CLIPS, "cuda")

    def read(clip: Clip) -> list[float]:
        raise error

    with pytest.raises(type(error)):
        list(prefetch(read, CLIPS))


def test_a_clip_is_read_while_the_one_before_is_used_and_not_much_earlier() -> None:
    started: list[str] = []
    second = threading.Event()

    def read(clip: Clip) -> list[float]:
        started.append(clip.clip_id)
        if len(started) == 2:
            second.set()
        return [1.0]

    reads = prefetch(read, CLIPS)
    next(reads)
    assert second.wait(5.0)
    assert len(started) <= 3
    reads.close()


def test_a_run_that_ends_early_leaves_no_thread_behind() -> None:
    reads = prefetch(numbers_of, CLIPS, threads=GPU_READERS)
    next(reads)
    reads.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]
