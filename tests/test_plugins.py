"""What other distributions add, with a real one that has a plugin of each kind."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from leitmotif.demo.corpus import render_corpus

HERE = Path(__file__).resolve().parent
PLUGIN = HERE / "plugin"
RECIPE = """
stages: [probe, frames, darkness, audio, separation, tagging, rhythm, vocals, fingerprint, caption]
track: separation
rules: [audio-stream, {too-dark: 0.0}]
"""
PROFILE = """
stages: {separation: {backend: mid-side}, darkness: {most: 3}}
"""
SCRIPT = """
import sys, json, leitmotif
from leitmotif.collection.enrich.enrichment import open_enricher
from leitmotif.collection.settings import Settings
from leitmotif.collection.sources.open import open_source
from leitmotif.evaluation.metric import Tools, choose_metrics

if __name__ == "__main__":
    videos, work, workers = sys.argv[1:]
    plan = {"recipe": "mine.yaml", "profile": "my-models.yaml"}
    workspace = leitmotif.curate(videos, work, **plan, workers=int(workers), progress=False)
    dataset = leitmotif.publish(workspace, work + "-dataset", progress=False)
    darker = leitmotif.publish(workspace, work + "-none", set={"too-dark.threshold": 1}, progress=False)
    metric = choose_metrics(["words"], Tools())[0]
    print(json.dumps({
        "rows": dataset.splits,
        "valid": dataset.validate() + darker.validate(),
        "rejected": darker.rejected["rule"].to_pylist(),
        "brightness": workspace.clips["too-dark"].to_pylist(),
        "models": dataset.table(columns=["models"])["models"][0].as_py(),
        "words": metric.value(metric.measure(["a b c"], []).sum(axis=0), 1),
        "wanted": [item.url for item in open_source("numbered:media.example/2").requests()],
        "enricher": type(open_enricher("folder-name", Settings())).__name__,
    }))
"""


def install(
    folder: Path, name: str = "leitmotif-plugin", points: dict[str, dict[str, str]] | None = None
) -> None:
    """Write what pip would: the metadata of a distribution, with its entry points."""
    if points is None:
        points = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]["entry-points"]
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, named in points.items():
        lines += [f"[{group}]", *(f"{name} = {place}" for name, place in named.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python where a folder's distributions are installed."""
    path = os.pathsep.join([str(folder), str(PLUGIN), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "ignore", *words]
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins") / "videos"
    render_corpus(folder, clips=1, seed=3, duration_s=4.0, size=(160, 90))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_recipe_of_ones_own_uses_plugins_of_every_kind(videos: Path, tmp_path: Path, workers: int) -> None:
    install(tmp_path)
    (tmp_path / "mine.yaml").write_text(RECIPE)
    (tmp_path / "my-models.yaml").write_text(PROFILE)
    (tmp_path / "script.py").write_text(SCRIPT)
    ran = run(tmp_path, "script.py", str(videos), str(tmp_path / "work"), str(workers))
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.startswith("the dataset has no rows; 1 clip was left out: 1 by rule too-dark")
    assert ran.stderr.count("\n") == 1
    found = json.loads(ran.stdout)
    assert found["rows"] == {"train": 1}
    assert found["valid"] == []
    assert found["rejected"] == ["too-dark"]
    assert 0 < found["brightness"][0] < 1
    assert {"backend": "separation", "model": "mid-side@1"} in found["models"]
    assert (found["words"], found["enricher"]) == (3.0, "FolderName")
    assert found["wanted"] == ["https://media.example/0.mp4", "https://media.example/1.mp4"]


def test_what_is_broken_is_one_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(
        "from leitmotif.filters.rule import Rule\n"
        "RULES = (Rule('motion', 'motion', 'mean', 'at least', 0.1, 'share', 'taken'),\n"
        "         Rule('other', 'motion', 'mean', 'at least', 0.1, 'share', 'free'))\n"
        "RULE = RULES[1]\n"
    )
    install(tmp_path)
    install(
        tmp_path,
        "broken",
        {
            "leitmotif.rules": {"a": "other:RULES", "b": "nowhere:RULES", "c": "other:RULE"},
            "leitmotif.stages": {"d": "leitmotif_plugin.darkness:DarknessSettings"},
        },
    )
    code = (
        "from leitmotif.filters.rule import discover; from leitmotif.pipelines.stages import STAGES; "
        "discover(); rules = discover(); print('other' in rules, 'too-dark' in rules, 'darkness' in STAGES)"
    )
    ran = run(tmp_path, "-c", code)
    assert ran.stdout == "True True True\n"
    unusable = "cannot be used ({}); mend it or uninstall it"
    without = "NAME, VERSION, READS, SETTINGS, COLUMNS, BATCH, model, identity, open, measure"
    stage = "leitmotif.pipelines.stage.Stage"
    assert ran.stderr.splitlines() == [
        f"plugin {name} of broken 1.0 (leitmotif.{group}) {reason}"
        for name, group, reason in (
            ("a", "rules", "adds 'motion', which leitmotif has already; left out, rename it"),
            ("b", "rules", unusable.format("ModuleNotFoundError: No module named 'nowhere'")),
            (
                "c",
                "rules",
                unusable.format("TypeError: got Rule; expected a tuple of leitmotif.filters.rule.Rule"),
            ),
            (
                "d",
                "stages",
                unusable.format(f"TypeError: got DarknessSettings without {without}; see {stage}"),
            ),
        )
    ]


def test_two_plugins_of_one_name_are_told_of_with_both_owners(tmp_path: Path) -> None:
    for name in ("second", "first"):
        install(tmp_path, name, {"leitmotif.backends": {"mid-side": "leitmotif_plugin.mid_side"}})
    ran = run(
        tmp_path,
        "-c",
        "from leitmotif.weights.adapters import adapters; print(sorted(adapters('separation')))",
    )
    assert ran.stdout == "['demucs', 'mid-side', 'repet', 'spleeter']\n"
    assert ran.stderr == (
        "plugin mid-side of second 1.0 (leitmotif.backends) adds 'mid-side', which first 1.0 has already; "
        "left out, rename it\n"
    )


def test_doctor_lists_plugins(tmp_path: Path) -> None:
    install(tmp_path)
    install(tmp_path, "broken", {"leitmotif.enrichers": {"b": "nowhere:Thing"}})
    look = "main(['doctor', '--profile', 'embedded']); main(['doctor', '--json'])"
    code = f"from leitmotif.cli.main import main; {look}"
    said = run(tmp_path, "-c", code).stdout
    listed = {plugin["name"]: plugin for plugin in json.loads(said.splitlines()[-1])["plugins"]}
    assert listed.keys() == {"darkness", "mid-side", "toy", "words", "numbered", "folder-name", "b"}
    assert [name for name, plugin in listed.items() if not plugin["ready"]] == ["b"]
    assert listed["mid-side"]["found"] == "leitmotif.backends of leitmotif-plugin 1.0"
    assert "broken 1.0: cannot be used (ModuleNotFoundError" in listed["b"]["found"]
    assert "\nplugins\n  ready    darkness" in said


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (
            "stages: [probe, audio, tagging]\ntrack: separation\nrules: []",
            "no stage 'separation' (its track)",
        ),
        ("stages: [probe, audio]\ntrack: audio\nrules: []", "no stage 'tagging'"),
        ("stages: [audio, probe, tagging]\ntrack: audio\nrules: []", "stage 'audio' reads 'probe'"),
        ("stages: [probe, tagging, audio]\ntrack: audio\nrules: []", "stage 'tagging' reads 'audio'"),
        (
            "stages: [probe, audio, tagging]\ntrack: audio\nrules: [motion]",
            "rule 'motion' judges a number of",
        ),
        (
            "stages: [probe, audio, tagging]\ntrack: audio\nrules: [{too-short: long}]",
            "too-short.threshold: got 'long', expected a number",
        ),
    ],
)
def test_a_recipe_that_lacks_something_is_one_line(tmp_path: Path, recipe: str, said: str) -> None:
    from leitmotif.pipelines.settings import make_plan
    from leitmotif.storage.errors import UserError

    (tmp_path / "mine.yaml").write_text(recipe)
    with pytest.raises(UserError) as raised:
        make_plan(str(tmp_path / "mine.yaml"), "embedded")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
