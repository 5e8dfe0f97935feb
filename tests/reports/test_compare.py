"""Two datasets side by side: differences of counts, shares and distributions."""

import copy
import itertools
import json

import numpy as np
import pyarrow as pa
import pytest

from leitmotif.reports.statistics.compare import common_bins, compare
from leitmotif.reports.statistics.histogram import readable_histogram
from leitmotif.reports.statistics.measure import statistics


def histogram(low: float, high: float, values: list[float]) -> dict:
    filled = readable_histogram(low, high)
    filled.add(pa.array(values))
    return filled.describe("s")


def test_a_dataset_is_no_different_from_itself(publish):
    stats = statistics(publish(clips=12))
    found = compare(stats, copy.deepcopy(stats))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert all(entry["difference"] == 0 for entry in found["counts"].values())
    for entry in (*found["histograms"].values(), *found["shares"].values()):
        assert entry["total_variation"] in (0.0, None)
    assert found["histograms"]["motion"]["total_variation"] == 0.0
    assert found["shares"]["genres"]["counts"]["rock"] == [4, 4]


def test_differences_are_first_minus_second(publish, tmp_path):
    first = statistics(publish(clips=12, rejected=9, quarantined=2), name="one")
    second = copy.deepcopy(first)
    second["dataset"], second["counts"]["kept"] = "two", 6
    second["tags"]["genres"] = {"rock": 6}
    second["rejected"]["motion"]["count"] = 0
    found = compare(first, second)
    assert found["datasets"] == ["one", "two"]
    assert found["counts"]["kept"] == {"values": [12, 6], "difference": 6}
    genres = found["shares"]["genres"]
    assert genres["n"] == [12, 6]
    assert genres["counts"] == {"rock": [4, 6], "ambient": [4, 0], "classical": [4, 0]}
    assert genres["difference"]["rock"] == pytest.approx(4 / 12 - 1, abs=1e-5)
    assert genres["total_variation"] == pytest.approx(2 / 3, abs=1e-5)
    rule = found["rules"]["motion"]
    assert rule["rejected"] == [3, 0] and rule["difference"] == pytest.approx(3 / 23, abs=1e-5)
    assert compare(second, first)["shares"]["genres"]["difference"]["rock"] == pytest.approx(
        1 - 4 / 12, abs=1e-5
    )


@pytest.mark.parametrize("second", [(0.0, 77.0), (3.0, 8.0), (-400.0, 900.0), (0.1, 0.13)])
def test_bins_of_two_steps_are_joined_without_losing_a_value(second):
    rng = np.random.default_rng(2)
    values = [rng.uniform(*ends, 200) for ends in ((0.0, 30.0), second)]
    pair = [histogram(*ends, list(v)) for ends, v in zip(((0.0, 30.0), second), values, strict=True)]
    edges, counts = common_bins(*pair)
    assert len(edges) <= 203 and np.allclose(np.diff(edges), edges[1] - edges[0], atol=1e-8)
    for row, given in zip(counts, values, strict=True):
        assert sum(row) == 200
        pairs = itertools.pairwise(edges)
        inside = [int(((given >= low) & (given < high)).sum()) for low, high in pairs]
        assert row == inside


def test_an_empty_dataset_has_no_distance(publish):
    stats = statistics(publish(clips=0, rejected=0, quarantined=0))
    found = compare(stats, stats)
    assert found["shares"]["genres"] == {"n": [0, 0], "counts": {}, "difference": {}, "total_variation": None}
    assert found["histograms"]["motion"]["edges"] == []
    assert found["artists"]["gini"] == {"values": [None, None], "difference": None}
