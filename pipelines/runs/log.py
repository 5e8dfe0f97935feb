"""What a run tells of itself while it goes on, for `leitmotif status`: how far it is, how fast, what failed.

WS/runs/START.jsonl holds one line of JSON for the start, each stage, each batch and the end of a run. Only
the process that holds the workspace writes it, one whole line at a time. No work is decided by it: what is
done, the stores alone say.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.pipelines.entries import CatalogEntry, stored_under
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.stage import Clip, Row
from leitmotif.storage.errors import RunError
from leitmotif.storage.json_lines import line_of
from leitmotif.storage.table import KEY

FOLDER = "runs"
# Of each batch, this many clips are noted as the slowest.
SLOWEST = 3
# Seconds between two lines about the catalog, which is entered file by file.
CATALOG_EVERY_S = 1.0


# Of each class of failures, this many reasons are named, and of each reason this many files.
REASONS_TOLD, FILES_NAMED = 5, 5


@dataclass(frozen=True)
class Reason:
    """What is said of some clips of one class of failures: the same but for the name of the file.

    Attributes:
        message: Message of the first one.
        count: Clips.
        files: Files of these clips, at most `FILES_NAMED`.
    """

    message: str
    count: int
    files: tuple[str, ...]

    def plus(self, more: Reason) -> Reason:
        """Return this reason with the clips of a later one that says the same."""
        files = dict.fromkeys((*self.files, *more.files))
        return Reason(self.message, self.count + more.count, tuple(files)[:FILES_NAMED])

    def without_name(self) -> str:
        """Return the message without the name of its file, which is all that may differ."""
        name = re.escape(PurePath(self.files[0]).name)
        return re.sub(rf"(?<!\w){name}(?!\w)", "", self.message)


@dataclass(frozen=True)
class Failure:
    """How many clips a stage failed on with one class of error, why, and the message and source of one.

    Attributes:
        stage: The stage.
        error: The class.
        count: Clips.
        message: Message of the first one.
        source: The file of the first one.
        others: The next few files; at most `FILES_NAMED` are named in all.
        reasons: What was said of which; the first `REASONS_TOLD` that differ.
    """

    stage: str
    error: str
    count: int
    message: str
    source: str
    others: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        if not self.reasons:
            only = Reason(self.message, self.count, (self.source, *self.others))
            object.__setattr__(self, "reasons", (only,))

    def plus(self, more: Failure) -> Failure:
        """Return these failures and later ones of the same class."""
        named = dict.fromkeys((self.source, *self.others, more.source, *more.others))
        reasons: dict[str, Reason] = {}
        for reason in (*self.reasons, *more.reasons):
            said = reason.without_name()
            reasons[said] = reasons[said].plus(reason) if said in reasons else reason
        return replace(
            self,
            count=self.count + more.count,
            others=tuple(named)[1:FILES_NAMED],
            reasons=tuple(reasons.values())[:REASONS_TOLD],
        )


@dataclass(frozen=True)
class SlowClip:
    """A clip and the seconds that its stage was waited for, since the clip before it in the batch."""

    stage: str
    clip_id: str
    source: str
    seconds: float


@dataclass(frozen=True)
class BatchResult:
    """What became of one batch of a stage: clips measured and failed, why, and which took longest.

    Attributes:
        changed: Paths of sources that changed while they were read; their clips are neither.
    """

    stage: str
    measured: int
    failed: int
    failures: Sequence[Failure] = ()
    slowest: Sequence[SlowClip] = ()
    changed: Sequence[str] = ()


def batch_result(
    stage: str,
    clips: Sequence[Clip],
    rows: Sequence[Row],
    seconds: Sequence[float],
    *,
    changed: Sequence[str] = (),
) -> BatchResult:
    """Return what there is to tell of a batch.

    Args:
        stage: The stage that measured it.
        clips: Clips of the batch of which something is stored.
        rows: What is stored of each.
        seconds: How long each was waited for.
        changed: Sources of the other ones.
    """
    names = [clip.path.name for clip in clips]
    failures = group_failures(
        (stage, row["error"], row["message"], name)
        for row, name in zip(rows, names, strict=True)
        if row.get("error")
    )
    order = sorted(range(len(clips)), key=lambda number: -seconds[number])[:SLOWEST]
    failed = sum(failure.count for failure in failures)
    return BatchResult(
        stage,
        measured=len(rows) - failed,
        failed=failed,
        failures=failures,
        slowest=[SlowClip(stage, clips[n].clip_id, names[n], round(seconds[n], 3)) for n in order],
        changed=changed,
    )


def group_failures(failed: Iterable[tuple[str, str, str, str]]) -> list[Failure]:
    """Count failures, given as (stage, error, message, source), by stage and error, with a few files."""
    found: dict[tuple[str, str], Failure] = {}
    for stage, error, message, source in failed:
        failure = Failure(stage, error, 1, message, source)
        known = found.get((stage, error))
        found[stage, error] = known.plus(failure) if known else failure
    return list(found.values())


def failures_of(entries: Iterable[CatalogEntry]) -> list[Failure]:
    """Return the failures among clips whose outcomes are decided."""
    return group_failures(
        (
            entry.outcome.stage or "",
            entry.outcome.error,
            entry.outcome.message or "",
            entry.source_id,
        )
        for entry in entries
        if entry.outcome.error
    )


def failures_in(index: pa.Table, stage: str, entries: Sequence[CatalogEntry]) -> list[Failure]:
    """Return the failures that a stage's store holds of the given clips."""
    failed = index.filter(pc.is_valid(index["error"])).to_pylist()
    if not failed:
        return []
    names = {stored_under(entry, stage): entry.source_id for entry in entries}
    return group_failures(
        (stage, row["error"], row["message"], names[row[KEY]]) for row in failed if row[KEY] in names
    )


class RunLog:
    """Writes the log of the run that holds the workspace."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._told_s = 0.0

    def write(self, event: str, **facts: Any) -> None:
        """Append one line.

        Raises:
            OSError: The disk refused.
        """
        self._file.write(line_of({"event": event, "at": round(time.time(), 3), **facts}))

    def catalogued(self, done: int, total: int) -> None:
        """Tell how many files were looked at, once in a while."""
        if done == total or time.monotonic() - self._told_s >= CATALOG_EVERY_S:
            self._told_s = time.monotonic()
            self.write("catalog", done=done, total=total)

    def stage(
        self,
        name: str,
        wanted: int,
        todo: int,
        ahead: Mapping[str, tuple[int, int]],
        counts: Mapping[str, int],
        rejected_by: Mapping[str, int],
        failures: Sequence[Failure],
    ) -> None:
        """Tell that a stage begins.

        Args:
            name: The stage.
            wanted: Clips that it is to have measured when it ends.
            todo: Those of them that its store lacks.
            ahead: What may come to each stage behind it, as `Ledger.ahead` gives it.
            counts: What became of all clips until now.
            rejected_by: How many clips each rule rejected until now.
            failures: What failed until now, in this stage too.
        """
        found = [asdict(failure) for failure in failures]
        facts = {
            "ahead": dict(ahead),
            "counts": dict(counts),
            "rejected_by": dict(rejected_by),
            "failures": found,
        }
        self.write("stage", stage=name, wanted=wanted, todo=todo, **facts)

    def batch(self, result: BatchResult) -> None:
        """Tell that a batch is in its stage's store."""
        self.write("batch", **asdict(result))


@contextmanager
def log_run(root: Path, plan: Plan, workers: int) -> Iterator[RunLog]:
    """Open the log of a new run, and note how it ends.

    Args:
        root: The workspace's folder, which this process holds.
        plan: What the run is asked to do.
        workers: How many processes it keeps busy.

    Raises:
        OSError: The disk refused.
    """
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    with (folder / f"{time.time_ns():020d}.jsonl").open("xb", buffering=0) as file:
        log = RunLog(file)
        log.write(
            "run",
            pid=os.getpid(),
            host=socket.gethostname(),
            workers=workers,
            recipe=plan.recipe,
            profile=plan.profile,
            stages=list(plan.stages),
        )
        try:
            yield log
        except BaseException as error:
            reason = str(error) if isinstance(error, RunError) else f"{type(error).__name__}: {error}"
            if isinstance(error, KeyboardInterrupt):
                reason = "interrupted"
            with suppress(OSError):  # a full disk may be what stopped the run
                log.write("stopped", reason=" ".join(reason.split()))
            raise
        log.write("end")
