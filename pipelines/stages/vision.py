"""Embed the key frames."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from pipelines import encoders_in_use
from pipelines.stage import Clip, Place, Row, StageSettings, one_by_one, settings_identity
from pipelines.stages.frames import unpack_frames

if TYPE_CHECKING:
    from pipelines.plan import Plan


class VisionSettings(StageSettings):
    """Which CLIP model: one that ships, a hub id or a local folder; a hub id is pinned by its revision."""

    backend: Literal["clip"] = "clip"
    model: str = "clip-mini"
    revision: str | None = None
    device: str = "cpu"


class VisionStage:
    """The mean CLIP embedding of a clip's key frames."""

    NAME: ClassVar = "vision"
    VERSION: ClassVar = 1
    READS: ClassVar = ("frames",)
    SETTINGS: ClassVar = VisionSettings
    BATCH: ClassVar = 16
    COLUMNS: ClassVar = pa.schema([("clip_embedding", pa.list_(pa.float32()))])

    def __init__(self, plan: Plan) -> None:
        self.settings = VisionSettings(**plan.stages[self.NAME])

    def model(self) -> str:
        """Return the CLIP model's id and revision."""
        return encoders_in_use.model_of(self.settings.model, self.settings.revision)

    def identity(self) -> Mapping[str, Any]:
        """Return the settings."""
        return settings_identity(self.settings)

    def open(self, place: Place) -> None:
        """Load the model."""
        self.place = place
        self.encoder = encoders_in_use.clip(self.settings.model, self.settings.revision, self.settings.device)

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Embed each clip's frames."""
        return one_by_one(self._embed, clips)

    def _embed(self, clip: Clip) -> Row:
        from PIL import Image

        frames = unpack_frames(self.place.workspace / clip.inputs["frames"]["file"])
        pictures = [Image.open(io.BytesIO(jpeg)).convert("RGB") for _, jpeg in frames]
        mean = self.encoder.embed_images(pictures).mean(axis=0)
        return {"clip_embedding": mean / np.linalg.norm(mean)}
