"""Opening a run that may be damaged: what is missing in it is one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from leitmotif.storage.errors import first_line, is_machine_fault
from leitmotif.train_mmdm.run import DescriptionModel, open_run
from leitmotif.training.errors import TrainingError, TrainingInputError, TrainingOutsideError


def open_model(run: Path, device: str | torch.device = "cpu") -> DescriptionModel:
    """Return the model of a run, ready to describe.

    Raises:
        TrainingInputError: The folder is no run, has no checkpoint yet, or lacks files.
        TrainingOutsideError: The device has no room for the model.
    """
    with reading(run):
        return open_run(run, device)


@contextmanager
def reading(run: Path) -> Iterator[None]:
    """Turn whatever a library raises over unfit files of a run into one line.

    Raises:
        TrainingInputError: A file is missing or damaged.
        TrainingOutsideError: A device's memory is full.
    """
    try:
        yield
    except TrainingError:
        raise
    except torch.OutOfMemoryError as error:
        raise TrainingOutsideError(
            f"the memory of the GPU has no room for {str(run)!r}; free some of it or use --device cpu"
        ) from error
    except Exception as error:
        if is_machine_fault(error):
            raise
        raise TrainingInputError(
            f"{str(run)!r} cannot be opened ({first_line(error)}): a file of it is missing or damaged; copy "
            "the run again, or go on training it from an older checkpoint"
        ) from error
