"""Small tables of HTML for notebooks."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path


def draw_facts(title: str, facts: Mapping[str, object]) -> str:
    """Return a title and one row for each fact."""
    rows = "".join(
        f'<tr><td style="text-align:left">{html.escape(name)}</td>'
        f'<td style="text-align:right">{html.escape(_text(value))}</td></tr>'
        for name, value in facts.items()
    )
    return f"<b>{html.escape(title)}</b><table>{rows}</table>"


def say_facts(kind: str, folder: Path, facts: Mapping[str, object]) -> str:
    """Return the same as one line of text."""
    return f"<{kind} {str(folder)!r}: {', '.join(f'{name} {_text(value)}' for name, value in facts.items())}>"


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
