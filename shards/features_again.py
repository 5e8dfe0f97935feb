"""Side tables of a dataset that is published again: rows of clips that are as they were go on with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.phrases import command, count
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError, reading
from leitmotif.shards.features import FACTS, KEY, Features, list_features, open_features
from leitmotif.shards.layout import FEATURES
from leitmotif.storage import parquet
from leitmotif.storage.atomic import clear_folder
from leitmotif.storage.errors import OutsideError
from leitmotif.storage.lock import LOCK, is_held

TAXONOMY = "taxonomy.yaml"
_PART = re.compile(r"part-\d{5}\.parquet")


def encoded_files(dataset: Path) -> set[str]:
    """Return the files of the side tables that `leitmotif encode` wrote, by their paths in the dataset.

    A table of anybody else, and what else lies beside ours, is none of them.

    Raises:
        OutsideError: A table is being filled.
    """
    found: set[str] = set()
    for folder in list_features(dataset):
        clear_folder(folder)
        if (folder / LOCK).is_file() and is_held(folder / LOCK):
            raise OutsideError(f"{str(folder)!r} is being filled by another run; wait for it to end")
        parts = [path for path in folder.iterdir() if _PART.fullmatch(path.name)]
        if all(_is_noted(dataset, path) for path in parts):
            ours = [*parts, *folder.glob(LOCK)]
            found.update(path.relative_to(dataset).as_posix() for path in ours)
    return found


def _is_noted(dataset: Path, path: Path) -> bool:
    try:
        with reading(dataset, path.name):
            return FACTS in (parquet.read_schema(path).metadata or {})
    except DatasetError:
        return False


def carry_features(former: Path, dataset: Path) -> list[str]:
    """Write what the side tables of a dataset say of clips that are the same in the one that takes its place.

    A clip is the same where every column that its features were made from is, and the label set.

    Args:
        former: The dataset as it is.
        dataset: The one that is being written, with its shards.

    Returns:
        A line for each table: how many clips go on, and the command that encodes the others.

    Raises:
        OSError: The disk refused.
    """
    lines = []
    for folder in list_features(former):
        place = f"{FEATURES}/{folder.name}"
        try:
            table = open_features(former, folder.name)
            same = _unchanged(former, dataset, table.read)
            rows = _copy(table, same, dataset / FEATURES / folder.name)
        except DatasetError as error:
            rows = 0
            place = f"{place} ({str(error).rpartition('; ')[0]})"
        total = sum(Dataset(dataset).splits.values())
        goes_on = f"{place}: {rows} of {count(total, 'clip')} go on with the new dataset"
        if rows < total:
            again = command("encode", former, "--for", folder.name.rpartition("-")[0])
            goes_on += f"; `{again}`, with the --preset and --set of before, encodes the others"
        lines.append(goes_on)
    return lines


def _unchanged(former: Path, dataset: Path, columns: Sequence[str]) -> pa.Array:
    """Return the ids of clips whose columns, and the label set, are the same in two datasets.

    Raises:
        DatasetError: The former one cannot be read.
    """
    labels = [
        (folder / TAXONOMY).read_bytes() for folder in (former, dataset) if (folder / TAXONOMY).is_file()
    ]
    if not columns or len(labels) != 2 or labels[0] != labels[1]:
        return pa.array([], pa.string())
    before = dict(_digests(Dataset(former), columns))
    same = [
        clip_id for clip_id, digest in _digests(Dataset(dataset), columns) if before.get(clip_id) == digest
    ]
    return pa.array(same, pa.string())


def _digests(dataset: Dataset, columns: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the id of each clip with a digest of some of its columns."""
    names = sorted({KEY, *columns} & set(dataset.columns))
    for split in dataset.shards:
        for group in dataset.groups(split):
            for batch in group.read(names).to_batches(max_chunksize=1):
                (row,) = batch.to_pylist()
                yield row[KEY], _digest(repr(_short(row)).encode())


def _short(value: Any) -> Any:
    """Return a value with a digest in the place of each file in it."""
    if isinstance(value, dict):
        return [(name, _short(value[name])) for name in sorted(value)]
    return _digest(value) if isinstance(value, bytes) else value


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _copy(table: Features, clip_ids: pa.Array, folder: Path) -> int:
    """Write the rows of some clips, row group by row group, and return how many there are."""
    rows = 0
    for path in table.files:
        with reading(table.dataset, path.name), parquet.ParquetFile(path) as file:
            stays = np.asarray(pc.is_in(file.read([KEY])[KEY], value_set=clip_ids))
            if not stays.any():
                continue
            folder.mkdir(parents=True, exist_ok=True)
            start = 0
            with parquet.open_writer(folder / path.name, file.schema_arrow) as writer:
                for number in range(file.num_row_groups):
                    group = file.read_row_group(number)
                    kept = group.filter(pa.array(stays[start : start + len(group)]))
                    start += len(group)
                    if len(kept):
                        writer.write_table(kept)
            rows += int(stays.sum())
    return rows
