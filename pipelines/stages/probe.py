"""Read what a media file says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

import media.probe
from pipelines.stage import Clip, DecoderSettings, Place, Row, one_by_one, settings_identity

if TYPE_CHECKING:
    from pipelines.plan import Plan


class ProbeStage:
    """Container, streams, size and length, from the headers."""

    NAME: ClassVar = "probe"
    VERSION: ClassVar = 1
    READS: ClassVar = ()
    SETTINGS: ClassVar = DecoderSettings
    BATCH: ClassVar = 64
    COLUMNS: ClassVar = pa.schema(
        [
            ("container", pa.string()),
            ("duration_s", pa.float64()),
            ("has_video", pa.int8()),
            ("has_audio", pa.int8()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("fps", pa.float32()),
            ("rotation_deg", pa.int32()),
            ("video_codec", pa.string()),
            ("audio_codec", pa.string()),
            ("audio_rate_hz", pa.int32()),
            ("audio_channels", pa.int32()),
        ]
    )

    def __init__(self, plan: Plan) -> None:
        self.settings = DecoderSettings(**plan.stages[self.NAME])

    def model(self) -> None:
        """Return None: headers need no model."""

    def identity(self) -> Mapping[str, Any]:
        """Return the settings."""
        return settings_identity(self.settings)

    def open(self, place: Place) -> None:
        """Note the decoding process."""
        self.place = place

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Probe each file."""
        return one_by_one(self._probe, clips)

    def _probe(self, clip: Clip) -> Row:
        facts = self.place.decoder.run(media.probe.probe, Path(clip.path), limit_s=self.settings.limit_s)
        row = asdict(facts)
        return row | {"has_video": int(facts.has_video), "has_audio": int(facts.has_audio)}
