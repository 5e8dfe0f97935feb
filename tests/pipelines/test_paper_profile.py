"""The paper profile from end to end: every published architecture, small and random, as it is published."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leitmotif.demo.corpus import render_corpus
from leitmotif.encoders import panns
from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.reports.write import write_reports
from leitmotif.shards.validate import validate
from leitmotif.weights.published import CNN14, MSCLAP_2023
from tests.captioning.fake_server import GOOD, FakeServer
from tests.encoders.msclap_files import write_tiny_msclap, write_tokenizer
from tests.encoders.panns_files import TinyCnn14, write_tiny_cnn14
from tests.encoders.test_clap import save_random_clap
from tests.encoders.test_clip import save_random_clip
from tests.separation.demucs_models import save_model

# Random models decide nothing: every rule that asks one lets everything pass.
OPEN = {
    "music-video": ["instruments.threshold=-1", "near-duplicate.threshold=1"],
    "music-track": [
        "instruments.threshold=-1",
        "near-duplicate.threshold=1",
        "vocal.threshold=1",
        "pam.threshold=0",
    ],
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    render_corpus(folder, clips=3, seed=7, duration_s=3.0, size=(160, 90), fps=12.5)
    return folder


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The settings that name small files in the place of the published ones."""
    monkeypatch.setattr(panns, "cnn14_class", lambda: TinyCnn14)
    save_model(tmp_path / "demucs", "tiny")
    save_random_clap(tmp_path / "clap", fused=False)
    save_random_clip(tmp_path / "clip")
    write_tiny_cnn14(tmp_path / CNN14.file)
    write_tiny_msclap(tmp_path / MSCLAP_2023.file)
    return [
        "separation.model=tiny",
        f"separation.repo={tmp_path / 'demucs'}",
        f"tagging.model={tmp_path / 'clap'}",
        f"vision.model={tmp_path / 'clip'}",
        *(f"{stage}.panns={tmp_path / CNN14.file}" for stage in ("events", "vocals")),
        f"quality.model={tmp_path / MSCLAP_2023.file}",
        f"quality.tokenizer={write_tokenizer(tmp_path / 'gpt2')}",
    ]


# A track goes through no architecture but those of a music video.
@pytest.mark.parametrize("recipe", ["music-video", pytest.param("music-track", marks=pytest.mark.slow)])
def test_a_dataset_comes_out_of_every_published_architecture(recipe, videos, weights, tmp_path):
    with FakeServer() as server:
        stages = make_plan(recipe, "paper").stages
        files = [setting for setting in weights if setting.split(".")[0] in stages]
        plan = make_plan(recipe, "paper", [*files, *OPEN[recipe], f"captioning.url={server.url}"])
        workspace = Workspace(tmp_path / "ws")
        summary = curate([videos], workspace, plan)
        assert summary.catalogued == summary.kept + summary.rejected + summary.quarantined == 3
        assert summary.quarantined == 0 and summary.kept >= 1
        assert len(server.answered) == summary.computed["caption"]
        assert curate([videos], workspace, plan).computed == {}
    publish(workspace, tmp_path / "dataset", plan, finish=write_reports)
    validate(tmp_path / "dataset")
    row = pq.read_table(tmp_path / "dataset" / "data").slice(0, 1).to_pylist()[0]
    assert row["caption"] == GOOD
    models = {entry["backend"]: entry["model"] for entry in row["models"]}
    wanted = {"tagging": "clap", "vocals": "Cnn14", "quality": "msclap", "caption": "Llama-3.1"}
    if recipe == "music-video":
        wanted |= {"separation": "tiny", "vision": "clip"}
    for stage, name in wanted.items():
        assert name.lower() in models[stage].lower(), models
        assert "@" in models[stage]
