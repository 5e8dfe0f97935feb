"""The clips of a published split, as evaluation knows them: annotations in memory, frames as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leitmotif.phrases import command
from leitmotif.shards.splits import SPLITS

TAG_COLUMNS = ("instruments", "genres", "moods")
_COLUMNS = ("clip_id", "caption", *TAG_COLUMNS, "tempo_class", "clap_embedding", "models")
# Of one read: a row of frames is about half a megabyte.
_FRAMES_AT_ONCE = 16


class DatasetError(ValueError):
    """A dataset that cannot be evaluated on: got, expected, what to do."""


@dataclass(frozen=True)
class Clip:
    """What a dataset says of a clip.

    Attributes:
        clip_id: Its id.
        caption: The sentence about its music, if there is one.
        instruments: Tags, best first.
        genres: Tags, best first.
        moods: Tags, best first.
        tempo_class: "slow", "medium", "fast", or None.
        clap: The CLAP embedding of its music, shape (dim,), L2-normalised, or None.
        clap_model: Which CLAP model that is, as `id@revision`, or None.
    """

    clip_id: str
    caption: str | None = None
    instruments: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    tempo_class: str | None = None
    clap: np.ndarray | None = None
    clap_model: str | None = None

    @property
    def tags(self) -> frozenset[tuple[str, str]]:
        """Every tag with its kind, such as ("mood", "calm")."""
        kinds = (("instrument", self.instruments), ("genre", self.genres), ("mood", self.moods))
        return frozenset((kind, tag) for kind, tags in kinds for tag in tags)


def split_shards(dataset: Path, split: str) -> list[Path]:
    """Return the shards of a split, in order.

    Raises:
        DatasetError: There is no such dataset or split.
    """
    by_split: dict[str, list[Path]] = {}
    for path in sorted((dataset / "data").glob("*.parquet")):
        by_split.setdefault(path.stem.split("-")[0], []).append(path)
    if not by_split:
        raise DatasetError(
            f"{str(dataset)!r} has no data/*.parquet; give a folder that `leitmotif publish` wrote"
        )
    if split not in by_split:
        known = [name for name in SPLITS if name in by_split] + sorted(set(by_split) - set(SPLITS))
        raise DatasetError(f"{str(dataset)!r} has no split {split!r}; expected {' or '.join(known)}")
    return by_split[split]


def read_clips(dataset: Path, split: str, *, limit: int | None = None) -> list[Clip]:
    """Return the clips of a split.

    Args:
        dataset: A published dataset.
        split: Which.
        limit: The first so many; None for all.

    Raises:
        DatasetError: There is no such dataset or split, a shard is damaged, or no clip has a caption.
    """
    clips: list[Clip] = []
    for shard in split_shards(dataset, split):
        with _opened(shard) as file:
            columns = _present(file, shard, needed=("clip_id", "caption"))
            for batch in file.iter_batches(batch_size=1024, columns=columns):
                clips += [_clip(row) for row in batch.to_pylist()]
        if limit is not None and len(clips) >= limit:
            clips = clips[:limit]
            break
    if not clips:
        raise DatasetError(f"split {split!r} of {str(dataset)!r} has no row; choose another --split")
    if not any(clip.caption for clip in clips):
        raise DatasetError(
            f"no clip of split {split!r} of {str(dataset)!r} has a caption; curate it with the stage caption"
        )
    return clips


def read_frames(dataset: Path, split: str, *, limit: int | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """Yield the id and the key frames (JPEG files) of each clip of a split, in the order of `read_clips`.

    Raises:
        DatasetError: There is no such dataset or split, a shard is damaged or has no frames.
    """
    left = limit
    for shard in split_shards(dataset, split):
        with _opened(shard) as file:
            _present(file, shard, needed=("clip_id", "frames"))
            for batch in file.iter_batches(batch_size=_FRAMES_AT_ONCE, columns=["clip_id", "frames"]):
                for row in batch.to_pylist():
                    if left == 0:
                        return
                    left = None if left is None else left - 1
                    yield row["clip_id"], [frame["bytes"] for frame in row["frames"] or ()]


def clap_model_of(clips: Sequence[Clip]) -> str | None:
    """Return the CLAP model behind the clips' embeddings as `id@revision`; None where there is none.

    Raises:
        DatasetError: There are several, whose numbers do not compare.
    """
    models = sorted({clip.clap_model for clip in clips if clip.clap is not None and clip.clap_model})
    if len(models) > 1:
        raise DatasetError(
            f"the clips' embeddings are by {len(models)} CLAP models ({', '.join(models)}), whose scores do "
            "not compare; curate them with one"
        )
    return models[0] if models else None


@contextmanager
def _opened(shard: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(shard) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        if getattr(error, "errno", None) is not None:  # the disk's, not the file's
            raise
        raise DatasetError(
            f"{shard.name!r} is no whole Parquet file; run `{command('validate', shard.parents[1])}`"
        ) from error


def _present(file: pq.ParquetFile, shard: Path, *, needed: Sequence[str]) -> list[str]:
    names = file.schema_arrow.names
    if missing := [name for name in needed if name not in names]:
        raise DatasetError(
            f"{shard.name!r} has no column {missing[0]!r}; give a dataset that `leitmotif publish` wrote"
        )
    return [name for name in _COLUMNS if name in names]


def _clip(row: dict) -> Clip:
    tags = {column: tuple(each["tag"] for each in row.get(column) or ()) for column in TAG_COLUMNS}
    models = {each["backend"]: each["model"] for each in row.get("models") or ()}
    embedding = row.get("clap_embedding")
    return Clip(
        clip_id=row["clip_id"],
        caption=row["caption"] or None,
        **tags,
        tempo_class=row.get("tempo_class"),
        clap=None if embedding is None else np.asarray(embedding, np.float32),
        clap_model=models.get("tagging"),
    )
