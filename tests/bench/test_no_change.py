"""The proof that nothing changed finds every kind of change."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.quality.no_change import STEPS, differences, main


@pytest.fixture
def records(tmp_path):
    before = tmp_path / "before"
    dataset = before / "demo" / "dataset"
    (dataset / "data").mkdir(parents=True)
    (before / "run").mkdir()
    table = pa.table(
        {"clip_id": ["a", "b"], "motion": pa.array([0.1, 0.2], pa.float32()), "tags": [["x"], []]}
    )
    pq.write_table(table, dataset / "data" / "train-00000-of-00001.parquet")
    (dataset / "stats.json").write_text(json.dumps({"counts": {"kept": 2}, "hours": [0.5, 1]}))
    lines = [json.dumps({"step": step, "loss": 1 / (step + 3)}) for step in range(STEPS)]
    (before / "run" / "log.jsonl").write_text("\n".join(lines))
    return before, shutil.copytree(before, tmp_path / "after")


def test_a_record_equals_its_copy(records, capsys):
    assert main(["compare", *map(str, records)]) == 0
    assert capsys.readouterr().out == "no difference\n"


def test_one_bit_of_one_cell_is_a_difference(records):
    path = records[1] / "demo" / "dataset" / "data" / "train-00000-of-00001.parquet"
    table = pq.read_table(path)
    motion = pa.array([0.1, 0.20000002], pa.float32())
    pq.write_table(table.set_column(1, "motion", motion), path)
    (line,) = differences(*records)
    assert line.endswith("column motion differs in 1 of 2 rows, the first of them [1]")
    assert main(["compare", *map(str, records)]) == 1


def test_a_column_less_a_file_more_and_another_type_are_differences(records):
    path = records[1] / "demo" / "dataset" / "data" / "train-00000-of-00001.parquet"
    table = pq.read_table(path)
    pq.write_table(
        table.drop_columns("tags").cast(pa.schema([("clip_id", "string"), ("motion", "float64")])), path
    )
    pq.write_table(table, path.with_name("more.parquet"))
    files, columns, kind = differences(*records)
    assert "more.parquet" in files and "expected ['clip_id', 'motion', 'tags']" in columns
    assert "float x 2 against double x 2" in kind


def test_another_statistic_and_another_loss_are_differences(records):
    (records[1] / "demo" / "dataset" / "stats.json").write_text(
        json.dumps({"counts": {"kept": 2}, "hours": [0.5, 2]})
    )
    log = records[1] / "run" / "log.jsonl"
    log.write_text(log.read_text().replace(json.dumps(1 / 3), "0.3333"))
    hours, loss = differences(*records)
    assert hours == "dataset/stats.json: hours[1]: got 2; expected 1"
    assert loss == "run/log.jsonl[0]: loss: got 0.3333; expected 0.3333333333333333"


def test_a_training_that_ended_early_proves_nothing(records):
    for record in records:
        log = record / "run" / "log.jsonl"
        log.write_text("\n".join(log.read_text().splitlines()[:5]))
    assert list(differences(*records)) == [f"run/log.jsonl: 5 lines; expected {STEPS} steps at least"]
