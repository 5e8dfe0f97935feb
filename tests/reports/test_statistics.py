"""The numbers of a published dataset agree with what was put into it."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from leitmotif.reports.statistics.histogram import readable_histogram, score_histogram
from leitmotif.reports.statistics.measure import statistics
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError


def test_catalogued_is_kept_plus_rejected_plus_quarantined(publish):
    stats = statistics(publish(clips=12, rejected=9, quarantined=2))
    assert stats["counts"] == {"catalogued": 23, "kept": 12, "rejected": 9, "quarantined": 2}
    assert stats["rows"] == {"train": 9, "validation": 3}
    assert list(stats["rows"]) == ["train", "validation"]


def test_hours_add_up_to_the_durations(publish):
    stats = statistics(publish(clips=12))
    seconds = sum(20.0 + index % 7 for index in range(12))
    assert sum(stats["hours"].values()) == pytest.approx(seconds / 3600, abs=1e-3)
    assert stats["histograms"]["duration_s"]["mean"] == pytest.approx(seconds / 12, rel=1e-5)


def test_rejections_are_counted_by_rule_in_the_order_of_the_recipe(publish):
    stats = statistics(publish(rejected=7))
    rules = ["too-short", "too-long", "motion", "vocal", "pam", "near-duplicate"]
    assert list(stats["rejected"]) == rules
    assert [stats["rejected"][rule]["count"] for rule in rules] == [0, 0, 3, 0, 2, 2]
    assert stats["rejected"]["motion"]["threshold"] == 3.0
    assert stats["rejected"]["motion"]["min"] == pytest.approx(0.7)
    assert stats["rejected"]["too-long"]["threshold"] == 3600.0


def test_quarantined_clips_are_counted_by_stage_and_error(publish):
    stats = statistics(publish(quarantined=3))
    assert stats["quarantined"] == {"probe": {"count": 3, "errors": {"NotMedia": 3}}}


def test_a_histogram_holds_every_value_and_the_rejected_ones_beside(publish):
    motion = statistics(publish(clips=12, rejected=9))["histograms"]["motion"]
    assert sum(motion["counts"]) == motion["count"] == 12
    assert sum(motion["rejected_counts"]) == 3
    assert motion["thresholds"] == {"motion": 3.0}
    below = [c for c, edge in zip(motion["rejected_counts"], motion["edges"][1:], strict=True) if edge <= 3.0]
    assert sum(below) == 3


def test_tags_are_counted_by_kind_and_by_family(publish):
    stats = statistics(publish(clips=12))
    assert stats["tags"]["genres"] == {"ambient": 4, "classical": 4, "rock": 4}
    assert stats["tags"]["instruments"] == {
        "drums": 4,
        "electric guitar": 4,
        "piano": 4,
        "synth pad": 4,
    }
    assert stats["families"] == {"keyboards": 4, "others": 4, "percussion": 4, "strings": 4, "winds": 0}
    assert stats["untagged"] == {"instruments": 0, "genres": 0, "moods": 3}
    assert "violin" in stats["unused_tags"]["instruments"]
    assert "rock" not in stats["unused_tags"]["genres"]


def test_words_models_licenses_and_sizes_are_counted(publish):
    stats = statistics(publish(clips=10))
    assert stats["licenses"] == {"CC-BY-4.0": 8, "unknown": 2}
    assert stats["sizes"] == {"640×360": 10}
    assert stats["vocabulary"]["top"]["tempo"] == 10, "the full stop is no part of the word"
    assert stats["vocabulary"]["words"] == sum(stats["vocabulary"]["top"].values())
    assert stats["histograms"]["caption_words"]["count"] == 10
    assert stats["models"]["tagging"] == {"clap-mini@1f2e3d": 10}
    assert stats["embedded_models"] == ["clap-mini", "repet-sim"] and stats["small_models"] == ["clap-mini"]
    assert stats["retrieved"] == ["2026-03-01", "2026-03-01"]
    assert stats["histograms"]["tempo_bpm"]["missing"] == 1


def test_a_music_track_dataset_has_no_motion_and_no_sizes(publish):
    stats = statistics(publish(video=False))
    assert stats["histograms"]["motion"]["count"] == 0
    assert stats["sizes"] == {}
    assert stats["rejected"]["vocal"]["count"] == 3


@pytest.mark.parametrize("clips", [0, 1])
def test_no_row_and_one_row_are_enough(publish, clips):
    stats = statistics(publish(clips=clips, rejected=0, quarantined=0))
    assert stats["counts"]["kept"] == stats["counts"]["catalogued"] == clips
    assert json.loads(json.dumps(stats, allow_nan=False)) == stats


def test_a_split_with_an_empty_shard_counts_no_rows(publish):
    folder = publish(clips=1)
    shard = folder / "data" / "train-00000-of-00001.parquet"
    pq.write_table(pq.read_table(shard).slice(0, 0), shard)
    stats = statistics(folder)
    assert stats["rows"] == {"train": 0}
    assert stats["hours"] == {"train": 0.0}


def test_a_folder_without_recipe_or_with_a_broken_one_is_still_measured(publish):
    folder = publish(clips=2)
    (folder / "recipe.yaml").write_text("[not: closed")
    stats = statistics(folder)
    assert stats["recipe"] is None
    assert list(stats["rejected"]) == ["motion", "near-duplicate", "pam"]
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"rules": {"motion": {"threshold": 2.0}, "odd": "x"}}))
    assert statistics(folder)["histograms"]["motion"]["thresholds"] == {"motion": 2.0}


def test_a_map_of_models_is_read_like_a_list_of_pairs(publish):
    folder = publish(clips=1)
    shard = folder / "data" / "train-00000-of-00001.parquet"
    table = pq.read_table(shard)
    models = pa.array([[("tagging", "laion/clap@abc")]], pa.map_(pa.string(), pa.string()))
    pq.write_table(table.set_column(table.column_names.index("models"), "models", models), shard)
    (folder / "recipe.yaml").unlink()
    stats = statistics(folder)
    assert stats["models"] == {"tagging": {"laion/clap@abc": 1}}
    assert stats["embedded_models"] == []


def test_a_folder_that_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        Dataset(tmp_path / "none")
    with pytest.raises(DatasetError, match=r"holds neither data/\*.parquet nor rejected.parquet"):
        Dataset(tmp_path)


def test_histograms_have_round_steps_and_lose_nothing():
    rng = np.random.default_rng(3)
    for low, high in ((0.0, 1.0), (48.7, 170.3), (-3.0, 1e4), (7.0, 7.0), (0.0, 0.0), (1e-6, 3e-6)):
        histogram = readable_histogram(low, high)
        values = rng.uniform(low, high, 500)
        histogram.add(pa.array([*values, None, float("nan"), float("inf")]))
        described = histogram.describe("s")
        assert sum(described["counts"]) == described["count"] == 500
        assert described["missing"] == 3
        assert described["edges"][0] <= low and described["edges"][-1] >= high
        mantissa = f"{histogram.step:.6e}".split("e")[0]
        assert float(mantissa) in (1.0, 2.0, 5.0)
    assert readable_histogram(0, 3, whole=True).step == 1.0


def test_a_score_of_exactly_one_falls_into_the_last_bin():
    histogram = score_histogram()
    histogram.add(pa.array([0.0, 0.5, 1.0]))
    assert histogram.counts[0] == histogram.counts[20] == histogram.counts[-1] == 1
