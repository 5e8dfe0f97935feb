"""An index as a folder: what of a dataset's rows is looked up, and the vectors of each space.

INDEX/
  rows.parquet     what is known of every clip, in the dataset's order
  NAME.parquet     clip_id and vector of the clips that a space has, in the same order; of very many by cells
                   (`leitmotif.retrieval.cells`). Where the index had them made, beside each the digest of the
                   sound or caption that it is of
  NAME-cells.parquet   the centroid of each cell, where there are some
  index.json       which dataset it is of, the model of each space, and the encoders that were asked for;
                   written last
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from leitmotif.phrases import command, no_such_folder
from leitmotif.retrieval.spaces import SPACES, Model
from leitmotif.shards.columns import CLIPS
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.layout import INDEX
from leitmotif.storage import parquet
from leitmotif.storage.atomic import write_text
from leitmotif.storage.documents import DocumentError, read_object
from leitmotif.storage.errors import OutsideError, is_machine_fault, one_line
from leitmotif.storage.parquet import DamagedError, naming_damage

FACTS, ROWS, VERSION = "index.json", "rows.parquet", 1
# What is known of a clip when it is found.
COLUMNS = (
    "clip_id",
    "source_id",
    "source_url",
    "recording_id",
    "license",
    "title",
    "artist",
    "start_s",
    "duration_s",
    "instruments",
    "genres",
    "moods",
    "tempo_bpm",
    "tempo_class",
    "key",
    "caption",
)
_KINDS = {name: kind for name, kind, _ in CLIPS}
ROW_SCHEMA = pa.schema([(name, _KINDS[name]) for name in COLUMNS] + [("split", pa.string())])


def vector_schema(name: str, dim: int) -> pa.Schema:
    """Return the schema of the vectors of a space."""
    fields = [("clip_id", pa.string()), ("vector", pa.list_(pa.float32(), dim)), ("cell", pa.int32())]
    return pa.schema(fields if name in SPACES else [*fields, ("digest", pa.string())])


def cell_schema(dim: int) -> pa.Schema:
    """Return the schema of the centroids of a space, in the order of their cells."""
    return pa.schema([("vector", pa.list_(pa.float32(), dim))])


@dataclass(frozen=True)
class SpaceFacts:
    """What an index says of a space.

    Attributes:
        model: What embedded its clips.
        dim: Length of its vectors.
        recall: Of the approximate search, if there is one: how many of the ten nearest it finds, 0..1.
        probes: How many cells that search looks into.
    """

    model: Model
    dim: int
    recall: float | None = None
    probes: int | None = None


@dataclass(frozen=True)
class Facts:
    """What an index says of itself.

    Attributes:
        dataset: The fingerprint of the dataset.
        spaces: Its spaces by name.
        encoders: What clips were to be embedded by, beside the dataset's own vectors, by name.
    """

    dataset: str
    spaces: Mapping[str, SpaceFacts] = field(default_factory=dict)
    encoders: Mapping[str, Model] = field(default_factory=dict)


def write_facts(folder: Path, facts: Facts) -> None:
    """Write what an index says of itself, whole or not at all.

    Raises:
        OSError: The disk refused.
    """
    write_text(folder / FACTS, json.dumps({"version": VERSION, **asdict(facts)}, indent=1) + "\n")


def read_facts(folder: Path, dataset: Path) -> Facts:
    """Return what an index says of itself.

    Args:
        folder: The index.
        dataset: The dataset that it is of, for the command that helps.

    Raises:
        DatasetError: There is no index, or it is damaged.
    """
    if not (folder / FACTS).is_file():
        said = f"it has no {FACTS}" if folder.is_dir() else no_such_folder(folder, FACTS).rstrip(";")
        raise DatasetError(
            f"{str(folder)!r} is no index ({said}); `{index_command(folder, dataset)}` makes one"
        )
    with reading_index(folder, dataset, FACTS):
        return _facts(read_object(folder / FACTS))


def _facts(content: Mapping[str, Any]) -> Facts:
    if content.get("version") != VERSION:
        raise DocumentError(f"it is of version {content.get('version')!r}, expected {VERSION}")
    try:
        spaces = {
            str(name): SpaceFacts(
                _model(space["model"]),
                int(space["dim"]),
                None if space["recall"] is None else float(space["recall"]),
                None if space["probes"] is None else int(space["probes"]),
            )
            for name, space in content["spaces"].items()
        }
        # An index of an older version says nothing of encoders.
        encoders = {str(name): _model(model) for name, model in content.get("encoders", {}).items()}
        return Facts(str(content["dataset"]), spaces, encoders)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DocumentError(f"it lacks {one_line(error)}") from error


def _model(stated: Mapping[str, Any]) -> Model:
    return Model(str(stated["id"]), str(stated["adapter"]), dict(stated["settings"]))


def read_rows(folder: Path, dataset: Path) -> pa.Table:
    """Return what is known of every clip; raises as `read_facts`."""
    return _read(folder, dataset, ROWS, ROW_SCHEMA)


def read_vectors(folder: Path, dataset: Path, name: str, dim: int) -> pa.Table:
    """Return the vectors of a space; raises as `read_facts`."""
    return _read(folder, dataset, f"{name}.parquet", vector_schema(name, dim))


def read_cells(folder: Path, dataset: Path, name: str, dim: int) -> pa.Table:
    """Return the centroids of a space; raises as `read_facts`."""
    return _read(folder, dataset, f"{name}-cells.parquet", cell_schema(dim))


def _read(folder: Path, dataset: Path, name: str, schema: pa.Schema) -> pa.Table:
    path = folder / name
    with reading_index(folder, dataset, path.name):
        with naming_damage(path):
            table = parquet.read_table(path)
        if not table.schema.equals(schema):
            raise DamagedError(path, "its columns are others")
        return table


@contextmanager
def reading_index(folder: Path, dataset: Path, name: str) -> Iterator[None]:
    """Say what is wrong with an index, and how it is made again.

    Raises:
        DatasetError: A file of it is missing or damaged.
        OutsideError: The machine refused to read.
    """
    try:
        yield
    except (DamagedError, DocumentError, OSError) as error:
        if is_machine_fault(error) and not isinstance(error, DamagedError):
            raise OutsideError(
                f"{one_line(error)} while reading {str(folder / name)!r}; run again"
            ) from error
        said = error.reason if isinstance(error, DamagedError) else getattr(error, "strerror", None) or error
        raise DatasetError(
            f"index {str(folder)!r}: {name} cannot be read ({one_line(said)}); "
            f"`{index_command(folder, dataset)}` makes it anew"
        ) from error


def index_command(folder: Path, dataset: Path) -> str:
    """Return the command that makes an index, or follows what changed."""
    elsewhere = folder.absolute() != (dataset / INDEX).absolute()
    return command("index", dataset, *(("--out", folder) if elsewhere else ()))


def to_matrix(vectors: pa.ChunkedArray, dim: int) -> np.ndarray:
    """Return a column of vectors as float32 (n, dim)."""
    flat = vectors.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    matrix: np.ndarray = flat.reshape(-1, dim)
    return matrix


def to_column(matrix: np.ndarray) -> pa.FixedSizeListArray:
    """Return a matrix as a column of vectors."""
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), matrix.shape[1])
