"""The run that measures: everything catalogued, through every stage, exactly what is missing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote

from leitmotif.collection.folder import FoundFile, find_media
from leitmotif.collection.ours import kind_around, kinds_of
from leitmotif.phrases import count, some_of
from leitmotif.pipelines import catalog
from leitmotif.pipelines.advice import advise, demonstration, describe_kinds, name_quarantined
from leitmotif.pipelines.damage import until_whole
from leitmotif.pipelines.entries import CatalogEntry, by_store
from leitmotif.pipelines.forecast import describe_forecast, forecast
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.missing_files import (
    describe_gone,
    former_files,
    leave_out_gone,
    missing_files,
    without_returned,
)
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.relicensed import describe_relicensed
from leitmotif.pipelines.runner import Batch, missing_batches, run_batch
from leitmotif.pipelines.runs.log import BatchResult, Failure, RunLog, failures_in, failures_of, log_run
from leitmotif.pipelines.stand_ins import describe_stand_ins
from leitmotif.pipelines.stated import Stated, check_stated, state
from leitmotif.pipelines.workspace import Stores, Workspace
from leitmotif.shards.takedown import read_record
from leitmotif.storage.errors import (
    OutsideError,
    RunError,
    UserError,
    describe_machine_fault,
    is_machine_fault,
)
from leitmotif.storage.progress import OnProgress, show_nothing

logger = logging.getLogger("leitmotif.pipelines")

# Runs batches, here or elsewhere, and yields the result of each in order.
Run = Callable[[Iterator[Batch]], Iterator[BatchResult]]


@dataclass
class Summary:
    """What a run did and what became of the catalog."""

    catalogued: int
    kept: int
    rejected: int
    quarantined: int
    rejected_by: dict[str, int] = field(default_factory=dict)
    computed: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    advice: list[str] = field(default_factory=list)


def find_files(
    sources: Sequence[Path], workspace: Workspace, plan: Plan, *, metadata: str | None = None
) -> list[FoundFile]:
    """Return what the sources hold, and refuse what cannot run before anything is started or written.

    Args:
        sources: As of `curate`.
        workspace: As of `curate`.
        plan: As of `curate`.
        metadata: As of `curate`.

    Raises:
        UserError: A source or the workspace is of no use, there is nothing to do, or models or the table of
            metadata are not there.
        OutsideError: Another run holds the workspace.
    """
    files = find_media(sources)
    other = [kind for kind in kinds_of(workspace.root) if kind in ("dataset", "survey", "training run")]
    if other:
        raise UserError(
            f"{str(workspace.root)!r} is a {other[0]}; give the workspace a folder of its own, such as "
            f"--out {quote(f'{workspace.root}-work')}"
        )
    if around := kind_around(workspace.root):
        raise UserError(
            f"{str(workspace.root)!r} lies in a {around[0]} ({str(around[1])!r}); give the workspace a place "
            "of its own"
        )
    _check_own_folder(sources, workspace)
    workspace.check_free()
    if not files and not workspace.catalog().parts():
        raise UserError(f"workspace {str(workspace.root)!r} is empty and no source was given; give a folder")
    workspace.resolve(plan)
    check_stated(workspace.root, sources, metadata=metadata)
    return files


def _check_own_folder(sources: Sequence[Path], workspace: Workspace) -> None:
    """Refuse to begin a workspace among the media, and say where it begins among other files."""
    if workspace.exists():
        return
    own = quote(str(workspace.root / "leitmotif-work"))
    if any(source.is_dir() and source.absolute() == workspace.root for source in sources):
        raise UserError(
            f"--out is the source folder {str(workspace.root)!r}; give the workspace a folder of its own, "
            f"such as --out {own}"
        )
    if others := sorted(path.name for path in workspace.root.glob("[!.]*")):
        logger.warning(
            "%s holds %s already (%s); the workspace begins beside them. To keep it apart: --out %s",
            workspace.root,
            count(len(others), "other file"),
            some_of(others),
            own,
        )


def curate(
    sources: Sequence[Path],
    workspace: Workspace,
    plan: Plan,
    *,
    run: Run = lambda batches: map(run_batch, batches),
    workers: int = 1,
    retry_failed: bool = False,
    measure_all: bool = False,
    metadata: str | None = None,
    license: str | None = None,
    on_progress: OnProgress = show_nothing,
    files: Sequence[FoundFile] | None = None,
) -> Summary:
    """Bring a workspace up to date with its sources under a plan.

    Args:
        sources: Folders and files to catalogue first; none to go on with what is catalogued.
        workspace: Where everything is kept.
        plan: Stages, rules and settings.
        run: Runs batches, here or elsewhere, and yields the result of each in order.
        workers: How many processes `run` keeps busy.
        retry_failed: Measure quarantined clips again.
        measure_all: Measure rejected clips as well.
        metadata: Path of a table of metadata for the files of the sources, without sources for all that there
            are; None for what was given before, "" for none.
        license: Licence of those of them that state none; None and "" likewise.
        on_progress: Called with how far the run is.
        files: What the sources hold, of a caller that asked `find_files` before it started anything.

    Returns:
        The summary.

    Raises:
        UserError: A source is of no use, or there is nothing to do.
        OutsideError: Disk, network or a worker failed; what was measured is kept.
    """
    started = time.monotonic()
    files = find_files(sources, workspace, plan, metadata=metadata) if files is None else files
    with workspace.held():
        try:
            with log_run(workspace.root, plan, workers) as log:
                # First: a plan whose models are not there is refused before it is the workspace's.
                former, kinds = workspace.former_plan(), workspace.resolve(plan)
                if line := describe_stand_ins(plan, workspace.root):
                    logger.info(line)
                known = workspace.known_models()
                stated, before = state(workspace.root, sources, metadata=metadata, license=license)
                parts = former.parts() if former else []
                measured = [Stores(workspace, part, known) for part in parts]
                measuring = _Measuring(
                    Ledger(*kinds), log, run, workers, retry_failed, measure_all, on_progress
                )

                def work(again: Sequence[FoundFile]) -> None:
                    found = [*files, *again]
                    if stated or before:
                        found += catalog.catalogued_files(workspace.catalog(), but=found)
                    _enter(found, workspace, stated, log, on_progress)
                    _tell_beforehand(kinds, measured, retry_failed=retry_failed, measure_all=measure_all)
                    measuring.ledger = Ledger(*kinds)
                    measuring.ledger.decide(compute=measuring, measure_all=measure_all)
                    # As they are now; the next run measures them, whatever sources it is given.
                    if changed := measuring.changed():
                        catalog.enter(workspace.catalog(), changed, stated=stated)

                with workspace.former_plan_kept():
                    workspace.save_plan(plan, kinds)
                    until_whole(workspace, work)
        except Exception as error:
            if isinstance(error, RunError) or not is_machine_fault(error):
                raise
            raise OutsideError(
                f"{describe_machine_fault(error, workspace.root)} and run again, what was measured so far is "
                "kept"
            ) from error
    ledger = measuring.ledger
    counts = ledger.counts()
    # What changed under the run is not measured, and no file of the catalog any more.
    counts["catalogued"] -= counts.pop("pending")
    return Summary(
        **counts,
        rejected_by=ledger.rejected_by(),
        computed=measuring.computed,
        seconds=round(time.monotonic() - started, 2),
        advice=[*name_quarantined(ledger), *advise(ledger, plan), *demonstration(ledger, plan)],
    )


@dataclass
class _Measuring:
    """Measures at each stage what its stores lack, and tells the log and the user.

    Attributes:
        computed: Clips that were measured, by stage.
        changed_paths: Sources that changed while they were read.
    """

    ledger: Ledger
    log: RunLog
    run: Run
    workers: int
    retry_failed: bool
    measure_all: bool
    on_progress: OnProgress
    computed: dict[str, int] = field(default_factory=dict)
    changed_paths: set[str] = field(default_factory=set)

    def changed(self) -> list[FoundFile]:
        """Return the sources that changed while they were read."""
        named = {entry.source.path: entry.source_id for entry in self.ledger.entries}
        return [FoundFile(Path(path), named[path]) for path in sorted(self.changed_paths)]

    def __call__(self, stage: str, entries: Sequence[CatalogEntry]) -> None:
        # Behind the first stage, which reads the headers, every file's kind is known.
        if stage == self.ledger.stages[1] and (line := describe_kinds(self.ledger)):
            logger.info(line)
        batches, known = self._missing(stage, entries)
        total, done = sum(len(batch.clips) for batch in batches), 0
        counts = self.ledger.counts()
        failures = failures_of(self.ledger.entries) + known
        ahead = self.ledger.ahead(stage, measure_all=self.measure_all)
        self.log.stage(stage, len(entries), total, ahead, counts, self.ledger.rejected_by(), failures)
        if total:
            self.on_progress(stage, 0, total, losses_text(counts))
        for batch, result in zip(batches, self.run(iter(batches)), strict=True):
            done += len(batch.clips)
            self.computed[stage] = self.computed.get(stage, 0) + len(batch.clips) - len(result.changed)
            for path in sorted({*result.changed} - self.changed_paths):
                logger.warning(
                    "%s: changed while it was read; what was measured of it is left out, run again", path
                )
            self.changed_paths.update(result.changed)
            self.log.batch(result)
            counts["quarantined"] += result.failed
            self.on_progress(stage, done, total, losses_text(counts))

    def _missing(self, stage: str, entries: Sequence[CatalogEntry]) -> tuple[list[Batch], list[Failure]]:
        """Return what the stage's stores lack, in batches, and the failures that they hold already."""
        batches: list[Batch] = []
        known: list[Failure] = []
        for stores, rows in by_store(entries, stage):
            chosen = [entries[row] for row in rows]
            index = without_returned(stores.store(stage).index(), stage, chosen)
            batches += missing_batches(
                stores, stage, chosen, workers=self.workers, retry_failed=self.retry_failed, index=index
            )
            known += [] if self.retry_failed else failures_in(index, stage, chosen)
        return batches, known


def _enter(
    files: Sequence[FoundFile], workspace: Workspace, stated: Stated, log: RunLog, on_progress: OnProgress
) -> None:
    """Catalogue files, say whose licence changes, and name the rows of tables that match none of them."""

    def tell(what: str, done: int, total: int, note: str = "", /) -> None:
        log.catalogued(done, total)
        on_progress(what, done, total, note)

    known = workspace.catalog()
    before = known.parts()
    missing = missing_files(known)
    lost = leave_out_gone(known, missing)
    stated = replace(stated, former=former_files(known, missing))
    back = [file for former in stated.former.values() for file in former if file.path.is_file()]
    if entered := list(dict.fromkeys([*files, *back])):
        catalog.enter(known, entered, stated=stated, on_progress=tell)
    lost += leave_out_gone(known, missing)  # whose bytes lie elsewhere, as is known by now
    if line := describe_relicensed(known, before):
        logger.warning(line)
    for line in describe_gone(known, lost, whole=bool(files)):
        logger.warning("%s", line)
    _tell_unmatched(workspace, stated)


def _tell_unmatched(workspace: Workspace, stated: Stated) -> None:
    record = read_record(workspace.root)
    removed = {name for removal in record for name in (removal.asked, *removal.source_ids)}
    for path, names in stated.unmatched().items():
        if path not in stated.news:
            continue
        places = stated.given.places("metadata", path)
        if rest := [name for name in names if name not in removed]:
            logger.warning(
                "%s: of %s %d match no file of %s (first: %s)",
                Path(path).resolve(),
                count(len(stated.tables[path].rows), "row"),
                len(rest),
                some_of(places) or "this workspace",
                rest[0],
            )


def losses_text(counts: Mapping[str, int]) -> str:
    """Return how many clips were lost so far, in a few words; nothing where there is none."""
    return ", ".join(f"{counts[name]} {name}" for name in ("rejected", "quarantined") if counts[name])


def _tell_beforehand(kinds: Sequence[Stores], former: Sequence[Stores], **options: bool) -> None:
    ledger = Ledger(*kinds)
    ledger.decide()
    for line in describe_forecast(forecast(ledger, former, **options)):
        logger.info(line)
