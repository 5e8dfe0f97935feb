"""A few clips of a dataset to listen to and to look at: at random, the best and the worst by quality."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from leitmotif.pipelines.dataset_rows import RowReader
from leitmotif.reports.gallery_item import GalleryItem, Media, show_pictures
from leitmotif.reports.media_preview import encode_sound_preview
from leitmotif.reports.source import Dataset, Unpublished
from leitmotif.reports.workspace import KEPT
from leitmotif.shards.columns import MEDIA
from leitmotif.shards.frame_names import frame_time_s
from leitmotif.taxonomy.labels import TAG_KINDS

PER_GROUP = 6
FRAMES = 5
_COLUMNS = (
    *("clip_id", "source_id", "source_url", "start_s", "duration_s", "title", "artist", "license"),
    *("caption", "frames", "audio"),
    *TAG_KINDS,
    *("tempo_bpm", "tempo_class", "key", "motion", "vocal_score"),
    *("pam_score",),
)


# Returns the row of a clip by its place among all, media and all.
Read = Callable[[int], Mapping[str, Any]]


def choose(scores: np.ndarray, *, per_group: int = PER_GROUP) -> dict[str, list[int]]:
    """Choose rows to show, no row twice.

    Args:
        scores: Quality of each row, shape (rows,), NaN where it is not known.
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


def build_gallery(source: Dataset | Unpublished, *, per_group: int = PER_GROUP) -> list[GalleryItem]:
    """Choose clips of a dataset or a workspace, and read them.

    Args:
        source: One number of every clip is read, and the media of those that are chosen.
        per_group: At most this many in each group.
    """
    scores, read = open_rows(source) if isinstance(source, Dataset) else _open_stores(source)
    chosen = choose(scores, per_group=per_group)
    return [_exhibit(read(place), group) for group, places in chosen.items() for place in places]


def open_rows(published: Dataset) -> tuple[np.ndarray, Read]:
    """Return the quality of every row of a dataset, shape (rows,), and what reads a row by its place."""
    names = [name for name in ("clip_id", "pam_score") if name in published.columns]
    return _quality(published.table(columns=names)), lambda place: published.row(place, _COLUMNS)


def _open_stores(workspace: Unpublished) -> tuple[np.ndarray, Read]:
    """Return the quality of every clip that passes in a workspace, and what reads a row by its place."""
    # The page shows neither which recording a clip is nor how large its row is.
    reader = RowReader(workspace.ledger.kinds, {entry.media_id: "" for entry in workspace.kept})
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
    plain = {name: value for name, value in row.items() if name not in MEDIA}
    return GalleryItem("kept", group, plain, media)


def _quality(table: pa.Table) -> np.ndarray:
    """Return the quality of each row, NaN where it is not known."""
    if "pam_score" not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(table["pam_score"].to_numpy(zero_copy_only=False), dtype=np.float64)
