"""The figures of a model: written once by the recipe, quoted by its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from leitmotif.storage.atomic import write_text

REPOSITORY = Path(__file__).resolve().parent.parent
CARDS_DIR = REPOSITORY / "data_cards"
BEGIN, END = "<!-- figures: written by `make mini` -->", "<!-- end of figures -->"


def write_figures(figures: dict[str, Any], out: Path, card: Path | None = None) -> None:
    """Write figures.json into a model's folder, and its numbers into the card between the two marks.

    Raises:
        ValueError: The card lacks the marks.
    """
    write_text(out / "figures.json", json.dumps(figures, indent=2) + "\n")
    if card is None:
        return
    text = card.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(
            f"got card {card.name} without the marks {BEGIN!r} and {END!r}; expected both, in this order"
        )
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    write_text(card, f"{before}{BEGIN}\n{figures_table(figures)}\n{END}{after}")


def figures_table(figures: dict[str, Any]) -> str:
    """Return a Markdown table for each group of numbers, with nested groups joined by a colon."""
    lines = []
    for group, content in figures.items():
        if not isinstance(content, dict):
            continue
        rows = list(_flat(content))
        if rows:
            lines += ["", f"**{group}**", "", "| figure | value |", "|---|---|"]
            lines += [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(lines) + "\n"


def _flat(content: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows = []
    for name, value in content.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}: ")
        elif isinstance(value, float):
            rows.append((prefix + name, f"{value:.3f}"))
        else:
            rows.append((prefix + name, str(value)))
    return rows
