"""Measure how much, and how, the picture moves."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import ClassVar, Literal

import pyarrow as pa

from leitmotif.filters.motion import Motion, measure_motion
from leitmotif.pipelines.stage import Clip, ClipByClipStage, DecoderSettings, Row, limit_of

_ARROW = {
    "float": pa.float32(),
    "float | None": pa.float32(),
    "int": pa.int32(),
    "int | None": pa.int32(),
    "bool": pa.bool_(),
    "list[float] | None": pa.list_(pa.float64()),
}


class MotionSettings(DecoderSettings):
    """`exact` reads every frame; `sampled` short windows, and every frame where a threshold is near."""

    mode: Literal["exact", "sampled"] = "exact"


class MotionStage(ClipByClipStage[MotionSettings]):
    """Mean pixel difference, share of still frames, the signs of a moving still, and where shots change."""

    NAME: ClassVar = "motion"
    VERSION: ClassVar = 3
    READS: ClassVar = ("probe",)
    SETTINGS: ClassVar = MotionSettings
    BATCH: ClassVar = 8
    COLUMNS: ClassVar = pa.schema([(field.name, _ARROW[str(field.type)]) for field in fields(Motion)])

    def measure_clip(self, clip: Clip) -> Row:
        """Measure the clip's pictures."""
        motion = self.context.decoder.run(
            measure_motion,
            clip.path,
            **clip.window,
            mode=self.settings.mode,
            limit_s=limit_of(self.settings, clip),
        )
        return asdict(motion)
