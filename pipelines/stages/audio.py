"""Extract the audio."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

import media.audio
from pipelines.stage import Clip, DecoderSettings, Place, Row, limit_of, one_by_one, settings_identity

if TYPE_CHECKING:
    from pipelines.plan import Plan


class AudioStage:
    """The clip's audio as 44.1 kHz stereo FLAC, streamed to a file, and its level."""

    NAME: ClassVar = "audio"
    VERSION: ClassVar = 1
    READS: ClassVar = ("probe",)
    SETTINGS: ClassVar = DecoderSettings
    BATCH: ClassVar = 8
    COLUMNS: ClassVar = pa.schema(
        [
            ("file", pa.string()),
            ("size_bytes", pa.int64()),
            ("audio_s", pa.float64()),
            ("level_db", pa.float32()),
            ("peak", pa.float32()),
        ]
    )

    def __init__(self, plan: Plan) -> None:
        self.settings = DecoderSettings(**plan.stages[self.NAME])

    def model(self) -> None:
        """Return None: sound is taken as it is."""

    def identity(self) -> Mapping[str, Any]:
        """Return the settings."""
        return settings_identity(self.settings)

    def open(self, place: Place) -> None:
        """Note where to write."""
        self.place = place

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Extract each clip's audio."""
        return one_by_one(self._extract, clips)

    def _extract(self, clip: Clip) -> Row:
        with self.place.new_file(clip.clip_id, ".flac") as path:
            facts = self.place.decoder.run(
                media.audio.extract_flac,
                Path(clip.path),
                path,
                **clip.window,
                limit_s=limit_of(self.settings, clip),
            )
            size_bytes = path.stat().st_size
        return {
            "file": self.place.name_of(clip.clip_id, ".flac"),
            "size_bytes": size_bytes,
            "audio_s": facts.duration_s,
            "level_db": facts.level_db,
            "peak": facts.peak,
        }
