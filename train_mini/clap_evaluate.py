"""Measures a CLAP encoder on rendered clips with known truth: tags, voice, quality, tempo, families."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from leitmotif.taxonomy.labels import AntonymPrompts, Label, Taxonomy
from leitmotif.train_mini.corpus import Truth
from leitmotif.train_mini.prompts import TEMPI
from leitmotif.train_mini.ranking_metrics import area_under_roc, average_precision, best_threshold
from leitmotif.train_mini.targets import tempo_word

if TYPE_CHECKING:
    from leitmotif.encoders.encoder import TextEncoder

FAMILY_NAMES = ("strings", "keyboards", "winds", "percussion", "voice")
MIN_POSITIVES = 5  # a label with fewer true clips has no figure
DEGRADED_FROM = 0.2


def label_rows(encoder: TextEncoder, labels: Sequence[Label]) -> np.ndarray:
    """Return the mean of each label's prompts, unit length, shape (labels, d)."""
    return np.stack([mean_row(encoder.embed_texts(label.prompts())) for label in labels])


def mean_row(rows: np.ndarray) -> np.ndarray:
    """Return the mean of unit rows (n, d) at unit length, shape (d,)."""
    mean = rows.mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)


def opposed_scores(encoder: TextEncoder, clips: np.ndarray, pairs: AntonymPrompts) -> np.ndarray:
    """Return the score of the positive side of each clip: a softmax over each pair, averaged.

    Args:
        encoder: Embeds the texts.
        clips: Embeddings, shape (n, d).
        pairs: Texts that are opposites of each other, pair by pair.

    Returns:
        Shape (n,), 0..1.
    """
    positive, negative = encoder.embed_texts(pairs.positive), encoder.embed_texts(pairs.negative)
    difference = encoder.logit_scale * (clips @ positive.T - clips @ negative.T)
    return (1 / (1 + np.exp(-difference))).mean(axis=1)


def measure(
    encoder: TextEncoder, clips: np.ndarray, truths: Sequence[Truth], taxonomy: Taxonomy
) -> dict[str, float]:
    """Return the figures of an encoder on rendered clips.

    Args:
        encoder: Embeds the prompts.
        clips: Embeddings of the clips as drawn, shape (n, d).
        truths: Their truth.
        taxonomy: The labels.
    """
    figures: dict[str, float] = {"clips": len(truths)}
    for kind, labels in tag_kinds(taxonomy).items():
        scores, truth = clips @ label_rows(encoder, labels).T, truth_table(truths, kind, labels)
        usable = [i for i in range(len(labels)) if truth[:, i].sum() >= MIN_POSITIVES]
        figures[f"{kind} mAP"] = float(
            np.mean([average_precision(truth[:, i], scores[:, i]) for i in usable])
        )
        figures[f"{kind} labels measured"] = len(usable)
        if kind == "genre":
            known = truth.sum(1) > 0
            figures["genre top-1"] = float(
                np.mean(truth[known, :][np.arange(known.sum()), scores[known].argmax(1)])
            )
    sings = np.array([bool(t.vocals) for t in truths])
    figures["voice AUC"] = area_under_roc(sings, opposed_scores(encoder, clips, taxonomy.voice))
    degree = np.array([t.degree for t in truths])
    clear = (degree == 0) | (degree >= DEGRADED_FROM)
    clean = opposed_scores(encoder, clips, taxonomy.quality)
    figures["quality AUC"] = area_under_roc(degree[clear] == 0, clean[clear])
    first = AntonymPrompts(taxonomy.quality.positive[:1], taxonomy.quality.negative[:1])
    figures["quality AUC, PAM prompts"] = area_under_roc(
        degree[clear] == 0, opposed_scores(encoder, clips, first)[clear]
    )
    tempo = np.stack([mean_row(encoder.embed_texts(words)) for words in TEMPI.values()])
    guessed = [list(TEMPI)[i] for i in (clips @ tempo.T).argmax(1)]
    figures["tempo class top-1"] = float(
        np.mean([g == tempo_word(t.tempo_bpm) for g, t in zip(guessed, truths, strict=True)])
    )
    return figures


def tag_kinds(taxonomy: Taxonomy) -> dict[str, tuple[Label, ...]]:
    """Return the labels of each kind of tag."""
    return {
        "instrument": taxonomy.instruments,
        "genre": taxonomy.genres,
        "mood": taxonomy.moods,
        "vocal": taxonomy.vocals,
    }


def truth_table(truths: Sequence[Truth], kind: str, labels: Sequence[Label]) -> np.ndarray:
    """Return what is true, shape (clips, labels), 0 or 1."""
    facts: Callable[[Truth], Sequence[str]] = {
        "instrument": lambda t: t.instruments,
        "genre": lambda t: (t.genre,) if t.genre else (),
        "mood": lambda t: t.moods,
        "vocal": lambda t: t.vocals,
    }[kind]
    return np.array([[label.id in facts(truth) for label in labels] for truth in truths], float)


def find_thresholds(
    encoder: TextEncoder, clips: np.ndarray, truths: Sequence[Truth], taxonomy: Taxonomy
) -> dict[str, dict[str, float]]:
    """Return for each kind of tag the cosine threshold with the best F1, and what it finds.

    Args:
        encoder: Embeds the prompts.
        clips: Embeddings, shape (n, d).
        truths: What is true of each clip.
        taxonomy: The labels.
    """
    found = {}
    for kind, labels in tag_kinds(taxonomy).items():
        table = truth_table(truths, kind, labels)
        cosine, f1, precision, recall = best_threshold(table, clips @ label_rows(encoder, labels).T)
        found[kind] = {"cosine": cosine, "f1": f1, "precision": precision, "recall": recall}
    return found


def family_scores(encoder: TextEncoder, clips: np.ndarray, taxonomy: Taxonomy, method: str) -> np.ndarray:
    """Return how much each clip sounds like each of FAMILY_NAMES, shape (n, 5).

    Args:
        encoder: Embeds the prompts.
        clips: Embeddings, shape (n, d).
        taxonomy: The labels.
        method: "family prompts", "best label", "best two labels" or "family prompts + best label".
    """
    columns = []
    for name in FAMILY_NAMES:
        if name == "voice":
            labels: Sequence[Label] = taxonomy.vocals
            prompt = mean_row(encoder.embed_texts(taxonomy.voice.positive))
        else:
            labels = [label for label in taxonomy.instruments if label.family == name]
            prompt = mean_row(encoder.embed_texts(taxonomy.family(name).prompts()))
        each = np.sort(clips @ label_rows(encoder, labels).T, axis=1)[:, ::-1]
        whole = clips @ prompt
        columns.append(
            {
                "family prompts": whole,
                "best label": each[:, 0],
                "best two labels": each[:, :2].mean(axis=1),
                "family prompts + best label": whole + each[:, 0],
            }[method]
        )
    return np.stack(columns, axis=1)


FAMILY_METHODS = ("family prompts", "best label", "best two labels", "family prompts + best label")


def true_family(truth: Truth, taxonomy: Taxonomy) -> str | None:
    """Return the only family that sounds in a clip, or None if there are several or none."""
    by_id = {label.id: label.family for label in taxonomy.instruments}
    families = {by_id.get(x) for x in truth.instruments} | ({"voice"} if truth.vocals else set())
    only = families.pop() if len(families) == 1 else None
    return only if only in FAMILY_NAMES else None


def choose_family_method(
    encoder: TextEncoder, clips: np.ndarray, truths: Sequence[Truth], taxonomy: Taxonomy
) -> tuple[str, np.ndarray, dict[str, float]]:
    """Return how to name the family of a clip, judged on single-family renders.

    Returns:
        The best method; what each family scores on the average clip that is not of it, shape (5,), which is
        taken off before the best family is picked; and the share that each method gets right.
    """
    known = [(row, true_family(truth, taxonomy)) for row, truth in enumerate(truths)]
    rows = [row for row, family in known if family]
    wanted = np.array([FAMILY_NAMES.index(family) for _, family in known if family])
    shares, offsets = {}, {}
    for method in FAMILY_METHODS:
        scores = family_scores(encoder, clips[rows], taxonomy, method)
        other = wanted[:, None] != np.arange(len(FAMILY_NAMES))
        offsets[method] = (scores * other).sum(axis=0) / np.maximum(other.sum(axis=0), 1)
        shares[method] = float(np.mean((scores - offsets[method]).argmax(axis=1) == wanted)) if rows else 0.0
    best = max(shares, key=lambda method: shares[method])
    return best, offsets[best], shares
