"""What reading a published dataset may end with."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from leitmotif.phrases import command
from leitmotif.storage.errors import OutsideError, UserError, is_machine_fault, one_line
from leitmotif.storage.parquet import DamagedError

_ABSENT = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)


class DatasetError(UserError):
    """A dataset that cannot be read, or lacks what was asked for; one line: got, expected, what to do."""


@contextmanager
def reading(dataset: Path, what: str) -> Iterator[None]:
    """Name the file that cannot be read, and what to do about it.

    Args:
        dataset: The folder.
        what: Is read, such as "shard train-00000-of-00001.parquet".

    Raises:
        DatasetError: The file is missing or damaged.
        OutsideError: The machine refused, whatever the file.
    """
    try:
        yield
    except (OSError, pa.ArrowException, UnicodeDecodeError, DamagedError) as error:
        if isinstance(error, _ABSENT):
            said = os.strerror(error.errno or errno.ENOENT)
        elif isinstance(error, DamagedError):
            said = error.reason
        elif is_machine_fault(error):
            raise OutsideError(
                f"{one_line(error)} while reading {what} of {str(dataset)!r}; run again"
            ) from error
        else:
            said = one_line(error)
        raise DatasetError(f"{what} cannot be read ({said}); {advice(dataset)}") from error


def advice(dataset: Path) -> str:
    """Return what to do about a dataset with a file that is missing or damaged."""
    return f"run `{command('validate', dataset)}`, and publish or copy it again"
