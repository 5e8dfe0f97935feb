"""The rows of a dataset, put together from the catalog and the stores of a workspace.

Row by row with their media for a shard (`RowReader`), or column by column for counting (`read_columns`).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.pipelines.entries import CatalogEntry, by_store, stored_under, take
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.media_files import FILE_COLUMNS, read_file
from leitmotif.pipelines.stages import STAGES
from leitmotif.pipelines.stages.frames import unpack_frames
from leitmotif.pipelines.workspace import Stores
from leitmotif.shards.addresses import public_address
from leitmotif.shards.columns import MODELS, TAGS
from leitmotif.storage.errors import one_line
from leitmotif.storage.parquet import DamagedError
from leitmotif.storage.table import KEY
from leitmotif.tagging.select import select_by_kind
from leitmotif.taxonomy import labels
from leitmotif.taxonomy.labels import TAG_KINDS
from leitmotif.weights.lengths import embedding_length

# Columns that the catalog knows.
NOTED = ("source_id", "source_url", "license", "retrieved_at", "title", "artist", "description", "comments")
# Columns that a row takes as they are: the stage that measured each, and its column there.
MEASURED = {
    "width": ("probe", "width"),
    "height": ("probe", "height"),
    "fps": ("probe", "fps"),
    "motion": ("motion", "mean"),
    "cuts_per_minute": ("motion", "cuts_per_minute"),
    "text_share": ("overlay-text", "text_share"),
    "frame_times_s": ("frames", "frame_times_s"),
    "tempo_bpm": ("rhythm", "tempo_bpm"),
    "tempo_class": ("rhythm", "tempo_class"),
    "beat_confidence": ("rhythm", "beat_confidence"),
    "beats_s": ("rhythm", "beats_s"),
    "meter": ("rhythm", "meter"),
    "downbeats_s": ("rhythm", "downbeats_s"),
    "key": ("rhythm", "key"),
    "speech_share": ("events", "speech"),
    "singing_share": ("events", "singing"),
    "music_share": ("events", "music"),
    "voice_peak": ("events", "voices"),
    "vocal_score": ("vocals", "vocal_score"),
    "vocal_clap": ("vocals", "vocal_clap"),
    "vocal_tagger": ("vocals", "vocal_tagger"),
    "voice_db": ("separation", "voice_db"),
    "removed_db": ("separation", "removed_db"),
    "pam_score": ("quality", "pam_score"),
    "clap_embedding": ("tagging", "clap_embedding"),
    "clip_embedding": ("vision", "clip_embedding"),
    "caption": ("caption", "caption"),
    "caption_backend": ("caption", "caption_backend"),
    "caption_prompt": ("caption", "caption_prompt"),
    "caption_metadata": ("caption", "caption_metadata"),
}
FILE = [name for name, _ in FILE_COLUMNS]
# Where the tags of a clip are chosen from.
_SCORES = "scores"


class RowReader:
    """Reads what the stages measured of kept clips."""

    def __init__(self, kinds: Sequence[Stores], recordings: Mapping[str, str], *, mix: bool = False) -> None:
        """Take the stores; nothing is read yet.

        Args:
            kinds: The stores of each kind of files.
            recordings: The recording of each media file.
            mix: Give each row the sound before the voice was taken out, too.
        """
        self.kinds = kinds
        self.recordings = recordings
        self.mix = mix
        self.taxonomy = labels.load()
        # Of each store that was read from: its keys, the number of the part that holds each, and the parts.
        self._parts: dict[Path, tuple[pa.Array, pa.ChunkedArray, list[Path]]] = {}

    def sizes(self, entries: Sequence[CatalogEntry]) -> dict[str, int]:
        """Return about how many bytes each clip's row takes: its media files."""
        total = dict.fromkeys((entry.clip_id for entry in entries), 4096)
        beside = {"audio"} if self.mix else set()
        for stage in dict.fromkeys(["frames", *(stores.plan.track for stores in self.kinds), *beside]):
            holding = [entry for entry in entries if stage in _media_of(entry) | beside]
            for entry, size in zip(holding, take(holding, stage, "size_bytes").to_pylist(), strict=True):
                total[entry.clip_id] += size or 0
        return total

    def dim(self, stage: str, column: str) -> int:
        """Return the length of a stage's embeddings.

        Where there are none, it is that of the model that would make them, so that the columns of a profile's
        datasets are the same; 1 of a model that nothing is known of.
        """
        for stores in self.kinds:
            for table in stores.store(stage).tables([column]) if stage in stores.stages else ():
                lengths = pc.list_value_length(table[column])
                if (length := pc.max(lengths).as_py()) is not None:
                    return int(length)
        plans = [stores.plan for stores in self.kinds]
        named = next((plan.stages[stage] for plan in plans if stage in plan.stages), None)
        if named is None:
            named = plans[0].left_out.get(stage, {})
        settings = STAGES[stage].SETTINGS(**named).model_dump()
        return embedding_length(settings["model"], settings["revision"]) or 1

    def rows(
        self, entries: Sequence[CatalogEntry], sizes: Mapping[str, int]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (bytes, row) of each clip, in order."""
        columns: dict[str, list[str]] = {"tagging": [_SCORES]}
        for stage, column in MEASURED.values():
            columns.setdefault(stage, []).append(column)
        tables = {stage: self._lookup(stage, names, entries) for stage, names in columns.items()}
        media = {stores.plan.track: self._lookup(stores.plan.track, FILE, entries) for stores in self.kinds}
        frames = self._lookup("frames", FILE, entries)
        mixes = self._lookup("audio", ["audio_s", *(FILE if self.mix else ())], entries)
        for entry in entries:
            clip_id, stores = entry.clip_id, entry.stores
            row: dict[str, Any] = {"clip_id": clip_id, "models": _models(entry), "start_s": _start_s(entry)}
            row |= {name: _noted(entry, name) for name in NOTED}
            row["recording_id"] = self.recordings[entry.media_id]
            row["duration_s"] = mixes[clip_id]["audio_s"]  # of the sound in the row
            for name, (stage, column) in MEASURED.items():
                if stage in stores.stages:
                    row[name] = tables[stage][stored_under(entry, stage)][column]
            scores = tables["tagging"][stored_under(entry, "tagging")][_SCORES]
            row |= select_by_kind(scores, self.taxonomy, stores.plan.tags)
            sound = read_file(stores.workspace.root, media[stores.plan.track][clip_id])
            row["audio"] = {"bytes": sound, "path": f"{clip_id}.flac"}
            if self.mix:
                whole = read_file(stores.workspace.root, mixes[clip_id])
                row["mix"] = {"bytes": whole, "path": f"{clip_id}.flac"}
            if "frames" in stores.stages:
                pictures = _pictures(stores.workspace.root, frames[clip_id])
                row["frames"] = [{"bytes": jpeg, "path": f"{clip_id}-{name}"} for name, jpeg in pictures]
            yield sizes[clip_id], row

    def _lookup(
        self, stage: str, columns: list[str], entries: Sequence[CatalogEntry]
    ) -> dict[str, dict[str, Any]]:
        """Return the columns of the clips whose kind has the stage, by the key they are stored under.

        Only part files that hold one of them are read, so that a shard takes as long in a large workspace as
        in a small one.
        """
        found: dict[str, dict[str, Any]] = {}
        for stores, places in by_store(entries, stage):
            keys = pa.array(sorted({stored_under(entries[place], stage) for place in places}), pa.string())
            store = stores.store(stage)
            if store.folder not in self._parts:
                index = store.index()
                self._parts[store.folder] = index[KEY].combine_chunks(), index["part"], store.parts()
            known, numbers, parts = self._parts[store.folder]
            chosen = numbers.take(pc.index_in(keys, value_set=known).drop_null()).unique().to_pylist()
            table = store.read(columns, parts=[parts[number] for number in chosen])
            rows = table.filter(pc.is_in(table[KEY], value_set=keys)).to_pylist()
            found |= {row[KEY]: row for row in rows}
        return found


def _pictures(workspace: Path, row: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    try:
        return unpack_frames(io.BytesIO(read_file(workspace, row)))
    except zipfile.BadZipFile as error:  # of a row without a hash, by an older version
        raise DamagedError(workspace / row["file"], one_line(error)) from error


def read_columns(ledger: Ledger, entries: Sequence[CatalogEntry], columns: Sequence[str]) -> pa.Table:
    """Return some columns of a dataset for kept clips, in their order.

    Args:
        ledger: Ledger of the workspace, decided.
        entries: The clips.
        columns: Names of columns; media and those of stages that no kind has are left out.
    """
    found: dict[str, pa.Array] = {}
    if set(columns) & set(TAG_KINDS):
        found |= _tags(ledger, entries)
    for name in columns:
        if name in NOTED:
            kind = ledger.workspace.catalog().schema.field(name).type
            found[name] = pa.array([_noted(entry, name) for entry in entries], kind)
        elif name == "clip_id":
            found[name] = pa.array([entry.clip_id for entry in entries], pa.string())
        elif name == "start_s":
            found[name] = pa.array(list(map(_start_s, entries)), pa.float64())
        elif name == "duration_s":
            found[name] = take(entries, "audio", "audio_s")
        elif name == "models":
            found[name] = pa.array(list(map(_models, entries)), MODELS)
        elif name in MEASURED and MEASURED[name][0] in ledger.stages:
            found[name] = take(entries, *MEASURED[name])
    return pa.table({name: found[name] for name in columns if name in found})


def _tags(ledger: Ledger, entries: Sequence[CatalogEntry]) -> dict[str, pa.Array]:
    known = labels.load()
    rows = [
        select_by_kind(scores.values.to_numpy(zero_copy_only=False), known, entry.stores.plan.tags)
        for scores, entry in zip(take(entries, "tagging", _SCORES), entries, strict=True)
    ]
    return {kind: pa.array([row[kind] for row in rows], TAGS) for kind in TAG_KINDS}


def _noted(entry: CatalogEntry, name: str) -> Any:
    """Return what the catalog notes of a source, whose address may be one that is not to be published."""
    value = getattr(entry.source, name)
    return public_address(value) if name == "source_url" and value else value


def _start_s(entry: CatalogEntry) -> float:
    """Return where a clip starts in its source, of which its file may be a window itself."""
    return float(entry.start_s + (entry.source.start_s or 0.0))


def _models(entry: CatalogEntry) -> list[dict[str, str]]:
    return [{"backend": stage, "model": model} for stage, model in entry.stores.models.items()]


def _media_of(entry: CatalogEntry) -> set[str]:
    """Return the stages whose files go into a clip's row."""
    return {entry.stores.plan.track, "frames"} & set(entry.stores.stages)
