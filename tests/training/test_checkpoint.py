import random
from pathlib import Path

import numpy as np
import pytest
import torch

from leitmotif.storage.errors import UserError, is_machine_fault
from leitmotif.training.checkpoint import (
    begin_checkpoint,
    checkpoint_path,
    drop_checkpoints,
    finish_checkpoint,
    list_checkpoints,
    load_object,
    partial_path,
    random_states,
    read_state,
    restore_random_states,
    save_object,
    write_state,
)


def write(run: Path, step: int) -> Path:
    partial = begin_checkpoint(run, step)
    write_state(partial, {"step": step})
    return finish_checkpoint(partial)


def test_a_checkpoint_is_not_there_before_it_is_finished(tmp_path: Path) -> None:
    partial = begin_checkpoint(tmp_path, 7)
    write_state(partial, {"step": 7})
    assert list_checkpoints(tmp_path) == []
    folder = finish_checkpoint(partial)
    assert list_checkpoints(tmp_path) == [folder] == [checkpoint_path(tmp_path, 7)]
    assert not partial.exists()
    assert read_state(folder) == {"step": 7}


def test_checkpoints_are_listed_by_step(tmp_path: Path) -> None:
    for step in (100, 9, 20):
        write(tmp_path, step)
    assert [read_state(folder)["step"] for folder in list_checkpoints(tmp_path)] == [9, 20, 100]


def test_what_an_interrupted_checkpoint_left_is_replaced(tmp_path: Path) -> None:
    (begin_checkpoint(tmp_path, 3) / "half").write_text("x")
    folder = write(tmp_path, 3)
    assert [path.name for path in folder.iterdir()] == ["state.json"]


def test_the_same_step_can_be_written_again(tmp_path: Path) -> None:
    (write(tmp_path, 3) / "old").write_text("x")
    assert not (write(tmp_path, 3) / "old").exists()


def test_only_the_wanted_checkpoints_stay(tmp_path: Path) -> None:
    folders = [write(tmp_path, step) for step in (1, 2, 3)]
    begin_checkpoint(tmp_path, 4)
    drop_checkpoints(tmp_path, {folders[0], folders[2]})
    assert list_checkpoints(tmp_path) == [folders[0], folders[2]]
    assert not partial_path(tmp_path, 4).exists()


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, 1)
    (folder / "state.json").write_text('{"step"')
    with pytest.raises(UserError, match="delete it to go on from the one before"):
        read_state(folder)


def test_objects_come_back_with_the_same_bits(tmp_path: Path) -> None:
    content = {"weight": torch.randn(3, 4), "step": 5, "names": ["a"]}
    save_object(tmp_path / "object.pt", content)
    found = load_object(tmp_path / "object.pt")
    assert torch.equal(found.pop("weight"), content.pop("weight"))
    assert found == content


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    torch.save({"danger": Path("x")}, tmp_path / "object.pt")
    with pytest.raises(Exception, match="Weights only load failed"):
        load_object(tmp_path / "object.pt")


def test_random_states_are_restored_through_a_file(tmp_path: Path) -> None:
    def draw() -> tuple[float, float, float]:
        return torch.rand(1).item(), float(np.random.rand()), random.random()

    draw()
    save_object(tmp_path / "states.pt", random_states())
    expected = [draw() for _ in range(3)]
    restore_random_states(load_object(tmp_path / "states.pt"))
    assert [draw() for _ in range(3)] == expected


def test_a_disk_that_is_really_full_is_a_disk_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        save_object(Path("/dev/full"), torch.zeros(10_000))
    assert is_machine_fault(caught.value)
