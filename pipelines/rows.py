"""Puts the rows of a dataset together from the stores of a workspace, a shard at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from leitmotif.pipelines.entries import Entry, by_store, stored_under, take
from leitmotif.pipelines.models.lengths import embedding_length
from leitmotif.pipelines.stages import STAGES
from leitmotif.pipelines.stages.frames import unpack_frames
from leitmotif.pipelines.workspace import Stores
from leitmotif.shards.store import KEY
from leitmotif.tagging.select import select_by_kind
from leitmotif.taxonomy import labels

# Columns that a row takes as they are, by the stage that measured them.
_TAKEN: dict[str, dict[str, str]] = {
    "probe": {"width": "width", "height": "height", "fps": "fps"},
    "motion": {"mean": "motion"},
    "rhythm": {"tempo_bpm": "tempo_bpm", "tempo_class": "tempo_class", "key": "key"},
    "vocals": {"vocal_score": "vocal_score"},
    "quality": {"pam_score": "pam_score"},
    "vision": {"clip_embedding": "clip_embedding"},
    "caption": {name: name for name in ("caption", "caption_backend", "caption_prompt")},
}
_NOTES = ("source_id", "source_url", "license", "retrieved_at", "title", "artist", "description", "comments")


class RowReader:
    """Reads what the stages measured of kept clips."""

    def __init__(self, kinds: Sequence[Stores], recordings: Mapping[str, str]) -> None:
        """Take the stores; nothing is read yet.

        Args:
            kinds: The stores of each kind of files.
            recordings: The recording of each media file.
        """
        self.kinds = kinds
        self.recordings = recordings
        self.taxonomy = labels.load()
        # Of each store that was read from: its keys, the number of the part that holds each, and the parts.
        self._parts: dict[Path, tuple[pa.Array, pa.ChunkedArray, list[Path]]] = {}

    def sizes(self, entries: Sequence[Entry]) -> dict[str, int]:
        """Return about how many bytes each clip's row takes: its media files."""
        total = dict.fromkeys((entry.clip_id for entry in entries), 4096)
        for stage in dict.fromkeys(["frames", *(stores.plan.track for stores in self.kinds)]):
            holding = [entry for entry in entries if stage in _media_of(entry)]
            for entry, size in zip(holding, take(holding, stage, "size_bytes").to_pylist(), strict=True):
                total[entry.clip_id] += size or 0
        return total

    def dim(self, stage: str, column: str) -> int:
        """Return the length of a stage's embeddings.

        Where there are none, it is that of the model that would make them, so that the columns of a profile's
        datasets are the same; 1 of a model that nothing is known of.
        """
        for stores in self.kinds:
            for part in stores.store(stage).parts() if stage in stores.stages else ():
                lengths = pc.list_value_length(pq.read_table(part, columns=[column])[column])
                if (length := pc.max(lengths).as_py()) is not None:
                    return int(length)
        plans = [stores.plan for stores in self.kinds]
        named = next((plan.stages[stage] for plan in plans if stage in plan.stages), None)
        if named is None:
            named = plans[0].left_out.get(stage, {})
        settings = STAGES[stage].SETTINGS(**named).model_dump()
        return embedding_length(settings["model"], settings["revision"]) or 1

    def rows(
        self, entries: Sequence[Entry], sizes: Mapping[str, int]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (bytes, row) of each clip, in order."""
        tables = {stage: self._lookup(stage, list(columns), entries) for stage, columns in _TAKEN.items()}
        tagging = self._lookup("tagging", ["scores", "clap_embedding"], entries)
        media = {
            stores.plan.track: self._lookup(stores.plan.track, ["file"], entries) for stores in self.kinds
        }
        frames = self._lookup("frames", ["file"], entries)
        lengths = self._lookup("audio", ["audio_s"], entries)
        for entry in entries:
            clip_id, stores = entry.clip_id, entry.stores
            start_s = entry.start_s + (entry.source["start_s"] or 0.0)  # of a file that is a window itself
            models = [{"backend": name, "model": model} for name, model in stores.models.items()]
            row: dict[str, Any] = {"clip_id": clip_id, "models": models, "start_s": start_s}
            row |= {name: entry.source[name] for name in _NOTES}
            row["recording_id"] = self.recordings[entry.source["media_id"]]
            row["duration_s"] = lengths[clip_id]["audio_s"]  # of the sound in the row
            for stage in _TAKEN.keys() & stores.stages:
                found = tables[stage][stored_under(entry, stage)]
                row |= {name: found[column] for column, name in _TAKEN[stage].items()}
            row |= select_by_kind(tagging[clip_id]["scores"], self.taxonomy, stores.plan.tags)
            row["clap_embedding"] = tagging[clip_id]["clap_embedding"]
            file = stores.workspace.root / media[stores.plan.track][clip_id]["file"]
            row["audio"] = {"bytes": file.read_bytes(), "path": f"{clip_id}.flac"}
            if "frames" in stores.stages:
                pictures = unpack_frames(stores.workspace.root / frames[clip_id]["file"])
                row["frames"] = [{"bytes": jpeg, "path": f"{clip_id}-{name}"} for name, jpeg in pictures]
            yield sizes[clip_id], row

    def _lookup(self, stage: str, columns: list[str], entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
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


def _media_of(entry: Entry) -> set[str]:
    """Return the stages whose files go into a clip's row."""
    return {entry.stores.plan.track, "frames"} & set(entry.stores.stages)
