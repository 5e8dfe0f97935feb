"""A few clips of a dataset to listen to and to look at: at random, the best and the worst by quality."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leitmotif.pipelines.rows import RowReader
from leitmotif.reports.gallery_item import GalleryItem, Media, show_pictures
from leitmotif.reports.media_preview import encode_sound_preview
from leitmotif.reports.source import Published, Unpublished
from leitmotif.reports.workspace import KEPT
from leitmotif.shards.frame_names import frame_time_s

PER_GROUP = 6
FRAMES = 5
_COLUMNS = (
    *("clip_id", "source_id", "source_url", "start_s", "duration_s", "title", "artist", "license"),
    *("caption", "frames", "audio"),
    *("instruments", "genres", "moods", "tempo_bpm", "tempo_class", "key", "motion", "vocal_score"),
    *("pam_score",),
)


# Returns the row of a clip by its place among all, media and all.
Read = Callable[[int], Mapping[str, Any]]


def choose(scores: np.ndarray, *, per_group: int = PER_GROUP) -> dict[str, list[int]]:
    """Choose rows to show, no row twice.

    Args:
        scores: Quality of each row [rows], NaN where it is not known.
        per_group: At most this many in each group.

    Returns:
        "random", "best" and "worst" → places in `scores`. A third of the rows at most goes to the best and to
        the worst, so that a small dataset has something of each; the same scores give the same choice.
    """
    known = int(np.isfinite(scores).sum())
    ranked = np.argsort(scores, kind="stable")[:known].tolist()
    ends = min(per_group, known // 3)
    worst, best = ranked[:ends], ranked[known - ends :][::-1]
    rest = np.setdiff1d(np.arange(len(scores)), [*worst, *best])
    drawn = np.random.default_rng(0).permutation(rest)[:per_group].tolist()
    return {"random": drawn, "best": best, "worst": worst}


def build_gallery(source: Published | Unpublished, *, per_group: int = PER_GROUP) -> list[GalleryItem]:
    """Choose clips of a dataset or a workspace, and read them.

    Args:
        source: One number of every clip is read, and the media of those that are chosen.
        per_group: At most this many in each group.
    """
    scores, read = open_rows(source) if isinstance(source, Published) else _open_stores(source)
    chosen = choose(scores, per_group=per_group)
    return [_exhibit(read(place), group) for group, places in chosen.items() for place in places]


def open_rows(published: Published) -> tuple[np.ndarray, Read]:
    """Return the quality of every row of a dataset, and what reads a row by its place."""
    files = [(split, path) for split, paths in published.shards.items() for path in paths]
    parts = [_scores(path) for _, path in files]
    starts = np.cumsum([0, *map(len, parts)])

    def read(place: int) -> dict[str, Any]:
        at = int(np.searchsorted(starts, place, side="right")) - 1
        split, path = files[at]
        return {"split": split, **_read_row(path, place - int(starts[at]))}

    return np.concatenate([np.empty(0), *parts]), read


def _open_stores(workspace: Unpublished) -> tuple[np.ndarray, Read]:
    """Return the quality of every clip that passes in a workspace, and what reads a row by its place."""
    # The page shows neither which recording a clip is nor how large its row is.
    reader = RowReader(workspace.ledger.kinds, {entry.source["media_id"]: "" for entry in workspace.kept})
    sizes = dict.fromkeys((entry.clip_id for entry in workspace.kept), 0)

    def read(place: int) -> dict[str, Any]:
        return next(row for _, row in reader.rows(workspace.kept[place : place + 1], sizes))

    parts = map(_quality, workspace.stream(KEPT, ["clip_id", "pam_score"]))
    return np.concatenate([np.empty(0), *parts]), read


def _exhibit(row: Mapping[str, Any], group: str) -> GalleryItem:
    frames = [frame for frame in row.get("frames") or [] if frame and frame.get("bytes")]
    chosen = frames[:: max(1, len(frames) // FRAMES)][:FRAMES]
    audio = (row.get("audio") or {}).get("bytes")
    media = Media(
        sound=encode_sound_preview(audio) if audio else None,
        pictures=show_pictures([(frame_time_s(frame.get("path")), frame["bytes"]) for frame in chosen]),
    )
    plain = {name: value for name, value in row.items() if name not in ("audio", "frames")}
    return GalleryItem("kept", group, plain, media)


def _scores(path: Path) -> np.ndarray:
    names = [name for name in ("clip_id", "pam_score") if name in pq.read_schema(path).names]
    return _quality(pq.read_table(path, columns=names, partitioning=None))


def _quality(table: pa.Table) -> np.ndarray:
    """Return the quality of each row, NaN where it is not known."""
    if "pam_score" not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(table["pam_score"].to_numpy(zero_copy_only=False), dtype=np.float64)


def _read_row(path: Path, row: int) -> dict[str, Any]:
    file = pq.ParquetFile(path)
    columns = [name for name in _COLUMNS if name in file.schema_arrow.names]
    for group in range(file.num_row_groups):
        length = file.metadata.row_group(group).num_rows
        if row < length:
            return dict(file.read_row_group(group, columns=columns).slice(row, 1).to_pylist()[0])
        row -= length
    raise IndexError(f"{path} holds no row {row}")
