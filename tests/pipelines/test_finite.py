"""No number that is infinite, or none, is stored of a clip, whatever stage gave it."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from leitmotif.pipelines import runner
from leitmotif.pipelines.finite import NotFinite, check_finite
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.runner import missing_batches, run_batch
from leitmotif.pipelines.stage import Clip
from leitmotif.pipelines.workspace import Workspace

BAD = (math.nan, math.inf, -math.inf)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(
    "wrap",
    [
        float,
        np.float32,
        lambda bad: [0.5, bad],
        lambda bad: (0.5, bad),
        lambda bad: [[0.5], [bad]],
        lambda bad: {"score": bad},
        lambda bad: [{"tag": "piano", "score": bad}],
        lambda bad: np.array([[0.5, bad]], np.float32),
        lambda bad: [np.array([bad])],
    ],
)
def test_a_number_that_is_none_is_found_wherever_it_stands(bad: float, wrap: Callable[[float], Any]) -> None:
    with pytest.raises(NotFinite, match=r"^level "):
        check_finite({"file": "a.flac", "level": wrap(bad)})


def test_numbers_texts_and_nothing_pass() -> None:
    check_finite({"a": 1, "b": 1.5, "c": None, "d": "nan", "e": b"inf", "f": [0.0, None], "g": np.arange(3)})


def test_a_clip_of_which_a_stage_measures_infinity_is_quarantined_with_a_reason(
    catalogue: Callable[..., list[str]],
    workspace: Workspace,
    plan: Plan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stage:
        def measure(self, clips: Sequence[Clip]) -> Iterable[Any]:
            return ({"duration_s": math.inf if clip.path.stem == "a" else 20.0} for clip in clips)

    ids = catalogue(a="1", b="2")
    monkeypatch.setattr(runner, "_opened_now", lambda batch: Stage())
    stores = workspace.stores(plan)
    ledger = Ledger(stores)
    ledger.decide()
    (batch,) = missing_batches(stores, "probe", ledger.entries)
    result = run_batch(batch)
    assert (result.measured, result.failed) == (1, 1)
    rows = {row["clip_id"]: row for row in stores.store("probe").read(["duration_s"]).to_pylist()}
    assert rows[ids[0]]["error"] == "NotFinite" and "duration_s is inf" in rows[ids[0]]["message"]
    assert rows[ids[0]]["duration_s"] is None and rows[ids[1]]["duration_s"] == 20.0
