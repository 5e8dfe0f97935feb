"""Choose tags from scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from leitmotif.tagging.clap import select_tags
from leitmotif.taxonomy.labels import TAG_KINDS, Taxonomy


class TagSettings(BaseModel):
    """Which tags of a kind are published: the best `top` that score `threshold` or more, -1..1.

    The score is what tagging gives: a cosine, or with a tagger beside CLAP that of who speaks for the label.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(default=0.3, ge=-1, le=1)
    top: int = Field(default=5, ge=1)


def select_by_kind(
    scores: Sequence[float] | np.ndarray, taxonomy: Taxonomy, settings: Mapping[str, TagSettings]
) -> dict[str, list[dict[str, Any]]]:
    """Choose the tags of one clip.

    Args:
        scores: Of every tag, shape (tags,), in the order of `taxonomy.all_tags()`; null or NaN for none.
        taxonomy: The label set.
        settings: Threshold and number of tags for each kind.

    Returns:
        For each kind, its tags as `{"tag": id, "score": score}`, best first.
    """
    labels = {kind: getattr(taxonomy, kind) for kind in TAG_KINDS}
    values, start = np.asarray(scores, np.float32), 0
    chosen = {}
    for kind, group in labels.items():
        part, start = values[start : start + len(group)], start + len(group)
        ids = [label.id for label in group]
        tags = select_tags(part, ids, settings[kind].threshold, top=settings[kind].top)
        chosen[kind] = [{"tag": tag, "score": score} for tag, score in tags]
    return chosen
