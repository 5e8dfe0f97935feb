"""What an encoder is, and how every one of them runs: in batches, without gradients, onto the unit sphere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import numpy as np
import torch

if TYPE_CHECKING:
    from PIL import Image

Item = TypeVar("Item")


class TextEncoder(Protocol):
    """Embeds sentences.

    Attributes:
        logit_scale: Factor of cosines before a softmax, once it is loaded.
    """

    logit_scale: float

    def embed_texts(self, texts: Sequence[str], /) -> np.ndarray:
        """Return one embedding per text, shape (texts, dim), float32, L2-normalised; long texts are cut."""


class AudioEncoder(TextEncoder, Protocol):
    """Embeds mono windows and sentences into one space: `AUDIO_ENCODER`, `QUALITY_ENCODER` of a file here.

    Attributes:
        rate_hz: Sampling rate of its windows; this and what follows holds once it is loaded.
        window_s: Length of a window; a longer one is cut to its beginning, a shorter one filled up.
        dim: Length of an embedding.
    """

    rate_hz: int
    window_s: float
    dim: int

    def load(self, device: str = "cpu") -> Self:
        """Load the weights onto a torch device."""

    def embed_windows(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Return one embedding per window of shape (n,): shape (windows, dim), float32, L2-normalised."""


class SentenceEncoder(Protocol):
    """Finds clips by sentences: `SENTENCE_ENCODER` of a file here, whose READS says what of a clip it embeds.

    One that reads the column `audio` embeds windows as an `AudioEncoder` does; one that is ASKED_BY films or
    pictures has `embed_film`: pictures (PIL, in order) become an embedding (dim,).

    Attributes:
        dim: Length of an embedding, once it is loaded.
    """

    dim: int

    def load(self, device: str = "cpu") -> Self:
        """Load the weights onto a torch device."""

    def embed_texts(self, texts: Sequence[str], /) -> np.ndarray:
        """Return one embedding per sentence that asks, shape (texts, dim), float32, L2-normalised."""

    def embed_captions(self, captions: Sequence[str], /) -> np.ndarray:
        """Return one embedding per caption of a clip, where it reads the column `caption`; the same shape."""


class ImageEncoder(TextEncoder, Protocol):
    """Embeds images and sentences into one space: `IMAGE_ENCODER` of a file here.

    Attributes:
        dim: Length of an embedding, once it is loaded.
    """

    dim: int

    def load(self, device: str = "cpu") -> Self:
        """Load the weights onto a torch device."""

    def prepare_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Return the pixels that the network sees, shape (images, 3, side, side); safe in several threads."""

    def embed_pixels(self, pixels: torch.Tensor) -> np.ndarray:
        """Return one embedding per image that was prepared, shape (images, dim), float32, L2-normalised."""


class AudioTagger(Protocol):
    """Scores mono windows for classes of sound: `AUDIO_TAGGER`, `MUSIC_TAGGER` of a file here.

    Attributes:
        rate_hz: Sampling rate of its windows.
        window_s: Length of a window.
        labels: Names of the classes: AudioSet's, with speech, singing and music among them; of a tagger of
            music its words, with those of `taxonomy/speakers.yaml` among them.
    """

    rate_hz: int
    window_s: float
    labels: Sequence[str]

    def load(self, device: str = "cpu") -> Self:
        """Load the weights onto a torch device."""

    def score_windows(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Return the probability of each class in each window, (n,): shape (windows, classes), 0..1."""


class TextDetector(Protocol):
    """Finds lines of text in pictures: `TEXT_DETECTOR` of a file here."""

    def load(self, device: str = "cpu") -> Self:
        """Load the weights onto a torch device."""

    def find_lines(self, picture: np.ndarray) -> list[np.ndarray]:
        """Return the corners of each line, (4, 2): x and y as shares of width and height.

        Args:
            picture: uint8 BGR (height, width, 3).
        """


def check_batch(batch: int | None) -> int | None:
    """Return how many items run at once; None leaves it to the encoder.

    Raises:
        ValueError: It is less than one.
    """
    if batch is not None and batch < 1:
        raise ValueError(f"got batch={batch}; expected 1 or more")
    return batch


def loaded(net: Any) -> Any:
    """Return the network of an encoder.

    Raises:
        RuntimeError: It has none yet.
    """
    if net is None:
        raise RuntimeError("got an encoder without weights; expected load(device) to be called first")
    return net


def embed_in_batches(
    items: Sequence[Item], size: int, embed: Callable[[Sequence[Item]], Any], dim: int
) -> np.ndarray:
    """Return one embedding per item, shape (items, dim), float32, L2-normalised.

    Args:
        items: What is embedded; in the same batches whatever else runs, so that each gets the same bits.
        size: Items of a batch.
        embed: Returns the embeddings of a batch, shape (n, dim): a tensor, or what a `get_*_features` call of
            transformers 5 returns.
        dim: Length of an embedding.

    Raises:
        ValueError: A row is not finite: weights are broken, or half precision overflowed.
    """
    return unit_rows([_rows(embed(items[at : at + size])) for at in range(0, len(items), size)], dim)


def _rows(output: Any) -> np.ndarray:
    tensor = output if torch.is_tensor(output) else output.pooler_output
    return tensor.float().cpu().numpy()


def unit_rows(rows: list[np.ndarray], dim: int) -> np.ndarray:
    """Return the stacked rows, L2-normalised, shape (n, dim), float32; (0, dim) for none.

    Raises:
        ValueError: A row is not finite: weights are broken, or half precision overflowed.
    """
    if not rows:
        return np.zeros((0, dim), np.float32)
    stacked = np.concatenate(rows).astype(np.float64)
    if not np.isfinite(stacked).all():
        raise ValueError("got an embedding that is not finite; expected sound weights: try --device cpu")
    norms = np.linalg.norm(stacked, axis=1, keepdims=True)
    return (stacked / np.maximum(norms, 1e-12)).astype(np.float32)


@contextmanager
def inference(device: str, *, half: bool = True) -> Iterator[None]:
    """Run without gradients; matrix products on a GPU in float16, as the published models were trained.

    Args:
        device: Where the network runs.
        half: False for what needs float32 on a GPU as well.

    Raises:
        MemoryError: The batch does not fit the GPU's memory.
    """
    half = half and torch.device(device).type == "cuda"
    try:
        with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=half):
            yield
    except torch.OutOfMemoryError as error:
        raise MemoryError(f"the memory of {device} is full; free some of it or use --device cpu") from error
