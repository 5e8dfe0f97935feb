"""Datasets of one profile have the same columns, whatever their recipe measures, so that they go together."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leitmotif.encoders.clap import ClapEncoder
from leitmotif.encoders.clip import ClipEncoder
from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.reports.write import write_reports
from leitmotif.shards.validate import validate
from leitmotif.weights.lengths import embedding_length
from tests.pipelines.test_takedown import catalogue, fill

# Of the profile embedded: clap-mini and clip-mini.
CLAP, CLIP = 128, 64


def write_dataset(root: Path, recipe: str, *, clips: int = 2, profile: str = "embedded") -> Path:
    """Publish clips of a workspace that is filled by hand; they differ from one call to the next."""
    source = root / recipe / f"{clips} clips"
    source.mkdir(parents=True)
    for number in range(max(1, clips)):
        (source / f"{number}.mp4").write_text(f"{root} {recipe} {number}")
    workspace, plan = Workspace(root / f"{recipe} {clips} ws"), make_plan(recipe, profile)
    catalogue(workspace, source)
    ids = [row["media_id"] for row in workspace.catalog().read(["media_id"]).to_pylist()]
    if clips:
        fill(workspace, plan, ids, dim=CLAP, clip_dim=CLIP)
    else:
        still = {"duration_s": 9.0, "has_video": 0, "has_audio": 0}
        workspace.stores(plan).store("probe").append([{"clip_id": clip, **still} for clip in ids])
    dataset = root / f"{recipe} {clips}"
    publish(workspace, dataset, plan, finish=write_reports)
    assert validate(dataset) == []
    return dataset


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Videos, tracks, and one of each without a clip."""
    root = tmp_path_factory.mktemp("columns")
    recipes = [("music-video", 2), ("music-track", 2), ("music-video", 0), ("music-track", 0)]
    return [write_dataset(root, recipe, clips=clips) for recipe, clips in recipes]


def shards(dataset: Path) -> list[Path]:
    return sorted((dataset / "data").glob("*.parquet"))


def test_all_have_the_same_schema_and_go_into_one_table(written: list[Path]) -> None:
    tables = [pq.read_table(path, partitioning=None) for dataset in written for path in shards(dataset)]
    assert all(table.schema.equals(tables[0].schema, check_metadata=True) for table in tables)
    whole = pa.concat_tables(tables)
    assert len(whole) == 4 and whole["clip_embedding"].null_count == 2
    assert whole.schema.field("clip_embedding").type == pa.list_(pa.float32(), CLIP)
    assert whole.schema.field("clap_embedding").type == pa.list_(pa.float32(), CLAP)


def test_videos_and_tracks_are_concatenated_by_datasets(written: list[Path], tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    cache = str(tmp_path)
    full = [
        datasets.load_dataset("parquet", data_files=list(map(str, shards(dataset))), cache_dir=cache)["train"]
        for dataset in written[:2]
    ]
    # Of no rows, `load_dataset` makes nothing.
    empty = [
        datasets.Dataset(pq.read_table(shards(dataset)[0], partitioning=None)) for dataset in written[2:]
    ]
    both = datasets.concatenate_datasets([*full, *empty])
    assert [row is None for row in both["clip_embedding"]] == [False, False, True, True]
    assert len(both["clap_embedding"][3]) == CLAP


def test_the_card_and_croissant_say_the_same_lengths(written: list[Path]) -> None:
    cards = [(dataset / "README.md").read_text().split("dataset_info:")[1] for dataset in written]
    features = [card[: card.index("- name: caption")] for card in cards]
    assert features == features[:1] * 4 and "length: 64" in features[0]
    for dataset in written:
        fields = next(
            records["field"]
            for records in json.loads((dataset / "croissant.json").read_text())["recordSet"]
            if records["@id"] == "clips"
        )
        (embedding,) = (field for field in fields if field["@id"] == "clips/clip_embedding")
        assert embedding["arrayShape"] == str(CLIP)


def test_the_plan_says_what_the_profile_has_for_stages_that_the_recipe_leaves_out() -> None:
    assert make_plan("music-track", "embedded").left_out["vision"] == {"model": "clip-mini"}
    assert make_plan("music-video", "embedded").left_out == {}
    paper = make_plan("music-track", "paper").left_out["vision"]
    assert embedding_length(paper["model"], paper["revision"]) == 768


def test_lengths_are_those_of_the_models(tmp_path: Path) -> None:
    assert embedding_length("clip-mini") == ClipEncoder("clip-mini").load().dim == CLIP
    assert embedding_length("clap-mini") == ClapEncoder("clap-mini").load().dim == CLAP
    assert embedding_length("laion/larger_clap_general") == 512
    assert embedding_length("google/siglip-so400m-patch14-384") == 1152
    folder = tmp_path / "siglip"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "siglip", "vision_config": {"hidden_size": 96}}')
    (folder / "model.safetensors").write_bytes(b"")
    assert embedding_length(str(folder)) == 96
    (folder / "config.json").write_text('{"model_type": "clip"}')
    assert embedding_length(str(folder)) == 512
    (tmp_path / "music.pt").write_bytes(b"")
    assert embedding_length(str(tmp_path / "music.pt")) == 512
    assert embedding_length("nobody/knows-this") is None and embedding_length("./nowhere") is None
