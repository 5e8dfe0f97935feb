"""Under which terms the models stand that made a dataset's numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from leitmotif.reports.statistics.model.stats import Stats
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
    """

    stage: str
    model: str
    clips: int
    license: str
    commercial: str

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
            licenses, commercial = _licenses(model)
            found.append(Terms(stage, model, clips, licenses, commercial))
    return found


def research_only(terms: Sequence[Terms]) -> list[str]:
    """Return the ids of the models whose weights are for research alone, sorted."""
    return sorted({entry.model.split("@")[0].strip() for entry in terms if entry.research_only})


def _licenses(model: str) -> tuple[str, str]:
    ids = {part.split("@")[0].strip() for part in re.split(r"[+,]| and ", model)}
    known = {
        (backend.license, backend.commercial)
        for backend in known_backends()
        if ids & {backend.model_id, backend.model, backend.name}
    }
    if not known:
        return "not known", "not known"
    strictest = "no" if "no" in {use for _, use in known} else " / ".join(sorted({use for _, use in known}))
    return " / ".join(sorted({license for license, _ in known})), strictest
