"""The text bridge: a prompt, at whose end stands the attribute that the music is to have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from leitmotif.taxonomy.labels import Taxonomy, UnknownLabelError

# The partitions of the targeted track, by the column that says which clips belong to one.
COLUMNS = ("genres", "moods", "tempo_class")


def with_attribute(prompt: str, attribute: str) -> str:
    """Return a prompt with the words for an attribute at its end, such as "calm music"."""
    said = prompt.strip().rstrip(".;,")
    return f"{said}; {attribute}" if said else attribute


def draw_attribute(row: Mapping[str, Any], taxonomy: Taxonomy) -> tuple[str, str, str] | None:
    """Return an attribute that a clip has, the same every time; None where it has none.

    Args:
        row: `clip_id` and those of `COLUMNS` that the dataset has.
        taxonomy: The label set of the dataset.

    Returns:
        Column, value, and the words for it.
    """
    found = []
    for column in COLUMNS:
        value = row.get(column)
        if column == "tempo_class" and value:
            found.append((column, str(value), f"{value} music"))
        elif value:
            tag = str(value[0]["tag"])
            found.append((column, tag, words_of(tag, taxonomy)))
    if not found:
        return None
    rng = np.random.default_rng(list(str(row["clip_id"]).encode()))
    return found[int(rng.integers(len(found)))]


def words_of(tag: str, taxonomy: Taxonomy) -> str:
    """Return words for a tag, or the tag itself where the label set lacks it."""
    try:
        return str(taxonomy.find(tag).prompts()[0])
    except UnknownLabelError:
        return f"{tag} music"
