"""A comparison shows both datasets, with the numbers of each and how far apart they are."""

import re

import pytest

from leitmotif.reports.comparison import compose_comparison, render_comparison
from leitmotif.shards.errors import DatasetError
from tests.reports.large_stats import large_stats


def test_both_datasets_stand_side_by_side_with_their_numbers():
    first, second = large_stats(3000, seed=0), large_stats(6000, seed=1)
    second["dataset"] = "the <other>"
    text = compose_comparison(first, second)
    assert "<title>invented-3000 against the &lt;other&gt;</title>" in text
    row = re.search(r"<bdi>clips kept</bdi></td>(.*?)</tr>", text)[1]
    kept = [stats["counts"]["kept"] for stats in (first, second)]
    assert re.findall(r'class="n">([^<]+)<', row) == [f"{n:,}" for n in (*kept, kept[0] - kept[1])]
    assert f"the &lt;other&gt;: n = {kept[1]:,}, mean" in text
    assert (
        text.count('class="line s0"')
        == text.count('class="line s1"')
        == text.count("share of clips per unit")
        > 6
    )
    assert "Total variation distance" in text


def test_the_same_dataset_twice_is_no_distance_apart():
    stats = large_stats(3000)
    text = compose_comparison(stats, stats)
    assert "invented-3000 (first)" in text and "invented-3000 (second)" in text
    found = set(re.findall(r"Total variation distance ([\d.]+)", text))
    assert found == {"0.000"}


def test_a_dataset_without_clips_can_be_compared(publish):
    folder = publish(clips=0)
    text = render_comparison(folder, folder)
    assert "<figure" not in text and "clips rejected" in text


def test_models_that_ship_are_named_for_the_dataset_that_they_made():
    first, second = large_stats(300), large_stats(300)
    first["embedded_models"], first["dataset"] = ["clap-mini"], "small"
    text = compose_comparison(first, second)
    assert "<strong>Made with embedded models.</strong>" in text and "<bdi>small</bdi>: clap-mini." in text
    assert "Made with embedded models" not in compose_comparison(second, second)


def test_a_folder_that_is_neither_is_refused(publish, tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        render_comparison(publish(clips=0), tmp_path / "none")
