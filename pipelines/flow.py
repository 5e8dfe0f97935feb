"""The run that measures as a Prefect flow: every batch a task, here or on Dask workers."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from prefect import flow, task
from prefect._internal.concurrency import services
from prefect.task_runners import ThreadPoolTaskRunner

from leitmotif.collection.folder import FoundFile
from leitmotif.phrases import count
from leitmotif.pipelines.curate import Summary, curate, find_files
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.runner import Batch, run_batch
from leitmotif.pipelines.runs.log import BatchResult
from leitmotif.pipelines.server import START_LIMIT_S, NoServerError, prefect_server
from leitmotif.pipelines.workspace import Workspace
from leitmotif.storage.errors import OutsideError, one_line

logger = logging.getLogger("leitmotif.pipelines")

# Where one local worker measures, it does so without the server rather than wait longer.
ALONE_LIMIT_S = 120.0
# A cluster that starts and ends as it should is no news; a worker that runs out of memory is.
CLUSTER_LOGS = {"distributed": "warning", "distributed.nanny": "error", "distributed.nanny.memory": "warning"}


def _end_services_in_child() -> None:
    """Mark Prefect's services as done in a forked process, which does not have their threads.

    Prefect 3.8.8 resets them there, and their exit handlers fail over it: every child of a process that ran
    a flow would end with exit code 1, which is how a DataLoader takes its workers for dead.
    """
    for service in services._active_services:
        service._done_event = asyncio.Event()
        service._done_event.set()


# Runs after Prefect's own, which was registered before.
os.register_at_fork(after_in_child=_end_services_in_child)


class Pending(Protocol):
    """A batch that was handed over and is done at some later time."""

    def result(self) -> Any:
        """Wait, and return what the batch returned."""


@task(name="measure-batch")
def measure_batch(batch: Batch) -> BatchResult:
    """Measure one batch; the task around `run_batch`."""
    return run_batch(batch)


class StaysHere:
    """Carries a flow's work without sending it on: pickled, as Prefect does for every task, it is empty."""

    def __init__(self, work: Callable[[], Summary] | None = None) -> None:
        self.work = work

    def __reduce__(self) -> tuple[type[StaysHere], tuple[()]]:
        return StaysHere, ()


@flow(name="curate", validate_parameters=False)
def curate_flow(here: StaysHere) -> Summary:
    """Run `curate`, whose batches are Prefect tasks."""
    assert here.work is not None
    return here.work()


def run_in_tasks(batches: Iterator[Batch], workers: int, *, ahead: int) -> Iterator[BatchResult]:
    """Submit batches as tasks, `ahead` at a time, and yield their results in order.

    Args:
        batches: The batches, taken as tasks become free.
        workers: How many workers there are, for what is said where they die.
        ahead: Batches that are submitted before the first result is waited for.

    Raises:
        OutsideError: Workers died of a batch, or the cluster is gone.
    """
    waiting: deque[tuple[Batch, Pending]] = deque()
    for batch in batches:
        waiting.append((batch, measure_batch.submit(batch)))
        if len(waiting) >= ahead:
            yield _result(*waiting.popleft(), workers)
    while waiting:
        yield _result(*waiting.popleft(), workers)


def _result(batch: Batch, pending: Pending, workers: int) -> BatchResult:
    # Not after `wait()`, which returns as if all were well where a worker died.
    try:
        result: BatchResult = pending.result()
    except Exception as error:
        dask = sys.modules.get("distributed")
        if dask and isinstance(error, dask.KilledWorker):
            raise OutsideError(_died(batch, workers)) from error
        if dask and isinstance(error, dask.CancelledError | dask.comm.CommClosedError):
            raise OutsideError(
                f"the Dask cluster was lost at stage {batch.stage} ({one_line(error, 200)}); "
                "start it and run again, what was measured so far is kept"
            ) from error
        raise
    return result


def _died(batch: Batch, workers: int) -> str:
    names = ", ".join(repr(clip.path.name) for clip in batch.clips[:3])
    more = f" and {len(batch.clips) - 3} more" if len(batch.clips) > 3 else ""
    fewer = f"with fewer --workers than {workers}" if workers > 1 else "with workers that have more"
    return (
        f"worker after worker died at stage {batch.stage}, the last ones over {names}{more}, mostly because "
        f"memory ran out; run again {fewer}, what was measured so far is kept and no clip is blamed"
    )


def run_flow(
    sources: Sequence[Path],
    workspace: Workspace,
    plan: Plan,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    files: Sequence[FoundFile] | None = None,
    **options: Any,
) -> Summary:
    """Run the flow here, on local Dask workers or on a Dask cluster: the same code, the same rows.

    One local worker needs no server: where Prefect's does not come up, this process measures by itself.

    Args:
        sources: As of `curate`.
        workspace: Folder on a disk that every worker reaches under the same path.
        plan: As of `curate`.
        workers: Local processes; more than one starts a Dask cluster for the run.
        scheduler: Address of a running Dask scheduler, such as tcp://host:8786.
        files: As of `curate`.
        options: As of `curate`.

    Returns:
        The summary.

    Raises:
        UserError: As of `curate`, before Prefect or a cluster is started.
        OutsideError: As of `curate`; or workers died of a batch, the cluster is gone, or no server
            came up for several workers.
    """
    if files is None:
        files = find_files(sources, workspace, plan, metadata=options.get("metadata"))
    # Prefect and the models take seconds to start.
    workspace.begin()
    logger.info("%s: starting%s", workspace.root, f" with {count(len(files), 'file')}" if files else "")
    runner: Any = ThreadPoolTaskRunner(max_workers=1)
    # A thread ends a batch that it has begun: a second one would wait once more for a server that is lost.
    ahead = 1
    alone = not scheduler and workers == 1
    if alone:
        # Prefect's server takes seconds to start, in another process: the libraries of models load meanwhile.
        threading.Thread(target=_load_models_library, daemon=True).start()
    else:
        from dask.config import update_defaults

        update_defaults({"logging": CLUSTER_LOGS})  # before `distributed` is imported, which reads it once
        from prefect_dask import DaskTaskRunner

        local = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
        runner = DaskTaskRunner(address=scheduler) if scheduler else DaskTaskRunner(cluster_kwargs=local)
        workers = max(workers, _workers_of(scheduler)) if scheduler else workers
        ahead = 2 * workers
    work = partial(curate, sources, workspace, plan, workers=workers, files=files, **options)
    on_sigterm = signal.getsignal(signal.SIGTERM)

    def work_and_end_as_before() -> Summary:
        # Prefect takes SIGTERM for itself while a flow runs, and then asks its server, which the same signal
        # may have ended: a run that is ended would look like a fault.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_sigterm)
        return work(run=lambda batches: run_in_tasks(batches, workers, ahead=ahead))

    try:
        with prefect_server(ALONE_LIMIT_S if alone else START_LIMIT_S):
            return curate_flow.with_options(task_runner=runner)(StaysHere(work_and_end_as_before))
    except NoServerError as error:
        if not alone:
            raise
        logger.warning("%s; this process measures without it, which gives the same rows", error.reason)
    return work()


def _load_models_library() -> None:
    with suppress(Exception):  # whoever needs it imports it again, and says why that fails
        import_module("leitmotif.encoders.clap")


def _workers_of(scheduler: str) -> int:
    from distributed import Client

    try:
        with Client(scheduler, timeout="10s") as client:
            return max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    except OSError as error:
        raise OutsideError(
            f"no Dask scheduler answers at {scheduler!r}; start one with `dask scheduler`, or leave out "
            "--scheduler"
        ) from error
