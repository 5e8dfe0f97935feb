"""Measure how much text the key frames show, and how much of it is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, ClassVar

import cv2
import numpy as np
import pyarrow as pa

from leitmotif.filters.lyrics import TextOnScreen, measure_text
from leitmotif.pipelines.backend_settings import BackendSettings
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.stage import Clip, Row, StageContext, one_by_one, settings_identity
from leitmotif.pipelines.stages import encoder_cache
from leitmotif.pipelines.stages.frames import unpack_frames
from leitmotif.weights.backend import NOBODY


class OverlayTextSettings(BackendSettings):
    """Who looks: a detector of text, or none; then nothing is known, and no clip is held to show lyrics."""

    STAGE: ClassVar = "overlay-text"

    backend: str = NOBODY

    @classmethod
    def choices(cls) -> list[str]:
        """Return what `backend` may be: none, or a detector."""
        return [NOBODY, *super().choices()]


class OverlayTextStage:
    """How many of the key frames show lines of text, and how many show other lines than the one before."""

    NAME: ClassVar = "overlay-text"
    VERSION: ClassVar = 1
    READS: ClassVar = ("frames",)
    SETTINGS: ClassVar = OverlayTextSettings
    BATCH: ClassVar = 32
    COLUMNS: ClassVar = pa.schema([(field.name, pa.float32()) for field in fields(TextOnScreen)])

    def __init__(self, plan: Plan) -> None:
        self.settings = OverlayTextSettings(**plan.stages[self.NAME])

    def model(self) -> str | None:
        """Return the model's id and revision; None where nobody looks."""
        if self.settings.backend == NOBODY:
            return None
        return encoder_cache.model_of(self.NAME, self.settings.adapter, self.settings.model_dump())

    def identity(self) -> Mapping[str, Any]:
        """Return the settings."""
        return settings_identity(self.settings)

    def open(self, context: StageContext) -> None:
        """Load the detector."""
        self.context = context
        self.detector = None
        if self.settings.backend != NOBODY:
            settings = self.settings.model_dump() | {"device": "cpu"}
            self.detector = encoder_cache.encoder(self.NAME, self.settings.adapter, settings)

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Measure each clip's frames."""
        return one_by_one(self._measure, clips)

    def _measure(self, clip: Clip) -> Row:
        if self.detector is None:
            return dict.fromkeys(self.COLUMNS.names)
        path = self.context.file_of(clip, "frames")
        frames = unpack_frames(path)
        if not frames:
            raise ValueError(f"got {path.name!r} without a frame; expected pictures to look for text in")
        pictures = [cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for _, jpeg in frames]
        if any(picture is None for picture in pictures):
            raise ValueError(f"got {path.name!r} with a frame that is no picture; expected JPEG")
        return asdict(measure_text([np.asarray(picture) for picture in pictures], self.detector))
