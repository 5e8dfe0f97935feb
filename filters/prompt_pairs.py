"""Score recordings between two opposite texts: "the sound is clear and clean" or "the sound is noisy"?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from leitmotif.encoders.encoder import TextEncoder


class PromptPairs(Protocol):
    """Texts of opposite meaning; `positive[i]` and `negative[i]` are a pair."""

    @property
    def positive(self) -> Sequence[str]:
        """Texts whose probability is the score."""

    @property
    def negative(self) -> Sequence[str]:
        """Their opposites."""


def antonym_score(windows: np.ndarray, positive: np.ndarray, negative: np.ndarray, scale: float) -> float:
    """Return how probable the positive text is against its opposite, in the mean over windows and pairs.

    Args:
        windows: Embeddings of windows of one recording, shape (windows, dim), L2-normalised.
        positive: Embeddings of the positive texts, shape (pairs, dim), L2-normalised.
        negative: Embeddings of their opposites, shape (pairs, dim), L2-normalised.
        scale: The factor on cosines that the encoder was trained with (`logit_scale`), above 0.

    Returns:
        The mean of the softmax over each pair, 0..1.

    Raises:
        ValueError: There is no window or no pair, or the shapes do not fit together.

    Reference:
        Deshmukh et al., PAM: Prompting audio-language models for audio quality assessment, Interspeech 2024,
        arXiv:2402.00282, equation 1 (one pair, the mean over chunks).
    """
    windows, positive, negative = (np.asarray(a, np.float64) for a in (windows, positive, negative))
    if windows.ndim != 2 or not len(windows):
        raise ValueError(
            f"got windows of shape {windows.shape}; expected (windows, dim) with at least one window"
        )
    if positive.ndim != 2 or not len(positive) or positive.shape != negative.shape:
        raise ValueError(
            f"got texts of shapes {positive.shape} and {negative.shape}; expected as many opposites as "
            "positive texts, both (pairs, dim) with at least one pair"
        )
    if windows.shape[1] != positive.shape[1]:
        raise ValueError(
            f"got windows of dimension {windows.shape[1]} and texts of dimension {positive.shape[1]}; "
            "embed both with the same encoder"
        )
    margins = scale * (windows @ (positive - negative).T)  # (windows, pairs)
    # A softmax over two is a sigmoid of the difference; by tanh, which cannot overflow.
    return float(np.mean(0.5 * (1.0 + np.tanh(0.5 * margins))))


def scorer(encoder: TextEncoder, texts: PromptPairs) -> Callable[[np.ndarray], float]:
    """Embed the texts once; return the function from window embeddings (windows, dim) to their score 0..1."""
    positive, negative = encoder.embed_texts(list(texts.positive)), encoder.embed_texts(list(texts.negative))
    scale = encoder.logit_scale

    def score(windows: np.ndarray) -> float:
        return antonym_score(windows, positive, negative, scale)

    return score
