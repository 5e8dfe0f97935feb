"""How far a workspace is: what is done and left at each stage, how fast, what failed, what was slow.

While a run holds the workspace, its log tells everything and no store is read: looking costs the run nothing.
Otherwise the stores tell what is done, and the log of the last run how fast it was.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from leitmotif.filters import rule
from leitmotif.filters.rule import ASKED_FIRST
from leitmotif.pipelines.advice import advise
from leitmotif.pipelines.damage import telling_damage
from leitmotif.pipelines.entries import stored_under
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.runs.log import Failure, SlowClip, failures_of
from leitmotif.pipelines.runs.read import LoggedRun, LoggedStage
from leitmotif.pipelines.workspace import Workspace
from leitmotif.storage.lock import is_held as lock_is_held

State = Literal["running", "ended", "stopped", "died", "not logged"]
CATALOG = "catalog"


@dataclass(frozen=True)
class StageStatus:
    """How far a stage is, in clips; in files where it is the catalog or the probe.

    Attributes:
        stage: Name of the stage.
        done: Clips in its store, measured or failed; None where the run has not come to it yet.
        left: Known to be missing.
        left_at_most: Clips left, with those that earlier stages may still hand on.
        failed: Those of the done ones that failed.
        rate_per_s: Rate of the latest batches of the last run; None where it measured nothing here.
        eta_s: Seconds until nothing is left, at that rate.
    """

    stage: str
    done: int | None
    left: int
    left_at_most: int
    failed: int = 0
    rate_per_s: float | None = None
    eta_s: float | None = None


@dataclass(frozen=True)
class Status:
    """How far a workspace is.

    Attributes:
        workspace: Folder of the workspace.
        state: Whether a run goes on; else how the last one went: to its end, stopped by an error, died
            without a word, or left no log.
        stopped: The error that stopped it.
        run: Recipe and profile; of a logged run process, machine, workers and times (seconds of the epoch).
        counts: Clips catalogued, kept, rejected, quarantined and pending; the last four add up to the first.
        stages: Every stage, in order.
        failures: What failed, most frequent first.
        slowest: The slowest clips of the last run.
        rejected_by: Clips that each rule rejected, the most first.
        advice: Lines that help where clips were left out; none while a run goes on.
    """

    workspace: str
    state: State
    stopped: str | None
    run: dict[str, Any]
    counts: dict[str, int]
    stages: list[StageStatus]
    failures: list[Failure] = field(default_factory=list)
    slowest: list[SlowClip] = field(default_factory=list)
    rejected_by: dict[str, int] = field(default_factory=dict)
    advice: list[str] = field(default_factory=list)


def look(workspace: Workspace, run: LoggedRun | None) -> Status:
    """Return how far a workspace is. Nobody is kept waiting, and nothing written.

    Args:
        workspace: The workspace.
        run: Latest run of the workspace, which is read on; None where there is no log.

    Raises:
        UserError: This is no workspace, or its plan does not fit this version.
        OutsideError: A part of a store is damaged; it is set aside.
    """
    if run is not None:
        held = is_held(workspace.root, run)
        run.read_on()
        if held and not run.ended and run.stopped is None:
            return _while_running(workspace, run)
    with telling_damage(workspace):
        return _from_stores(workspace, run)


def is_held(root: Path, run: LoggedRun) -> bool:
    """Tell whether a run holds a workspace, without getting in the way of one that is about to start.

    Args:
        root: The workspace's folder.
        run: Latest run of the workspace.
    """
    lock = root / ".lock"
    if run.ended or run.stopped is not None or not lock.is_file():
        return False
    if _kernel_lists(lock, run.facts["pid"]):
        return True
    return lock_is_held(lock)  # by a run on another machine or in another container


def _kernel_lists(lock: Path, pid: int) -> bool:
    """Tell whether Linux lists a process of this machine as the holder of a lock."""
    locks = Path("/proc/locks")
    if not locks.is_file():
        return False
    inode = lock.stat().st_ino
    for line in locks.read_text().splitlines():
        words = line.split()  # 1: FLOCK ADVISORY WRITE 4711 fd:01:12345 0 EOF
        if "FLOCK" in words and words[4] == str(pid) and words[5].endswith(f":{inode}"):
            return True
    return False


def _while_running(workspace: Workspace, run: LoggedRun) -> Status:
    names = [CATALOG, *run.facts["stages"]]
    reached = [name for name in names if name in run.stages]
    failed = _failed_by_stage(list(run.failures.values()))
    stages = [
        _timed(_logged(name, run.stages[name], failed.get(name, 0)), run.stages[name]) for name in reached
    ]
    later = names[names.index(reached[-1]) + 1 :] if reached else names
    latest = run.stages[reached[-1]] if stages and reached[-1] != CATALOG else None
    waiting = [latest.may_come(name, stages[-1].failed) if latest else 0 for name in later]
    stages += [StageStatus(name, None, 0, clips) for name, clips in zip(later, waiting, strict=True)]
    quarantined, rejected = sum(failed.values()), run.counts.get("rejected", 0)
    catalogued = run.counts.get("catalogued", 0)
    counts = {
        "catalogued": catalogued,
        "kept": 0,
        "rejected": rejected,
        "quarantined": quarantined,
        "pending": catalogued - rejected - quarantined,
    }
    status = _status(workspace, run, "running", counts, stages, list(run.failures.values()))
    return replace(status, rejected_by=run.rejected_by)


def _logged(name: str, stage: LoggedStage, failed: int) -> StageStatus:
    left = stage.todo - stage.done
    return StageStatus(name, stage.wanted - left, left, left, failed)


def _from_stores(workspace: Workspace, run: LoggedRun | None) -> Status:
    plan = workspace.plan()
    ledger = Ledger(*workspace.kinds(plan))
    ledger.decide()
    failures = failures_of(ledger.entries)
    stages = _decided(ledger, [CATALOG, *ledger.stages], _failed_by_stage(failures))
    if run is None:
        state: State = "not logged"
    else:
        stages = [_timed(stage, run.stages.get(stage.stage)) for stage in stages]
        state = "ended" if run.ended else "died" if run.stopped is None else "stopped"
    status = _status(workspace, run, state, ledger.counts(), stages, failures)
    return replace(status, rejected_by=ledger.rejected_by(), advice=advise(ledger, plan))


def _decided(ledger: Ledger, names: Sequence[str], failed: dict[str, int]) -> list[StageStatus]:
    """Count for each stage the clips that it measured, that wait for it, and that may come yet."""
    rules = rule.discover()
    numbers = {name: number for number, name in enumerate(names)}
    done: list[set[str]] = [set() for _ in names]
    left: list[set[str]] = [set() for _ in names]
    for entry in ledger.entries:
        outcome = entry.outcome
        if outcome.rule is not None:
            last = 0 if outcome.rule in ASKED_FIRST else numbers[rules[outcome.rule].stage]
        else:
            last = numbers[outcome.pending or outcome.stage or names[-1]]
        for number in range(last + 1):
            if number and names[number] not in entry.stores.stages:
                continue
            waits = number == last and outcome.pending is not None
            key = stored_under(entry, names[number]) if number else entry.source.path
            (left if waits else done)[number].add(key)
    waiting = 0
    found = []
    for number, name in enumerate(names):
        waiting += len(left[number])
        found.append(StageStatus(name, len(done[number]), len(left[number]), waiting, failed.get(name, 0)))
    return found


def _timed(stage: StageStatus, logged: LoggedStage | None) -> StageStatus:
    rate = logged.rate_per_s() if logged else None
    return replace(stage, rate_per_s=rate, eta_s=stage.left / rate if rate else None)


def _failed_by_stage(failures: Sequence[Failure]) -> dict[str, int]:
    found: dict[str, int] = {}
    for failure in failures:
        found[failure.stage] = found.get(failure.stage, 0) + failure.count
    return found


def _status(
    workspace: Workspace,
    run: LoggedRun | None,
    state: State,
    counts: dict[str, int],
    stages: list[StageStatus],
    failures: list[Failure],
) -> Status:
    if run is None:
        plan = workspace.plan()
        facts: dict[str, Any] = {"recipe": plan.recipe, "profile": plan.profile}
    else:
        facts = {key: run.facts[key] for key in ("recipe", "profile", "pid", "host", "workers")}
        facts |= {"started": run.facts["at"], "updated": run.updated}
        if state == "running":
            facts["seconds_since_update"] = round(max(0.0, time.time() - run.updated), 1)
    return Status(
        workspace=str(workspace.root),
        state=state,
        stopped=run.stopped if run else None,
        run=facts,
        counts=counts,
        stages=stages,
        failures=sorted(failures, key=lambda failure: -failure.count),
        slowest=list(run.slowest) if run else [],
    )
