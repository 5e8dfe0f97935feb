"""Tags by CLAP: a clip has a tag as far as its sound lies near the tag's prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from leitmotif.encoders.encoder import TextEncoder


class TagLabel(Protocol):
    """A label: its id, and the texts that ask for it."""

    @property
    def id(self) -> str:
        """The tag as it is written in datasets."""

    def prompts(self, *templates: str) -> list[str]:
        """Return the texts that ask for the label."""


LabelT_co = TypeVar("LabelT_co", bound=TagLabel, covariant=True)


class TagSet(Protocol[LabelT_co]):
    """What tagging needs of a taxonomy."""

    def all_tags(self) -> tuple[LabelT_co, ...]:
        """Return every label in a fixed order."""


def label_embeddings(encoder: TextEncoder, taxonomy: TagSet[TagLabel], *templates: str) -> np.ndarray:
    """Return for every label the mean of its prompts' embeddings.

    Args:
        encoder: Embeds the prompts, all of them in one call.
        taxonomy: The label set.
        templates: Templates holding `{label}`; without any, each label's own.

    Returns:
        Shape (labels, dim), float32, L2-normalised, in the order of `taxonomy.all_tags()`.

    Raises:
        ValueError: A label has no prompt, or its prompts cancel out.

    Reference:
        Radford et al., Learning transferable visual models from natural language supervision, ICML 2021,
        section 3.1.4 (the mean of several prompts beats any one of them).
    """
    labels = taxonomy.all_tags()
    prompts = [label.prompts(*templates) for label in labels]
    if empty := [label.id for label, texts in zip(labels, prompts, strict=True) if not texts]:
        raise ValueError(f"got no prompt for {', '.join(empty)}; give each label at least one")
    embedded = np.asarray(encoder.embed_texts([text for texts in prompts for text in texts]), np.float64)
    ends = np.cumsum([len(texts) for texts in prompts])[:-1]
    means = np.stack([rows.mean(axis=0) for rows in np.split(embedded, ends)])  # (labels, dim)
    norms = np.linalg.norm(means, axis=1, keepdims=True)
    if (norms < 1e-9).any():
        bad = ", ".join(labels[number].id for number in np.flatnonzero(norms[:, 0] < 1e-9))
        raise ValueError(f"the prompts of {bad} cancel out to nothing; expected prompts that mean the same")
    return (means / norms).astype(np.float32)


def tag_scores(embedding: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the cosine similarity of one or many clips to every label.

    Args:
        embedding: One clip (dim,) or many (clips, dim), L2-normalised.
        labels: `label_embeddings`, shape (labels, dim).

    Returns:
        Shape (labels,) or (clips, labels), float32, -1..1.

    Raises:
        ValueError: The dimensions differ.
    """
    embedding = np.asarray(embedding, np.float32)
    if embedding.ndim not in (1, 2) or embedding.shape[-1] != labels.shape[1]:
        raise ValueError(
            f"got clips of shape {embedding.shape} and labels of shape {labels.shape}; expected the same "
            "last dimension: embed both with the same encoder"
        )
    return np.clip(embedding @ labels.T, -1.0, 1.0)


def select_tags(
    scores: np.ndarray, labels: Sequence[str], threshold: float, *, top: int | None = None
) -> list[tuple[str, float]]:
    """Return the tags of one clip with a score of at least `threshold`, best first.

    Args:
        scores: Shape (labels,).
        labels: Ids in the order of the scores.
        threshold: Lowest cosine similarity, -1..1.
        top: The most tags to return; None for all.

    Returns:
        (id, score) pairs; equal scores in the order of the labels.

    Raises:
        ValueError: There are not as many scores as labels.
    """
    return select_many(np.asarray(scores)[None], labels, threshold, top=top)[0]


def select_many(
    scores: np.ndarray, labels: Sequence[str], threshold: float, *, top: int | None = None
) -> list[list[tuple[str, float]]]:
    """Return the tags of many clips, as `select_tags` does for one.

    Args:
        scores: Shape (clips, labels); a score that is NaN is never chosen.
        labels: Ids in the order of the scores.
        threshold: Lowest cosine similarity, -1..1.
        top: The most tags a clip gets; None for all.

    Returns:
        For each clip its (id, score) pairs, best first.

    Raises:
        ValueError: There are not as many scores as labels.
    """
    scores = np.asarray(scores, np.float32)
    if scores.ndim != 2 or scores.shape[1] != len(labels):
        raise ValueError(
            f"got scores of shape {scores.shape} for {len(labels)} labels; expected (clips, labels)"
        )
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    ranked = np.take_along_axis(scores, order, axis=1)
    counts = (ranked >= np.float32(threshold)).sum(axis=1)  # the ranked scores fall, NaN last
    return [
        [(labels[number], float(score)) for number, score in zip(row[:count], values[:count], strict=True)]
        for row, values, count in zip(order, ranked, counts, strict=True)
    ]
