"""Extract the audio."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from leitmotif.media import audio
from leitmotif.pipelines.media_files import FILE_COLUMNS
from leitmotif.pipelines.stage import Clip, ClipByClipStage, DecoderSettings, Row, limit_of


class AudioStage(ClipByClipStage[DecoderSettings]):
    """The clip's audio as 44.1 kHz stereo FLAC, streamed to a file, and its level."""

    NAME: ClassVar = "audio"
    VERSION: ClassVar = 4
    READS: ClassVar = ("probe",)
    SETTINGS: ClassVar = DecoderSettings
    BATCH: ClassVar = 8
    COLUMNS: ClassVar = pa.schema(
        [
            *FILE_COLUMNS,
            ("audio_s", pa.float64()),
            ("level_db", pa.float32()),
            ("peak", pa.float32()),
            ("dc", pa.float32()),
            ("inverted", pa.int8()),
            ("decoder", pa.string()),
        ]
    )

    def measure_clip(self, clip: Clip) -> Row:
        """Extract the clip's audio."""
        with self.context.new_file(clip.clip_id, ".flac") as path:
            facts = self.context.decoder.run(
                audio.extract_flac,
                clip.path,
                path,
                **clip.window,
                writes=path.parent,
                limit_s=limit_of(self.settings, clip),
            )
        return {
            **self.context.describe(clip.clip_id, ".flac"),
            "audio_s": facts.duration_s,
            "level_db": facts.level_db,
            "peak": facts.peak,
            "dc": facts.dc,
            "inverted": int(facts.inverted),
            "decoder": facts.decoder,
        }
