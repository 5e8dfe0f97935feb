"""Under which terms the models stand that made a dataset's numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from leitmotif.reports.statistics.model.stats import Stats
from leitmotif.weights.backend import Backend
from leitmotif.weights.catalog import known_backends


@dataclass(frozen=True)
class Terms:
    """A model behind some rows, and its licence.

    Attributes:
        stage: What it measured or wrote.
        model: Id and revision of the model.
        clips: How many rows.
        license: The licence of its weights, "not known" for a model that is not in the table of backends.
        commercial: Whether that permits commercial use: "yes", "no", or the condition.
        authors: Whose model it is, and where it is described: what its licence asks to be named.
    """

    stage: str
    model: str
    clips: int
    license: str
    commercial: str
    authors: tuple[str, ...] = ()

    @property
    def research_only(self) -> bool:
        """Whether its weights are for research alone."""
        return self.commercial == "no"


def model_licences(stats: Stats) -> list[Terms]:
    """Return the models of a dataset with their terms, by stage.

    Args:
        stats: `models` are stage → model id @ revision → clips; two models at work stand in one id.
    """
    found = []
    for stage, used in stats["models"].items():
        for model, clips in used.items():
            backends = _backends(model)
            found.append(Terms(stage, model, clips, *_licenses(backends), _authors(backends)))
    return found


def research_only(terms: Sequence[Terms]) -> list[str]:
    """Return the ids of the models whose weights are for research alone, sorted."""
    return sorted({entry.model.split("@")[0].strip() for entry in terms if entry.research_only})


def authors(terms: Sequence[Terms]) -> list[str]:
    """Return whose models made the numbers, each once."""
    return list(dict.fromkeys(author for entry in terms for author in entry.authors))


def _backends(model: str) -> list[Backend]:
    """Return the backends whose model is named, alone or among others, in an id."""
    ids = {part.split("@")[0].strip() for part in re.split(r"[+,]| and ", model)}
    return [each for each in known_backends() if ids & {each.model_id, each.model, each.name}]


def _licenses(backends: Sequence[Backend]) -> tuple[str, str]:
    known = {(backend.license, backend.commercial) for backend in backends}
    if not known:
        return "not known", "not known"
    strictest = "no" if "no" in {use for _, use in known} else " / ".join(sorted({use for _, use in known}))
    return " / ".join(sorted({license for license, _ in known})), strictest


def _authors(backends: Sequence[Backend]) -> tuple[str, ...]:
    stated = {backend.model_id: backend for backend in backends if "REFERENCE" in backend.facts}
    return tuple(f"{name}: {backend.facts['REFERENCE']}" for name, backend in stated.items())
