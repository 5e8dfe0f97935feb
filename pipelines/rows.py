"""Puts the rows of a dataset together from the stores of a workspace, a shard at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from leitmotif.pipelines.ledger import Entry
from leitmotif.pipelines.models.lengths import embedding_length
from leitmotif.pipelines.stages import STAGES
from leitmotif.pipelines.stages.frames import unpack_frames
from leitmotif.pipelines.tags import select_by_kind
from leitmotif.pipelines.workspace import Stores
from leitmotif.shards.store import KEY
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

    def __init__(self, stores: Stores, recordings: Mapping[str, str]) -> None:
        self.stores = stores
        self.recordings = recordings
        self.taxonomy = labels.load()
        self.models = [{"backend": name, "model": model} for name, model in stores.models.items()]
        self.track = stores.plan.track

    def sizes(self, entries: Sequence[Entry]) -> dict[str, int]:
        """Return about how many bytes each clip's row takes: its media files."""
        total = dict.fromkeys((entry.clip_id for entry in entries), 4096)
        for stage in {self.track, "frames"} & set(self.stores.stages):
            table = self.stores.store(stage).read(["size_bytes"])
            for clip_id, size in zip(table[KEY].to_pylist(), table["size_bytes"].to_pylist(), strict=True):
                if clip_id in total:
                    total[clip_id] += size or 0
        return total

    def dim(self, stage: str, column: str) -> int:
        """Return the length of a stage's embeddings.

        Where there are none, it is that of the model that would make them, so that the columns of a profile's
        datasets are the same; 1 of a model that nothing is known of.
        """
        plan = self.stores.plan
        if stage in self.stores.stages:
            for part in self.stores.store(stage).parts():
                lengths = pc.list_value_length(pq.read_table(part, columns=[column])[column])
                if (length := pc.max(lengths).as_py()) is not None:
                    return int(length)
        named = plan.stages.get(stage) or plan.left_out.get(stage, {})
        settings = STAGES[stage].SETTINGS(**named).model_dump()
        return embedding_length(settings["model"], settings["revision"]) or 1

    def rows(
        self, entries: Sequence[Entry], sizes: Mapping[str, int]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (bytes, row) of each clip, in order."""
        taken = {stage: columns for stage, columns in _TAKEN.items() if stage in self.stores.stages}
        tables = {stage: self._lookup(stage, list(columns), entries) for stage, columns in taken.items()}
        tagging = self._lookup("tagging", ["scores", "clap_embedding"], entries)
        tracks = self._lookup(self.track, ["file"], entries)
        lengths = self._lookup("audio", ["audio_s"], entries)
        frames = self._lookup("frames", ["file"], entries) if "frames" in self.stores.stages else {}
        for entry in entries:
            clip_id = entry.clip_id
            start_s = entry.start_s + (entry.source["start_s"] or 0.0)  # of a file that is a window itself
            row: dict[str, Any] = {"clip_id": clip_id, "models": self.models, "start_s": start_s}
            row |= {name: entry.source[name] for name in _NOTES}
            row["recording_id"] = self.recordings[entry.source["media_id"]]
            row["duration_s"] = lengths[clip_id]["audio_s"]  # of the sound in the row
            for stage, columns in taken.items():
                row |= {
                    name: tables[stage][_stored_under(entry, stage)][column]
                    for column, name in columns.items()
                }
            row |= select_by_kind(tagging[clip_id]["scores"], self.taxonomy, self.stores.plan.tags)
            row["clap_embedding"] = tagging[clip_id]["clap_embedding"]
            row["audio"] = {"bytes": self._bytes(tracks[clip_id]["file"]), "path": f"{clip_id}.flac"}
            if frames:
                pictures = unpack_frames(self.stores.workspace.root / frames[clip_id]["file"])
                row["frames"] = [{"bytes": jpeg, "path": f"{clip_id}-{name}"} for name, jpeg in pictures]
            yield sizes[clip_id], row

    def _bytes(self, file: str) -> bytes:
        return (self.stores.workspace.root / file).read_bytes()

    def _lookup(self, stage: str, columns: list[str], entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
        """Return the columns of the clips, by the key they are stored under."""
        keys = pa.array(sorted({_stored_under(entry, stage) for entry in entries}), pa.string())
        table = self.stores.store(stage).read(columns)
        return {row[KEY]: row for row in table.filter(pc.is_in(table[KEY], value_set=keys)).to_pylist()}


def _stored_under(entry: Entry, stage: str) -> str:
    return entry.source["media_id"] if stage == "probe" else entry.clip_id
