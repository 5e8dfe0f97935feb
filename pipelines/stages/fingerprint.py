"""Take the fingerprint of a recording."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from leitmotif.filters.fingerprint.fingerprint import RATE_HZ, fingerprint
from leitmotif.media import audio
from leitmotif.pipelines.stage import Clip, ClipByClipStage, Row, StageSettings


class FingerprintStage(ClipByClipStage[StageSettings]):
    """A fingerprint of the sound as it came, by which copies of a recording are found."""

    NAME: ClassVar = "fingerprint"
    STORED_AS: ClassVar = "prints"  # which it was called when the first of its stores were written
    VERSION: ClassVar = 1
    READS: ClassVar = ("audio",)
    SETTINGS: ClassVar = StageSettings
    BATCH: ClassVar = 16
    COLUMNS: ClassVar = pa.schema([("audio_print", pa.binary())])

    def measure_clip(self, clip: Clip) -> Row:
        """Take the clip's fingerprint."""
        path = self.context.file_of(clip, "audio")
        blocks = audio.read_flac_blocks(path, rate_hz=RATE_HZ, mono=True)
        return {"audio_print": fingerprint(blocks, RATE_HZ)}
