"""What music is to have (genre, mood, instrument, tempo): which clips have it, and how it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.phrases import near_names
from leitmotif.storage.errors import UserError
from leitmotif.taxonomy.labels import Label, Taxonomy, UnknownLabelError

# The column that says which clips have it.
COLUMNS = {"genre": "genres", "mood": "moods", "instrument": "instruments", "tempo": "tempo_class"}
TEMPI = ("slow", "medium", "fast")
_TEMPO_PROMPTS = ("{} music", "music with a {} tempo", "a {} piece of music")


@dataclass(frozen=True)
class Attribute:
    """Something that music is to have.

    Attributes:
        kind: "genre", "mood", "instrument" or "tempo".
        value: The tag as it stands in datasets, or the tempo class.
        prompts: Texts that ask for it.
    """

    kind: str
    value: str
    prompts: tuple[str, ...]

    def rows(self, table: pa.Table) -> np.ndarray:
        """Return which rows have it, bool (rows,).

        Args:
            table: With the column of `COLUMNS`.
        """
        column = table[COLUMNS[self.kind]].combine_chunks()
        if self.kind == "tempo":
            return np.asarray(pc.fill_null(pc.equal(column, self.value), False))
        has = np.zeros(len(table), bool)
        tags = pc.struct_field(pc.list_flatten(column), "tag")
        has[np.asarray(pc.list_parent_indices(column).filter(pc.equal(tags, self.value)))] = True
        return has

    def reason(self, row: Mapping[str, Any]) -> str:
        """Return in words that a row has it."""
        if self.kind == "tempo":
            return f"tempo {self.value} ({row['tempo_bpm']:.0f} BPM)"
        score = next(tag["score"] for tag in row[COLUMNS[self.kind]] if tag["tag"] == self.value)
        return f"{self.kind} {self.value} (tag, {score:.2f})"


def find_attributes(wanted: Mapping[str, str | None], taxonomy: Taxonomy) -> list[Attribute]:
    """Return what is wanted, in the order of `COLUMNS`.

    Args:
        wanted: Name by kind; synonyms count, None is not wanted.
        taxonomy: The label set of the dataset.

    Raises:
        UserError: A name stands for nothing of its kind; near ones are listed.
    """
    return [_find(kind, name, taxonomy) for kind in COLUMNS if (name := wanted.get(kind)) is not None]


def _find(kind: str, name: str, taxonomy: Taxonomy) -> Attribute:
    if kind == "tempo":
        if name.strip().lower() not in TEMPI:
            raise UserError(f"got tempo {name!r}; expected one of {', '.join(TEMPI)}")
        value = name.strip().lower()
        return Attribute(kind, value, tuple(prompt.format(value) for prompt in _TEMPO_PROMPTS))
    labels: tuple[Label, ...] = getattr(taxonomy, COLUMNS[kind])
    try:
        label = taxonomy.find(name)
    except UnknownLabelError:
        label = None
    if label is None or label.kind != kind:
        instead = (
            f"{label.id} is a {label.kind}: --{label.kind} {label.id}; "
            if label and label.kind in COLUMNS
            else ""
        )
        known = {each: one.id for one in labels for each in (one.id, *one.synonyms, *one.folds)}
        near = list(dict.fromkeys(known[each] for each in near_names(name.strip().lower(), known)))
        listed = (
            f"near: {', '.join(near)}"
            if near
            else f"expected one of {', '.join(sorted(each.id for each in labels))}"
        )
        raise UserError(f"got {kind} {name!r}, which the dataset's label set has not; {instead}{listed}")
    return Attribute(kind, label.id, tuple(label.prompts()))


def embed_attributes(attributes: list[Attribute], encoder: Any) -> np.ndarray:
    """Return the direction of all attributes together: the mean of each one's mean prompt, float32 (dim,).

    Args:
        attributes: At least one.
        encoder: Embeds the prompts.

    Reference:
        Wang et al., Multimodal music generation with explicit bridges and retrieval augmentation,
        arXiv:2412.09428, equation 4.
    """
    means = []
    for attribute in attributes:
        mean = encoder.embed_texts(list(attribute.prompts)).mean(axis=0, dtype=np.float64)
        means.append(mean / np.linalg.norm(mean))
    together = np.mean(means, axis=0)
    unit: np.ndarray = (together / max(float(np.linalg.norm(together)), 1e-12)).astype(np.float32)
    return unit
