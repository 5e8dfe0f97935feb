"""Show that a change of the code changed no result: record a build's results, and compare two records.

    python -m bench.quality.no_change record BEFORE --leitmotif OLD/.venv/bin/leitmotif --media MEDIA
    python -m bench.quality.no_change record AFTER --leitmotif .venv/bin/leitmotif --media MEDIA
    python -m bench.quality.no_change compare BEFORE AFTER

A record holds what the commands of a build write, asked as a user asks them: the demo's dataset, the dataset
of the media in a folder (both recipes, by `auto`), and thirty steps of `train mmdm --preset tiny`. Compared
are every column of every Parquet file of the datasets, `stats.json`, and every number of the training's log,
all to the last bit. What may differ is named in `RENAMED`, `LEFT_OUT` and `leitmotif.shards.renamed`, with
the reason. Exit code 1 where anything else does.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from leitmotif.shards.renamed import stage_now
from leitmotif.storage.json_lines import read_lines

# Column of the older build -> column of the newer one.
RENAMED: dict[str, str] = {}
# Not a result: when it was made, where, and by which build.
LEFT_OUT = {"retrieved_at", "seconds", "time", "tokens_s"}
STEPS = 30


def record(out: Path, leitmotif: str, media: Path | None) -> None:
    """Write the results of a build into a folder."""
    out.mkdir(parents=True)

    def run(*words: object) -> None:
        subprocess.run([leitmotif, *map(str, words)], check=True, stdout=subprocess.DEVNULL, cwd=out)

    run("demo", "--out", "demo")
    if media is not None:
        run("curate", media.resolve(), "--out", "media-workspace")
        run("publish", "media-workspace", "--out", "media")
    few = ["epochs=1", f"min_steps={STEPS}", "watch_steps=10", "patience=0", "samples=0", "workers=0"]
    changes = [word for change in few for word in ("--set", change)]
    run("train", "mmdm", "demo/dataset", "--out", "run", "--preset", "tiny", *changes)


def differences(before: Path, after: Path) -> Iterator[str]:
    """Yield one line for each difference between two records."""
    for dataset in ("demo/dataset", "media"):
        if (before / dataset).exists() or (after / dataset).exists():
            yield from _differences_of_datasets(before / dataset, after / dataset)
    old, new = _log(before), _log(after)
    if len(old) < STEPS:
        yield f"run/log.jsonl: {len(old)} lines; expected {STEPS} steps at least"
    yield from _differences("run/log.jsonl", old, new)


def _differences_of_datasets(before: Path, after: Path) -> Iterator[str]:
    names = [_parquet_files(before), _parquet_files(after)]
    if names[0] != names[1] or not names[0]:
        yield f"{before.name}: got files {names[1]}; expected {names[0]}"
    for name in sorted(names[0] & names[1]):
        old, new = pq.read_table(before / name), pq.read_table(after / name)
        old = old.rename_columns([RENAMED.get(column, column) for column in old.column_names])
        if old.column_names != new.column_names:
            yield f"{name}: got columns {new.column_names}; expected {old.column_names}"
        for column in set(old.column_names) & set(new.column_names) - LEFT_OUT:
            then, now = _in_names_of_now(old[column]), new[column]
            if not _equal(then, now):
                yield f"{before.name}/{name}: column {column} differs in {_rows(then, now)}"
    old, new = (json.loads((folder / "stats.json").read_text(encoding="utf-8")) for folder in (before, after))
    yield from _differences(f"{before.name}/stats.json", old, new)


def _parquet_files(dataset: Path) -> set[str]:
    return {str(path.relative_to(dataset)) for path in dataset.rglob("*.parquet")}


def _in_names_of_now(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of texts with the stages' names of today."""
    if column.type != pa.string():
        return column
    return pa.chunked_array([[text and stage_now(text) for text in column.to_pylist()]], pa.string())


def _equal(old: pa.ChunkedArray, new: pa.ChunkedArray) -> bool:
    return old.type == new.type and old.combine_chunks().equals(new.combine_chunks())


def _rows(old: pa.ChunkedArray, new: pa.ChunkedArray) -> str:
    if old.type != new.type or len(old) != len(new):
        return f"{old.type} x {len(old)} against {new.type} x {len(new)}"
    rows = [row for row, (one, other) in enumerate(zip(old, new, strict=True)) if not one.equals(other)]
    return f"{len(rows)} of {len(old)} rows, the first of them {rows[:3]}"


def _log(folder: Path) -> list[Any]:
    return list(read_lines(folder / "run" / "log.jsonl").records.values())


def _differences(place: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted((old.keys() | new.keys()) - LEFT_OUT):
            yield from _differences(f"{place}: {key}", old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for row, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(f"{place}[{row}]", one, other)
    elif old != new and not (isinstance(old, str) and stage_now(old) == new):
        yield f"{place}: got {str(new)[:80]}; expected {str(old)[:80]}"


def main(arguments: list[str]) -> int:
    """Record, or compare and print the differences."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.no_change")
    kinds = parser.add_subparsers(dest="kind", required=True)
    recording = kinds.add_parser("record")
    recording.add_argument("out", type=Path)
    recording.add_argument("--leitmotif", required=True, help="the command of the build")
    recording.add_argument("--media", type=Path, help="a folder of media files")
    comparing = kinds.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    chosen = parser.parse_args(arguments)
    if chosen.kind == "record":
        record(chosen.out, chosen.leitmotif, chosen.media)
        return 0
    found = list(differences(chosen.before, chosen.after))
    print("\n".join(found) or "no difference")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
