"""CLIP: images and sentences in one space (transformers' `CLIPModel`)."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig, AutoTokenizer, CLIPImageProcessorPil, CLIPModel

from encoders.folders import BadModel, check_complete, check_kind, resolve_model, revision_of
from encoders.vectors import pooled_rows, unit_rows

MODEL_ID = "openai/clip-vit-large-patch14"
REVISION = "main"
LICENSE = "MIT"
RATE_HZ = None  # images have no sampling rate
REFERENCE = (
    "Radford et al., Learning transferable visual models from natural language supervision, arXiv:2103.00020"
)


class ClipEncoder:
    """Embeds images and sentences; cosines of the two are comparable.

    The constructor holds settings only. Every call runs its own list in chunks of `batch`, so that a clip
    gets the same bits alone or among thousands of others.
    """

    dim: int
    revision_id: str
    logit_scale: float

    def __init__(self, model: str = MODEL_ID, *, revision: str | None = None, batch: int = 16) -> None:
        if batch < 1:
            raise ValueError(f"got batch={batch}; expected 1 or more")
        self.model = model
        self.revision = revision
        self.batch = batch

    def load(self, device: str = "cpu") -> Self:
        """Load the weights.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadModel: The model is missing, incomplete, or no CLIP model.
        """
        source = resolve_model(self.model)
        pinned = self.revision or REVISION
        try:
            check_kind(AutoConfig.from_pretrained(source, revision=pinned), "clip")
            self._net, report = CLIPModel.from_pretrained(
                source, revision=pinned, dtype=torch.float32, output_loading_info=True
            )
            check_complete(report)
            self._images = CLIPImageProcessorPil.from_pretrained(source, revision=pinned)
            self._tokenizer = AutoTokenizer.from_pretrained(source, revision=pinned)
        except (OSError, ValueError, RuntimeError, KeyError, AttributeError, TypeError) as error:
            first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise BadModel(
                f"got model {self.model!r}, which does not load as CLIP ({first_line}); expected a folder "
                "written by CLIPModel.save_pretrained with its processor and tokenizer, or a reachable hub id"
            ) from error
        self._net.eval().requires_grad_(False).to(device)
        self._device = device
        self.dim = int(self._net.config.projection_dim)
        self.logit_scale = float(self._net.logit_scale.exp())
        self.revision_id = revision_of(source, getattr(self._net.config, "_commit_hash", None), self.revision)
        return self

    def embed_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Return one embedding per image, shape (images, dim), float32, L2-normalised."""
        net = self._loaded()
        rows = []
        for start in range(0, len(images), self.batch):
            chunk = [image.convert("RGB") for image in images[start : start + self.batch]]
            pixels = self._images(images=chunk, return_tensors="pt")["pixel_values"].to(
                self._device, torch.float32
            )
            with torch.inference_mode():
                rows.append(pooled_rows(net.get_image_features(pixel_values=pixels)))
        return unit_rows(rows, self.dim)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return one embedding per text, shape (texts, dim), float32, L2-normalised; long texts are cut."""
        net = self._loaded()
        limit = net.config.text_config.max_position_embeddings
        rows = []
        for start in range(0, len(texts), self.batch):
            chunk = [str(text) for text in texts[start : start + self.batch]]
            tokens = self._tokenizer(
                chunk, padding=True, truncation=True, max_length=limit, return_tensors="pt"
            )
            with torch.inference_mode():
                rows.append(
                    pooled_rows(
                        net.get_text_features(
                            input_ids=tokens["input_ids"].to(self._device),
                            attention_mask=tokens["attention_mask"].to(self._device),
                        )
                    )
                )
        return unit_rows(rows, self.dim)

    def _loaded(self) -> Any:
        if not hasattr(self, "_net"):
            raise RuntimeError("got an encoder without weights; expected load(device) to be called first")
        return self._net
