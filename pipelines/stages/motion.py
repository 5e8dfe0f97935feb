"""Measure how much, and how, the picture moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pyarrow as pa

from filters.motion import Motion, measure_motion
from pipelines.stage import Clip, DecoderSettings, Place, Row, limit_of, one_by_one, settings_identity

if TYPE_CHECKING:
    from pipelines.plan import Plan


_ARROW = {"float": pa.float32(), "int": pa.int32(), "bool": pa.bool_()}


class MotionSettings(DecoderSettings):
    """`exact` reads every frame; `sampled` short windows, and every frame where a threshold is near."""

    mode: Literal["exact", "sampled"] = "exact"


class MotionStage:
    """Mean pixel difference, share of still frames, and the signs of a moving still."""

    NAME: ClassVar = "motion"
    VERSION: ClassVar = 1
    READS: ClassVar = ("probe",)
    SETTINGS: ClassVar = MotionSettings
    BATCH: ClassVar = 8
    COLUMNS: ClassVar = pa.schema([(field.name, _ARROW[str(field.type)]) for field in fields(Motion)])

    def __init__(self, plan: Plan) -> None:
        self.settings = MotionSettings(**plan.stages[self.NAME])

    def model(self) -> None:
        """Return None: pixels need no model."""

    def identity(self) -> Mapping[str, Any]:
        """Return the settings."""
        return settings_identity(self.settings)

    def open(self, place: Place) -> None:
        """Note the decoding process."""
        self.place = place

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Measure each clip's pictures."""
        return one_by_one(self._measure, clips)

    def _measure(self, clip: Clip) -> Row:
        motion = self.place.decoder.run(
            measure_motion,
            Path(clip.path),
            **clip.window,
            mode=self.settings.mode,
            limit_s=limit_of(self.settings, clip),
        )
        return asdict(motion)
