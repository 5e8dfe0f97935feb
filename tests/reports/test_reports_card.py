"""The data card: front matter that the Hub reads, and no number that was not measured."""

import pytest
import yaml

from reports.card import front_matter, plain, render_card
from reports.statistics import statistics


def split_card(text: str) -> tuple[dict, str]:
    assert text.startswith("---\n")
    head, _, body = text[4:].partition("\n---\n")
    return yaml.safe_load(head), body


def test_the_front_matter_names_the_files_of_every_split_that_exists(publish):
    head, _ = split_card(render_card(publish(clips=12)))
    assert head["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "data/train-*.parquet"},
                {"split": "validation", "path": "data/validation-*.parquet"},
            ],
        }
    ]
    assert head["size_categories"] == ["n<1K"]
    assert head["license"] == ["cc-by-4.0", "unknown"]
    assert "video" in head["tags"] and "embedded-models" in head["tags"]


@pytest.mark.parametrize(("clips", "video"), [(12, True), (12, False), (1, True), (0, True)])
def test_the_card_is_written_for_every_kind_of_dataset(publish, clips, video):
    head, body = split_card(render_card(publish(clips=clips, video=video)))
    assert ("video" in head["tags"]) is (video and clips > 0)
    assert ("configs" in head) is (clips > 0)
    assert f"{clips} clips of music" in body
    assert "| pam | 0.9 | 3 |" in body
    assert "\n\n\n" not in body
    for heading in ("Summary", "How it was made", "Statistics", "Licenses and provenance", "Limitations"):
        assert f"\n## {heading}\n" in body


def test_the_card_says_when_embedded_models_made_it(publish):
    assert "**Made with embedded models.**" in render_card(publish(clips=1))


def test_the_card_says_so_by_its_recipe_and_not_without_any_sign_of_them(publish):
    folder = publish(clips=0)
    assert "**Made with embedded models.**" in render_card(folder)
    (folder / "recipe.yaml").unlink()
    assert "embedded" not in render_card(folder)


def test_every_column_has_its_line(publish):
    _, body = split_card(render_card(publish(clips=1)))
    fields = body.partition("## Fields")[2].partition("\n## ")[0]
    rows = [line for line in fields.splitlines() if line.startswith("| `")]
    assert len(rows) == 31
    assert all(len([cell for cell in row.strip("|").split(" | ") if cell.strip()]) == 3 for row in rows)


def test_a_license_that_the_hub_does_not_know_makes_the_whole_other(publish):
    stats = statistics(publish(clips=1))
    stats["licenses"] = {"All rights reserved": 1}
    assert front_matter(stats)["license"] == "other"
    stats["licenses"] = {"CC0-1.0": 1}
    assert front_matter(stats)["license"] == "cc0-1.0"


@pytest.mark.parametrize(("rows", "category"), [(0, "n<1K"), (1000, "1K<n<10K"), (512_000, "100K<n<1M")])
def test_size_categories_are_those_of_the_hub(publish, rows, category):
    stats = statistics(publish(clips=0))
    stats["counts"]["kept"] = rows
    assert front_matter(stats)["size_categories"] == [category]


def test_texts_from_outside_cannot_break_a_table():
    assert plain("a | b\nc <i>`d`</i> [x](y) \u202e") == "a \\| b c &lt;i&gt;\\`d\\`&lt;/i&gt; \\[x\\](y) "
