"""Reads the next clips while the current ones run through a model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from leitmotif.pipelines.stage import Clip, Row
from leitmotif.storage.errors import OutsideError, is_machine_fault

PartT = TypeVar("PartT", bound=Sized)
# A GPU is faster than one thread reads: this many threads read for it.
GPU_READERS = 8


def measure_with_prefetch(
    clips: Sequence[Clip],
    read: Callable[[Clip], PartT],
    embed: Callable[[list[PartT]], Sequence[Any] | np.ndarray],
    row: Callable[[Any], Row],
    *,
    device: str,
    together: int,
) -> Iterator[Row | Exception]:
    """Yield each clip's row, or the error that befell it, in order.

    On a CPU the clips run one by one, so that no clip's neighbours change a bit of its numbers, and a thread
    reads the next ones meanwhile. On a GPU several clips run at once.

    Args:
        clips: What to measure.
        read: Returns what the model takes of a clip, with a length; called in other threads.
        embed: Returns one row of numbers for each item of the parts given, in order: an array, or a list.
        row: Turns the numbers of one clip, a slice of it, into its columns.
        device: Where `embed` runs.
        together: How many items it takes at once on a GPU.

    Raises:
        Exception: Only what is the machine's fault rather than a clip's, such as a full disk.
    """
    on_gpu = device != "cpu"
    group: list[PartT | Exception] = []
    items = 0
    for part in prefetch(read, clips, threads=GPU_READERS if on_gpu else 1):
        group.append(part)
        items += 0 if isinstance(part, Exception) else len(part)
        if items >= (together if on_gpu else 1):
            yield from _rows(group, embed, row)
            group, items = [], 0
    yield from _rows(group, embed, row)


def prefetch(
    read: Callable[[Clip], PartT], clips: Sequence[Clip], *, threads: int = 1
) -> Iterator[PartT | Exception]:
    """Yield what is read of each clip, or the error that befell it, in order.

    At most one clip more than there are threads is read ahead: a long one takes 50 MB.

    Raises:
        Exception: Only what is the machine's fault rather than a clip's.
    """
    upcoming = iter(clips)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="prefetch")
    try:
        waiting = deque(pool.submit(read, clip) for clip in islice(upcoming, threads + 1))
        while waiting:
            first = waiting.popleft()
            error = first.exception()
            waiting.extend(pool.submit(read, clip) for clip in islice(upcoming, 1))
            if error is not None and (not isinstance(error, Exception) or is_machine_fault(error)):
                raise error
            yield first.result() if error is None else error
    finally:
        pool.shutdown(cancel_futures=True)


def _rows(
    group: Sequence[PartT | Exception],
    embed: Callable[[list[PartT]], Sequence[Any] | np.ndarray],
    row: Callable[[Any], Row],
) -> Iterator[Row | Exception]:
    """Embed what was read of a group; where that fails, each clip of it by itself."""
    parts = [part for part in group if not isinstance(part, Exception)]
    try:
        embedded = embed(parts) if parts else ()
    except MemoryError as error:
        raise OutsideError(str(error) or "the memory is full") from error
    except Exception as error:
        if is_machine_fault(error):
            raise
        for part in group:
            if isinstance(part, Exception):
                yield part
            elif len(parts) > 1:
                yield from _rows([part], embed, row)
            else:
                yield error
        return
    start = 0
    for part in group:
        if isinstance(part, Exception):
            yield part
        else:
            yield row(embedded[start : start + len(part)])
            start += len(part)
