"""Run the benchmarks, write `bench/results.json` and the table of README: `python -m bench [GROUP]`."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil

from leitmotif.storage.atomic import write_text

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
README = HERE.parent / "README.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
# Every file of bench/speed that defines `figures`.
GROUPS = tuple(
    path.stem
    for path in sorted((HERE / "speed").glob("*.py"))
    if any(line.startswith("def figures(") for line in path.read_text(encoding="utf-8").splitlines())
)


def main(arguments: Sequence[str]) -> int:
    """Run every group, or the one named, and merge its figures into the results."""
    unknown = set(arguments) - set(GROUPS)
    if unknown:
        print(f"unknown group {', '.join(sorted(unknown))}; expected {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"figures": []}
    figures = {figure["name"]: figure for figure in results["figures"]}
    for group in arguments or GROUPS:
        for figure in import_module(f"bench.speed.{group}").figures():
            figures[figure["name"]] = figure
            print(_line(figure), flush=True)
    text = json.dumps(
        {"machine": _machine(), "commit": _commit(), "figures": list(figures.values())}, indent=1
    )
    write_text(RESULTS, text + "\n")
    write_text(README, with_table(README.read_text(encoding="utf-8"), list(figures.values())))
    return 0


def with_table(readme: str, figures: Sequence[dict[str, Any]]) -> str:
    """Return the README with the table of these figures between its marks."""
    head, rest = readme.split(f"{BEGIN}\n")
    tail = rest.split(END)[1]
    rows = [
        f"| `{each['name']}` | {each['value']:.2f} {each['unit']} | {each['target']} | {each['against']} |"
        for each in figures
    ]
    return "\n".join(
        [
            f"{head}{BEGIN}",
            "| figure | value | target | against |",
            "|---|---|---|---|",
            *rows,
            f"{END}{tail}",
        ]
    )


def _line(figure: dict[str, Any]) -> str:
    return f"{figure['name']:<26} {figure['value']:8.3f} {figure['unit']:<8} target {figure['target']}"


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, no GPU used"


def _commit() -> str:
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    return asked.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
