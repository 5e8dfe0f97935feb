"""Remove the singing voice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

import media.audio
import media.flac
import separation.separator
from pipelines.stage import Clip, Place, Row, StageSettings, one_by_one, settings_identity

if TYPE_CHECKING:
    from pipelines.plan import Plan


RATE_HZ = 44100


class SeparationSettings(StageSettings):
    """Which separator, and on which device it runs."""

    backend: str = "repet"
    device: str = "cpu"


class SeparationStage:
    """The instrumental of a clip, as FLAC."""

    NAME: ClassVar = "separation"
    VERSION: ClassVar = 1
    READS: ClassVar = ("audio",)
    SETTINGS: ClassVar = SeparationSettings
    BATCH: ClassVar = 4
    COLUMNS: ClassVar = pa.schema([("file", pa.string()), ("size_bytes", pa.int64())])

    def __init__(self, plan: Plan) -> None:
        self.settings = SeparationSettings(**plan.stages[self.NAME])

    def model(self) -> str:
        """Return the separator's id and revision."""
        return separation.separator.model_of(self.settings.backend)

    def identity(self) -> Mapping[str, Any]:
        """Return the settings."""
        return settings_identity(self.settings)

    def open(self, place: Place) -> None:
        """Load the separator."""
        self.place = place
        self.separator = separation.separator.make(self.settings.backend)
        self.separator.load(self.settings.device)

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Separate each clip."""
        return one_by_one(self._separate, clips)

    def _separate(self, clip: Clip) -> Row:
        mix = media.audio.read_flac_blocks(self.place.workspace / clip.inputs["audio"]["file"])
        with self.place.new_file(clip.clip_id, ".flac") as path:
            instrumental = separation.separator.separate_blocks(mix, self.separator, RATE_HZ)
            media.flac.write_flac(instrumental, path, rate_hz=RATE_HZ)
            size_bytes = path.stat().st_size
        return {"file": self.place.name_of(clip.clip_id, ".flac"), "size_bytes": size_bytes}
