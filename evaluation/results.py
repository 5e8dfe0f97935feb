"""Results on disk: a JSON document, a Markdown table, and what every writer wrote; whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from leitmotif.evaluation.bootstrap import LEVEL, Estimate
from leitmotif.evaluation.clips import Clip
from leitmotif.evaluation.comparison import Comparison
from leitmotif.evaluation.metric import Metric
from leitmotif.storage.atomic import whole_folder
from leitmotif.storage.errors import UserError
from leitmotif.storage.json_lines import json_text
from leitmotif.storage.places import check_place

RESULTS, TABLE, DESCRIPTIONS = "results.json", "results.md", "descriptions.jsonl"
VERSION = 1


def check_target(out: Path) -> None:
    """Refuse a place that holds something else than results, or where nothing can be written.

    Raises:
        UserError: With the reason.
    """
    check_place(out)
    if out.exists() and not (out / RESULTS).is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{str(out)!r} exists and holds no {RESULTS}; choose another --out")


def make_document(
    comparison: Comparison, metrics: Sequence[Metric], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the results as they stand in `results.json`.

    Args:
        comparison: The values.
        metrics: What was asked.
        facts: How they came about: run, dataset, split, seed and the like.
    """
    described = {
        metric.NAME: {
            "title": metric.TITLE,
            "range": list(metric.RANGE),
            "higher_is_better": metric.HIGHER_IS_BETTER,
            "reference": metric.REFERENCE,
        }
        for metric in metrics
    }
    return {
        "version": VERSION,
        **facts,
        "level": LEVEL,
        "metrics": described,
        "values": _plain(comparison.values),
        "differences": _plain(comparison.differences),
    }


def _plain(values: Mapping[str, Mapping[str, Estimate | None]]) -> dict[str, Any]:
    return {
        outer: {inner: None if each is None else asdict(each) for inner, each in row.items()}
        for outer, row in values.items()
    }


def make_table(document: Mapping[str, Any]) -> str:
    """Return the values as a Markdown table: a row is a writer, a column a metric."""
    metrics = document["metrics"]
    heads = [f"{metric['title']} {'↑' if metric['higher_is_better'] else '↓'}" for metric in metrics.values()]
    lines = ["| written by | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for writer, values in document["values"].items():
        lines.append(f"| {writer} | " + " | ".join(cell(values[name]) for name in metrics) + " |")
    first, *others = document["values"]
    for other in others:
        cells = [cell(document["differences"][name][other], signed=True) for name in metrics]
        lines.append(f"| *{first} − {other}* | " + " | ".join(cells) + " |")
    values = [value for row in document["values"].values() for value in row.values() if value]
    reasons = dict.fromkeys(value["no_interval"] for value in values if value.get("no_interval"))
    lines += [f"\n[–]: no interval; {reason}." for reason in reasons]
    return "\n".join(lines) + "\n"


def cell(value: Mapping[str, Any] | None, *, decimals: int = 2, signed: bool = False) -> str:
    """Return an estimate and its interval as a cell of a table.

    Args:
        value: `value`, `low` and `high`, the last two null where there is no interval; None for no estimate.
        decimals: How many are written.
        signed: With a plus sign, as differences are.
    """
    if value is None:
        return "–"
    form = f"{'+' if signed else ''}.{decimals}f"
    low, high = value["low"], value["high"]
    return f"{value['value']:{form}} [{'–' if low is None else f'{low:{form}}, {high:{form}}'}]"


def write_results(
    out: Path,
    document: Mapping[str, Any],
    texts: Mapping[str, Sequence[str | None]],
    clips: Sequence[Clip],
    *,
    heading: str,
    lists: Mapping[str, Sequence[str | None]] | None = None,
) -> None:
    """Write `results.json`, `results.md` and `descriptions.jsonl` into a folder; older results are replaced.

    Args:
        out: The folder.
        document: What `make_document` gave.
        texts: Writer → a text of each clip.
        clips: The clips.
        heading: What stands above the table, in Markdown.
        lists: Writer → what it said beside each text; written down where it said anything.

    Raises:
        UserError: The place holds something else.
        OSError: The disk refused; former results are untouched.
    """
    check_target(out)
    with whole_folder(out) as beside:
        said = dict(texts) | {f"{name}, lists": each for name, each in (lists or {}).items() if any(each)}
        rows = [
            {"clip_id": clip.clip_id, **{name: each[number] for name, each in said.items()}}
            for number, clip in enumerate(clips)
        ]
        _write(beside / DESCRIPTIONS, "".join(f"{json_text(row)}\n" for row in rows))
        _write(beside / TABLE, f"{heading}\n\n{make_table(document)}")
        _write(beside / RESULTS, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def write_document(out: Path, document: Mapping[str, Any], table: str) -> None:
    """Write `results.json` and `results.md` into a folder; older results are replaced.

    Raises:
        UserError: The place holds something else.
        OSError: The disk refused; former results are untouched.
    """
    check_target(out)
    with whole_folder(out) as beside:
        _write(beside / TABLE, table)
        _write(beside / RESULTS, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
