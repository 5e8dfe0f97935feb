"""Embed the key frames."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from leitmotif.pipelines.backend_settings import BackendSettings
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.prefetch import measure_with_prefetch
from leitmotif.pipelines.stage import Clip, Row, StageContext, settings_identity
from leitmotif.pipelines.stages import encoder_cache
from leitmotif.pipelines.stages.frames import unpack_frames

if TYPE_CHECKING:
    import torch

# That a GPU takes at once, from as many clips as have them.
GPU_FRAMES = 64


class VisionSettings(BackendSettings):
    """Which model: one that ships, a hub id or a local folder; a hub id is pinned by its revision."""

    STAGE: ClassVar = "vision"

    backend: str = "clip"
    model: str = "clip-mini"
    revision: str | None = None
    device: str = "cpu"


class VisionStage:
    """The mean embedding of a clip's key frames, by CLIP or SigLIP."""

    NAME: ClassVar = "vision"
    VERSION: ClassVar = 1
    READS: ClassVar = ("frames",)
    SETTINGS: ClassVar = VisionSettings
    BATCH: ClassVar = 64
    COLUMNS: ClassVar = pa.schema([("clip_embedding", pa.list_(pa.float32()))])

    def __init__(self, plan: Plan) -> None:
        self.settings = VisionSettings(**plan.stages[self.NAME])

    def model(self) -> str:
        """Return the model's id and revision."""
        return encoder_cache.model_of(self.NAME, self.settings.adapter, self.settings.model_dump())

    def identity(self) -> Mapping[str, Any]:
        """Return the settings."""
        return settings_identity(self.settings)

    def open(self, context: StageContext) -> None:
        """Load the model."""
        self.context = context
        self.encoder = encoder_cache.encoder(self.NAME, self.settings.adapter, self.settings.model_dump())

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Embed each clip's frames."""
        return measure_with_prefetch(
            clips, self._read, self._embed, self._row, device=self.settings.device, together=GPU_FRAMES
        )

    def _read(self, clip: Clip) -> torch.Tensor:
        from PIL import Image

        path = self.context.file_of(clip, "frames")
        pictures = [Image.open(io.BytesIO(jpeg)).convert("RGB") for _, jpeg in unpack_frames(path)]
        if not pictures:
            raise ValueError(f"got {path.name!r} without a frame; expected pictures to embed")
        return self.encoder.prepare_images(pictures)  # (frames, 3, side, side)

    def _embed(self, clips: list[torch.Tensor]) -> np.ndarray:
        import torch

        return self.encoder.embed_pixels(torch.cat(clips))

    def _row(self, embeddings: np.ndarray) -> Row:
        mean = embeddings.mean(axis=0)  # of (frames, dim)
        return {"clip_embedding": mean / np.linalg.norm(mean)}
