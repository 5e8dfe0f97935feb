"""What reading a dataset or writing its reports may end with, as the errors of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from leitmotif.phrases import command
from leitmotif.storage.errors import (
    OutsideError,
    UserError,
    describe_machine_fault,
    is_machine_fault,
    one_line,
)


@contextmanager
def one_line_errors(folder: Path) -> Iterator[None]:
    """Turn what a damaged folder or a full disk causes into the errors of a run.

    Args:
        folder: Folder of the dataset or the workspace.

    Raises:
        UserError: A file or a table of it cannot be read, or a place cannot be written.
        OutsideError: The disk refused.
    """
    try:
        yield
    except (OSError, MemoryError) as error:
        if is_machine_fault(error):
            raise OutsideError(f"{describe_machine_fault(error, folder)} and run again") from error
        place, said = getattr(error, "filename", None) or folder, getattr(error, "strerror", None) or error
        raise UserError(f"{str(place)!r} cannot be read or written ({said})") from error
    except pa.ArrowInvalid as error:
        raise UserError(
            f"a table of {str(folder)!r} cannot be read ({one_line(error)}); "
            f"`{command('validate', folder)}` says which"
        ) from error
