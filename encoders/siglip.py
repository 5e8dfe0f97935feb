"""SigLIP: images and sentences in one space (transformers' `SiglipModel`)."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast, SiglipImageProcessorPil, SiglipModel

from leitmotif.encoders.clip import ClipEncoder
from leitmotif.weights.load import loading
from leitmotif.weights.resolve import BadModel

MODEL_ID = "google/siglip-so400m-patch14-384"
REVISION = "9fdffc58afc957d1a03a25b10dba0329ab15c2a3"
LICENSE = "Apache-2.0"
RATE_HZ = None  # images have no sampling rate
REFERENCE = "Zhai et al., Sigmoid loss for language image pre-training, ICCV 2023, arXiv:2303.15343"
SETTINGS = {"model": None, "revision": None}


class SiglipEncoder(ClipEncoder):
    """Embeds images and sentences as `ClipEncoder` does; cosines of the two are lower than CLIP's.

    Args:
        model: A folder or a hub id.
        revision: Revision of a hub id; by default the pinned one, or "main" of an id that is not known here.
        batch: Images or texts that run at once; by default 16, on a GPU 64.
    """

    def __init__(
        self, model: str = MODEL_ID, *, revision: str | None = None, batch: int | None = None
    ) -> None:
        super().__init__(model, revision=revision, batch=batch)

    def _read_folder(self, folder: Path) -> None:
        with loading(
            self.model,
            "SigLIP",
            "a whole folder of SiglipModel.save_pretrained with its processor and tokenizer.json",
        ):
            self._read_network(folder, SiglipModel, "siglip")
            self._images = SiglipImageProcessorPil.from_pretrained(folder)
            self._tokenizer = _tokenizer(folder)
        self.dim = int(self._net.config.vision_config.hidden_size)

    def _tokens(self, texts: list[str]) -> dict[str, torch.Tensor]:
        """Return each text's tokens, its end, and padding to the full length: SigLIP never saw less."""
        size = self._net.config.text_config.max_position_embeddings
        rows = []
        for text in texts:
            words = self._tokenizer(canonical(text), add_special_tokens=False)["input_ids"][: size - 1]
            tokens = [*words, self._tokenizer.eos_token_id]
            rows.append(tokens + [self._tokenizer.pad_token_id] * (size - len(tokens)))
        return {"input_ids": torch.tensor(rows)}


def canonical(text: str) -> str:
    """Return a text as SigLIP's were in training: lower case, no punctuation, single spaces."""
    bare = text.lower().translate(str.maketrans("", "", string.punctuation))
    return " ".join(bare.split())


def _tokenizer(folder: Path) -> Any:
    """Return the tokenizer of tokenizer.json, which needs neither sentencepiece nor protobuf."""
    if not (folder / "tokenizer.json").is_file():
        raise BadModel(
            f"got model folder {str(folder)!r} without tokenizer.json; expected it beside the weights: take "
            "it from a repository that has one, such as google/siglip-so400m-patch14-384"
        )
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    if tokenizer.eos_token_id is None or tokenizer.pad_token_id is None:
        raise ValueError("its tokenizer names no end of text or no padding")
    return tokenizer


IMAGE_ENCODER = SiglipEncoder
