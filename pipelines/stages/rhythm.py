"""Estimate tempo and key."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa

from leitmotif.media import audio, flac
from leitmotif.pipelines.stage import Clip, ClipByClipStage, Row, StageSettings
from leitmotif.tagging import key, rhythm
from leitmotif.taxonomy.tempo import tempo_class

RATE_HZ = 22050  # at which the weights of `tagging.octave` were fitted
# Tempo and key of a longer track are those of its middle.
MAX_S = 120.0


class RhythmStage(ClipByClipStage[StageSettings]):
    """Tempo in beats a minute, its class, and the key; null where the audio has none."""

    NAME: ClassVar = "rhythm"
    VERSION: ClassVar = 3
    READS: ClassVar = ("track",)
    SETTINGS: ClassVar = StageSettings
    BATCH: ClassVar = 16
    COLUMNS: ClassVar = pa.schema(
        [("tempo_bpm", pa.float32()), ("tempo_class", pa.string()), ("key", pa.string())]
    )

    def measure_clip(self, clip: Clip) -> Row:
        """Estimate tempo and key of the clip."""
        path = self.context.file_of(clip, self.track)
        start_s = max(0.0, (flac.flac_length_s(path) - MAX_S) / 2)
        blocks = audio.read_flac_blocks(path, rate_hz=RATE_HZ, mono=True, start_s=start_s, duration_s=MAX_S)
        track = np.concatenate([np.zeros(0, np.float32), *blocks])
        bpm = rhythm.estimate_tempo(track, RATE_HZ)
        return {
            "tempo_bpm": bpm,
            "tempo_class": None if bpm is None else tempo_class(bpm),
            "key": key.estimate_key(track, RATE_HZ),
        }
