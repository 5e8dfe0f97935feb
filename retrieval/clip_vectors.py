"""Vectors of clips that a dataset has none of: an encoder makes them, once of each sound or caption."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from leitmotif.media.errors import MediaError
from leitmotif.retrieval.sound import flac_windows, mean_direction
from leitmotif.retrieval.spaces import Encoders, Model, Space
from leitmotif.shards.dataset import Dataset

KEY = "clip_id"
# Rows that are held at once: those of sound may have tens of megabytes.
_AT_ONCE = {"audio": 1, "caption": 1024}


@dataclass(frozen=True)
class MadeBefore:
    """What a former index has of a space.

    Attributes:
        places: Row of a vector by (clip, digest of what was embedded).
        vectors: float32 (rows, dim).
    """

    places: Mapping[tuple[str, str], int] = field(default_factory=dict)
    vectors: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))


@dataclass(frozen=True)
class ClipVector:
    """The vector of a clip.

    Attributes:
        clip_id: The clip.
        vector: Unit vector, float32 (dim,); None where its sound cannot be read.
        digest: Of what was embedded.
    """

    clip_id: str
    vector: np.ndarray | None
    digest: str


class ClipEmbedder:
    """Embeds the clips of a dataset in a space, each alone, so that its bits depend on nothing else.

    Args:
        space: The space.
        model: What embeds.
        before: What a former index has by the same model.
        device: Where it runs.
    """

    def __init__(self, space: Space, model: Model, before: MadeBefore, device: str) -> None:
        self.space = space
        self._encoders = Encoders({space.name: model}, device)
        self._before = before

    def embed(self, dataset: Dataset) -> Iterator[ClipVector]:
        """Yield the vectors of all clips that have what is embedded, in the dataset's order.

        Raises:
            UserError: A clip is new, and the model is not here.
        """
        column = self.space.column
        if column not in dataset.columns:
            return
        for split in dataset.shards:
            for group in dataset.groups(split):
                for batch in group.read([KEY, column]).to_batches(max_chunksize=_AT_ONCE[column]):
                    for row in batch.to_pylist():
                        if content := _content(row[column]):
                            yield self._vector(row[KEY], content)

    def _vector(self, clip_id: str, content: bytes) -> ClipVector:
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        place = self._before.places.get((clip_id, digest))
        if place is not None:
            return ClipVector(clip_id, self._before.vectors[place], digest)
        encoder = self._encoders.of(self.space)
        if self.space.column == "caption":
            return ClipVector(clip_id, encoder.embed_captions([content.decode()])[0], digest)
        return ClipVector(clip_id, _embed_sound(content, encoder), digest)


def _content(value: Any) -> bytes | None:
    """Return a caption or the bytes of a sound; None where there is none."""
    if isinstance(value, str):
        return value.strip().encode() or None
    return (value or {}).get("bytes")


def _embed_sound(flac: bytes, encoder: Any) -> np.ndarray | None:
    with TemporaryDirectory(prefix="leitmotif-index-") as scratch:
        path = Path(scratch) / "clip.flac"
        path.write_bytes(flac)
        try:
            windows = flac_windows(path, encoder)
        except MediaError:
            return None
    return mean_direction(encoder.embed_windows(windows)) if windows else None
