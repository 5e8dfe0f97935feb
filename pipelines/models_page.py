"""The tables of docs/models.md and docs/text-to-audio.md: `python -m leitmotif.pipelines.models_page`.

What stands between `<!-- backends: NAME -->` and `<!-- end -->` is written here, the rest by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from leitmotif.pipelines.backends_in_use import generator_uses, other_uses, uses_of
from leitmotif.pipelines.documents import PROFILES
from leitmotif.weights.adapters import GENERATE, INDEX
from leitmotif.weights.backend import Backend, size_text, terms
from leitmotif.weights.catalog import known_backends

PAGE = Path(__file__).resolve().parents[1] / "docs" / "models.md"
SOUNDS_PAGE = PAGE.with_name("text-to-audio.md")
OTHERS, SOUNDS = "others", "sounds"
# The tables of each page.
PAGES = {PAGE: (*PROFILES, OTHERS, GENERATE), SOUNDS_PAGE: (SOUNDS,)}
HEADS = ("backend", "stage: settings", "model", "revision", "licence", "commercial use", "size", "rate_hz")
SOUND_HEADS = ("backend", "best at", "licence", "rate, channels", "longest", "memory", "how to get it")
_BLOCK = re.compile(r"(<!-- backends: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill_page(text: str, expected: Sequence[str] = PAGES[PAGE]) -> str:
    """Return a page with its tables rewritten.

    Args:
        text: The page.
        expected: The tables that it is to have.

    Raises:
        ValueError: It has others.
    """
    tables = [match[2] for match in _BLOCK.finditer(text)]
    if sorted(tables) != sorted(expected):
        raise ValueError(f"got tables for {', '.join(tables)}; expected {', '.join(expected)}")
    return _BLOCK.sub(lambda match: match[1] + _tables(match[2]) + match[3], text)


def _tables(name: str) -> str:
    if name == SOUNDS:
        return f"\n{_table(SOUND_HEADS, map(_sound_row, _generators()))}\n"
    apart = {OTHERS: other_uses, GENERATE: generator_uses}
    uses = apart[name]() if name in apart else uses_of(name)
    names = {use.backend.name for use in uses}
    backends = [backend for backend in known_backends(plugins=False) if backend.name in names]
    return f"\n{_table(HEADS, map(_row, backends))}\n{''.join(map(_note, backends))}\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (heads, ("---",) * len(heads), *rows))


def _generators() -> list[Backend]:
    """Return what makes sounds and comes with the package; what needs nothing first."""
    names = {use.backend.name for use in generator_uses()}
    ours = [backend for backend in known_backends(plugins=False) if backend.name in names]
    return sorted(ours, key=lambda backend: bool(backend.weights))


def _sound_row(backend: Backend) -> tuple[str, ...]:
    facts = backend.facts
    return (
        f"**{backend.name}**",
        str(facts["BEST_AT"]),
        terms(backend.license, backend.commercial),
        f"{facts['RATE_HZ']} Hz, {facts['CHANNELS']}",
        f"{facts['LONGEST_S']:g} s",
        str(facts["MEMORY"]),
        _get(backend),
    )


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
    if GENERATE in backend.stages:
        return f"`generate --backend {backend.backend}`"
    if backend.stages == (INDEX,):
        return f"`leitmotif index --encoder {backend.name}`"
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
    steps = [backend.install_command] if backend.install_command else []
    if backend.weights:
        steps.append(f"leitmotif fetch-models --only {backend.name}")
    elif not steps:
        return "ships"
    steps += [f"vllm serve {backend.model_id}"] if backend.served else []
    return f"`{' && '.join(steps)}`"


def main() -> int:
    """Write the tables into the pages."""
    for page, tables in PAGES.items():
        page.write_text(fill_page(page.read_text(encoding="utf-8"), tables), encoding="utf-8")
        print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
