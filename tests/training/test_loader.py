import json
import random
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

from leitmotif.storage.errors import UserError
from leitmotif.training.loader.decode import Audio
from leitmotif.training.loader.loader import ShardLoader
from tests.training.conftest import MakeDataset

# Enough row groups, of different sizes, for several streams.
SHARDS = [[3, 2, 3], [4, 1, 3, 2], [7], [1, 3, 3], [2, 2, 2, 2, 1]]
ROWS = 41

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def a_loader(dataset: Path, **changed: Any) -> ShardLoader[dict[str, Any]]:
    settings: dict[str, Any] = {"columns": ["clip_id"], "batch_size": 3, "buffer": 36, "seed": 5}
    return ShardLoader(dataset, "train", **settings | changed)


def ids(batch: list[dict[str, Any]]) -> list[int]:
    return [int(row["clip_id"].removeprefix("clip-")) for row in batch]


def epoch_of(loader: ShardLoader[dict[str, Any]]) -> list[list[int]]:
    return [ids(batch) for batch in loader]


@pytest.fixture(scope="module")
def dataset(make_dataset: MakeDataset) -> Path:
    return make_dataset(train=SHARDS, validation=[[2]], test=[[0]])


def test_a_row_has_the_columns_that_were_asked_for_decoded(dataset: Path) -> None:
    batches = list(a_loader(dataset, columns=["clip_id", "audio", "frames", "moods", "title"]))
    row = next(row for batch in batches for row in batch if row["clip_id"] == "clip-0040")
    assert list(row) == ["clip_id", "audio", "frames", "moods", "title"]
    assert isinstance(row["audio"], Audio) and row["audio"].rate_hz == 8000
    assert row["audio"].samples.shape == (2, 140) and row["audio"].samples.dtype == np.float32
    np.testing.assert_allclose(row["audio"].samples.T, np.tile([0.25, -0.5], (140, 1)), atol=1e-4)
    assert [frame.shape for frame in row["frames"]] == [(12, 16, 3)] * 2
    assert row["frames"][0].dtype == np.uint8
    np.testing.assert_allclose(row["frames"][1].mean(axis=(0, 1)), [40, 0, 215], atol=3)
    assert row["moods"] == [{"tag": "calm", "score": 0.5}] and row["title"] is None


def test_frames_come_as_pil_images_and_media_as_bytes_where_asked(dataset: Path) -> None:
    picture = next(iter(a_loader(dataset, columns=["frames"], frames="pil")))[0]["frames"][0]
    assert isinstance(picture, Image.Image) and picture.mode == "RGB" and picture.size == (16, 12)
    row = next(iter(a_loader(dataset, columns=["frames", "audio"], decode=False)))[0]
    assert row["audio"].startswith(b"fLaC")
    assert [frame[:3] for frame in row["frames"]] == [b"\xff\xd8\xff"] * 2


def test_transform_and_collate_make_the_batch(dataset: Path) -> None:
    loader = ShardLoader(
        dataset,
        "train",
        columns=["caption"],
        batch_size=4,
        transform=lambda row: row["caption"],
        collate=" ".join,
    )
    first = next(iter(loader))
    assert len(first.split("number")) == 5


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_an_epoch_gives_every_row_once_over_all_ranks(dataset: Path, world_size: int, shuffle: bool) -> None:
    loaders = [
        a_loader(dataset, rank=rank, world_size=world_size, shuffle=shuffle) for rank in range(world_size)
    ]
    for _ in range(2):
        batches = [epoch_of(loader) for loader in loaders]
        assert sorted(row for rank in batches for batch in rank for row in batch) == list(range(ROWS))
        assert {len(rank) for rank in batches} == {len(loaders[0])}


def test_the_number_of_workers_changes_nothing(dataset: Path) -> None:
    alone, two, three = (a_loader(dataset, workers=workers) for workers in (0, 2, 3))
    for _ in range(2):
        batches = epoch_of(alone)
        assert batches == epoch_of(two) == epoch_of(three)


def test_epochs_differ_and_a_new_loader_repeats_them(dataset: Path) -> None:
    loader = a_loader(dataset)
    first, second = epoch_of(loader), epoch_of(loader)
    assert loader.epoch == 2
    assert first != second
    again = a_loader(dataset)
    assert [epoch_of(again), epoch_of(again)] == [first, second]
    assert epoch_of(a_loader(dataset, seed=6)) != first


def test_without_shuffling_rows_come_in_the_order_of_the_shards(dataset: Path) -> None:
    loader = a_loader(dataset, shuffle=False, workers=2)
    for _ in range(2):
        assert [row for batch in epoch_of(loader) for row in batch] == list(range(ROWS))


def test_a_split_smaller_than_a_batch_is_one_smaller_batch(dataset: Path) -> None:
    loader = ShardLoader(dataset, "validation", columns=["clip_id"], batch_size=8)
    assert len(loader) == 1
    assert [len(batch) for batch in loader] == [2]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_a_loader_stopped_anywhere_goes_on_with_the_very_next_row(
    dataset: Path, workers: int, world_size: int
) -> None:
    draw = random.Random(world_size * 10 + workers)
    for rank in range(world_size):
        place = {"rank": rank, "world_size": world_size}
        whole = a_loader(dataset, **place)
        expected = epoch_of(whole) + epoch_of(whole)
        for stop in {draw.randrange(2 * len(whole)), draw.randrange(2 * len(whole)), len(whole)}:
            loader = a_loader(dataset, workers=workers, **place)
            given: list[list[int]] = []
            while len(given) < stop:
                for batch in loader:
                    given.append(ids(batch))
                    if len(given) == stop:
                        break
            state = json.loads(json.dumps(loader.state_dict()))
            resumed = a_loader(dataset, workers=2 - workers, **place)
            resumed.load_state_dict(state)
            while len(given) < 2 * len(whole):
                given += epoch_of(resumed)
            assert given == expected, f"stopped after {stop} batches"
            assert resumed.epoch == 2


def test_a_state_after_the_last_batch_means_the_next_epoch(dataset: Path) -> None:
    loader = a_loader(dataset)
    states = [(loader.epoch, loader.state_dict()) for _ in loader]
    assert [epoch for epoch, _ in states] == [0] * len(loader)
    assert [state["epoch"] for _, state in states] == [0] * (len(loader) - 1) + [1]
    resumed = a_loader(dataset)
    resumed.load_state_dict(states[-1][1])
    assert resumed.epoch == 1 and epoch_of(resumed) == epoch_of(loader)


def test_a_loop_that_leaves_at_the_last_batch_goes_on_with_the_next_epoch(dataset: Path) -> None:
    loader = a_loader(dataset)
    for _, batch in zip(range(len(loader)), loader, strict=False):
        last = ids(batch)
    other = a_loader(dataset)
    assert epoch_of(other)[-1] == last
    assert epoch_of(loader) == epoch_of(other)


@pytest.mark.parametrize(("before", "after"), [(1, 2), (3, 1), (2, 3)])
def test_other_ranks_divide_what_is_left_of_the_epoch(dataset: Path, before: int, after: int) -> None:
    given: list[int] = []
    loaders = [a_loader(dataset, rank=rank, world_size=before) for rank in range(before)]
    for loader in loaders:
        given += [row for _, batch in zip(range(2), loader, strict=False) for row in ids(batch)]
    state = loaders[0].state_dict()
    assert {json.dumps(loader.state_dict()) for loader in loaders} == {json.dumps(state)}
    lengths = set()
    for rank in range(after):
        loader = a_loader(dataset, rank=rank, world_size=after)
        loader.load_state_dict(state)
        first = ids(next(iter(loader)))
        again = a_loader(dataset, rank=rank, world_size=after, workers=2)
        again.load_state_dict(loader.state_dict())
        rest = epoch_of(again)
        given += [*first, *(row for batch in rest for row in batch)]
        lengths.add(len(rest))
        other = a_loader(dataset, rank=rank, world_size=after)
        epoch_of(other)
        assert epoch_of(again) == epoch_of(other)
    assert sorted(given) == list(range(ROWS))
    assert len(lengths) == 1


@pytest.mark.parametrize("workers", [0, 1])
def test_ranks_share_the_steps_of_one(dataset: Path, workers: int) -> None:
    """As long as the rows of a step stay the same: one process of 6, or 2 of 3, or 3 of 2."""
    steps = [sorted(step) for step in epoch_of(a_loader(dataset, batch_size=6))]
    for world_size in (2, 3):
        place = {"batch_size": 6 // world_size, "world_size": world_size}
        ranks = [epoch_of(a_loader(dataset, rank=rank, **place)) for rank in range(world_size)]
        assert [sorted(chain(*batches)) for batches in zip(*ranks, strict=True)] == steps
        loader = a_loader(dataset, batch_size=6)
        given = [ids(batch) for _, batch in zip(range(2), loader, strict=False)]
        for rank in range(world_size):
            resumed = a_loader(dataset, rank=rank, workers=workers, **place)
            resumed.load_state_dict(loader.state_dict())
            assert epoch_of(resumed) == ranks[rank][2:]
        assert [sorted(step) for step in given] == steps[:2]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 6}, "seed 5"),
        ({"batch_size": 4}, "batch_size 3"),
        ({"batch_size": 6, "world_size": 2}, "batch_size 3"),
        ({"buffer": 37}, "buffer 36"),
        ({"shuffle": False}, "shuffle True"),
    ],
)
def test_a_state_of_another_loader_is_refused(dataset: Path, changed: dict[str, int], named: str) -> None:
    state = a_loader(dataset).state_dict()
    with pytest.raises(UserError, match=f"taken with {named}, this loader has"):
        a_loader(dataset, **changed).load_state_dict(state)


def test_a_state_of_another_dataset_or_split_is_refused(dataset: Path, make_dataset: MakeDataset) -> None:
    state = a_loader(dataset).state_dict()
    other = make_dataset(train=[[40, 1]])
    with pytest.raises(UserError, match="taken with dataset"):
        a_loader(other).load_state_dict(state)
    with pytest.raises(UserError, match="taken with "):
        ShardLoader(
            dataset, "validation", columns=["clip_id"], batch_size=3, buffer=36, seed=5
        ).load_state_dict(state)


def test_a_seed_for_each_row_does_not_depend_on_who_makes_it(dataset: Path) -> None:
    def seeds(loader: ShardLoader[dict[str, Any]]) -> dict[str, int]:
        return {row["clip_id"]: row["seed"] for batch in loader for row in batch}

    whole = a_loader(dataset, columns=["clip_id", "seed"], workers=2)
    first, second = seeds(whole), seeds(whole)
    assert len(set(first.values())) == ROWS
    assert all(first[clip] != second[clip] for clip in first)
    shared: dict[str, int] = {}
    for rank in range(3):
        shared |= seeds(a_loader(dataset, columns=["clip_id", "seed"], rank=rank, world_size=3))
    assert shared == first


def test_iterating_leaves_the_global_generators_alone(dataset: Path) -> None:
    import torch

    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    epoch_of(a_loader(dataset, workers=2))
    epoch_of(a_loader(dataset))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]


def test_batches_that_are_kept_stay_what_they_were(dataset: Path) -> None:
    """Workers hand them over in memory that is used again."""

    def enlarge(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"large": np.full(20_000, int(row["clip_id"][-4:]), np.int32)}

    kept = [row for batch in a_loader(dataset, workers=2, transform=enlarge, prefetch=1) for row in batch]
    assert len(kept) == ROWS
    for row in kept:
        assert (row["large"] == int(row["clip_id"][-4:])).all()


def test_a_data_loader_around_it_changes_nothing(dataset: Path) -> None:
    loader = a_loader(dataset)
    around = DataLoader(loader, batch_size=None)
    assert len(around) == len(loader)
    batches = [ids(batch) for batch in around]
    assert batches == epoch_of(a_loader(dataset)) and loader.epoch == 1
    with pytest.raises(UserError, match="give workers=N to it, not to DataLoader"):
        list(DataLoader(loader, batch_size=None, num_workers=1))


def test_accelerate_saves_and_restores_the_position(dataset: Path, tmp_path: Path) -> None:
    accelerate = pytest.importorskip("accelerate")
    accelerator = accelerate.Accelerator(cpu=True)
    place = {"rank": accelerator.process_index, "world_size": accelerator.num_processes}
    loader, resumed = a_loader(dataset, workers=1, **place), a_loader(dataset, **place)
    accelerator.register_for_checkpointing(loader)
    given = [ids(batch) for _, batch in zip(range(5), loader, strict=False)]
    accelerator.save_state(str(tmp_path / "checkpoint"))
    accelerator._custom_objects[:] = [resumed]
    accelerator.load_state(str(tmp_path / "checkpoint"))
    assert given + epoch_of(resumed) == epoch_of(a_loader(dataset))


def test_two_iterations_at_once_are_refused(dataset: Path) -> None:
    loader = a_loader(dataset)
    first = iter(loader)
    next(first)
    next(iter(loader))
    with pytest.raises(UserError, match="iterated anew while this iteration was going on"):
        next(first)
    running = iter(loader)
    next(running)
    loader.load_state_dict(a_loader(dataset).state_dict())
    with pytest.raises(UserError, match="moved or iterated anew"):
        next(running)
    assert epoch_of(loader) == epoch_of(a_loader(dataset))


def test_the_dataset_may_be_named_by_a_string(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(train=[[3]])
    by_path, by_text = (
        list(ShardLoader(name, "train", columns=["clip_id"], batch_size=3))
        for name in (dataset, str(dataset))
    )
    assert by_text == by_path
