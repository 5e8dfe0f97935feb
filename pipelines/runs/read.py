"""The latest run of a workspace as its log tells it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from leitmotif.phrases import count
from leitmotif.pipelines.runs.log import FOLDER, Failure, SlowClip
from leitmotif.storage.json_lines import parse_lines

logger = logging.getLogger("leitmotif.pipelines")

# The rate is that of this many batches, the latest ones.
RATE_BATCHES = 50
SLOWEST_SHOWN = 10
# Seconds of the epoch until the year 9999, the last that a date can have.
Time = Annotated[float, Field(ge=0, le=253_402_300_000)]
Count = Annotated[int, Field(ge=0, le=10**15)]


class _Said(BaseModel):
    """What every line says: what happened, and when."""

    at: Time


class _Began(_Said):
    event: Literal["run"]
    pid: int
    host: str = ""
    workers: int = 1
    recipe: str = ""
    profile: str = ""
    stages: list[str] = []


class _Catalogued(_Said):
    event: Literal["catalog"]
    done: Count
    total: Count


class _CameToStage(_Said):
    event: Literal["stage"]
    stage: str
    wanted: Count
    todo: Count
    counts: dict[str, Count]
    failures: list[Failure]
    ahead: dict[str, tuple[Count, Count]] = {}
    rejected_by: dict[str, Count] = {}


class _MeasuredBatch(_Said):
    event: Literal["batch"]
    stage: str
    measured: Count
    failed: Count
    failures: list[Failure]
    slowest: list[SlowClip]


class _Ended(_Said):
    event: Literal["end"]


class _Stopped(_Said):
    event: Literal["stopped"]
    reason: str


_Event = _Began | _Catalogued | _CameToStage | _MeasuredBatch | _Ended | _Stopped
_EVENT: TypeAdapter[_Event] = TypeAdapter(Annotated[_Event, Field(discriminator="event")])


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
        lines = parse_lines(whole)
        passed_over = len(lines.broken.keys() - lines.records.keys())
        for told in lines.records.values():
            try:
                event = _EVENT.validate_python(told)
            except ValidationError:
                passed_over += 1
            else:
                self._take(event)
        if passed_over:
            logger.warning(
                "%s: %s passed over, which no run wrote so; what they told is missing here and nowhere else",
                self.path,
                count(passed_over, "line is", "lines are"),
            )

    def _take(self, told: _Event) -> None:
        self.updated = told.at
        match told:
            case _Began():
                self.facts = told.model_dump()
            case _Catalogued():
                began = self.facts.get("at", told.at)
                stage = self.stages.setdefault("catalog", LoggedStage(told.total, told.total, began))
                stage.batches.append((told.at, told.done - stage.done))
                stage.done = told.done
            case _CameToStage():
                self.stages[told.stage] = LoggedStage(told.wanted, told.todo, told.at, told.ahead)
                self.counts = told.counts
                self.rejected_by = told.rejected_by
                self.failures = {}
                self._add_failures(told.failures)
            case _MeasuredBatch():
                self._take_batch(told)
            case _Ended():
                self.ended = True
            case _Stopped():
                self.stopped = told.reason

    def _take_batch(self, told: _MeasuredBatch) -> None:
        clips = told.measured + told.failed
        # A takedown may have removed the line of the stage, and what it was to measure.
        stage = self.stages.setdefault(told.stage, LoggedStage(0, 0, told.at))
        stage.done += clips
        stage.batches.append((told.at, clips))
        self._add_failures(told.failures)
        found = self.slowest + told.slowest
        self.slowest = sorted(found, key=lambda clip: -clip.seconds)[:SLOWEST_SHOWN]

    def _add_failures(self, failures: Iterable[Failure]) -> None:
        for failure in failures:
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
