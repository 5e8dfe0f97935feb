"""The clips of a published split, as evaluation knows them: annotations in memory, frames as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.taxonomy.labels import TAG_KINDS

_COLUMNS = ("clip_id", "caption", *TAG_KINDS, "tempo_class", "clap_embedding", "models")


@dataclass(frozen=True)
class Clip:
    """What a dataset says of a clip.

    Attributes:
        clip_id: Id of the clip.
        caption: The sentence about its music, if there is one.
        instruments: Tags, best first.
        genres: Tags, best first.
        moods: Tags, best first.
        tempo_class: "slow", "medium", "fast", or None.
        clap: The CLAP embedding of its music, shape (dim,), L2-normalised, or None.
        clap_model: The CLAP model behind it, as `id@revision`, or None.
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


def read_clips(dataset: Dataset, split: str, *, limit: int | None = None) -> list[Clip]:
    """Return the clips of a split.

    Args:
        dataset: A published dataset.
        split: Name of the split.
        limit: At most this many, the first ones; None for all.

    Raises:
        DatasetError: There is no such split, a shard is damaged, or no clip has a caption.
    """
    columns = _present(dataset, split, needed=("clip_id", "caption"))
    clips = [_clip(row) for row in islice(dataset.rows(split, columns), limit)]
    if not clips:
        raise DatasetError(f"split {split!r} of {str(dataset.path)!r} has no row; choose another --split")
    if not any(clip.caption for clip in clips):
        raise DatasetError(
            f"no clip of split {split!r} of {str(dataset.path)!r} has a caption; curate it with the stage "
            "caption"
        )
    return clips


def read_frames(
    dataset: Dataset, split: str, *, limit: int | None = None
) -> Iterator[tuple[str, list[bytes]]]:
    """Yield the id and the key frames (JPEG files) of each clip of a split, in the order of `read_clips`.

    Raises:
        DatasetError: There is no such split, a shard is damaged or has no frames.
    """
    _present(dataset, split, needed=("clip_id", "frames"))
    for row in islice(dataset.rows(split, ["clip_id", "frames"]), limit):
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


def _present(dataset: Dataset, split: str, *, needed: Sequence[str]) -> list[str]:
    names = dataset.columns_of(split)
    if missing := [name for name in needed if name not in names]:
        raise DatasetError(
            f"{dataset.shards[split][0].name!r} has no column {missing[0]!r}; give a dataset that "
            "`leitmotif publish` wrote"
        )
    return [name for name in _COLUMNS if name in names]


def _clip(row: dict) -> Clip:
    tags = {column: tuple(each["tag"] for each in row.get(column) or ()) for column in TAG_KINDS}
    models = {each["backend"]: each["model"] for each in row.get("models") or ()}
    embedding = row.get("clap_embedding")
    return Clip(
        clip_id=row["clip_id"],
        caption=row["caption"] or None,
        **tags,
        tempo_class=row.get("tempo_class"),
        clap=None if embedding is None else np.asarray(embedding, np.float32),
        clap_model=_clap_model(models.get("tagging")),
    )


def _clap_model(model: str | None) -> str | None:
    """Return the CLAP model of the stage tagging, which names it before a tagger that it tags with."""
    return model.partition(" + ")[0] if model else None
