"""Which clips are the query itself: its file, what is nearly equal to it, and what was cut from the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from leitmotif.retrieval.index import Index
from leitmotif.retrieval.query import Ask
from leitmotif.shards.clip_ids import hash_media, window_id
from leitmotif.shards.takedown import Blocklist
from leitmotif.storage.errors import UserError, is_machine_fault

# A clip this near to a query of its own kind is the same film or recording, encoded again. Of 40 rendered and
# 40 real tracks by clap-mini: copies as MP3 or Ogg 0.991 and more, the nearest other track 0.914 and less; a
# copy that lacks its first half second 0.92 to 0.99.
SAME = 0.97
MOST_COPIES = 1000
# The clips of one of these belong together.
_GROUPS = ("recording_id", "source_id")
# A window's length is known in milliseconds, its sound's to the sample.
_SLACK_MS = (-1, 0, 1)


def find_own(index: Index, files: Iterable[Path], asks: Sequence[Ask]) -> np.ndarray:
    """Return the rows that are the query itself or belong to it, int64, rising.

    Args:
        index: The index.
        files: Files that are given.
        asks: Their vectors.

    Raises:
        UserError: A file cannot be read.
    """
    own = [index.numbers("clip_id", _ids(index, path)) for path in files]
    for ask in asks:
        if ask.is_media:
            cosines, rows = index.nearest(ask.space, ask.vector, MOST_COPIES, exactly=False)
            own.append(rows[cosines >= SAME])
    return with_groups(index, np.unique(np.concatenate([np.zeros(0, np.int64), *own])))


def with_groups(index: Index, rows: np.ndarray) -> np.ndarray:
    """Return rows with all that are of the same recording or the same source, int64, rising."""
    if not len(rows):
        return rows
    found = [rows]
    for column in _GROUPS:
        names = {name for name in index.rows[column].take(rows).to_pylist() if name is not None}
        found.append(index.numbers(column, names))
    return np.unique(np.concatenate(found))


def find_blocked(index: Index, blocklist: Blocklist) -> np.ndarray:
    """Return the rows that were taken down from the dataset, int64, rising."""
    if not blocklist:
        return np.zeros(0, np.int64)
    pairs = zip(index.rows["clip_id"].to_pylist(), index.rows["source_url"].to_pylist(), strict=True)
    return np.flatnonzero([blocklist.refuses(ids=(clip_id,), urls=(url,)) for clip_id, url in pairs])


def _ids(index: Index, path: Path) -> set[str]:
    """Return the ids that clips of a file have: of all of it, and of the windows that there may be."""
    try:
        media_id = hash_media(path)
    except OSError as error:
        if is_machine_fault(error):
            raise
        raise UserError(f"{str(path)!r} cannot be read ({error.strerror or error})") from error
    spans = set(zip(*(index.rows[name].to_pylist() for name in ("start_s", "duration_s")), strict=True))
    windows = {
        window_id(media_id, start_s, length_s + slack_ms / 1000)
        for start_s, length_s in spans
        if start_s is not None and length_s is not None
        for slack_ms in _SLACK_MS
    }
    return {media_id, *windows}
