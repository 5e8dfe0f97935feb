"""What a metric of descriptions is, and how metrics are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from leitmotif import evaluation
from leitmotif.assignments import known
from leitmotif.evaluation.clips import Clip
from leitmotif.plugins import add_plugins, check_class
from leitmotif.taxonomy.labels import Taxonomy, load


@dataclass(frozen=True)
class Tools:
    """Models and labels that metrics may need beside texts and clips.

    Attributes:
        taxonomy: The label set that the clips' tags come from.
        clap: The CLAP model that made the clips' embeddings, as `id@revision`; None where none is known.
        clap_folder: Where that model lies, if not in its usual place: a folder or a file.
        bertscore: Model of BERTScore: a hub id or a folder.
        device: Where models run.
    """

    taxonomy: Taxonomy = field(default_factory=load)
    clap: str | None = None
    clap_folder: str | None = None
    bertscore: str | None = None
    device: str = "cpu"


class Metric(Protocol):
    """One metric: a class whose name ends in `Metric`, alone or with its kin in a file of `evaluation`.

    Attributes:
        NAME: Its key in results.
        TITLE: Its heading in tables.
        RANGE: Lowest and highest value.
        HIGHER_IS_BETTER: The sign.
        NEEDS: The tool without which it is not asked for; None if it needs no more than its package.
        COUNTS_NAMES: Whether it looks for names of labels, in lists beside the description as well.
        REFERENCE: Paper or page that defines it.
    """

    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    RANGE: ClassVar[tuple[float, float]]
    HIGHER_IS_BETTER: ClassVar[bool]
    NEEDS: ClassVar[str | None]
    COUNTS_NAMES: ClassVar[bool]
    REFERENCE: ClassVar[str]

    def __init__(self, tools: Tools) -> None:
        """Load what is needed.

        Raises:
            UserError: A package or a model is missing.
        """

    def measure(self, texts: Sequence[str], clips: Sequence[Clip]) -> np.ndarray:
        """Return the statistics of each text, of which the sums over clips give the value.

        Args:
            texts: One description of each clip.
            clips: What is known of the clips.

        Returns:
            Shape (clips, statistics), float64; a row of NaN for a clip of which too little is known.
        """

    def value(self, sums: np.ndarray, clips: float) -> float:
        """Return the metric of a set of clips.

        Args:
            sums: The statistics summed over the set, shape (statistics,).
            clips: How many clips these are, 1 or more.
        """


def find_metrics() -> dict[str, type[Metric]]:
    """Return every metric by its name: this room's, files in alphabetical order, and those of plugins.

    Raises:
        ValueError: Two metrics share a name.
    """
    found: dict[str, type[Metric]] = {}
    for info in sorted(pkgutil.iter_modules(evaluation.__path__), key=lambda info: info.name):
        if info.ispkg:
            continue
        module = importlib.import_module(f"leitmotif.evaluation.{info.name}")
        for kind in map(vars(module).get, sorted(vars(module))):
            if not isinstance(kind, type) or kind is Metric or kind.__module__ != module.__name__:
                continue
            if not kind.__name__.endswith("Metric"):
                continue
            metric: type[Metric] = kind
            if metric.NAME in found:
                raise ValueError(f"two metrics are called {metric.NAME!r}; rename the one in {info.name}.py")
            found[metric.NAME] = metric
    return add_plugins("metrics", found, _take)


def _take(name: str, thing: Any) -> dict[str, type[Metric]]:
    facts = [*Metric.__annotations__, "measure", "value"]
    metric = check_class(thing, facts, "leitmotif.evaluation.metric.Metric")
    return {metric.NAME: metric}


def choose_metrics(names: Sequence[str] | None, tools: Tools) -> list[Metric]:
    """Return the metrics, ready to measure.

    Args:
        names: Names of metrics; None for all whose `NEEDS` is given.
        tools: What they are given.

    Raises:
        UserError: A name is not known, or a metric lacks what it needs.
    """
    metrics = find_metrics()
    for name in names or ():
        known("metric", name, metrics)
    chosen = [
        kind
        for name, kind in metrics.items()
        if (name in names if names is not None else kind.NEEDS is None or getattr(tools, kind.NEEDS))
    ]
    return [kind(tools) for kind in chosen]
