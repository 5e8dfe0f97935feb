"""EmbeddingGemma 2: captions and the sentences that ask for them, in more than a hundred languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from transformers import AutoConfig, AutoTokenizer, EmbeddingGemma2Model

from leitmotif.encoders.encoder import check_batch, embed_in_batches, inference, loaded
from leitmotif.encoders.sentences import mean_of_tokens
from leitmotif.weights.hub import local_folder
from leitmotif.weights.load import check_kind, load_network, loading
from leitmotif.weights.published import pinned
from leitmotif.weights.resolve import resolve_model

MODEL_ID = "google/embeddinggemma-2"
REVISION = "914f7f89142e33e77833254d9c9b90c3cef7303b"
LICENSE = "Apache-2.0"
COMMERCIAL = "yes"
RATE_HZ = None  # it is asked to read, though it could hear
REFERENCE = "Google DeepMind, EmbeddingGemma 2 model card, https://huggingface.co/google/embeddinggemma-2"
SETTINGS = {"model": None, "revision": None}
READS = "caption"
# As its sentence-transformers settings name them: Retrieval-query and Retrieval-document.
ASKED, CAPTION = "task: search result | query: {}", "title: none | text: {}"
TOKENS = 8192  # of a text, as it was trained
_AT_ONCE = 8


class EmbeddingGemmaEncoder:
    """Embeds captions, and the sentences that ask for them, each behind its own prompt.

    Of the model only what reads is loaded. It computes in single precision on a GPU, too: it was trained in
    bfloat16, and half precision overflows.

    Args:
        model: A folder or a hub id.
        revision: Revision of a hub id; by default the pinned one, or "main" of an id that is not known here.
        batch: Texts that run at once.
    """

    dim: int

    def __init__(
        self, model: str = MODEL_ID, *, revision: str | None = None, batch: int | None = None
    ) -> None:
        self.model = model
        self.revision = revision
        self.batch = check_batch(batch) or _AT_ONCE
        self._net: Any = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadModel: The model is missing, incomplete, or of another kind.
        """
        folder = local_folder(resolve_model(self.model), pinned(self.model, self.revision))
        with loading(
            self.model,
            "EmbeddingGemma 2",
            "a whole folder of EmbeddingGemma2Model.save_pretrained with its tokenizer",
        ):
            check_kind(AutoConfig.from_pretrained(folder), "embedding_gemma2")
            net = load_network(EmbeddingGemma2Model, folder, vision_config=None, audio_config=None)
            self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._net = net.to(device)
        self._device = device
        self.dim = int(net.config.text_config.embedding_dim)
        return self

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return one embedding per sentence that asks, shape (texts, dim), float32, L2-normalised."""
        return self._embed([ASKED.format(text) for text in texts])

    def embed_captions(self, captions: Sequence[str]) -> np.ndarray:
        """Return one embedding per caption, shape (captions, dim), float32, L2-normalised."""
        return self._embed([CAPTION.format(caption) for caption in captions])

    def _embed(self, texts: Sequence[str]) -> np.ndarray:
        loaded(self._net)
        return embed_in_batches(texts, self.batch, self._embed_batch, self.dim)

    def _embed_batch(self, texts: Sequence[str]) -> torch.Tensor:
        tokens = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=TOKENS, return_tensors="pt"
        )
        ids, mask = (tokens[name].to(self._device) for name in ("input_ids", "attention_mask"))
        with inference(self._device, half=False):
            states = self._net(input_ids=ids, attention_mask=mask).last_hidden_state
            return mean_of_tokens(states, mask)


SENTENCE_ENCODER = EmbeddingGemmaEncoder
