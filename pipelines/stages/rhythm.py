"""Estimate tempo and key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

import media.audio
import media.flac
import tagging.rhythm
from pipelines.stage import Clip, Place, Row, StageSettings, one_by_one

if TYPE_CHECKING:
    from pipelines.plan import Plan


RATE_HZ = 22050
# Tempo and key of a longer track are those of its middle.
MAX_S = 120.0


class RhythmStage:
    """Tempo in beats a minute, its class, and the key; null where the audio has none."""

    NAME: ClassVar = "rhythm"
    VERSION: ClassVar = 2
    READS: ClassVar = ("track",)
    SETTINGS: ClassVar = StageSettings
    BATCH: ClassVar = 16
    COLUMNS: ClassVar = pa.schema(
        [("tempo_bpm", pa.float32()), ("tempo_class", pa.string()), ("key", pa.string())]
    )

    def __init__(self, plan: Plan) -> None:
        self.track = plan.track

    def model(self) -> None:
        """Return None: signal processing, no weights."""

    def identity(self) -> Mapping[str, Any]:
        """Return nothing: there is nothing to set."""
        return {}

    def open(self, place: Place) -> None:
        """Note where the audio lies."""
        self.place = place

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Estimate for each clip."""
        return one_by_one(self._estimate, clips)

    def _estimate(self, clip: Clip) -> Row:
        path = self.place.workspace / clip.inputs[self.track]["file"]
        start_s = max(0.0, (media.flac.flac_length_s(path) - MAX_S) / 2)
        blocks = media.audio.read_flac_blocks(
            path, rate_hz=RATE_HZ, mono=True, start_s=start_s, duration_s=MAX_S
        )
        track = np.concatenate([np.zeros(0, np.float32), *blocks])
        bpm = tagging.rhythm.estimate_tempo(track, RATE_HZ)
        return {
            "tempo_bpm": bpm,
            "tempo_class": None if bpm is None else tagging.rhythm.tempo_class(bpm),
            "key": tagging.rhythm.estimate_key(track, RATE_HZ),
        }
