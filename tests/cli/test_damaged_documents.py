"""A document of a workspace or dataset that is damaged is said in one line by every command that reads it."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from leitmotif.cli.main import main
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.runs.log import BatchResult, log_run
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stated import state
from leitmotif.pipelines.workspace import Workspace
from leitmotif.reports.write import write_reports
from leitmotif.shards import takedown
from leitmotif.shards.takedown import Removal, write_record
from tests.pipelines.test_takedown import catalogue, fill

DEEP = 100_000


def _other_types(content: bytes) -> bytes:
    """Return a document with the same keys, and a value of another type for each."""

    def changed(value: object) -> object:
        if isinstance(value, dict):
            return {name: changed(item) for name, item in value.items()} if value else []
        return -1e400 if isinstance(value, str) else {"what": ["is", None]}

    try:
        lines = [json.loads(line) for line in content.decode().split("\n") if line]
        return "\n".join(json.dumps(changed(document)) for document in lines).encode()
    except ValueError:
        return yaml.safe_dump(changed(yaml.safe_load(content))).encode()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut in half": lambda content: content[: len(content) // 2],
    "binary": lambda content: bytes(range(256)) * 4,
    "zeros": lambda content: bytes(len(content)),
    "list": lambda content: b"[]\n",
    "list of a number": lambda content: b"[1]\n",
    "null": lambda content: b"null\n",
    "number": lambda content: b"7\n",
    "text": lambda content: b'"text"\n',
    "empty object": lambda content: b"{}\n",
    "deep list": lambda content: b"[" * DEEP,
    "deep object": lambda content: b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "long number": lambda content: b'{"version": ' + b"9" * 5000 + b"}",
    "other types": _other_types,
}
COMMANDS = {
    "status": "status {ws}",
    "publish": "publish {ws} --out {new}",
    "report": "report {ws}",
    "takedown": "takedown {ws} a.mp4 --dry-run",
    "curate": "curate --out {ws}",
    "validate": "validate {dataset}",
    "report dataset": "report {dataset}",
    "compare": "report {ws} --against {dataset} --out {new}.html",
    "takedown dataset": "takedown {dataset} a.mp4",
    "publish again": "publish {ws} --out {dataset}",
}
# Documents that a command cannot do without, and the commands; the other line names the file all the same.
REFUSED = {
    "ws/plan.yaml": ("status", "publish", "report", "takedown", "curate"),
    "ws/stated.yaml": ("publish",),
    "dataset/manifest.json": ("validate", "report dataset", "takedown dataset"),
}
PASSED_OVER = {
    "ws/takedown.jsonl": ("status", "takedown"),
    "ws/runs/1.jsonl": ("status",),
    "dataset/recipe.yaml": ("compare",),
    "dataset/taxonomy.yaml": ("compare",),
    "dataset/takedown.jsonl": ("publish again",),
}
# Of these a document is as good as one that is not there, or is a whole one of another kind.
WHOLE = {
    "ws/stated.yaml": ("cut in half", "empty object", "long number"),
    "ws/takedown.jsonl": ("empty",),
    "ws/runs/1.jsonl": ("empty",),
    "dataset/recipe.yaml": ("other types",),
    "dataset/takedown.jsonl": ("empty",),
}
Told = Callable[[str, Path], tuple[int, str, list[str]]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace and its dataset, with every document that there may be."""
    root = tmp_path_factory.mktemp("whole")
    source = root / "source"
    source.mkdir()
    for name in "abc":
        (source / f"{name}.mp4").write_text(name)
    workspace, plan = Workspace(root / "ws"), make_plan("music-video", "embedded")
    catalogue(workspace, source)
    rows = workspace.catalog().read(["media_id", "source_id"]).to_pylist()
    (gone,) = (row["media_id"] for row in rows if row["source_id"] == "c.mp4")
    fill(workspace, plan, [row["media_id"] for row in rows])
    workspace.save_plan(plan, workspace.kinds(plan))
    state(workspace.root, license="CC BY 4.0")
    write_record(workspace.root, [Removal("2026", "asked", gone, media_ids=(gone,))])
    with log_run(workspace.root, plan, 1) as log:
        log.catalogued(3, 3)
        log.stage("probe", 3, 3, {}, {"catalogued": 3}, {}, [])
        log.batch(BatchResult("probe", 3, 0))
    next((workspace.root / "runs").iterdir()).rename(workspace.root / "runs" / "1.jsonl")
    publish(workspace, root / "dataset", plan, finish=write_reports)
    return root


@pytest.fixture
def told(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Told:
    """Run a command; return its exit code, what it said in the end, and the warnings before."""
    monkeypatch.setattr("leitmotif.cli.console.set_up_logging", lambda verbose: None)
    # Prefect's handler holds the stream of an earlier test.
    monkeypatch.setattr(logging, "raiseExceptions", False)
    monkeypatch.setattr("leitmotif.reports.write.write_reports", _write_reports_of_workspaces)

    def told(words: str, root: Path) -> tuple[int, str, list[str]]:
        takedown._warn.cache_clear()
        caplog.clear()
        places = {"ws": root / "ws", "dataset": root / "dataset", "new": root / "new"}
        code = main([word.format(**places) for word in words.split()])
        warned = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
        return code, capsys.readouterr().err, warned

    return told


def damaged(whole: Path, copy: Path, document: str, damage: str) -> Path:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(whole, copy)
    path = copy / document
    path.write_bytes(DAMAGES[damage](path.read_bytes()) + b"\n")
    return path


def _write_reports_of_workspaces(
    folder: Path, ledger: Ledger | None = None, *, name: str | None = None
) -> list[Path]:
    """Leave out the reports of what is published: they take longest, and read nothing of what is damaged."""
    return [] if ledger else write_reports(folder, name=name)


@pytest.mark.parametrize("document", REFUSED)
def test_what_a_command_cannot_do_without_ends_it_with_one_line(
    whole: Path, tmp_path: Path, told: Told, document: str
) -> None:
    for damage in DAMAGES.keys() - set(WHOLE.get(document, ())):
        path = damaged(whole, tmp_path / "copy", document, damage)
        before = path.read_bytes()
        for name in REFUSED[document]:
            code, said, _ = told(COMMANDS[name], tmp_path / "copy")
            assert code == 2, (damage, name, said)
            assert said.count("\n") == 1 and len(said) < 600 and path.name in said, (damage, name, said)
            assert "recursion" not in said and "<unicode" not in said and ";" in said, (damage, name, said)
        assert path.read_bytes() == before


@pytest.mark.parametrize("document", PASSED_OVER)
def test_what_a_command_can_do_without_is_passed_over_with_one_line(
    whole: Path, tmp_path: Path, told: Told, document: str
) -> None:
    # (A look at a dataset takes a second; what is read is the same file by the same function.)
    some = ("binary", "deep list", "other types")
    for damage in DAMAGES if document == "ws/runs/1.jsonl" else some:
        path = damaged(whole, tmp_path / "copy", document, damage)
        for name in PASSED_OVER[document]:
            code, said, warned = told(COMMANDS[name], tmp_path / "copy")
            assert code == 0 and "Traceback" not in said, (damage, name, said)
            expected = damage not in WHOLE.get(document, ())
            lines = [line for line in warned if path.name in line]
            assert len(lines) == expected and all("\n" not in line for line in lines), (damage, name, warned)


@pytest.mark.parametrize("document", ["recipe.yaml", "taxonomy.yaml", "stats.json", "takedown.jsonl"])
def test_validate_names_a_document_of_a_dataset_that_was_changed(
    whole: Path, tmp_path: Path, told: Told, document: str
) -> None:
    for damage in ("binary",):
        damaged(whole, tmp_path / "copy", f"dataset/{document}", damage)
        code, said, _ = told(COMMANDS["validate"], tmp_path / "copy")
        assert code == 2, (damage, said)
        lines = [line for line in said.splitlines() if line.startswith(f"{document}: ")]
        # Of a takedown record a second line says that what it forbids cannot all be read.
        assert len(lines) == 1 + (document == "takedown.jsonl"), (damage, said)
