"""Hand batches from a worker process to the trainer through shared memory that is used again and again.

A pipe copies every byte four times, and fresh shared memory costs a page fault every 4 KiB; for pictures and
sound, both cost more than reading them. So each worker has a few blocks: it fills one that is free, and the
block is free again once the trainer has dropped every array that lies in it.

With pickles through a queue in its place, an epoch of bench/speed/loader.py takes 1.5 times as long as bytes
and 1.6 times as long decoded (medians of six pairs on two busy cores).
"""

from __future__ import annotations

import io
import math
import os
import pickle
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

# Blocks of a worker at most: those ahead, the trainer's, and some that a patient trainer collects.
BLOCKS = 32
_ALIGN_BYTES = 64
# Smaller values travel with the rest through the pipe.
_LEAST_BYTES = 4096
# How much of what is free of the memory that processes share may be taken.
_SHARE_OF_ROOM = 0.5
_SHARED_MEMORY = Path("/dev/shm")


@dataclass
class SharedBatch:
    """A value in pieces: large ones lie in a block, the rest is a pickle that refers to them."""

    pickled: bytes
    spans: list[tuple[int, int]] = field(default_factory=list)
    """Start and end in the block: first of pickle's own buffers, then of what it refers to by number."""
    buffers: int = 0
    """How many of the spans are pickle's own."""
    worker: int = 0
    number: int | None = None
    """Of the block; None if there is no need of one, or no room."""
    block: torch.Tensor | None = None
    """The block itself, when it is new to the reader."""


class SharedWriter:
    """Packs values in a worker process."""

    def __init__(self, worker: int, taken: torch.Tensor) -> None:
        """Start without any block.

        Args:
            worker: Number of the worker.
            taken: Table of the reader, uint8 (workers, BLOCKS): 1 for each block in which values lie.
        """
        self.worker, self.workers = worker, len(taken)
        self.taken = taken[worker].numpy()
        self.blocks: dict[int, torch.Tensor] = {}

    def pack(self, value: Any) -> SharedBatch:
        """Put a value into a free block, or into the pickle where there is no room for one."""
        pickled, buffers, pieces = _take_apart(value)
        if not buffers and not pieces:
            return SharedBatch(pickled)
        spans, end = _lay_out([*buffers, *pieces])
        number, block = self._find_block(end)
        if number is None:
            return SharedBatch(pickle.dumps(value, protocol=5))
        memory = self.blocks[number].numpy()
        for piece, (start, stop) in zip([*buffers, *pieces], spans, strict=True):
            memory[start:stop] = np.frombuffer(piece, np.uint8)
        self.taken[number] = 1
        return SharedBatch(pickled, spans, len(buffers), self.worker, number, block)

    def _find_block(self, size: int) -> tuple[int | None, torch.Tensor | None]:
        """Return the number of a free block of at least `size` bytes, and the block if it had to be made."""
        free = np.flatnonzero(self.taken == 0).tolist()
        for number in free:
            if number in self.blocks and len(self.blocks[number]) >= size:
                return number, None
        capacity = size + size // 4
        # All workers may ask at once.
        if not free or not _has_room(capacity * self.workers):
            return None, None
        # Too small a block is replaced before another is added; batches differ a little in size.
        number = min(free, key=lambda number: number not in self.blocks)
        # As `default_collate` does: untouched, where `share_memory_` would copy.
        storage = torch.UntypedStorage._new_shared(capacity)
        self.blocks[number] = torch.empty(0, dtype=torch.uint8).set_(storage)
        return number, self.blocks[number]


class SharedReader:
    """Unpacks values in the trainer's process."""

    def __init__(self, workers: int) -> None:
        """Make the marks by which both sides know which blocks are free: `taken`, uint8 (workers, BLOCKS)."""
        self.taken = torch.zeros(workers, BLOCKS, dtype=torch.uint8).share_memory_()
        self.blocks: dict[tuple[int, int], torch.Tensor] = {}

    def unpack(self, sent: SharedBatch) -> Any:
        """Return the value; its arrays and tensors lie in the block, its bytes are copies."""
        if sent.number is None:
            return pickle.loads(sent.pickled)
        place = sent.worker, sent.number
        if sent.block is not None:
            self.blocks[place] = sent.block
        # Everything below refers to this one array, and nothing else does.
        memory = self.blocks[place].numpy()
        weakref.finalize(memory, self.taken.numpy().__setitem__, place, 0).atexit = False
        pieces = [memory.data[start:stop] for start, stop in sent.spans]
        return _Unpickler(sent.pickled, pieces[: sent.buffers], pieces[sent.buffers :]).load()


def _take_apart(value: Any) -> tuple[bytes, list[memoryview], list[memoryview]]:
    """Return the pickle of a value, the buffers of its arrays, and its large bytes and tensors."""
    file = io.BytesIO()
    buffers: list[memoryview] = []
    pieces: list[memoryview] = []

    def stays(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes >= _LEAST_BYTES:
            buffers.append(raw)
        return raw.nbytes < _LEAST_BYTES

    _Pickler(file, pieces, buffer_callback=stays).dump(value)
    return file.getvalue(), buffers, pieces


class _Pickler(pickle.Pickler):
    """Refers to large bytes and tensors by their number."""

    def __init__(
        self,
        file: io.BytesIO,
        pieces: list[memoryview],
        *,
        buffer_callback: Callable[[pickle.PickleBuffer], bool],
    ) -> None:
        super().__init__(file, protocol=5, buffer_callback=buffer_callback)
        self.pieces = pieces

    def persistent_id(self, value: Any) -> tuple[Any, ...] | None:
        if type(value) is bytes and len(value) >= _LEAST_BYTES:
            self.pieces.append(memoryview(value))
            return "bytes", len(self.pieces) - 1
        if type(value) is torch.Tensor and _is_plain(value):
            self.pieces.append(value.contiguous().flatten().view(torch.uint8).numpy().data)
            return "tensor", len(self.pieces) - 1, value.dtype, tuple(value.shape)
        return None


class _Unpickler(pickle.Unpickler):
    def __init__(self, pickled: bytes, buffers: Sequence[memoryview], pieces: Sequence[memoryview]) -> None:
        super().__init__(io.BytesIO(pickled), buffers=buffers)
        self.pieces = pieces

    def persistent_load(self, key: Any) -> Any:
        piece = self.pieces[key[1]]
        if key[0] == "bytes":
            return bytes(piece)
        return torch.frombuffer(piece, dtype=key[2]).view(key[3])


def _is_plain(tensor: torch.Tensor) -> bool:
    """Whether a tensor's numbers are all that there is to it."""
    return (
        tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and not tensor.requires_grad
        and not tensor.is_conj()
        and not tensor.is_neg()
        and tensor.nbytes >= _LEAST_BYTES
    )


def _lay_out(pieces: Sequence[memoryview]) -> tuple[list[tuple[int, int]], int]:
    spans, end = [], 0
    for piece in pieces:
        start = math.ceil(end / _ALIGN_BYTES) * _ALIGN_BYTES
        end = start + piece.nbytes
        spans.append((start, end))
    return spans, end


def _has_room(size: int) -> bool:
    """Whether `size` bytes can be shared; a container often has but 64 MB, and going beyond is fatal."""
    if not _SHARED_MEMORY.is_dir():
        return True
    room = os.statvfs(_SHARED_MEMORY)
    return size < _SHARE_OF_ROOM * room.f_bavail * room.f_frsize
