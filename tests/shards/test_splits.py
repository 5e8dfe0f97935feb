import numpy as np

from shards.splits import assign_splits

SHARES = {"validation": 0.1, "test": 0.1}


def test_every_clip_gets_one_split_of_about_its_share() -> None:
    splits = assign_splits({f"{n}": [f"source {n}"] for n in range(1000)}, SHARES)
    counts = {name: list(splits.values()).count(name) for name in ("train", "validation", "test")}
    assert counts == {"train": 800, "validation": 100, "test": 100}


def test_linked_clips_never_part_even_through_a_third() -> None:
    rng = np.random.default_rng(3)
    links = {f"{n}": [f"artist {rng.integers(60)}", f"source {rng.integers(150)}"] for n in range(300)}
    splits = assign_splits(links, SHARES)
    for link in {link for names in links.values() for link in names}:
        assert len({splits[clip] for clip, names in links.items() if link in names}) == 1


def test_the_order_of_the_clips_does_not_matter() -> None:
    links = {f"{n}": [f"artist {n % 37}"] for n in range(200)}
    assert assign_splits(links, SHARES) == assign_splits(dict(reversed(links.items())), SHARES)


def test_a_few_groups_still_give_each_split_one_and_leave_train_one() -> None:
    splits = assign_splits({"a": ["x"], "b": ["y"], "c": ["z"]}, SHARES)
    assert sorted(splits.values()) == ["test", "train", "validation"]
    assert assign_splits({"a": ["x"], "b": ["x"]}, SHARES) == {"a": "train", "b": "train"}


def test_no_share_means_no_clips() -> None:
    splits = assign_splits({f"{n}": [f"{n}"] for n in range(10)}, {"validation": 0.0, "test": 0.0})
    assert set(splits.values()) == {"train"}


def test_no_clips_are_fine() -> None:
    assert assign_splits({}, SHARES) == {}
