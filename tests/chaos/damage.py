"""Files of a workspace that are damaged or gone: after a plain rerun the rows are those of before."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos.lab import Fault, Lab, clean, expect

STAGES = (
    "probe",
    "motion",
    "frames",
    "audio",
    "separation",
    "tagging",
    "rhythm",
    "vocals",
    "quality",
    "prints",
    "vision",
    "caption",
)
Harm = Callable[[Path], None]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def delete(path: Path) -> None:
    path.unlink()


def junk(path: Path) -> None:
    path.write_bytes(b"\x00\xff not what was here \x1b[2J\n" * 20)


def flip(path: Path) -> None:
    """Flip a bit, always the same one, in the first half, where the numbers lie."""
    content = bytearray(path.read_bytes())
    draw = random.Random(path.name.split("-")[0] + str(len(content)))
    content[draw.randrange(4, max(5, len(content) // 2))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


HARMS: dict[str, Harm] = {
    "truncated": truncate,
    "emptied": empty,
    "with a bit flipped": flip,
    "deleted": delete,
    "other bytes": junk,
}


def faults() -> Iterator[Fault]:
    """Yield them."""
    for number, stage in enumerate(STAGES):
        names = [*HARMS] if stage in ("audio", "tagging") else [[*HARMS][number % 3], "with a bit flipped"]
        for name in dict.fromkeys(names):
            yield Fault(
                "a stage's part damaged or gone", f"{stage} {name}", _harm(f"stages/{stage}-*/part-*", name)
            )
    for name in HARMS:
        yield Fault("a part of the catalog damaged or gone", name, _harm("catalog/part-*", name))
    for suffix, stage in (("flac", "separation"), ("flac", "audio"), ("zip", "frames")):
        for name in HARMS:
            pattern = f"stages/{stage}-*/files/*.{suffix}"
            yield Fault(
                "a media file of a workspace damaged or gone", f"{stage} {name}", _harm(pattern, name)
            )
    for file in ("plan.yaml", "stated.yaml", "stages/tagging-*/stage.json", "runs/*.jsonl"):
        for name in ("truncated", "emptied", "other bytes", "deleted"):
            if (file, name) != ("plan.yaml", "deleted"):
                yield Fault(
                    "a small file of a workspace damaged or gone", f"{file} {name}", _harm(file, name)
                )
    shapes = {
        "a list": b"[1, 2]",
        "a text": b"hello\n",
        "other fields": b"a: {b: [1, 2]}\n",
        "deep": b"[" * 5000,
    }
    for name, content in shapes.items():
        yield Fault(
            "a small file of a workspace damaged or gone",
            f"plan.yaml holds {name}",
            _shape("plan.yaml", content),
        )
    yield Fault(
        "a small file of a workspace damaged or gone", "run log [1]", _shape("runs/*.jsonl", b"[1]\n")
    )
    for name, content in {
        "a line cut": b'{"asked": "x", "tim',
        "binary": bytes(range(256)),
        "null": b"null\n",
    }.items():
        yield Fault("a takedown record damaged", name, _record(content))
    yield Fault("rubbish in scratch", "files and folders", _rubbish)


def _harm(pattern: str, name: str) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        workspace = lab.copy(place)
        found = sorted(workspace.glob(pattern))
        if not found and name != "deleted":
            (workspace / pattern.replace("*", "x")).parent.mkdir(parents=True, exist_ok=True)
            found = [workspace / pattern.replace("*", "x")]
            found[0].touch()
        for path in found[:1]:
            HARMS[name](path)
        _seen_and_mended(lab, workspace, found[:1])

    return run


def _shape(pattern: str, content: bytes) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        workspace = lab.copy(place)
        found = sorted(workspace.glob(pattern))[:1]
        for path in found:
            path.write_bytes(content)
        _seen_and_mended(lab, workspace, found)

    return run


def _seen_and_mended(lab: Lab, workspace: Path, harmed: list[Path]) -> None:
    """Look at a damaged workspace by every command, then curate and compare."""
    for words in (
        ("status", workspace),
        ("publish", workspace, "--out", workspace.with_name("ds")),
        ("report", workspace),
    ):
        ended = lab.leitmotif(*words)
        clean(ended)
        expect(ended.code in (0, 2, 3), f"{words[0]} ends with {ended.code}: {ended.last()}")
        if words[0] == "publish" and ended.code == 0:
            valid = lab.leitmotif("validate", workspace.with_name("ds"))
            expect(valid.code == 0, f"published though broken: {valid.output[:200]}")
    _advised(lab, workspace, harmed)
    lab.rerun(workspace)


def _advised(lab: Lab, workspace: Path, harmed: list[Path]) -> None:
    """Delete what holds the user's choices, which nobody can guess, where the line that names it says so."""
    for path in harmed:
        if path.parent == workspace and path.is_file():
            ended = lab.curate(workspace)
            clean(ended)
            if ended.code == 2 and path.name in ended.output and "delete it" in ended.output:
                path.unlink()


def _record(content: bytes) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        workspace = lab.copy(place)
        gone = next(
            row["clip_id"] for name, rows in lab.rows.items() if name.startswith("data/") for row in rows
        )
        ended = lab.leitmotif("takedown", workspace, gone)
        expect(ended.code == 0, f"takedown ends with {ended.code}: {ended.last()}")
        with (workspace / "takedown.jsonl").open("ab") as record:
            record.write(content)
        for words in (
            ("status", workspace),
            ("curate", lab.videos, "--recipe", "music-video", "--out", workspace),
            ("takedown", workspace, gone),
        ):
            ended = lab.leitmotif(*words)
            clean(ended)
            expect(ended.code in (0, 2), f"{words[0]} ends with {ended.code}: {ended.last()}")
        rows = lab.published(workspace)
        expect(gone not in str(rows), "what was taken down is published again")

    return run


def _rubbish(lab: Lab, place: Path) -> None:
    workspace = lab.copy(place)
    (workspace / "scratch" / "folder").mkdir(parents=True, exist_ok=True)
    (workspace / "scratch" / "part-1.parquet").write_bytes(b"half")
    (workspace / "scratch" / "folder" / "x.flac").write_bytes(b"half")
    (workspace / ".plan.yaml.0123abcd.part").write_bytes(b"half")
    lab.rerun(workspace)
