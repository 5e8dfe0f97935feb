"""Measure one batch of clips with one stage, in whatever process this is called."""

from __future__ import annotations

import atexit
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits

from leitmotif.media.errors import NoSuchFile
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.changed_files import has_changed, look_at
from leitmotif.pipelines.entries import CatalogEntry, as_clip, stored_under
from leitmotif.pipelines.finite import NotFinite, check_finite
from leitmotif.pipelines.missing_files import check_mounted, source_of, without_returned
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.runs.log import BatchResult, batch_result
from leitmotif.pipelines.stage import Clip, Row, Stage, StageContext
from leitmotif.pipelines.stages import STAGES
from leitmotif.pipelines.workspace import Stores, Workspace
from leitmotif.shards.texts import encodable
from leitmotif.storage.errors import OutsideError, UserError, one_line
from leitmotif.storage.table import KEY, AppendOnlyTable
from leitmotif.weights.device import resolve_device
from leitmotif.weights.resolve import BadModel

# Whose errors are no words for a user: a stage raises its own, or they are a fault.
_LIBRARIES = frozenset({"av", "builtins", "cv2", "numpy", "pyarrow", "scipy", "soundfile", "torch"})
# Below this, whatever fails while it writes fails for want of room.
LITTLE_ROOM_BYTES = 4 << 20

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class Batch:
    """Work for one process: small enough to send anywhere, and with all that doing it needs.

    Attributes:
        workspace: Folder of the workspace, which every process must reach under this path.
        plan: The plan as JSON text.
        stage: Name of the stage.
        fingerprint: Fingerprint of the stage, which names its store.
        clips: The clips, without inputs.
        keys: Key of each clip in the store of each stage to read.
        parts: Part files that hold those keys, of each stage to read.
        sources: The folder that each clip's file was found in.
    """

    workspace: str
    plan: str
    stage: str
    fingerprint: str
    clips: tuple[Clip, ...]
    keys: Mapping[str, tuple[str, ...]]
    parts: Mapping[str, tuple[str, ...]]
    sources: tuple[str, ...] = ()


def missing_batches(
    stores: Stores,
    name: str,
    entries: Sequence[CatalogEntry],
    *,
    workers: int = 1,
    retry_failed: bool = False,
    index: pa.Table | None = None,
) -> list[Batch]:
    """Return the work that a stage's store lacks, cut into batches.

    Args:
        stores: The plan's stores.
        name: The stage.
        entries: The clips that it is to measure.
        workers: Batches become smaller where there would be too few to keep everybody busy.
        retry_failed: Measure those again that failed before.
        index: The index of the stage's store without files that returned, where it was read already.
    """
    if index is None:
        index = without_returned(stores.store(name).index(), name, entries)
    if retry_failed:
        index = index.filter(pc.is_null(index["error"]))
    done = set(index[KEY].to_pylist())
    left = [entry for key, entry in _by_key(entries, name).items() if key not in done]
    if not left:
        return []
    places = {read: _places(stores, read) for read in stores.reads(name)}
    # A clip of which nothing came out at a stage before has nothing to be measured here.
    todo = [entry for entry in left if all(stored_under(entry, read) in places[read] for read in places)]
    size = max(
        1, min(stores.stages[name].BATCH, -(-len(todo) // (2 * workers)) if workers > 1 else len(todo))
    )
    if not todo:
        return []
    plan = stores.plan.model_dump_json()
    return [
        _batch(stores, plan, name, todo[start : start + size], places) for start in range(0, len(todo), size)
    ]


def _by_key(entries: Sequence[CatalogEntry], stage: str) -> dict[str, CatalogEntry]:
    """Return clips by their key in a stage's store; of windows that share a row there, the first."""
    found: dict[str, CatalogEntry] = {}
    for entry in entries:
        found.setdefault(stored_under(entry, stage), entry)
    return found


def _places(stores: Stores, read: str) -> dict[str, str]:
    """Return the part file that holds each key that a store has measured."""
    store = stores.store(read)
    index, names = store.index(), [str(part) for part in store.parts()]
    index = index.filter(pc.is_null(index["error"]))
    return {
        key: names[part] for key, part in zip(index[KEY].to_pylist(), index["part"].to_pylist(), strict=True)
    }


def _batch(
    stores: Stores,
    plan: str,
    name: str,
    entries: Sequence[CatalogEntry],
    places: Mapping[str, Mapping[str, str]],
) -> Batch:
    keys = {read: tuple(stored_under(entry, read) for entry in entries) for read in places}
    return Batch(
        workspace=str(stores.workspace.root),
        plan=plan,
        stage=name,
        fingerprint=stores.fingerprints[name],
        clips=tuple(as_clip(entry, name) for entry in entries),
        keys=keys,
        parts={read: tuple(sorted({places[read][key] for key in keys[read]})) for read in places},
        sources=tuple(source_of(entry) for entry in entries),
    )


def run_batch(batch: Batch) -> BatchResult:
    """Measure a batch and append its rows to the stage's store.

    Returns:
        How many clips were measured, how many failed and why, and how long they took. Of a clip whose source
        is another file by now nothing is stored.

    Raises:
        Exception: Only what is the machine's fault; nothing of the batch is stored then.
    """
    workspace, stage = Workspace(Path(batch.workspace)), _opened_now(batch)
    clips = [
        replace(clip, inputs=inputs)
        for clip, inputs in zip(batch.clips, _inputs(workspace, batch), strict=True)
    ]
    before = [look_at(clip.path) for clip in clips]
    measured: list[Clip] = []
    rows: list[Row] = []
    seconds: list[float] = []
    changed: list[str] = []
    for clip, look, (result, took_s) in zip(clips, before, _timed(stage.measure(clips)), strict=True):
        if isinstance(result, Exception):
            _blame_a_full_disk(workspace.root, result)
        else:
            result = _checked(result)
        if has_changed(clip.path, clip.source, look):
            changed.append(str(clip.path))
            continue
        if isinstance(result, Exception):
            if isinstance(result, NoSuchFile):
                check_mounted(batch.clips, batch.sources)
            result = {"error": type(result).__name__, "message": encodable(_said(batch.stage, result))}
        measured.append(clip)
        rows.append({KEY: clip.clip_id, **result})
        seconds.append(took_s)
    if rows:
        workspace.store(batch.stage, batch.fingerprint).append(rows)
    return batch_result(batch.stage, measured, rows, seconds, changed=changed)


def _said(stage: str, error: Exception) -> str:
    """Return why a clip failed, in words; an error that nobody foresaw has none of its own."""
    if type(error).__module__.partition(".")[0] not in _LIBRARIES:
        return one_line(error)
    return (
        f"{stage} failed over it in an unforeseen way ({type(error).__name__}: {one_line(error)}); fetch or"
        " export the file again, and where that does not help leave it out and report this"
    )


def _checked(row: Row) -> Row | NotFinite:
    """Return a row of numbers, or the error that it holds something else."""
    try:
        check_finite(row)
    except NotFinite as error:
        return error
    return row


def _timed(items: Iterable[ItemT]) -> Iterator[tuple[ItemT, float]]:
    """Yield each item with the seconds that passed while waiting for it."""
    asked = time.perf_counter()
    for item in items:
        yield item, time.perf_counter() - asked
        asked = time.perf_counter()


def _inputs(workspace: Workspace, batch: Batch) -> Iterator[dict[str, Row]]:
    """Yield for each clip the rows that its stage reads."""
    tables: dict[str, dict[str, Row]] = {}
    for read, parts in batch.parts.items():
        store = AppendOnlyTable(Path(parts[0]).parent, STAGES[read].COLUMNS, scratch=workspace.scratch)
        columns = STAGES[read].COLUMNS.names
        rows = store.read(columns, parts=[Path(part) for part in parts]).to_pylist()
        wanted = set(batch.keys[read])
        tables[read] = {row[KEY]: row for row in rows if row[KEY] in wanted}
    for number in range(len(batch.clips)):
        yield {read: tables[read][batch.keys[read][number]] for read in tables}


def _blame_a_full_disk(root: Path, error: Exception) -> None:
    """Stop the run if the disk is full: libraries report that in ways that look like a fault of the clip.

    Raises:
        OutsideError: There is next to no room left.
    """
    if shutil.disk_usage(root).free < LITTLE_ROOM_BYTES:
        raise OutsideError(
            f"the disk of {str(root)!r} is full; make room and run again, what was measured so far is kept"
        ) from error


# Stages that this process has opened, by workspace and name, with the plan and fingerprint of each.
_OPEN: dict[tuple[str, str], tuple[str, str, Stage]] = {}


def _opened_now(batch: Batch) -> Stage:
    """Return the batch's stage with its models loaded; each process loads each once.

    Of one stage one plan's models are held at a time: a memory that fits them need not fit them twice.
    """
    key = batch.workspace, batch.stage
    if key not in _OPEN or _OPEN[key][:2] != (batch.plan, batch.fingerprint):
        _OPEN.pop(key, None)
        _OPEN[key] = batch.plan, batch.fingerprint, open_stage(batch)
    return _OPEN[key][2]


def open_stage(batch: Batch) -> Stage:
    """Return the stage of a batch with its models loaded.

    Args:
        batch: The first batch of the stage in this process.

    Raises:
        UserError: Its model is missing or unfit, or set to a device that is not there.
    """
    _use_one_thread()
    workspace = Workspace(Path(batch.workspace))
    stage = STAGES[batch.stage](on_this_machine(Plan.model_validate_json(batch.plan)))
    folder = workspace.store(batch.stage, batch.fingerprint).folder / "files"
    try:
        stage.open(StageContext(workspace.root, folder, workspace.scratch, _decoder()))
    except BadModel as error:
        raise UserError(f"{batch.stage}: {error}") from error
    _use_one_thread()  # the libraries, too, that came with the model
    return stage


def on_this_machine(plan: Plan) -> Plan:
    """Return the plan with the devices of this machine; each worker of a cluster asks for itself.

    Raises:
        UserError: A stage is set to a GPU that this machine does not have.
    """
    stages = {
        name: settings | {"device": resolve_device(settings["device"])} if "device" in settings else settings
        for name, settings in plan.stages.items()
    }
    return plan.model_copy(update={"stages": stages})


def close_stages() -> None:
    """Let go of the stages of this process; the next batch opens its own again, with one thread for sums."""
    _OPEN.clear()


def _use_one_thread() -> None:
    """Have sums taken by one thread, in one order: the same numbers whatever the cores and workers."""
    threadpool_limits(limits=1)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    if cv2 := sys.modules.get("cv2"):
        cv2.setNumThreads(1)


@cache
def _decoder() -> SandboxedWorker:
    worker = SandboxedWorker().__enter__()
    atexit.register(worker.__exit__, None, None, None)
    return worker
