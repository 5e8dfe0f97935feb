"""Read what a media file says of itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import ClassVar

import pyarrow as pa

from leitmotif.media import probe
from leitmotif.pipelines.stage import Clip, ClipByClipStage, DecoderSettings, Row


class ProbeStage(ClipByClipStage[DecoderSettings]):
    """Container, streams, size and length."""

    NAME: ClassVar = "probe"
    VERSION: ClassVar = 3
    READS: ClassVar = ()
    SETTINGS: ClassVar = DecoderSettings
    BATCH: ClassVar = 64
    KEYED_BY: ClassVar = "media_id"
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
            ("decoder", pa.string()),
        ]
    )

    def measure_clip(self, clip: Clip) -> Row:
        """Probe the file."""
        facts = self.context.decoder.run(probe.probe, clip.path, limit_s=self.settings.limit_s)
        row = asdict(facts)
        return row | {"has_video": int(facts.has_video), "has_audio": int(facts.has_audio)}
