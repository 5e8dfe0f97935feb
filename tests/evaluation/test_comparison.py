"""Clips, intervals, the comparison of writers, and results on disk."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leitmotif.encoders.clap import ClapEncoder
from leitmotif.evaluation.bootstrap import NO_INTERVAL, Draws, Estimate, estimate, estimate_difference
from leitmotif.evaluation.clips import Clip, clap_model_of, read_clips, read_frames
from leitmotif.evaluation.comparison import add_captions, compare
from leitmotif.evaluation.metric import Tools, choose_metrics
from leitmotif.evaluation.results import make_document, make_table, write_results
from leitmotif.evaluation.rouge import RougeLMetric
from leitmotif.evaluation.tags import TagPrecisionMetric
from leitmotif.evaluation.tempo_class import TempoClassMetric
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.storage.errors import UserError
from tests.evaluation.small_datasets import FACTS, rows_of, write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = rows_of(ClapEncoder("clap-mini").load())
    return write_dataset(tmp_path_factory.mktemp("dataset"), rows)


@pytest.fixture(scope="module")
def clips(dataset: Path) -> list[Clip]:
    return read_clips(Dataset(dataset), "test")


def test_clips_are_read_in_order_with_all_that_is_known(clips: list[Clip]) -> None:
    assert [clip.caption for clip in clips] == [fact["caption"] for fact in FACTS]
    assert clips[1].instruments == ("electric guitar", "drums") and clips[1].tempo_class == "fast"
    assert clips[0].clap is not None and clips[0].clap.shape == (128,)
    assert ("mood", "dreamy") in clips[0].tags
    model = clap_model_of(clips)
    assert model is not None and model.startswith("clap-mini@sha256:")


def test_frames_come_in_the_order_of_the_clips(dataset: Path, clips: list[Clip]) -> None:
    frames = list(read_frames(Dataset(dataset), "test"))
    assert [clip_id for clip_id, _ in frames] == [clip.clip_id for clip in clips]
    assert all(len(pictures) == 5 and pictures[0][:2] == b"\xff\xd8" for _, pictures in frames)
    assert (
        len(list(read_frames(Dataset(dataset), "test", limit=3)))
        == 3
        == len(read_clips(Dataset(dataset), "test", limit=3))
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: row | {"caption": None}, "no clip of split 'test' of .* has a caption; curate it"),
        (lambda row: row | {"caption": ""}, "no clip of split 'test' of .* has a caption; curate it"),
    ],
)
def test_a_dataset_without_captions_is_refused(dataset: Path, tmp_path: Path, change, said: str) -> None:  # type: ignore[no-untyped-def]
    rows = [change(row) for row in pq.read_table(dataset / "data").to_pylist()]
    with pytest.raises(DatasetError, match=said):
        read_clips(Dataset(write_dataset(tmp_path, rows)), "test")


def test_what_is_no_dataset_or_lacks_the_split_is_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no split 'validation'; expected test"):
        read_clips(Dataset(dataset), "validation")
    with pytest.raises(
        DatasetError, match=r"holds neither data/\*\.parquet nor rejected\.parquet; give the folder"
    ):
        read_clips(Dataset(tmp_path), "test")
    (tmp_path / "data").mkdir()
    shard = tmp_path / "data" / "test-00000-of-00001.parquet"
    shard.write_bytes(b"PAR1 damaged")
    with pytest.raises(DatasetError, match=r"shard test-00000-of-00001\.parquet cannot be read"):
        read_clips(Dataset(tmp_path), "test")
    pq.write_table(pa.table({"clip_id": ["a"]}), shard)
    with pytest.raises(DatasetError, match="has no column 'caption'"):
        read_clips(Dataset(tmp_path), "test")
    write_dataset(tmp_path / "empty", [])
    with pytest.raises(DatasetError, match="has no row; choose another --split"):
        read_clips(Dataset(tmp_path / "empty"), "test")


def test_a_shard_with_damaged_pages_is_named(dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset / "data", tmp_path / "data")
    shard = tmp_path / "data" / "test-00001-of-00002.parquet"
    content = bytearray(shard.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    shard.write_bytes(content)
    with pytest.raises(DatasetError, match=r"shard test-00001-of-00002\.parquet cannot be read"):
        list(read_frames(Dataset(tmp_path), "test"))
    with pytest.raises(DatasetError, match=r"shard test-00001-of-00002\.parquet cannot be read"):
        read_clips(Dataset(tmp_path), "test")


def test_embeddings_of_two_models_are_refused() -> None:
    clips = [Clip(name, clap=np.ones(2), clap_model=f"clap@{name}") for name in "ab"]
    with pytest.raises(DatasetError, match=r"by 2 CLAP models \(clap@a, clap@b\)"):
        clap_model_of(clips)
    assert clap_model_of([Clip("a")]) is None


def test_an_interval_has_the_width_of_the_mean_of_coins() -> None:
    heads = np.repeat([[100.0], [0.0]], 200, axis=0)
    found = estimate(TempoClassMetric(Tools()), heads, Draws(400, 4000, 0))
    assert found is not None and found.value == 50.0 and found.clips == 400
    # 1.96 standard errors of a mean of 400 fair coins.
    assert (found.low, found.high) == pytest.approx((50 - 4.9, 50 + 4.9), abs=0.4)
    assert found == estimate(TempoClassMetric(Tools()), heads, Draws(400, 4000, 0))


def test_an_interval_leaves_unknown_clips_out() -> None:
    rows = np.array([[100.0], [np.nan], [100.0]])
    found = estimate(TempoClassMetric(Tools()), rows, Draws(3, 50, 0))
    assert found == Estimate(100.0, 100.0, 100.0, clips=2)
    assert estimate(TempoClassMetric(Tools()), np.full((3, 1), np.nan), Draws(3, 50, 0)) is None


def test_one_clip_has_a_value_and_no_interval_and_the_table_says_why() -> None:
    rows = np.array([[100.0], [np.nan], [np.nan]])
    found = estimate(TempoClassMetric(Tools()), rows, Draws(3, 50, 0))
    assert found == Estimate(100.0, None, None, clips=1, no_interval=NO_INTERVAL)
    assert estimate_difference(TempoClassMetric(Tools()), rows, rows, Draws(3, 50, 0)) == Estimate(
        0.0, None, None, clips=1, no_interval=NO_INTERVAL
    )
    assert found is not None
    document = {
        "metrics": {"x": {"title": "X", "higher_is_better": True}},
        "values": {"a": {"x": asdict(found)}, "b": {"x": asdict(found)}},
        "differences": {"x": {"b": asdict(found)}},
    }
    table = make_table(json.loads(json.dumps(document)))
    assert table.count("100.00 [–]") == 3 and table.count(NO_INTERVAL) == 1


def test_a_ratio_of_sums_is_no_mean_of_ratios() -> None:
    rows = np.array([[1.0, 1.0], [1.0, 9.0]])
    found = estimate(TagPrecisionMetric(Tools()), rows, Draws(2, 500, 0))
    assert found is not None and found.value == 20.0
    assert (found.low, found.high) == pytest.approx((100 / 9, 100.0))


def test_a_difference_is_taken_clip_by_clip() -> None:
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 100, (50, 1))
    once, twice = (estimate(TempoClassMetric(Tools()), rows, Draws(50, 200, seed)) for seed in (0, 1))
    assert once != twice
    found = estimate_difference(TempoClassMetric(Tools()), rows + 1.0, rows, Draws(50, 200, 0))
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))


def test_no_clip_gets_its_own_caption_when_they_are_shuffled(clips: list[Clip]) -> None:
    for seed in range(20):
        texts = add_captions({}, [*clips, Clip("mute")], seed=seed)
        own, other = texts["captions"], texts["shuffled captions"]
        assert all(mine != theirs for mine, theirs in zip(own[:4], other[:4], strict=True))
        assert sorted(filter(None, other)) == sorted(filter(None, own)) and other[4] is None
    assert texts != add_captions({}, [*clips, Clip("mute")], seed=0)
    assert "shuffled captions" not in add_captions({}, clips[:1], seed=0)


def test_captions_beat_shuffled_captions_by_every_metric(clips: list[Clip]) -> None:
    metrics = choose_metrics(None, Tools(clap=clap_model_of(clips)))
    texts = add_captions({"model": ["A fast, aggressive metal track."] * 4}, clips, seed=0)
    found = compare(texts, clips, metrics, resamples=200)
    best, worst = found.values["captions"], found.values["shuffled captions"]
    for metric in metrics:
        assert best[metric.NAME].value == pytest.approx(100.0, abs=1e-3)  # type: ignore[union-attr]
        assert worst[metric.NAME].high < 100.0  # type: ignore[union-attr]
    assert found.values["model"]["tempo-class"].value == 25.0  # type: ignore[union-attr]
    assert found.differences["tempo-class"]["captions"].value == -75.0  # type: ignore[union-attr]


def test_lists_beside_a_text_count_for_what_looks_for_names_and_for_nothing_else(clips: list[Clip]) -> None:
    metrics = choose_metrics(["tempo-class", "rouge-l"], Tools())
    texts = {"model": ["A piece.", "A piece.", None, "A piece."]}
    lists = {"model": ["Tempo: slow.", "Tempo: slow.", None, ""]}
    plain = compare(texts, clips, metrics, resamples=5).values["model"]
    listed = compare(texts, clips, metrics, lists=lists, resamples=5).values["model"]
    assert listed["rouge-l"] == plain["rouge-l"]
    assert plain["tempo-class"].value == 0.0  # type: ignore[union-attr]
    assert listed["tempo-class"].value == pytest.approx(100 / 3)  # type: ignore[union-attr]


def test_results_are_a_table_a_document_and_the_texts(clips: list[Clip], tmp_path: Path) -> None:
    metrics = [TempoClassMetric(Tools()), RougeLMetric(Tools())]
    texts = add_captions({"model": ["A slow piece.", None, "A slow piece.", "Nothing."]}, clips, seed=0)
    document = make_document(compare(texts, clips, metrics, resamples=50), metrics, {"split": "test"})
    out = tmp_path / "results"
    write_results(out, document, texts, clips, heading="# Results")
    assert sorted(path.name for path in out.iterdir()) == [
        "descriptions.jsonl",
        "results.json",
        "results.md",
    ]
    assert json.loads((out / "results.json").read_text()) == document
    assert document["values"]["model"]["tempo-class"]["clips"] == 3
    assert document["metrics"]["rouge-l"]["higher_is_better"] is True
    lines = (out / "results.md").read_text().splitlines()
    assert lines[2] == "| written by | Tempo class accuracy ↑ | ROUGE-L ↑ |"
    assert lines[4].startswith("| model | 33.33 [0.00, ")
    assert lines[7].startswith("| *model − captions* | -66.67 [-100.00, ")
    rows = [json.loads(line) for line in (out / "descriptions.jsonl").read_text().splitlines()]
    assert rows[1]["model"] is None and rows[1]["captions"] == FACTS[1]["caption"]
    write_results(out, document | {"split": "again"}, texts, clips, heading="# Results")
    assert json.loads((out / "results.json").read_text())["split"] == "again"
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_a_table_shows_what_could_not_be_measured() -> None:
    document = {
        "metrics": {"x": {"title": "X", "higher_is_better": False}},
        "values": {"a": {"x": None}},
        "differences": {"x": {}},
    }
    assert make_table(document) == "| written by | X ↓ |\n|---|---|\n| a | – |\n"


def test_results_replace_nothing_else_and_a_full_disk_leaves_the_former(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = [TempoClassMetric(Tools())]
    texts = add_captions({"model": ["slow"] * 4}, clips, seed=0)
    document = make_document(compare(texts, clips, metrics, resamples=5), metrics, {})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("precious")
    with pytest.raises(UserError, match=r"exists and holds no results\.json; choose another --out"):
        write_results(tmp_path / "mine", document, texts, clips, heading="")
    out = tmp_path / "results"
    write_results(out, document, texts, clips, heading="first")

    def refuse(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("leitmotif.evaluation.results._write", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_results(out, document, texts, clips, heading="second")
    assert (out / "results.md").read_text().startswith("first")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "results"]
