"""What a run is going to measure, said before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from leitmotif.filters.rule import EXACT_DUPLICATE
from leitmotif.media.errors import NoSuchFile
from leitmotif.phrases import count
from leitmotif.pipelines.entries import CatalogEntry, by_store, stored_under
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.missing_files import without_returned
from leitmotif.pipelines.stage import keyed_by
from leitmotif.pipelines.stages import STAGES
from leitmotif.pipelines.workspace import Stores
from leitmotif.storage.table import KEY


@dataclass(frozen=True)
class Expected:
    """What a stage is going to measure.

    Attributes:
        stage: Name of the stage.
        at_most: Clips that its store lacks; a rule may reject some of them before.
        anew: Those of them that the stage measured before, under other settings.
    """

    stage: str
    at_most: int
    anew: int


def forecast(
    ledger: Ledger, former: Sequence[Stores], *, retry_failed: bool = False, measure_all: bool = False
) -> list[Expected]:
    """Return what every stage is going to measure, those with nothing to do left out.

    Args:
        ledger: One that has decided, nothing measured yet.
        former: The stores of the plan before, of all its kinds.
        retry_failed: As of `curate`.
        measure_all: As of `curate`.
    """
    going = [entry for entry in ledger.entries if _goes_on(entry, retry_failed, measure_all)]
    found = []
    for name in ledger.stages:
        missing: set[str] = set()
        for stores, rows in by_store(going, name):
            chosen = [going[row] for row in rows]
            index = without_returned(stores.store(name).index(), name, chosen)
            if retry_failed:
                index = index.filter(pc.is_null(index["error"]))
            missing |= {stored_under(entry, name) for entry in chosen} - set(index[KEY].to_pylist())
        folders = {stores.folder(name) for stores in ledger.kinds if name in stores.stages}
        before = [stores for stores in former if name in stores.stages and stores.folder(name) not in folders]
        anew = missing & {key for stores in before for key in stores.store(name).read([])[KEY].to_pylist()}
        if missing:
            found.append(Expected(name, len(missing), len(anew)))
    return found


def describe_forecast(expected: list[Expected]) -> Iterator[str]:
    """Yield what there is to tell of it, line by line."""
    if not expected:
        yield "to measure: nothing, everything is in the workspace"
        return
    unit = "file" if keyed_by(STAGES[expected[0].stage]) == "media_id" else "clip"
    stages = ", ".join(f"{stage.stage} {stage.at_most:,}" for stage in expected)
    at_most = " (at most: what a rule rejects goes no further)" if len(expected) > 1 else ""
    yield f"to measure, in {unit}s: {stages}{at_most}"
    if anew := [stage for stage in expected if stage.anew]:
        clips = count(max(stage.anew for stage in anew), "clip")
        names = ", ".join(stage.stage for stage in anew)
        yield f"{clips} measured before are measured anew, for their settings changed: {names}"


def _goes_on(entry: CatalogEntry, retry_failed: bool, measure_all: bool) -> bool:
    outcome = entry.outcome
    if outcome.rule is not None:
        return measure_all and outcome.rule != EXACT_DUPLICATE
    if outcome.error == NoSuchFile.__name__:
        return retry_failed or Path(entry.source.path).exists()
    return outcome.error is None or (retry_failed and outcome.stage != "catalog")
