"""Checking a dataset with its decoders in processes of their own: whatever they do costs one row."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from leitmotif.media.errors import MediaError
from leitmotif.media.rights import MEMORY_BYTES
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.shards.pieces import Piece
from leitmotif.shards.row_check import Checked, check_rows
from leitmotif.shards.validate import Examined, examine
from leitmotif.storage.errors import OutsideError, one_line
from leitmotif.storage.progress import OnProgress, show_nothing

# What a call may take: a busy machine's start, and an hour of a sound of silence for each megabyte.
LIMIT_S, LIMIT_S_BYTE = 60.0, 20e-6
# A row group is held as it lies in the file, unpacked, and in a buffer that grows by doubling.
COPIES = 4


def examine_safely(
    dataset: Path,
    *,
    fast: bool = False,
    processes: int | None = None,
    on_progress: OnProgress = show_nothing,
) -> Examined:
    """Check a dataset, which may be anybody's, as `leitmotif.shards.validate.examine` does.

    Args:
        dataset: A published folder.
        fast: As of `examine`.
        processes: How many decode side by side; one for each core by default.
        on_progress: As of `examine`.

    Raises:
        DatasetError, OutsideError: As of `examine`.
    """
    processes = processes or _cores()
    return examine(dataset, fast=fast, run=partial(_check_elsewhere, processes), on_progress=on_progress)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_elsewhere(processes: int, pieces: Sequence[Piece]) -> Iterator[Checked]:
    """Check pieces in child processes, and yield what was found in each, in order."""
    waiting: deque[Future[Checked]] = deque()
    free: SimpleQueue[SandboxedWorker] = SimpleQueue()
    memory_bytes = MEMORY_BYTES + COPIES * max((piece.group_bytes for piece in pieces), default=0)

    def check(piece: Piece) -> Checked:
        worker = free.get()
        try:
            return _check(piece, worker)
        finally:
            free.put(worker)

    with ExitStack() as held:
        for _ in range(processes):
            free.put(held.enter_context(SandboxedWorker(memory_bytes)))
        pool = ThreadPoolExecutor(processes, thread_name_prefix="validate")
        held.callback(pool.shutdown, cancel_futures=True)
        for piece in pieces:
            waiting.append(pool.submit(check, piece))
            if len(waiting) > 2 * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _check(piece: Piece, worker: SandboxedWorker) -> Checked:
    """Check a piece; where that ends the decoder, each row by itself, and that one without its media."""
    limit_s = LIMIT_S + LIMIT_S_BYTE * piece.media_bytes
    try:
        return worker.run(check_rows, *piece.arguments, limit_s=limit_s)
    except (OSError, MemoryError) as error:
        raise OutsideError(f"{one_line(error)} while reading {str(piece.shard)!r}; run again") from error
    except MediaError as error:
        rows = range(piece.start, piece.stop)
        if len(rows) > 1:
            return _joined([_check(_row(piece, row), worker) for row in rows])
        said = f"row {piece.first + piece.start}: cannot be read or decoded ({one_line(error)})"
        rest = _check(replace(piece, decode=()), worker) if piece.decode else _joined([])
        return Checked([*dict.fromkeys([said, *rest.problems])], rest.rows)


def _row(piece: Piece, row: int) -> Piece:
    decode = tuple({row} & set(piece.decode))
    share = piece.media_bytes * len(decode) // max(len(piece.decode), 1)
    return replace(piece, start=row, stop=row + 1, decode=decode, media_bytes=share)


def _joined(found: Iterable[Checked]) -> Checked:
    joined = Checked()
    for each in found:
        joined.problems += each.problems
        joined.rows += each.rows
    return joined
