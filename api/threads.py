"""Gives a process its threads back after a run: measuring takes every sum with one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def own_threads() -> Iterator[None]:
    """Leave the thread pools of BLAS, OpenMP, torch and OpenCV as they were found.

    Stages that were opened with one thread are closed, too: they must not measure with several later.
    """
    import cv2
    import torch
    from threadpoolctl import ThreadpoolController

    from leitmotif.pipelines.runner import close_stages

    before = {pool["filepath"]: pool["num_threads"] for pool in ThreadpoolController().info()}
    of_torch, of_opencv = torch.get_num_threads(), cv2.getNumThreads()
    try:
        yield
    finally:
        close_stages()
        for pool in ThreadpoolController().lib_controllers:
            pool.set_num_threads(before.get(pool.filepath, max(before.values(), default=of_torch)))
        torch.set_num_threads(of_torch)
        cv2.setNumThreads(of_opencv)
