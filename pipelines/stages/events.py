"""Hear whether the sound is speech, singing or music, before anything dear is done with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from leitmotif.filters.events import Heard, heard_in
from leitmotif.pipelines.backend_settings import BackendSettings
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.stage import Clip, Row, StageContext, one_by_one
from leitmotif.pipelines.stages import encoder_cache
from leitmotif.pipelines.stages.windows import read_windows
from leitmotif.weights.backend import NOBODY

if TYPE_CHECKING:  # it imports torch, which who only looks at a workspace does without
    from leitmotif.encoders.encoder import AudioTagger

# Ten minutes whole, and evenly spread windows of anything longer: a voice may come anywhere.
MAX_WINDOWS = 60


class TaggerSettings(BackendSettings):
    """Settings of a stage in which an audio tagger listens.

    Attributes:
        panns: Checkpoint of PANNs, or a folder that holds it; None for the folder of fetched models.
        device: Where the tagger runs.
    """

    STAGE: ClassVar = "events"

    panns: str | None = None
    device: str = "cpu"


class EventsSettings(TaggerSettings):
    """Who listens.

    Attributes:
        backend: An audio tagger, or none: then nothing is known, and no clip is held to be something else.
    """

    backend: str = NOBODY

    @classmethod
    def choices(cls) -> list[str]:
        """Return what `backend` may be: none, or an audio tagger."""
        return [NOBODY, *super().choices()]


class EventsStage:
    """How probable speech, singing and music are in the sound as it came, and a voice at its clearest."""

    NAME: ClassVar = "events"
    VERSION: ClassVar = 2
    READS: ClassVar = ("audio",)
    SETTINGS: ClassVar = EventsSettings
    BATCH: ClassVar = 16
    COLUMNS: ClassVar = pa.schema(
        [
            ("speech", pa.float32()),
            ("singing", pa.float32()),
            ("music", pa.float32()),  # or singing
            ("voice", pa.float32()),
            ("voices", pa.float32()),
        ]
    )

    def __init__(self, plan: Plan) -> None:
        self.settings = EventsSettings(**plan.stages[self.NAME])

    def model(self) -> str | None:
        """Return the tagger's id and revision; None where nobody listens."""
        if self.settings.backend == NOBODY:
            return None
        return encoder_cache.model_of(self.NAME, self.settings.adapter, self.settings.model_dump())

    def identity(self) -> Mapping[str, Any]:
        """Return who listens."""
        return {"backend": self.settings.backend, **self.settings.own}

    def open(self, context: StageContext) -> None:
        """Load the tagger."""
        self.context = context
        if self.settings.backend != NOBODY:
            settings = self.settings.model_dump()
            self.tagger = encoder_cache.encoder(self.NAME, self.settings.adapter, settings)

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Listen to each clip."""
        return one_by_one(self._hear, clips)

    def _hear(self, clip: Clip) -> Row:
        if self.settings.backend == NOBODY:
            return dict.fromkeys(self.COLUMNS.names)
        return asdict(listen(self.context.file_of(clip, "audio"), self.tagger))


def listen(path: Path, tagger: AudioTagger) -> Heard:
    """Return what a tagger hears in a FLAC file of ours, whatever its length."""
    windows = read_windows(path, tagger, MAX_WINDOWS)
    return heard_in(tagger.score_windows(windows), tagger.labels)
