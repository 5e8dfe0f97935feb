"""SigLIP: images and sentences in one space (transformers' `SiglipModel`)."""

import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig, PreTrainedTokenizerFast, SiglipImageProcessorPil, SiglipModel

from encoders.clip import prepare_images
from encoders.folders import BadModel, check_complete, check_kind, loading, resolve_model, revision_of
from encoders.hub import local_folder
from encoders.inference import inference
from encoders.pins import pinned
from encoders.vectors import pooled_rows, unit_rows

MODEL_ID = "google/siglip-so400m-patch14-384"
REVISION = "9fdffc58afc957d1a03a25b10dba0329ab15c2a3"
LICENSE = "Apache-2.0"
RATE_HZ = None  # images have no sampling rate
REFERENCE = "Zhai et al., Sigmoid loss for language image pre-training, ICCV 2023, arXiv:2303.15343"


class SiglipEncoder:
    """Embeds images and sentences; cosines of the two are comparable, though lower than CLIP's.

    The constructor holds settings only. Every call runs its own list in chunks of `batch`, so that a clip
    gets the same bits alone or among thousands of others.

    Args:
        model: A folder or a hub id.
        revision: Of a hub id; by default the pinned one, or "main" of an id that is not known here.
        batch: Images or texts that run at once; by default 16, on a GPU 64.
    """

    dim: int
    revision_id: str
    logit_scale: float

    def __init__(
        self, model: str = MODEL_ID, *, revision: str | None = None, batch: int | None = None
    ) -> None:
        if batch is not None and batch < 1:
            raise ValueError(f"got batch={batch}; expected 1 or more")
        self.model = model
        self.revision = revision
        self.batch = batch

    def load(self, device: str = "cpu") -> Self:
        """Load the weights.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadModel: The model is missing, incomplete, or no SigLIP model.
        """
        source = resolve_model(self.model)
        revision = pinned(self.model, self.revision)
        self.revision_id = revision_of(source, None, revision)
        folder = local_folder(source, revision)
        with loading(
            self.model,
            "SigLIP",
            "a whole folder of SiglipModel.save_pretrained with its processor and tokenizer.json",
        ):
            check_kind(AutoConfig.from_pretrained(folder), "siglip")
            self._net, report = SiglipModel.from_pretrained(
                folder, dtype=torch.float32, output_loading_info=True
            )
            check_complete(report)
            self._images = SiglipImageProcessorPil.from_pretrained(folder)
            self._tokenizer = _tokenizer(folder)
        self._net.eval().requires_grad_(False).to(device)
        self._device = device
        self._at_once = self.batch or (16 if torch.device(device).type == "cpu" else 64)
        self.dim = int(self._net.config.vision_config.hidden_size)
        self.logit_scale = float(self._net.logit_scale.exp())
        return self

    def prepare_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Return the pixels that the network sees, shape (images, 3, side, side), float32, on the CPU.

        It is safe in several threads, and leaves `embed_pixels` nothing but the network.
        """
        self._loaded()
        return prepare_images(self._images, images)

    def embed_pixels(self, pixels: torch.Tensor) -> np.ndarray:
        """Return one embedding per image that was prepared, shape (images, dim), float32, L2-normalised."""
        net = self._loaded()
        rows = []
        for chunk in pixels.split(self._at_once) if len(pixels) else ():
            with inference(self._device):
                rows.append(pooled_rows(net.get_image_features(pixel_values=chunk.to(self._device))))
        return unit_rows(rows, self.dim)

    def embed_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Return one embedding per image, shape (images, dim), float32, L2-normalised."""
        return self.embed_pixels(self.prepare_images(images))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return one embedding per text, shape (texts, dim), float32, L2-normalised; long texts are cut."""
        net = self._loaded()
        rows = []
        for start in range(0, len(texts), self._at_once):
            tokens = torch.tensor([self._tokens(str(text)) for text in texts[start : start + self._at_once]])
            with inference(self._device, half=False):
                rows.append(pooled_rows(net.get_text_features(input_ids=tokens.to(self._device))))
        return unit_rows(rows, self.dim)

    def _tokens(self, text: str) -> list[int]:
        """Return a text's tokens, its end, and padding to the full length: SigLIP never saw less."""
        size = self._net.config.text_config.max_position_embeddings
        words = self._tokenizer(canonical(text), add_special_tokens=False)["input_ids"][: size - 1]
        tokens = [*words, self._tokenizer.eos_token_id]
        return tokens + [self._tokenizer.pad_token_id] * (size - len(tokens))

    def _loaded(self) -> Any:
        if not hasattr(self, "_net"):
            raise RuntimeError("got an encoder without weights; expected load(device) to be called first")
        return self._net


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
