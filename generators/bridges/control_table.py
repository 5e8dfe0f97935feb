"""The figures of controllability as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leitmotif.evaluation.results import cell
from leitmotif.retrieval.attributes import TEMPI


def make_page(document: Mapping[str, Any]) -> str:
    """Return the figures of `leitmotif.generators.bridges.evaluate` in Markdown.

    Args:
        document: What `Controllability.measure` gave, with `run` and `dataset`.
    """
    attributes, tempo = document["attributes"], document["tempo"]
    # Of a kind of which one attribute was asked for, its row says all.
    kinds = {
        kind: each
        for kind, each in document["kinds"].items()
        if sum(name.startswith(f"{kind} ") for name in attributes) > 1
    }
    lines = [
        f"# Controllability of the run `{document['run']}`",
        "",
        f"{document['pieces']} pieces after clips of the dataset `{document['dataset']}`; "
        "in brackets 95 % intervals over songs.",
        "",
        "| asked for | change of the CLAP score (cosine, hundredths) | songs |",
        "|---|---|---|",
        *(f"| any {kind} | {_cell(each, signed=True)} | {_songs(each)} |" for kind, each in kinds.items()),
        *(f"| {name} | {_cell(each, signed=True)} | {_songs(each)} |" for name, each in attributes.items()),
        "",
        "| asked for | BPM of what was made | BPM of the songs that it follows | songs |",
        "|---|---|---|---|",
        *(
            f"| {pace} | {_cell(tempo[pace]['made'])} | {_cell(tempo[pace]['songs'])} | "
            f"{_songs(tempo[pace]['made'])} |"
            for pace in TEMPI
            if pace in tempo
        ),
        "",
        "| melody accuracy, % of the time | |",
        "|---|---|",
        f"| with the song that is followed | {_cell(document['melody']['followed'])} |",
        f"| with songs that are not, which is chance | {_cell(document['melody']['others'])} |",
    ]
    return "\n".join(lines) + "\n"


def _cell(value: Mapping[str, Any] | None, *, signed: bool = False) -> str:
    return cell(value, decimals=1, signed=signed)


def _songs(value: Mapping[str, Any] | None) -> str:
    return "0" if value is None else str(value["clips"])
