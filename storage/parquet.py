"""The one place where Parquet files are written and read: damage is an error, never another number.

Pages bear the CRC-32 that the format has for them. The footer, which says where columns lie and what they
are, has none in the format (of the bits of a store part's footer, one in forty reads as other rows where it
is flipped): its digest stands in the 24 bytes before it. No offset of the format leads there, so any reader
passes over them.

Files without either, by older versions or other programs, are read as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from leitmotif.phrases import count
from leitmotif.storage.atomic import whole_file
from leitmotif.storage.errors import OutsideError, one_line

FileMetaData = pq.FileMetaData
# What stands before a footer: a mark, and the first half of the SHA-256 of all that follows.
_MARK, _DIGEST_BYTES = b"LMFOOTER", 16
# A file ends with the length of its footer and a magic number, of four bytes each.
_END_BYTES = 8
# How much of a column is read at once; from 64 KiB to 1 MiB it is all one. With `pre_buffer` Arrow reads
# the columns of a row group ahead into memory of its own: 1.2 to 1.8 times the CPU for pictures and sound,
# and no sooner, from a disk or from the page cache.
_BUFFER_BYTES = 1 << 18
# Footers of most files are shorter than this, so that one look at the end is enough.
_LOOK_BYTES = 1 << 16


class DamagedError(OutsideError):
    """A file of ours is damaged, or not the one that was written.

    Attributes:
        path: The file.
        reason: What is wrong with it, in a few words.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{str(path)!r} is damaged ({reason})")
        self.path, self.reason = path, reason

    def __reduce__(self) -> tuple[type[DamagedError], tuple[Path, str]]:
        return DamagedError, (self.path, self.reason)


class ParquetFile(pq.ParquetFile):
    """A Parquet file whose footer is checked when it is opened, and every page when it is read.

    Rows are counted as well: pyarrow passes over a page whose header is of no kind that it knows, and says
    nothing.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            DamagedError: Its footer is not the one that was written.
            OSError, pyarrow.ArrowException: It is missing, or no Parquet file.
        """
        _check_footer(path)
        super().__init__(path, pre_buffer=False, buffer_size=_BUFFER_BYTES, page_checksum_verification=True)
        self.path = path

    def read(self, columns: Sequence[str] | None = None, **options: Any) -> pa.Table:
        """Return all rows; arguments and errors are those of pyarrow, and `DamagedError`."""
        return self._whole(super().read(columns, **options), self.metadata.num_rows)

    def read_row_group(self, number: int, columns: Sequence[str] | None = None, **options: Any) -> pa.Table:
        """Return the rows of a group; arguments and errors are those of pyarrow, and `DamagedError`."""
        rows = self.metadata.row_group(number).num_rows
        return self._whole(super().read_row_group(number, columns, **options), rows)

    def iter_batches(
        self, batch_size: int = 65536, row_groups: Sequence[int] | None = None, **options: Any
    ) -> Iterator[pa.RecordBatch]:
        """Yield rows as batches; arguments and errors are those of pyarrow, and `DamagedError`."""
        groups = range(self.num_row_groups) if row_groups is None else row_groups
        rows = sum(self.metadata.row_group(number).num_rows for number in groups)
        batches = super().iter_batches(batch_size, row_groups=list(groups), **options)
        yield from _counted(batches, rows, self.path)

    def _whole(self, table: pa.Table, rows: int) -> pa.Table:
        if len(table.columns) and len(table) != rows:
            raise _lost(self.path, rows - len(table))
        return table


@contextmanager
def naming_damage(path: Path) -> Iterator[None]:
    """Name a file whose content cannot be read.

    Raises:
        DamagedError: It is damaged.
        OSError: It is missing, or the machine refused.
    """
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DamagedError(path, one_line(error, 200)) from error
    except OSError as error:
        if error.errno is not None:
            raise
        # Arrow says so of pages and footers that make no sense.
        raise DamagedError(path, one_line(error, 200)) from error


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Return a file's rows.

    Args:
        path: The file.
        columns: Names of columns; all by default.

    Raises:
        DamagedError: It is not the one that was written, or lacks a column.
        OSError, pyarrow.ArrowException: It is missing or damaged.
    """
    with ParquetFile(path) as file:
        if lacking := set(columns or ()) - set(file.schema_arrow.names):
            raise DamagedError(path, f"it has no column {min(lacking)!r}")
        table = file.read(columns)
    return table if columns is None else table.select(list(columns))


def read_metadata(path: Path) -> pq.FileMetaData:
    """Return a file's footer; raises as `read_table` does."""
    _check_footer(path)
    return pq.read_metadata(path)


def read_schema(path: Path) -> pa.Schema:
    """Return a file's schema, from its footer; raises as `read_table` does."""
    _check_footer(path)
    return pq.read_schema(path)


def read_tables(paths: Iterable[Path], columns: Sequence[str]) -> pa.Table:
    """Return the rows of several files of one schema; raises as `scan` does."""
    files = list(paths)
    whole = _dataset(files)
    table = whole.to_table(columns=list(columns))
    if columns and (lost := whole.count_rows() - len(table)):
        raise _lost(files[0], lost)
    return table


def scan(
    paths: Iterable[Path],
    columns: Sequence[str],
    *,
    dictionary_columns: Sequence[str] = (),
    **options: Any,
) -> Iterator[pa.RecordBatch]:
    """Yield rows of files of one schema as batches, read ahead by several threads.

    Args:
        paths: The files.
        columns: Names of columns.
        dictionary_columns: Columns to be read as the dictionaries that Parquet stores them in.
        options: As of `pyarrow.dataset.Dataset.scanner`.

    Raises:
        DamagedError: A file is not the one that was written.
        OSError, pyarrow.ArrowException: A file is missing, damaged, or lacks a column.
    """
    files = list(paths)
    whole = _dataset(files, dictionary_columns)
    batches = whole.scanner(columns=list(columns), **options).to_batches()
    yield from _counted(batches, whole.count_rows(), files[0])


def _dataset(files: Sequence[Path], dictionary_columns: Sequence[str] = ()) -> pads.Dataset:
    for path in files:
        _check_footer(path)
    parts = pads.ParquetFileFormat(
        read_options=pads.ParquetReadOptions(dictionary_columns=dictionary_columns),
        default_fragment_scan_options=pads.ParquetFragmentScanOptions(page_checksum_verification=True),
    )
    return pads.dataset(list(map(str, files)), format=parts)


def write_table(table: pa.Table, path: Path, *, beside: Path | None = None) -> None:
    """Write a table as one file, whole or not at all; see `leitmotif.storage.atomic.whole_file`.

    Raises:
        OSError: The disk refused; neither file is left behind.
    """
    with whole_file(path, beside=beside) as place, open_writer(place, table.schema) as writer:
        writer.write_table(table)


@contextmanager
def open_writer(
    path: Path, schema: pa.Schema, *, plain: Sequence[str] = (), **options: Any
) -> Iterator[pq.ParquetWriter]:
    """Give a writer; the file is whole once the block ends without an error.

    Args:
        path: Where to; the caller renames it, or the folder that it lies in.
        schema: Schema of the file.
        plain: Columns to be written as they are; the others are compressed.
        options: As of `pyarrow.parquet.ParquetWriter`.

    Raises:
        OSError: The disk refused; what is there of the file is no use.
    """
    codecs = _codecs(schema, plain) if plain else "zstd"
    with pq.ParquetWriter(path, schema, compression=codecs, write_page_checksum=True, **options) as writer:
        yield writer
    _seal(path)


def _codecs(schema: pa.Schema, plain: Sequence[str]) -> dict[str, str]:
    """Return the compression of each column as Parquet names it, as in `audio.bytes`."""
    sink = pa.BufferOutputStream()
    pq.write_metadata(schema, sink)
    columns = pq.read_metadata(pa.BufferReader(sink.getvalue())).schema
    leaves = [columns.column(number).path for number in range(len(columns))]
    return {leaf: "none" if leaf.split(".")[0] in plain else "zstd" for leaf in leaves}


def _seal(path: Path) -> None:
    """Write the digest of the footer before the footer."""
    with path.open("r+b") as file:
        file.seek(-_END_BYTES, 2)
        start = -_END_BYTES - int.from_bytes(file.read(4), "little")
        file.seek(start, 2)
        footer = file.read()
        file.seek(start, 2)
        file.write(_MARK + _digest(footer) + footer)


def _check_footer(path: Path) -> None:
    """Compare a footer with the digest before it, if there is one.

    Raises:
        DamagedError: They differ.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        end = _tail(file, size, _LOOK_BYTES)
        length = int.from_bytes(end[-_END_BYTES:-4], "little") + _END_BYTES
        marked = length + len(_MARK) + _DIGEST_BYTES
        if marked > size:
            return  # Arrow says what is wrong with it
        end = end if marked <= len(end) else _tail(file, size, marked)
    mark, footer = end[-marked:-length], end[-length:]
    if mark.startswith(_MARK) and mark[len(_MARK) :] != _digest(footer):
        raise DamagedError(path, "its footer is not the one that was written")


def _tail(file: Any, size: int, wanted: int) -> bytes:
    file.seek(max(0, size - wanted))
    content: bytes = file.read()
    return content


def _digest(footer: bytes) -> bytes:
    return hashlib.sha256(footer).digest()[:_DIGEST_BYTES]


def _counted(batches: Iterable[pa.RecordBatch], rows: int, path: Path) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows -= batch.num_rows
        yield batch
    if rows:
        raise _lost(path, rows)


def _lost(path: Path, rows: int) -> DamagedError:
    return DamagedError(path, f"{count(rows, 'row')} of it cannot be read")
