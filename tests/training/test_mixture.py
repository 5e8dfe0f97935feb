from collections import Counter

import pytest

from leitmotif.storage.errors import UserError
from leitmotif.training.loader.loader import ShardLoader
from leitmotif.training.loader.mixture import Mixture


@pytest.fixture(scope="module")
def folders(make_dataset):
    return make_dataset(train=[[6, 6]]), make_dataset(train=[[5, 5], [5, 5]])


def mixture(folders, weights=(1, 3), workers=0, **ranks):
    loaders = [
        ShardLoader(folder, "train", columns=["caption"], batch_size=size, workers=workers, seed=2, **ranks)
        for folder, size in zip(folders, (3, 4), strict=True)
    ]
    return Mixture(loaders, weights, seed=5)


def test_steps_are_of_one_dataset_and_drawn_by_weight(folders):
    mixed = mixture(folders)
    assert len(mixed) == 4 + 5
    batches = [batch for _ in range(40) for batch in mixed]
    assert len(batches) == 40 * 9
    counts = Counter(len(batch) for batch in batches)
    assert set(counts) == {3, 4}
    assert 0.65 < counts[4] / len(batches) < 0.85  # of weight 3 of 4


def test_every_row_comes_once_in_each_of_its_dataset_s_epochs(folders):
    mixed = mixture(folders)
    batches = [batch for _ in range(6) for batch in mixed]
    small = [row["caption"] for batch in batches if len(batch) == 3 for row in batch]
    assert set(Counter(small[:12]).values()) == {1} and len(set(small[:12])) == 12


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("steps", [0, 4, 9, 13])
def test_it_goes_on_at_the_very_next_row(folders, steps, workers):
    whole, cut = mixture(folders), mixture(folders)
    expected = [batch for _ in range(3) for batch in whole]
    found = []
    while len(found) < steps:
        for batch in cut:
            found.append(batch)
            if len(found) == steps:
                break
    state = cut.state_dict()
    assert (state["epoch"], state["rows"]) == divmod(steps, 9)
    resumed = mixture(folders, workers=workers)
    resumed.load_state_dict(state)
    while len(found) < len(expected):
        found += list(resumed)
    assert found == expected


def test_ranks_draw_the_same_dataset_in_every_step(folders):
    one, two = (mixture(folders, rank=rank, world_size=2) for rank in (0, 1))
    sources = [[batch[0]["caption"] for batch in each] for each in (one, two)]
    assert len(sources[0]) == len(sources[1])
    assert [one.state_dict()["loaders"][n]["rows"] for n in (0, 1)] == [
        two.state_dict()["loaders"][n]["rows"] for n in (0, 1)
    ]


@pytest.mark.parametrize("weights", [(1,), (1, 0), (1, float("nan"))])
def test_weights_that_do_not_fit_are_refused(folders, weights):
    with pytest.raises(UserError, match="expected one above 0 for each"):
        mixture(folders, weights)


def test_a_state_of_other_weights_is_refused(folders):
    with pytest.raises(UserError, match="other weights or another seed"):
        mixture(folders, (1, 1)).load_state_dict(mixture(folders).state_dict())
