"""Take the fingerprint of a recording."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

import filters.duplicates
import media.audio
from pipelines.stage import Clip, Place, Row, StageSettings, one_by_one

if TYPE_CHECKING:
    from pipelines.plan import Plan


class PrintsStage:
    """A fingerprint of the sound as it came, by which copies of a recording are found."""

    NAME: ClassVar = "prints"
    VERSION: ClassVar = 1
    READS: ClassVar = ("audio",)
    SETTINGS: ClassVar = StageSettings
    BATCH: ClassVar = 16
    COLUMNS: ClassVar = pa.schema([("audio_print", pa.binary())])

    def __init__(self, plan: Plan) -> None:
        pass

    def model(self) -> None:
        """Return None: signal processing, no weights."""

    def identity(self) -> Mapping[str, Any]:
        """Return nothing: there is nothing to set."""
        return {}

    def open(self, place: Place) -> None:
        """Note where the audio lies."""
        self.place = place

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Take each clip's print."""
        return one_by_one(self._print, clips)

    def _print(self, clip: Clip) -> Row:
        path = self.place.workspace / clip.inputs["audio"]["file"]
        rate_hz = filters.duplicates.RATE_HZ
        blocks = media.audio.read_flac_blocks(path, rate_hz=rate_hz, mono=True)
        return {"audio_print": filters.duplicates.audio_print(blocks, rate_hz)}
