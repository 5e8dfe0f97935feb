import random
from collections import Counter

import numpy as np
import pytest

from leitmotif.shards.artists import artist_names
from leitmotif.shards.splits import assign_splits, check_targets, unmet_targets
from leitmotif.storage.errors import UserError

TARGETS = {"validation": 0.1, "test": 0.1}


def sizes(splits: dict[str, str]) -> dict[str, int]:
    return dict(Counter(splits.values()))


def grouped(*counts: int) -> dict[str, list[str]]:
    """Groups of the given sizes."""
    return {
        f"{group}-{number}": [f"artist {group}"]
        for group, count in enumerate(counts)
        for number in range(count)
    }


def zipf(rng: np.random.Generator, clips: int) -> dict[str, list[str]]:
    """Clips of artists of which a few have most, some with guests, some that nobody is named for."""
    links = {}
    for number in range(clips):
        names = [f"artist {name}" for name in rng.zipf(1.6, 1 + (rng.random() < 0.1))]
        source = f"source {rng.integers(clips)}"
        links[f"clip-{number}"] = [*(names if rng.random() < 0.9 else []), source]
    return links


def test_every_clip_gets_one_split_of_its_share() -> None:
    splits = assign_splits({f"{n}": [f"source {n}"] for n in range(1000)}, TARGETS)
    assert sizes(splits) == {"train": 800, "validation": 100, "test": 100}


def test_a_target_from_one_on_is_a_number_of_clips() -> None:
    links = {f"{n}": [f"source {n}"] for n in range(1000)}
    assert sizes(assign_splits(links, {"validation": 7, "test": 31.0})) == {
        "train": 962,
        "validation": 7,
        "test": 31,
    }
    assert sizes(assign_splits(links, {"validation": 0, "test": 1})) == {"train": 999, "test": 1}


def test_linked_clips_never_part_even_through_a_third() -> None:
    splits = assign_splits({"a": ["x"], "b": ["x", "y"], "c": ["y"], "d": ["z"]}, {"test": 0.25})
    assert splits == {"a": "train", "b": "train", "c": "train", "d": "test"}


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_groups_no_link_stands_in_two_splits_and_sizes_are_near(seed: int) -> None:
    rng = np.random.default_rng(seed)
    links = zipf(rng, int(rng.integers(3, 400)))
    splits = assign_splits(links, TARGETS)
    assert splits.keys() == links.keys()
    owners: dict[str, set[str]] = {}
    for clip, names in links.items():
        for name in names:
            owners.setdefault(name, set()).add(splits[clip])
    assert {len(found) for found in owners.values()} == {1}
    # With groups of one clip about, nothing is missed.
    singles = Counter(name for names in links.values() for name in names)
    alone = sum(all(singles[name] == 1 for name in names) for names in links.values())
    if alone > 0.2 * len(links) + 2:
        found = Counter(splits.values())
        assert found["test"] == max(1, round(0.1 * len(links)))
        assert found["validation"] == max(1, round(0.1 * len(links)))


def test_the_order_of_the_clips_does_not_matter() -> None:
    links = zipf(np.random.default_rng(1), 300)
    shuffled = list(links.items())
    random.Random(4).shuffle(shuffled)
    assert assign_splits(links, TARGETS) == assign_splits(dict(shuffled), TARGETS)


def test_groups_that_do_not_fit_exactly_come_as_near_as_they_can() -> None:
    found = sizes(assign_splits(grouped(*[12] * 20), {"test": 20}))
    assert found == {"train": 216, "test": 24}  # 4 too many rather than 8 too few
    found = sizes(assign_splits(grouped(*[12] * 20), {"test": 17}))
    assert found == {"train": 228, "test": 12}


def test_a_giant_group_goes_to_train() -> None:
    links = grouped(900, *[1] * 100)
    splits = assign_splits(links, TARGETS)
    assert {splits[clip] for clip in links if clip.startswith("0-")} == {"train"}
    # 100 clips are wanted for each and 100 are to be had in all.
    assert sizes(splits) == {"train": 900, "validation": 50, "test": 50}
    assert sizes(assign_splits(links, {"validation": 0.03, "test": 0.05})) == {
        "train": 920,
        "validation": 30,
        "test": 50,
    }


def test_no_artist_fills_a_split_while_smaller_ones_suffice() -> None:
    links = grouped(*[90] * 5, *[1] * 550)
    splits = assign_splits(links, TARGETS)
    assert max(Counter(clip.split("-")[0] for clip in splits if splits[clip] == "test").values()) == 1


def test_a_few_groups_still_give_each_split_one_and_leave_train_one() -> None:
    splits = assign_splits({"a": ["x"], "b": ["y"], "c": ["z"]}, TARGETS)
    assert sorted(splits.values()) == ["test", "train", "validation"]
    assert sizes(assign_splits(grouped(50, 3), TARGETS)) == {"train": 50, "test": 3}


def test_one_group_is_train() -> None:
    assert set(assign_splits(grouped(40), TARGETS).values()) == {"train"}
    assert set(assign_splits(grouped(40), {"validation": 30, "test": 30}).values()) == {"train"}


def test_more_than_there_is_leaves_a_group_for_train() -> None:
    assert sizes(assign_splits(grouped(*[1] * 10), {"test": 500})) == {"test": 9, "train": 1}


def test_no_target_means_no_clips() -> None:
    splits = assign_splits({f"{n}": [f"{n}"] for n in range(10)}, {"validation": 0.0, "test": 0.0})
    assert set(splits.values()) == {"train"}


def test_no_clips_are_fine_and_neither_are_no_links() -> None:
    assert assign_splits({}, TARGETS) == {}
    assert len(assign_splits({"a": [], "b": []}, {"test": 0.5})) == 2


@pytest.mark.parametrize("seed", range(5))
def test_clips_that_come_move_about_as_many_of_the_others(seed: int) -> None:
    links = zipf(np.random.default_rng(seed), 2000)
    before = assign_splits(dict(list(links.items())[:1900]), TARGETS)
    after = assign_splits(links, TARGETS)
    moved = sum(before[clip] != after[clip] for clip in before)
    assert moved <= 2 * 100


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("Foo", ("foo",)),
        ("  FOO\u00a0 Fighters\n", ("foofighters",)),
        ("Foo feat. Bar", ("foo", "bar")),
        ("Foo (ft. Bár)", ("foo", "bar")),
        ("Foo [featuring Bar]", ("foo", "bar")),
        ("Bar, Foo & Baz", ("bar", "foo", "baz")),
        ("Foo x Bar", ("foo", "bar")),
        ("Florence and the Machine", ("florencethemachine",)),
        ("Florence & The Machine", ("florencethemachine",)),
        ("AC/DC", ("acdc",)),
        ("Malcolm X", ("malcolmx",)),
        ("Featherweight Withers", ("featherweightwithers",)),
        ("Foo - Topic", ("foo",)),
        ("FooVEVO", ("foo",)),
        ("Ｆｏｏ", ("foo",)),
        ("Foo, foo", ("foo",)),
        ("Unknown Artist", ()),
        ("Various Artists", ()),
        ("V.A.", ()),
        ("", ()),
        ("  ", ()),
        (None, ()),
        ("宇多田ヒカル", ("宇多田ヒカル",)),
    ],
)
def test_spellings_of_a_name_agree_and_nobody_is_no_name(field: str | None, names: tuple[str, ...]) -> None:
    assert artist_names(field) == names


def test_more_clips_than_there_are_are_refused_with_the_share_that_may_be_meant() -> None:
    for targets in ({"test": 0.1, "validation": 0.5}, {"test": 30}, {"test": 29.0, "validation": 20}):
        check_targets(30, targets)
    check_targets(0, {"test": 100})
    with pytest.raises(UserError, match=r"splits\.test=100 asks for 100 of 30 clips; expected a share"):
        check_targets(30, {"validation": 0.1, "test": 100})
    with pytest.raises(UserError, match=r"validation=20 asks for .* of 1 clip; .* for 20 % write 0\.2"):
        check_targets(1, {"validation": 20, "test": 0.1})


def test_a_target_that_cannot_be_met_is_said_with_the_reason() -> None:
    links = {f"clip{n}": ["artist one"] for n in range(12)}
    targets = {"validation": 0.1, "test": 0.5}
    (line,) = unmet_targets(links, targets, assign_splits(links, targets))
    assert line.startswith("splits.test=0.5 asks for 6 of 12 clips, and test gets 0: ")
    assert line.endswith("the largest such group has 12 clips")
    apart = {f"clip{n}": [f"artist {n}"] for n in range(40)}
    assert unmet_targets(apart, targets, assign_splits(apart, targets)) == []
