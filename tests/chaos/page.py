"""The table of docs/reliability.md, from what the script wrote down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parents[1] / "docs" / "reliability.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def table(facts: dict[str, Any]) -> str:
    """Return the table: a row for each kind of fault, with how many were tried and survived, and the sum."""
    kinds: dict[str, list[str]] = {}
    for each in facts["results"]:
        kinds.setdefault(each["kind"], []).append(each["result"])
    lines = ["| what goes wrong | tried | survived | skipped |", "|---|---|---|---|"]
    total = [0, 0, 0]
    for kind, results in kinds.items():
        counts = [
            len(results) - results.count("skipped"),
            results.count("survived"),
            results.count("skipped"),
        ]
        total = [one + other for one, other in zip(total, counts, strict=True)]
        lines.append(f"| {kind} | {' | '.join(map(str, counts))} |")
    lines.append(f"| **all** | {' | '.join(f'**{count}**' for count in total)} |")
    batches: dict[str, list[dict[str, Any]]] = {}
    for each in facts["results"]:
        if each.get("files"):
            batches.setdefault(each["name"].rsplit(", ", 1)[0], []).append(each)
    tried = sum(runs[0]["files"] for runs in batches.values())
    survived = sum(
        runs[0]["files"] for runs in batches.values() if all(each["result"] == "survived" for each in runs)
    )
    lines += ["", f"Hostile files, each with two recipes: {tried} tried, {survived} survived."]
    return "\n".join(lines)


def filled(page: str, facts: dict[str, Any]) -> str:
    """Return the page with the table between its marks."""
    head, rest = page.split(f"{BEGIN}\n")
    return f"{head}{BEGIN}\n{table(facts)}\n{END}{rest.split(END)[1]}"
