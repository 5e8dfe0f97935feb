"""Damaged datasets: `validate` names what is wrong, `report` does not bless it. And datasets of nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos.lab import Fault, Lab, clean, expect, hidden

Harm = Callable[[Path], None]


def _shard(dataset: Path) -> Path:
    return sorted((dataset / "data").glob("train-*.parquet"))[0]


def _flip(path: Path, share: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * share)] ^= 0x10
    path.write_bytes(content)


def _cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def _manifest(content: str) -> Harm:
    return lambda dataset: (dataset / "manifest.json").write_text(content) and None


def _manifest_without(dataset: Path) -> None:
    facts = json.loads((dataset / "manifest.json").read_text())
    facts["files"].pop(next(name for name in facts["files"] if name.startswith("data/")))
    (dataset / "manifest.json").write_text(json.dumps(facts))


def _swap(dataset: Path) -> None:
    shards = sorted((dataset / "data").glob("*.parquet"))
    content = shards[0].read_bytes()
    shards[0].write_bytes(shards[-1].read_bytes())
    shards[-1].write_bytes(content)


HARMS: dict[str, Harm] = {
    "shard: a bit flipped early": lambda dataset: _flip(_shard(dataset), 0.05),
    "shard: a bit flipped in the sound": lambda dataset: _flip(_shard(dataset), 0.5),
    "shard: a bit flipped late": lambda dataset: _flip(_shard(dataset), 0.98),
    "shard cut": lambda dataset: _cut(_shard(dataset), 0.7),
    "shard emptied": lambda dataset: _cut(_shard(dataset), 0),
    "shard deleted": lambda dataset: _shard(dataset).unlink(),
    "shards exchanged": _swap,
    "a shard too many": lambda dataset: (
        shutil.copy(_shard(dataset), dataset / "data" / "train-9.parquet") and None
    ),
    "rejected.parquet cut": lambda dataset: _cut(dataset / "rejected.parquet", 0.5),
    "measured.parquet flipped": lambda dataset: _flip(dataset / "measured.parquet", 0.3),
    "quarantine.parquet deleted": lambda dataset: (dataset / "quarantine.parquet").unlink(),
    "recipe.yaml changed": lambda dataset: (dataset / "recipe.yaml").write_text("a: [\n") and None,
    "taxonomy.yaml emptied": lambda dataset: (dataset / "taxonomy.yaml").write_text("") and None,
    "README.md changed": lambda dataset: (dataset / "README.md").write_text("hello") and None,
    "manifest.json deleted": lambda dataset: (dataset / "manifest.json").unlink(),
    "manifest.json []": _manifest("[]"),
    "manifest.json null": _manifest("null"),
    "manifest.json cut": lambda dataset: _cut(dataset / "manifest.json", 0.5),
    "manifest.json nested": _manifest("[" * 100_000),
    "manifest.json of other shapes": _manifest('{"files": [1], "counts": "none", "rows": null}'),
    "manifest.json without a shard": _manifest_without,
    "takedown.jsonl of rubbish": lambda dataset: (
        (dataset / "takedown.jsonl").write_bytes(b"\xff{\n") and None
    ),
}
# What a report writes anew.
WRITTEN_BY_REPORT = ("README.md changed",)


def faults() -> Iterator[Fault]:
    """Yield them."""
    for name, harm in HARMS.items():
        yield Fault("a published dataset damaged", name, _damaged(name, harm))
    yield Fault("nothing to publish", "every clip is rejected", _all_rejected)
    yield Fault("nothing to publish", "thresholds that keep nothing", _nothing_kept)
    yield Fault("nothing to publish", "only files that cannot be read", _only_broken)


def _damaged(name: str, harm: Harm) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        dataset = lab.copy_dataset(place)
        harm(dataset)
        ended = lab.leitmotif("validate", dataset)
        clean(ended)
        expect(ended.code in (2, 3), f"validate ends with {ended.code}: {ended.last()}")
        report = lab.leitmotif("report", dataset)
        clean(report)
        expect(report.code in (0, 2, 3), f"report ends with {report.code}: {report.last()}")
        again = lab.leitmotif("validate", dataset)
        clean(again)
        blessed = again.code == 0 and name not in WRITTEN_BY_REPORT
        expect(not blessed, "report made it valid")
        if name.startswith(("manifest", "takedown")):
            published = lab.leitmotif("publish", lab.workspace, "--out", dataset)
            clean(published)
            ended = lab.leitmotif("validate", dataset)
            expect(published.code or not ended.code, f"published again it is not valid: {ended.output[:200]}")
        expect(not hidden(place), f"left behind: {hidden(place)[:2]}")

    return run


def _published_of(lab: Lab, workspace: Path) -> None:
    out = workspace.with_name("ds")
    for words in (("status", workspace), ("publish", workspace, "--out", out), ("report", workspace)):
        ended = lab.leitmotif(*words)
        clean(ended)
        expect(ended.code in (0, 2), f"{words[0]} ends with {ended.code}: {ended.last()}")
    if out.exists():
        ended = lab.leitmotif("validate", out)
        clean(ended)
        expect(ended.code == 0, f"the dataset is not valid: {ended.output[:200]}")
        clean(lab.leitmotif("report", out))


def _all_rejected(lab: Lab, place: Path) -> None:
    words = ("--set", "still-frames.threshold=-1", "--set", "silence.threshold=-1")
    ended = lab.curate(place / "ws", *words)
    clean(ended)
    _published_of(lab, place / "ws")


def _nothing_kept(lab: Lab, place: Path) -> None:
    workspace = lab.copy(place)
    words = ("publish", workspace, "--out", place / "ds", "--set", "still-frames.threshold=-1")
    ended = lab.leitmotif(*words)
    clean(ended)
    _published_of(lab, workspace)


def _only_broken(lab: Lab, place: Path) -> None:
    videos = place / "videos"
    videos.mkdir()
    for number, content in enumerate((b"", b"RIFF", bytes(5000), b"\x1aE\xdf\xa3" * 40)):
        (videos / f"{number}.mp4").write_bytes(content)
    ended = lab.curate(place / "ws", videos=videos)
    clean(ended)
    expect(ended.code == 0, f"ends with {ended.code}: {ended.last()}")
    _published_of(lab, place / "ws")
