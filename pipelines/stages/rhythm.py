"""Find the beat, its tempo, and the key."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa

from leitmotif.media import audio, flac
from leitmotif.pipelines.stage import Clip, ClipByClipStage, Row, StageSettings
from leitmotif.tagging.beats import find_beat
from leitmotif.tagging.key import estimate_key
from leitmotif.taxonomy.tempo import tempo_class

RATE_HZ = 22050  # at which the weights of `tagging.octave` were fitted
# Tempo and key of a longer track are those of its middle; so are the beats that are given.
MAX_S = 120.0


class RhythmStage(ClipByClipStage[StageSettings]):
    """How sure a beat is, its tempo, class, times and metre, and the key; null where the audio has none."""

    NAME: ClassVar = "rhythm"
    VERSION: ClassVar = 9
    READS: ClassVar = ("track",)
    SETTINGS: ClassVar = StageSettings
    BATCH: ClassVar = 16
    COLUMNS: ClassVar = pa.schema(
        [
            ("beat_confidence", pa.float32()),
            ("tempo_bpm", pa.float32()),
            ("tempo_class", pa.string()),
            ("beats_s", pa.list_(pa.float32())),
            ("meter", pa.string()),
            ("downbeats_s", pa.list_(pa.float32())),
            ("key", pa.string()),
        ]
    )

    def measure_clip(self, clip: Clip) -> Row:
        """Find beat and key of the clip."""
        path = self.context.file_of(clip, self.track)
        start_s = max(0.0, (flac.flac_length_s(path) - MAX_S) / 2)
        blocks = audio.read_flac_blocks(path, rate_hz=RATE_HZ, mono=True, start_s=start_s, duration_s=MAX_S)
        track = np.concatenate([np.zeros(0, np.float32), *blocks])
        beat = find_beat(track, RATE_HZ)
        return {
            "beat_confidence": beat.confidence,
            "tempo_bpm": beat.tempo_bpm,
            "tempo_class": None if beat.tempo_bpm is None else tempo_class(beat.tempo_bpm),
            "beats_s": _later(beat.beats_s, start_s),
            "meter": beat.metre,
            "downbeats_s": _later(beat.downbeats_s, start_s),
            "key": estimate_key(track, RATE_HZ),
        }


def _later(times_s: tuple[float, ...] | None, by_s: float) -> list[float] | None:
    return None if times_s is None else [by_s + time_s for time_s in times_s]
