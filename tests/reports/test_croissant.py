"""Croissant metadata that its own reader accepts without a word, and that leads to the records."""

import hashlib
import itertools
import json

import mlcroissant
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leitmotif.reports.croissant import compose_croissant
from leitmotif.reports.write import write_reports
from leitmotif.shards.dataset import Dataset
from tests.reports.large_stats import large_stats

# Of the reader's own dependencies, not ours.
pytestmark = [
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index"),
]


def read_croissant(folder, name=None):
    write_reports(folder, name=name)
    return json.loads((folder / "croissant.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("clips", "video"), [(12, True), (4, False), (1, True), (0, True)])
def test_mlcroissant_finds_nothing_to_say(publish, caplog, clips, video):
    folder = publish(clips=clips, video=video)
    write_reports(folder)
    dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert dataset.metadata.ctx.issues.report() == ""
    assert [record.getMessage() for record in caplog.records] == []


def test_records_can_be_read_by_it(publish):
    folder = publish(clips=5)
    write_reports(folder)
    dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    records = list(dataset.records("clips"))
    assert len(records) == 5
    by_split = [record["clips/split"] for record in records]
    assert by_split.count(b"train") == 4 and by_split.count(b"validation") == 1
    first = next(record for record in records if record["clips/clip_id"] == b"clip0001")
    assert first["clips/audio"].startswith(b"fLaC")
    assert [frame.size for frame in first["clips/frames"]] == [(200, 120)] * 4
    assert first["clips/genres"] == [{"clips/genres/tag": b"rock", "clips/genres/score": 0.5}]
    assert len(first["clips/clap_embedding"]) == 8
    assert len(list(dataset.records("rejected"))) == 9
    assert [row["quarantine/stage"] for row in dataset.records("quarantine")] == [b"probe", b"probe"]


def test_ten_records_can_be_iterated(publish):
    folder = publish(clips=12)
    write_reports(folder)
    records = mlcroissant.Dataset(jsonld=str(folder / "croissant.json")).records("clips")
    first = list(itertools.islice(records, 10))
    assert len({record["clips/clip_id"] for record in first}) == 10
    assert all(record["clips/caption"] and record["clips/audio"] for record in first)


def test_what_was_measured_of_every_clip_is_a_record_set_of_its_own(publish):
    folder = publish(clips=1)
    rows = {"clip_id": ["a", "b"], "fate": ["kept", "rejected"], "too-short": [20.0, 0.5]}
    pq.write_table(pa.table(rows), folder / "measured.parquet")
    published = Dataset(folder)
    croissant = compose_croissant(published, large_stats(300))
    fields = {entry["@id"]: entry for entry in croissant["recordSet"]}["measured"]["field"]
    assert [field["name"] for field in fields] == ["clip_id", "fate", "too-short"]
    assert fields[2]["description"] == "The number that the rule too-short judges."
    assert "measured.parquet" in {entry["@id"] for entry in croissant["distribution"]}


def test_every_column_is_a_field_and_small_files_carry_their_hash(publish):
    folder = publish(clips=1)
    croissant = read_croissant(folder, name="Sea & Songs")
    assert croissant["name"] == "Sea - Songs"
    records = {entry["@id"]: entry for entry in croissant["recordSet"]}
    assert list(records) == ["splits", "clips", "rejected", "quarantine"]
    assert len(records["clips"]["field"]) == 1 + len(Dataset(folder).schema)
    assert all("description" in field for field in records["clips"]["field"])
    files = {entry["@id"]: entry for entry in croissant["distribution"]}
    for name in ("rejected.parquet", "quarantine.parquet", "taxonomy.yaml", "recipe.yaml", "stats.json"):
        assert files[name]["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert files["shards"]["includes"] == "data/*.parquet"


def test_the_description_says_when_embedded_models_made_it(publish):
    assert "embedded models" in read_croissant(publish(clips=1))["description"]
