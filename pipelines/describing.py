"""Opening a description model, and the machine's faults met while one works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leitmotif.storage.errors import OutsideError, RunError, is_machine_fault, one_line, what_helps
from leitmotif.weights.device import resolve_device

if TYPE_CHECKING:
    from leitmotif.train_mmdm.describe import Describer


@contextmanager
def one_line_errors(then: str = "run it again") -> Iterator[None]:
    """Turn what the machine refuses, wherever training and describing meet it, into one line.

    Args:
        then: What to do after that which helps.

    Raises:
        OutsideError: Disk or memory failed.
    """
    try:
        yield
    except RunError:
        raise
    except Exception as error:
        if not is_machine_fault(error):
            raise
        raise OutsideError(f"{one_line(error)}; {what_helps(error)} and {then}") from error


def open_describer(run: Path, *, device: str = "auto", visuals: bool = False, **decoding: Any) -> Describer:
    """Return a run's model, ready to describe.

    Args:
        run: What `leitmotif train mmdm` wrote.
        device: "cpu", "cuda", "cuda:N" or "auto".
        visuals: Let it speak of the visual elements first.
        decoding: How words are chosen, over what the run says (`leitmotif.train_mmdm.describe.Decoding`).

    Raises:
        UserError: The folder is no run, or lacks files.
        OutsideError: The device has no room for the model.
    """
    from transformers.utils import logging

    from leitmotif.train_mmdm.describe import Describer, decoding_of
    from leitmotif.train_mmdm.run import open_model
    from leitmotif.train_mmdm.settings import read_settings

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    chosen = decoding_of(read_settings(run), **decoding)
    return Describer(open_model(run, resolve_device(device)), chosen, visuals=visuals)
