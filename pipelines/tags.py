"""Choose tags from scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from taxonomy.labels import Taxonomy

if TYPE_CHECKING:
    from pipelines.plan import TagSettings


def select_by_kind(
    scores: Sequence[float] | np.ndarray, taxonomy: Taxonomy, settings: Mapping[str, TagSettings]
) -> dict[str, list[dict[str, Any]]]:
    """Choose the tags of one clip.

    Args:
        scores: Cosine similarity to every tag, in the order of `taxonomy.all_tags()`.
        taxonomy: The label set.
        settings: Threshold and number of tags for each kind.

    Returns:
        For each kind, its tags as `{"tag": id, "score": cosine}`, best first.
    """
    values = np.asarray(scores, np.float32)
    chosen: dict[str, list[dict[str, Any]]] = {kind: [] for kind in settings}
    kinds = {"instrument": "instruments", "genre": "genres", "mood": "moods"}
    tags = taxonomy.all_tags()
    for number in np.argsort(-values, kind="stable"):
        kind = kinds[tags[number].kind]
        limit = settings[kind]
        if values[number] >= limit.threshold and len(chosen[kind]) < limit.top:
            chosen[kind].append({"tag": tags[number].id, "score": float(values[number])})
    return chosen
