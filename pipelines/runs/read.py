"""The latest run of a workspace as its log tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leitmotif.pipelines.runs.log import FOLDER, Failure, Reason, SlowClip

# The rate is that of this many batches, the latest ones.
RATE_BATCHES = 50
SLOWEST_SHOWN = 10


@dataclass
class LoggedStage:
    """How far a run came with one stage.

    Attributes:
        wanted: Clips that the stage is to have measured when it ends.
        todo: Clips that its store lacked when the run came to it.
        began: When that was, in seconds of the epoch.
        ahead: Clips that may come to each stage behind it: those that this one measures first, and those that
            skip it.
        done: Clips of `todo` that are in the store by now.
        batches: When each batch was done, and its clips.
    """

    wanted: int
    todo: int
    began: float
    ahead: dict[str, tuple[int, int]] = field(default_factory=dict)
    done: int = 0
    batches: list[tuple[float, int]] = field(default_factory=list)

    def may_come(self, later: str, failed: int) -> int:
        """Return how many clips may come to a later stage at most, where this one failed on some.

        Args:
            later: The later stage.
            failed: Clips that this one failed on.
        """
        first, others = self.ahead.get(later, (self.wanted, 0))
        return min(first, self.wanted - failed) + others

    def rate_per_s(self) -> float | None:
        """Return clips a second over the latest batches; None before the first one."""
        latest = self.batches[-RATE_BATCHES:]
        if not latest:
            return None
        before = len(self.batches) - len(latest)
        since = self.batches[before - 1][0] if before else self.began
        return sum(clips for _, clips in latest) / max(latest[-1][0] - since, 1e-3)


@dataclass
class LoggedRun:
    """What the log of a run says, read on from where the last look ended.

    Attributes:
        path: The log.
        facts: What the run was asked to do, in which process, since when (`at`, seconds of the epoch).
        stages: The stages that it came to, "catalog" among them, in order.
        counts: What had become of all clips when it came to its latest stage.
        rejected_by: How many clips each rule had rejected by then.
        failures: What failed, by stage and error.
        slowest: Slowest clips of the run, slowest first.
        updated: When it last said something, in seconds of the epoch.
        ended: Whether it came to its end.
        stopped: Why it stopped before its end, if it said so.
    """

    path: Path
    facts: dict[str, Any] = field(default_factory=dict)
    stages: dict[str, LoggedStage] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    rejected_by: dict[str, int] = field(default_factory=dict)
    failures: dict[tuple[str, str], Failure] = field(default_factory=dict)
    slowest: list[SlowClip] = field(default_factory=list)
    updated: float = 0.0
    ended: bool = False
    stopped: str | None = None
    _offset: int = 0

    def read_on(self) -> None:
        """Take in what was written since; a line that is not whole yet waits for the next look."""
        with self.path.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue  # cut short by a full disk
            self._take(told)

    def _take(self, told: Mapping[str, Any]) -> None:
        self.updated = told["at"]
        match told["event"]:
            case "run":
                self.facts = dict(told)
            case "catalog":
                self._take_catalog(told)
            case "stage":
                ahead = {name: (first, others) for name, (first, others) in told.get("ahead", {}).items()}
                self.stages[told["stage"]] = LoggedStage(told["wanted"], told["todo"], told["at"], ahead)
                self.counts = told["counts"]
                self.rejected_by = told.get("rejected_by", {})
                self.failures = {}
                self._add_failures(told)
            case "batch":
                self._take_batch(told)
            case "end":
                self.ended = True
            case "stopped":
                self.stopped = told["reason"]

    def _take_catalog(self, told: Mapping[str, Any]) -> None:
        total, began = told["total"], self.facts["at"]
        stage = self.stages.setdefault("catalog", LoggedStage(total, total, began))
        stage.batches.append((told["at"], told["done"] - stage.done))
        stage.done = told["done"]

    def _take_batch(self, told: Mapping[str, Any]) -> None:
        clips = told["measured"] + told["failed"]
        # A takedown may have removed the line of the stage, and what it was to measure.
        stage = self.stages.setdefault(told["stage"], LoggedStage(0, 0, told["at"]))
        stage.done += clips
        stage.batches.append((told["at"], clips))
        self._add_failures(told)
        found = self.slowest + [SlowClip(**row) for row in told["slowest"]]
        self.slowest = sorted(found, key=lambda clip: -clip.seconds)[:SLOWEST_SHOWN]

    def _add_failures(self, told: Mapping[str, Any]) -> None:
        for row in told["failures"]:
            reasons = [Reason(**{**told, "files": tuple(told["files"])}) for told in row.get("reasons", ())]
            lists = {"others": tuple(row.get("others", ())), "reasons": tuple(reasons)}
            failure = Failure(**{**row, **lists})
            key = failure.stage, failure.error
            known = self.failures.get(key)
            self.failures[key] = known.plus(failure) if known else failure


def latest_run(root: Path) -> LoggedRun | None:
    """Return what the log of a workspace's latest run says; None where no run left a log.

    Args:
        root: The workspace's folder.
    """
    for path in sorted((root / FOLDER).glob("*.jsonl"), reverse=True):
        run = LoggedRun(path)
        run.read_on()
        if run.facts:
            return run
    return None
