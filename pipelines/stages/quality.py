"""Score how clean a clip sounds (PAM)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from leitmotif.filters import quality
from leitmotif.media import audio, flac
from leitmotif.pipelines.backend_settings import BackendSettings
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.stage import Clip, Row, StageContext, one_by_one
from leitmotif.pipelines.stages import encoder_cache
from leitmotif.taxonomy import labels

# The backend that takes the windows which tagging embedded.
OF_TAGGING = "clap"


class QualitySettings(BackendSettings):
    """Who judges: the CLAP model of tagging, or MS-CLAP, to whose scores PAM's threshold belongs.

    Attributes:
        backend: "clap" takes the windows that tagging embedded; "ms-clap" listens to the track.
        model: MS-CLAP: its checkpoint, a folder that holds it, or a hub id; None for the published one.
        revision: Revision of a hub id; None for the pinned one.
        tokenizer: Folder or hub id of GPT-2's tokenizer; None for the published one.
        device: Where MS-CLAP runs.
    """

    STAGE: ClassVar = "quality"

    backend: str = OF_TAGGING
    model: str | None = None
    revision: str | None = None
    tokenizer: str | None = None
    device: str = "cpu"

    @classmethod
    def choices(cls) -> list[str]:
        """Return what `backend` may be: tagging's own encoder, or one that listens by itself."""
        return [OF_TAGGING, *super().choices()]

    @property
    def listens(self) -> bool:
        """Whether the track itself is listened to."""
        return self.backend != OF_TAGGING


class QualityStage:
    """Score how clean a clip sounds (PAM), 0..1, in the mean over its windows."""

    NAME: ClassVar = "quality"
    VERSION: ClassVar = 1
    READS: ClassVar = ("tagging", "track")
    SETTINGS: ClassVar = QualitySettings
    BATCH: ClassVar = 64
    COLUMNS: ClassVar = pa.schema([("pam_score", pa.float32())])

    def __init__(self, plan: Plan) -> None:
        self.settings = QualitySettings(**plan.stages[self.NAME])
        self.clap = plan.stages["tagging"]
        self.track = plan.track

    def model(self) -> str:
        """Return the id and revision of the model that judges."""
        if self.settings.listens:
            return encoder_cache.model_of(self.NAME, self.settings.adapter, self.settings.model_dump())
        return encoder_cache.clap_model(self.clap)

    def identity(self) -> Mapping[str, Any]:
        """Return who judges, and the label set, which holds the prompts."""
        return {
            "backend": self.settings.backend,
            "taxonomy": labels.load().fingerprint,
            **self.settings.own,
        }

    def open(self, context: StageContext) -> None:
        """Embed the prompts."""
        self.context = context
        if self.settings.listens:
            settings = self.settings.model_dump()
            self.encoder = encoder_cache.encoder(self.NAME, self.settings.adapter, settings)
        else:
            self.encoder = encoder_cache.clap_of(self.clap)
        self.score = quality.scorer(self.encoder, labels.load())

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Score each clip."""
        return one_by_one(self._score, clips)

    def _score(self, clip: Clip) -> Row:
        windows = self._listen(clip) if self.settings.listens else clip.inputs["tagging"]["windows"]
        return {"pam_score": self.score(np.asarray(windows, np.float32))}

    def _listen(self, clip: Clip) -> np.ndarray:
        """Return the embeddings of the track's chunks, shape (chunks, dim)."""
        path = self.context.file_of(clip, self.track)
        blocks = audio.read_flac_blocks(path, rate_hz=self.encoder.rate_hz, mono=True)
        chunks = quality.pam_chunks(blocks, self.encoder.rate_hz, flac.flac_length_s(path))
        return self.encoder.embed_windows(chunks)
