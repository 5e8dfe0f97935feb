"""Tracks of poor sound quality: hiss, clipping, narrow bands, artefacts of lossy coding (PAM)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from leitmotif.filters import prompt_pairs
from leitmotif.filters.rule import SHARE, Rule

if TYPE_CHECKING:
    from leitmotif.encoders.encoder import TextEncoder

RULES = (
    Rule(
        name="pam",
        stage="quality",
        column="pam_score",
        keep="at least",
        threshold=0.95,
        unit="probability",
        domain=SHARE,
        why="a generator reproduces the noise and the artefacts that it is trained on",
        finding="the quality score is {}",
        reference="Visuals Music Bridge, appendix B.1, with the score of Deshmukh et al., arXiv:2402.00282",
    ),
)

# Of PAM: sound is judged in pieces of seven seconds.
CHUNK_S = 7.0
# Four minutes and forty seconds whole, and evenly spread chunks of anything longer: a mean over more changes
# little.
MAX_CHUNKS = 40


class QualityPrompts(Protocol):
    """What scoring needs of a taxonomy."""

    @property
    def quality(self) -> prompt_pairs.PromptPairs:
        """Texts of a clean sound, and of a noisy one; the first pair is that of PAM."""


@dataclass(frozen=True)
class _FirstPair:
    positive: tuple[str, ...]
    negative: tuple[str, ...]


def scorer(encoder: TextEncoder, taxonomy: QualityPrompts) -> Callable[[np.ndarray], float]:
    """Return the function from a clip's window embeddings, shape (windows, dim), to its PAM score, 0..1.

    Only the first pair of texts is asked: the published threshold belongs to it.
    """
    first = _FirstPair(tuple(taxonomy.quality.positive[:1]), tuple(taxonomy.quality.negative[:1]))
    return prompt_pairs.scorer(encoder, first)


def pam_chunks(
    blocks: Iterable[np.ndarray], rate_hz: int, total_s: float, *, most: int = MAX_CHUNKS
) -> list[np.ndarray]:
    """Cut a streamed mono track as PAM does; only the chunks that are returned are held.

    Chunks follow each other without a gap. What is left at the end makes a chunk of the last seven seconds,
    which overlaps the one before; a track of less than seven seconds is repeated until it is long enough. Of
    `k` chunks, `most` are chosen by `floor((j + 0.5) * k / most)`.

    Args:
        blocks: Mono float32 blocks, shape (n,), in order.
        rate_hz: Sampling rate of the blocks.
        total_s: Length of the track.
        most: The most chunks to return.

    Returns:
        Chunks of seven seconds; empty if the track has no samples.

    Reference:
        Deshmukh et al., arXiv:2402.00282, section 3, and `dataset.py` of github.com/soham97/PAM; that joins
        the channels of a stereo file end to end, where a mean of them is expected here.
    """
    size = round(CHUNK_S * rate_hz)
    count = max(1, -(-round(total_s * rate_hz) // size))
    chosen = {int((j + 0.5) * count / most) for j in range(most)} if count > most else set(range(count))
    return [chunk for number, chunk in enumerate(_chunks(blocks, size)) if number in chosen]


def _chunks(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    rest = np.empty(0, np.float32)
    last: np.ndarray | None = None
    for block in blocks:
        rest = np.concatenate([rest, np.asarray(block, np.float32)])
        while len(rest) >= size:
            last, rest = rest[:size].copy(), rest[size:]
            yield last
    if len(rest):
        yield np.resize(rest, size) if last is None else np.concatenate([last, rest])[-size:]
