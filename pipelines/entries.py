"""Catalogued clips with what became of them, and where the numbers of each lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.pipelines.catalog_row import CatalogRow
from leitmotif.pipelines.stage import Clip, keyed_by
from leitmotif.pipelines.stages import STAGES
from leitmotif.pipelines.workspace import Stores
from leitmotif.storage.table import KEY

METADATA = ("title", "artist", "description", "comments")


@dataclass(frozen=True)
class Outcome:
    """What became of one catalogued clip; exactly one of the three, or none yet (`is_kept`)."""

    rule: str | None = None
    value: float | None = None
    threshold: float | None = None
    detail: str | None = None
    stage: str | None = None
    error: str | None = None
    message: str | None = None
    pending: str | None = None

    @property
    def is_kept(self) -> bool:
        """Whether nothing took the clip so far."""
        return self.rule is None and self.error is None and self.pending is None


@dataclass
class CatalogEntry:
    """One catalogued clip: a file, or a window of a file.

    Attributes:
        clip_id: Hash of the media bytes and the window; of the path where the file could not be read.
        source: The file's row of the catalog.
        stores: Stores of the plan that it goes by: that of its kind, once its kind is known.
        start_s: Where the window starts.
        duration_s: Length of the window; None where the file does not say its length.
        whole: The window is the whole file.
        outcome: What became of it.
    """

    clip_id: str
    source: CatalogRow
    stores: Stores
    start_s: float = 0.0
    duration_s: float | None = None
    whole: bool = True
    outcome: Outcome = Outcome()

    @property
    def media_id(self) -> str:
        """Hash of the media bytes; of a file that could not be read there is none."""
        return str(self.source.media_id)

    @property
    def source_id(self) -> str:
        """What the file is called within the folder that it was found in."""
        return self.source.source_id


def stored_under(entry: CatalogEntry, stage: str) -> str:
    """Return the key of a clip in a stage's store: its own, or that of the file of which it is a window."""
    return entry.media_id if keyed_by(STAGES[stage]) == "media_id" else entry.clip_id


def asked(entry: CatalogEntry, rule: str) -> bool:
    """Return whether a rule is one of the plan that a clip goes by."""
    return rule in entry.stores.plan.rules


def by_store(entries: Sequence[CatalogEntry], stage: str) -> list[tuple[Stores, list[int]]]:
    """Return the stores in which a stage's rows of some clips lie, with the places of those clips.

    Kinds whose settings of the stage agree share a store; clips of a kind without the stage are left out.
    """
    folders: dict[int, Path] = {}
    found: dict[Path, tuple[Stores, list[int]]] = {}
    for place, entry in enumerate(entries):
        stores = entry.stores
        if stage in stores.stages:
            if id(stores) not in folders:
                folders[id(stores)] = stores.folder(stage)
            found.setdefault(folders[id(stores)], (stores, []))[1].append(place)
    return list(found.values())


def take(entries: Sequence[CatalogEntry], stage: str, column: str) -> pa.Array:
    """Return a stage's column of some clips, shape (clips,), in their order; null where it has no number.

    Args:
        entries: The clips.
        stage: The stage.
        column: One that it stores. Texts, lists and the like are read part by part, so that no more of them
            is held than is asked for.
    """
    kind = STAGES[stage].COLUMNS.field(column).type
    without = np.ones(len(entries), bool)
    places: list[int] = []
    pieces = [pa.array([], kind)]
    for stores, rows in by_store(entries, stage):
        keys = pa.array([stored_under(entries[row], stage) for row in rows], pa.string())
        pieces.append(_read(stores, stage, column, keys))
        places += rows
        without[rows] = False
    pieces.append(pa.nulls(int(without.sum()), kind))
    places += np.flatnonzero(without).tolist()
    order = np.empty(len(entries), np.int64)
    order[places] = np.arange(len(entries))
    return pa.concat_arrays(pieces).take(pa.array(order))


def _read(stores: Stores, stage: str, column: str, keys: pa.Array) -> pa.Array:
    store = stores.store(stage)
    if pa.types.is_primitive(store.schema.field(column).type):
        # Numbers are few bytes, and asked for again when what was measured is judged.
        table = store.read([column])
        return table[column].combine_chunks().take(pc.index_in(keys, value_set=table[KEY].combine_chunks()))
    wanted = keys.unique()
    tables = [pa.schema([store.schema.field(name) for name in (KEY, column)]).empty_table()]
    for table in store.tables([KEY, column, "error"]):
        chosen = pc.and_(pc.is_in(table[KEY], value_set=wanted), pc.is_null(table["error"]))
        tables.append(table.filter(chosen).select([KEY, column]))
    # A later part beats an earlier one.
    table = pa.concat_tables(reversed(tables)).combine_chunks()
    return table[column].combine_chunks().take(pc.index_in(keys, value_set=table[KEY].combine_chunks()))


def as_clip(entry: CatalogEntry, stage: str) -> Clip:
    """Return what a stage needs of a clip, but for what it reads of other stages.

    A stage whose rows are of files gets the whole file.
    """
    key = stored_under(entry, stage)
    whole = entry.whole or key != entry.clip_id
    return Clip(
        clip_id=key,
        path=Path(entry.source.path),
        start_s=0.0 if whole else entry.start_s,
        duration_s=None if whole else entry.duration_s,
        metadata={name: getattr(entry.source, name) for name in METADATA},
        source=entry.source.state,
    )
