"""CLIP: images and sentences in one space (transformers' `CLIPModel`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig, AutoTokenizer, CLIPImageProcessorPil, CLIPModel

from leitmotif.encoders.encoder import check_batch, embed_in_batches, inference, loaded
from leitmotif.weights.hub import local_folder
from leitmotif.weights.load import check_kind, load_network, loading
from leitmotif.weights.published import pinned
from leitmotif.weights.resolve import resolve_model, revision_of

MODEL_ID = "openai/clip-vit-large-patch14"
REVISION = "32bd64288804d66eefd0ccbe215aa642df71cc41"
LICENSE = "MIT"
RATE_HZ = None  # images have no sampling rate
REFERENCE = (
    "Radford et al., Learning transferable visual models from natural language supervision, arXiv:2103.00020"
)
SETTINGS = {"model": None, "revision": None}


class ClipEncoder:
    """Embeds images and sentences; cosines of the two are comparable.

    The constructor holds settings only. Every call runs its own list in chunks of `batch`, so that a clip
    gets the same bits alone or among thousands of others.

    Args:
        model: A model that ships, a folder, or a hub id.
        revision: Revision of a hub id; by default the pinned one, or "main" of an id that is not known here.
        batch: Images or texts that run at once; by default 16, on a GPU 64.
    """

    dim: int
    revision_id: str
    logit_scale: float

    def __init__(
        self, model: str = MODEL_ID, *, revision: str | None = None, batch: int | None = None
    ) -> None:
        self.model = model
        self.revision = revision
        self.batch = check_batch(batch)
        self._net: Any = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadModel: The model is missing, incomplete, or of another kind.
        """
        source = resolve_model(self.model)
        revision = pinned(self.model, self.revision)
        self.revision_id = revision_of(source, None, revision)
        self._read_folder(local_folder(source, revision))
        self._net.eval().requires_grad_(False).to(device)
        self._device = device
        self._at_once = self.batch or (16 if torch.device(device).type == "cpu" else 64)
        self.logit_scale = float(self._net.logit_scale.exp())
        return self

    def _read_folder(self, folder: Path) -> None:
        """Load the network, the image processor and the tokenizer."""
        with loading(
            self.model, "CLIP", "a whole folder of CLIPModel.save_pretrained with its processor and tokenizer"
        ):
            self._read_network(folder, CLIPModel, "clip")
            self._images = CLIPImageProcessorPil.from_pretrained(folder)
            self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self.dim = int(self._net.config.projection_dim)

    def _read_network(self, folder: Path, network: Any, kind: str) -> None:
        check_kind(AutoConfig.from_pretrained(folder), kind)
        self._net = load_network(network, folder)

    def prepare_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Return the pixels that the network sees, shape (images, 3, side, side), float32, on the CPU.

        It is safe in several threads, and leaves `embed_pixels` nothing but the network.

        Raises:
            ValueError: An image has no pixels.
        """
        loaded(self._net)
        if not images:
            return torch.zeros(0, 3, 1, 1)
        if empty := [image.size for image in images if not all(image.size)]:
            raise ValueError(f"got an image of {empty[0][0]} x {empty[0][1]} pixels; expected at least one")
        converted = [image.convert("RGB") for image in images]
        return self._images(images=converted, return_tensors="pt")["pixel_values"].float()

    def embed_pixels(self, pixels: torch.Tensor) -> np.ndarray:
        """Return one embedding per image that was prepared, shape (images, dim), float32, L2-normalised."""
        loaded(self._net)
        return embed_in_batches(pixels, self._at_once, self._embed_pixels, self.dim)  # type: ignore[arg-type]

    def _embed_pixels(self, pixels: torch.Tensor) -> Any:
        with inference(self._device):
            return self._net.get_image_features(pixel_values=pixels.to(self._device))

    def embed_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Return one embedding per image, shape (images, dim), float32, L2-normalised."""
        return self.embed_pixels(self.prepare_images(images))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return one embedding per text, shape (texts, dim), float32, L2-normalised; long texts are cut."""
        loaded(self._net)
        return embed_in_batches(texts, self._at_once, self._embed_texts, self.dim)

    def _embed_texts(self, texts: Sequence[str]) -> Any:
        tokens = self._tokens([str(text) for text in texts])
        on_device = {name: values.to(self._device) for name, values in tokens.items()}
        with inference(self._device, half=False):
            return self._net.get_text_features(**on_device)

    def _tokens(self, texts: list[str]) -> dict[str, torch.Tensor]:
        """Return what the text tower reads of some texts, each (texts, tokens)."""
        limit = self._net.config.text_config.max_position_embeddings
        tokens = self._tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        return {name: tokens[name] for name in ("input_ids", "attention_mask")}


IMAGE_ENCODER = ClipEncoder
