"""The tables of docs/models.md, from the table of backends: `python -m leitmotif.pipelines.models_page`.

What stands between `<!-- backends: NAME -->` and `<!-- end -->` is written here, the rest by hand.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from leitmotif.pipelines.backends_in_use import other_uses, uses_of
from leitmotif.pipelines.documents import PROFILES
from leitmotif.weights.backend import Backend, size_text
from leitmotif.weights.catalog import known_backends

PAGE = Path(__file__).resolve().parents[1] / "docs" / "models.md"
OTHERS = "others"
HEADS = ("backend", "stage: settings", "model", "revision", "licence", "commercial use", "size", "rate_hz")
_BLOCK = re.compile(r"(<!-- backends: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill_page(text: str) -> str:
    """Return the page with its tables rewritten.

    Raises:
        ValueError: The page has not one table for each profile and one for the others.
    """
    tables = [match[2] for match in _BLOCK.finditer(text)]
    if sorted(tables) != sorted([*PROFILES, OTHERS]):
        raise ValueError(f"got tables for {', '.join(tables)}; expected {', '.join([*PROFILES, OTHERS])}")
    return _BLOCK.sub(lambda match: match[1] + _tables(match[2]) + match[3], text)


def _tables(name: str) -> str:
    uses = other_uses() if name == OTHERS else uses_of(name)
    names = {use.backend.name for use in uses}
    backends = [backend for backend in known_backends(plugins=False) if backend.name in names]
    rows = [HEADS, ("---",) * len(HEADS), *map(_row, backends)]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"\n{table}\n{''.join(map(_note, backends))}\n"


def _row(backend: Backend) -> tuple[str, ...]:
    return (
        f"**{backend.name}**",
        _settings(backend),
        f"`{backend.model_id}`",
        f"`{backend.revision}`",
        backend.license,
        backend.commercial,
        size_text(backend.size_bytes),
        str(backend.facts.get("RATE_HZ") or "-"),
    )


def _settings(backend: Backend) -> str:
    """Return the stages with the settings that choose this backend."""
    told: dict[str, list[str]] = {}
    for stage in backend.stages:
        chosen = [f"backend={backend.named(stage)}", *([f"model={backend.model}"] if backend.model else [])]
        told.setdefault(" ".join(chosen), []).append(stage)
    return "; ".join(
        f"{first}: `{chosen}`{''.join(f'; {stage}' for stage in others)}"
        for chosen, (first, *others) in told.items()
    )


def _note(backend: Backend) -> str:
    """Return how to get a backend, and where it is described."""
    reference = str(backend.facts.get("REFERENCE", "no reference"))
    linked = re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", reference)
    return f"- **{backend.name}** {_get(backend)}. {linked}.\n"


def _get(backend: Backend) -> str:
    if not backend.weights:
        return "ships"
    steps = [backend.install_command] if backend.install_command else []
    steps.append(f"leitmotif fetch-models --only {backend.name}")
    steps += [f"vllm serve {backend.model_id}"] if backend.served else []
    return f"`{' && '.join(steps)}`"


def main() -> int:
    """Write the tables into the page."""
    PAGE.write_text(fill_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
