"""The music bridge in training: of each clip, which other one it follows, and which one has its attribute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from leitmotif.generators.ecmg.prompts import COLUMNS
from leitmotif.shards.dataset import Dataset

_BLOCK = 1024
Attribute = tuple[str, str]
"""Column and value, such as ("genres", "jazz")."""


@dataclass(frozen=True)
class Clips:
    """Clips with an embedding of their sound.

    Attributes:
        ids: Their ids.
        recordings: What each is a recording of, int64 (n,): no clip is the neighbour of another of the same.
        vectors: CLAP embeddings, L2-normalised, float32 (n, dim).
        attributes: What each has.
    """

    ids: tuple[str, ...]
    recordings: np.ndarray
    vectors: np.ndarray
    attributes: tuple[frozenset[Attribute], ...]

    def having(self, attribute: Attribute) -> np.ndarray:
        """Return which clips have an attribute, bool (n,)."""
        return np.array([attribute in each for each in self.attributes], bool)


def read_clips(dataset: Dataset, split: str) -> Clips:
    """Return the clips of a split that have an embedding.

    Raises:
        DatasetError: The split cannot be read.
    """
    names = ["clip_id", "recording_id", "clap_embedding", *COLUMNS]
    table = dataset.table(split, [name for name in names if name in dataset.columns])
    table = table.filter(table["clap_embedding"].combine_chunks().is_valid())
    rows = table.drop_columns(["clap_embedding"]).to_pylist()
    recordings = [row.get("recording_id") or row["clip_id"] for row in rows]
    return Clips(
        ids=tuple(row["clip_id"] for row in rows),
        # The same number for the same recording, whichever split a clip is in.
        recordings=np.array([_number(name) for name in recordings], np.int64),
        vectors=_vectors(table["clap_embedding"]),
        attributes=tuple(frozenset(_attributes(row)) for row in rows),
    )


def nearest(
    queries: Clips, base: Clips, wanted: Sequence[Attribute | None] | None = None
) -> list[str | None]:
    """Return for each query the clip of another recording whose sound is nearest.

    Args:
        queries: The clips that ask.
        base: The clips that can be found.
        wanted: What the clip that is found must have, for each query; one without finds nothing. None finds
            any clip.

    Reference:
        Visuals Music Bridge, arXiv:2412.09428, equation 2; only music asks for music in training.
    """
    found: list[str | None] = []
    partitions = {each: base.having(each) for each in set(wanted or ()) if each is not None}
    for start in range(0, len(queries.ids), _BLOCK):
        rows = slice(start, start + _BLOCK)
        near = queries.vectors[rows] @ base.vectors.T  # (queries, clips)
        near[queries.recordings[rows, None] == base.recordings[None]] = -np.inf
        for number, attribute in enumerate(wanted[rows] if wanted is not None else ()):
            near[number, slice(None) if attribute is None else ~partitions[attribute]] = -np.inf
        for line in near:
            best = int(line.argmax()) if len(line) else -1
            found.append(base.ids[best] if best >= 0 and np.isfinite(line[best]) else None)
    return found


def _attributes(row: dict[str, object]) -> list[Attribute]:
    found = []
    for column in COLUMNS:
        value = row.get(column)
        if isinstance(value, str):
            found.append((column, value))
        elif isinstance(value, list):
            found += [(column, str(tag["tag"])) for tag in value]
    return found


def _vectors(column: pa.ChunkedArray) -> np.ndarray:
    if not len(column):
        return np.zeros((0, 1), np.float32)
    values = np.stack([np.asarray(row, np.float32) for row in column.to_pylist()])
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)


def _number(name: str) -> int:
    from hashlib import blake2b

    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
