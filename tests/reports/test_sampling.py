"""Samples of rows: every row as likely, few row groups touched, memory bounded; and what stale tables do."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.speed.metadata import write_dataset
from bench.speed.stats import measure_peak_bytes
from leitmotif.filters.rule import discover
from leitmotif.reports.statistics.embedding_map import project
from leitmotif.reports.statistics.evenness import relate_entropy, total_variation
from leitmotif.reports.statistics.interactive_funnel import (
    MOST_STOPS,
    NO_NUMBER,
    choose_stops,
    describe_interactive_funnel,
    encode_numbers,
)
from leitmotif.reports.statistics.leakage import gini_coefficient
from leitmotif.reports.statistics.tempo import gaussian_density
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.sample import RUNS, choose_rows, read_rows


def test_all_rows_are_taken_where_there_are_few():
    assert choose_rows(5, 10, seed=0).tolist() == [0, 1, 2, 3, 4]
    assert choose_rows(0, 10, seed=0).tolist() == []


@pytest.mark.parametrize("total", [2001, 2500, 16_001, 512_000])
def test_as_many_rows_as_are_wanted_each_once_in_few_runs(total):
    rows = choose_rows(total, 2000, seed=1)
    assert len(np.unique(rows)) == 2000 and rows.min() >= 0 and rows.max() < total
    assert (np.diff(rows) > 1).sum() <= RUNS
    assert (choose_rows(total, 2000, seed=1) == rows).all()
    assert (choose_rows(total, 2000, seed=2) != rows).any()


def test_every_row_is_as_likely():
    taken = np.zeros(100)
    for seed in range(3000):
        taken[choose_rows(100, 16, seed)] += 1
    assert taken.mean() == 480 and np.abs(taken - 480).max() < 120


def test_rows_are_read_from_the_row_groups_that_hold_them(tmp_path):
    table = pa.table({"n": np.arange(10_000), "text": [f"row {n}" for n in range(10_000)]})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=700)
    rows = np.array([0, 699, 700, 4242, 9999])
    found = read_rows(pq.ParquetFile(tmp_path / "rows.parquet"), rows, ["text", "n"])
    assert found.to_pydict() == {"text": [f"row {n}" for n in rows], "n": rows.tolist()}
    assert read_rows(pq.ParquetFile(tmp_path / "rows.parquet"), rows[:0], ["n"]).num_rows == 0


def test_a_sample_of_a_dataset_names_the_split_of_each_row(tmp_path):
    folder = write_dataset(tmp_path / "dataset", rows=300, seed=1, clap_dim=4)
    source = Dataset(folder)
    whole = source.sample(["clip_id"], 1000, 0)
    tables = [table for split in source.shards for table in source.stream(split, ["clip_id"])]
    order = pa.concat_tables(tables)["clip_id"].to_pylist()
    assert whole["clip_id"].to_pylist() == order
    assert whole["split"].to_pylist() == ["train"] * 240 + ["validation"] * 30 + ["test"] * 30
    some = source.sample(["clip_id", "absent"], 40, 0)
    assert some.column_names == ["clip_id", "split"] and some.num_rows == 40
    assert some["clip_id"].to_pylist() == [order[row] for row in choose_rows(300, 40, 0)]


def test_numbers_of_clips_that_are_no_longer_those_of_the_dataset_are_left_aside(tmp_path):
    folder = write_dataset(tmp_path / "dataset", rows=100, seed=1, clap_dim=4)
    assert Dataset(folder).measured().num_rows == 100 + 20 + 1
    rejected = pq.read_table(folder / "rejected.parquet")
    pq.write_table(rejected.slice(1), folder / "rejected.parquet")
    assert Dataset(folder).measured() is None


def test_a_live_table_of_many_clips_is_a_sample_that_says_so(tmp_path):
    folder = write_dataset(tmp_path / "dataset", rows=100, seed=1, clap_dim=4)
    measured = Dataset(folder).measured()
    rule = discover()["motion"]
    live = describe_interactive_funnel(
        measured, [rule], {"motion": 0.01}, ["catalog", "motion"], seed=7, most=50
    )
    assert (live["clips"], live["of"], live["seed"]) == (50, 121, 7)
    assert 0.01 in live["rules"][0]["stops"]


def test_stops_are_few_ascending_and_hold_the_threshold():
    rng = np.random.default_rng(0)
    for values in (rng.gamma(1, 1, 5000), np.repeat([0.0, 1.0], 50), np.full(3, np.nan), np.zeros(0)):
        stops = choose_stops(values, 0.123)
        assert len(stops) <= MOST_STOPS and 0.123 in stops and (np.diff(stops) > 0).all()


@pytest.mark.parametrize("keep", ["at least", "at most"])
def test_codes_say_on_which_side_of_every_stop_a_number_lies(keep):
    rng = np.random.default_rng(0)
    values = rng.normal(size=2000)
    stops = choose_stops(values, 0.5)
    values[:50] = stops[:50]
    values[7] = np.nan
    codes = encode_numbers(values, stops, keep)
    assert codes[7] == NO_NUMBER
    known = np.isfinite(values)
    for place, stop in enumerate(stops):
        passes = codes[known] > place if keep == "at least" else codes[known] <= place
        expected = values[known] >= stop if keep == "at least" else values[known] <= stop
        assert (passes == expected).all()


def test_small_measures_have_their_known_answers():
    assert gini_coefficient(np.array([3, 3, 3])) == 0.0
    assert gini_coefficient(np.array([0, 0, 0, 8])) == 0.75
    assert gini_coefficient(np.zeros(0, int)) is None
    assert total_variation({"a": 1}, {"b": 5}) == 1.0
    assert total_variation({"a": 1, "b": 3}, {"a": 2, "b": 2}) == 0.25
    assert total_variation({}, {"a": 1}) is None
    assert relate_entropy(2.0, 4) == 1.0 and relate_entropy(0.0, 1) is None
    places = np.linspace(-5, 5, 101)
    density = gaussian_density(np.zeros(10), places, 1.0)
    assert density[50] == pytest.approx(1 / np.sqrt(2 * np.pi), rel=1e-4)
    assert density.sum() * 0.1 == pytest.approx(1.0, abs=1e-4)


def test_points_on_a_line_have_one_component():
    rows = np.outer(np.arange(5.0), [3.0, 4.0, 0.0])
    points, explained = project(rows)
    assert points[:, 0].tolist() == pytest.approx([-10, -5, 0, 5, 10])
    assert explained.tolist() == pytest.approx([1.0, 0.0])
    points, explained = project(np.ones((1, 1)))
    assert points.tolist() == [[0.0, 0.0]] and explained.tolist() == [0.0, 0.0]


@pytest.mark.slow
def test_512_000_rows_are_measured_in_less_than_a_gibibyte(tmp_path):
    folder = write_dataset(tmp_path / "dataset", rows=512_000, seed=1)
    assert measure_peak_bytes(folder) < 2**30
