"""Index a dataset: what its rows say and how its clips were embedded, as one folder that appears whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.retrieval.clip_vectors import ClipEmbedder, MadeBefore
from leitmotif.retrieval.encoder_choice import choose_encoders
from leitmotif.retrieval.folder import (
    FACTS,
    Facts,
    read_facts,
    read_rows,
    read_vectors,
    to_matrix,
    write_facts,
)
from leitmotif.retrieval.index_writer import IndexWriter
from leitmotif.retrieval.spaces import Model, space_named
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.layout import INDEX
from leitmotif.shards.manifest import note_written, read_manifest
from leitmotif.storage import parquet
from leitmotif.storage.atomic import clear_leftovers, whole_folder
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import OutsideError, UserError, describe_machine_fault, is_machine_fault
from leitmotif.storage.places import check_place
from leitmotif.storage.progress import OnProgress, show_nothing


@dataclass(frozen=True)
class Indexed:
    """What became of indexing.

    Attributes:
        index: The folder.
        clips: How many it holds.
        added: Of them, those that it did not hold before.
        removed: Those that it held, and that the dataset has no more.
        vectors: How many clips each space has.
        written: Whether anything was to be written.
        notes: What is to be known, a line each.
    """

    index: str
    clips: int
    added: int
    removed: int
    vectors: dict[str, int]
    written: bool
    notes: tuple[str, ...]


def build(
    dataset: Dataset,
    out: Path | None = None,
    *,
    encoders: Sequence[str] | None = None,
    device: str = "auto",
    on_progress: OnProgress = show_nothing,
) -> Indexed:
    """Bring the index of a dataset up to date.

    Args:
        dataset: The dataset.
        out: The index; by default the folder `INDEX` in the dataset.
        encoders: What clips are embedded by, so that sentences find them
            (`leitmotif.retrieval.encoder_choice.choose_encoders`).
        device: Where these run: "cpu", "cuda", "cuda:N" or "auto".
        on_progress: Called with how many clips are indexed, and how many each encoder embedded.

    Raises:
        UserError: The dataset cannot be read, its rows were embedded by several models, `out` holds something
            else, or an encoder is not here.
        OutsideError: The disk refused; a former index is untouched.
    """
    folder = dataset.path / INDEX if out is None else out
    _check_target(folder, dataset)
    fingerprint = dataset.fingerprint
    former, before, notes = _former(folder, dataset)
    models, choice = choose_encoders(dataset, former, encoders)
    if former is not None and former.dataset == fingerprint and dict(former.encoders) == models:
        _note(dataset, folder)
        return Indexed(str(folder), len(before), 0, 0, _sizes(folder, former), False, tuple(choice))
    embedders = {
        name: ClipEmbedder(space_named(name), model, _made_before(folder, former, name, model), device)
        for name, model in models.items()
    }
    try:
        with whole_folder(folder) as beside:
            writer = IndexWriter(dataset, beside, models)
            clips = writer.write(embedders, on_progress)
            facts = Facts(fingerprint, writer.spaces(), models)
            write_facts(beside, facts)
        _note(dataset, folder)
    except (OSError, MemoryError) as error:
        if not is_machine_fault(error, writing=True):
            raise
        raise OutsideError(f"{describe_machine_fault(error, folder)} and index again") from error
    kept = int(pc.sum(pc.is_in(clips, value_set=before)).as_py() or 0)
    return Indexed(
        index=str(folder),
        clips=len(clips),
        added=len(clips) - kept,
        removed=len(before) - kept,
        vectors=_sizes(folder, facts),
        written=True,
        notes=(*notes, *writer.notes(), *choice),
    )


def _sizes(folder: Path, facts: Facts) -> dict[str, int]:
    return {name: parquet.read_metadata(folder / f"{name}.parquet").num_rows for name in facts.spaces}


def _check_target(folder: Path, dataset: Dataset) -> None:
    check_place(folder)
    if folder.absolute().parent.is_dir():
        clear_leftovers(folder)
    is_empty = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and not (folder / FACTS).is_file() and not is_empty:
        raise UserError(f"{str(folder)!r} exists and is no index (no {FACTS}); choose another --out")
    place = dataset.path / INDEX
    if folder.resolve().is_relative_to(dataset.path.resolve()) and folder.resolve() != place.resolve():
        raise UserError(
            f"{str(folder)!r} lies in the dataset; its index is {str(place)!r}, without --out; else give a "
            "place outside it"
        )


def _former(folder: Path, dataset: Dataset) -> tuple[Facts | None, pa.ChunkedArray, list[str]]:
    """Return what an index says of itself and its clips, if it is whole; and what is to be known of it."""
    nothing = pa.chunked_array([], pa.string())
    if not (folder / FACTS).is_file():
        return None, nothing, []
    try:
        facts = read_facts(folder, dataset.path)
        for name, space in facts.spaces.items():
            read_vectors(folder, dataset.path, name, space.dim)
        return facts, read_rows(folder, dataset.path)["clip_id"], []
    except DatasetError as error:
        return None, nothing, [f"the former index was made anew: {str(error).rpartition('; ')[0]}"]


def _made_before(folder: Path, former: Facts | None, name: str, model: Model) -> MadeBefore:
    """Return what a former index has by an encoder, if that was the same model."""
    space = former.spaces.get(name) if former is not None else None
    if space is None or space.model.id != model.id:
        return MadeBefore()
    table = parquet.read_table(folder / f"{name}.parquet")
    keys = zip(table["clip_id"].to_pylist(), table["digest"].to_pylist(), strict=True)
    return MadeBefore({key: place for place, key in enumerate(keys)}, to_matrix(table["vector"], space.dim))


def _note(dataset: Dataset, folder: Path) -> None:
    """Have the dataset's manifest state the index that lies in it."""
    if folder.resolve() != (dataset.path / INDEX).resolve():
        return
    files = read_manifest(dataset.path)["files"]
    stated = {name for name in files if name.startswith(f"{INDEX}/")}
    here = {path.relative_to(dataset.path).as_posix(): path for path in folder.iterdir()}
    facts = f"{INDEX}/{FACTS}"
    # It is written last, and no two are alike.
    if stated != here.keys() or files[facts]["sha256"] != sha256_of(here[facts]):
        note_written(dataset.path, here.values(), dropped=[dataset.path / name for name in stated])
