"""Score how clean a clip sounds (PAM)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from leitmotif.filters import quality
from leitmotif.media import audio, flac
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.stage import Clip, Row, StageContext, StageSettings, one_by_one
from leitmotif.pipelines.stages import encoder_cache
from leitmotif.taxonomy import labels
from leitmotif.weights.catalog import MSCLAP_2023


class QualitySettings(StageSettings):
    """Who judges: the CLAP model of tagging, or MS-CLAP, to whose scores PAM's threshold belongs.

    Attributes:
        backend: "clap" takes the windows that tagging embedded; "ms-clap" listens to the track.
        model: Of MS-CLAP: its checkpoint, a folder that holds it, or a hub id; None for the published one.
        revision: Of a hub id; None for the pinned one.
        tokenizer: Folder or hub id of GPT-2's tokenizer; None for the published one.
        device: Where MS-CLAP runs.
    """

    backend: Literal["clap", "ms-clap"] = "clap"
    model: str | None = None
    revision: str | None = None
    tokenizer: str | None = None
    device: str = "cpu"


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
        if self.settings.backend == "ms-clap":
            return MSCLAP_2023.name(self.settings.model, self.settings.revision)
        return encoder_cache.model_of(self.clap["model"], self.clap["revision"])

    def identity(self) -> Mapping[str, Any]:
        """Return who judges, and the label set, which holds the prompts."""
        return {"backend": self.settings.backend, "taxonomy": labels.load().fingerprint}

    def open(self, context: StageContext) -> None:
        """Embed the prompts."""
        self.context = context
        encoder: Any
        if self.settings.backend == "ms-clap":
            from leitmotif.encoders.msclap import TOKENIZER_ID, MsClapEncoder

            self.encoder = encoder = MsClapEncoder(
                self.settings.model,
                revision=self.settings.revision,
                tokenizer=self.settings.tokenizer or TOKENIZER_ID,
            ).load(self.settings.device)
        else:
            encoder = encoder_cache.clap_of(self.clap)
        self.score = quality.scorer(encoder, labels.load())

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Score each clip."""
        return one_by_one(self._score, clips)

    def _score(self, clip: Clip) -> Row:
        windows = (
            self._listen(clip) if self.settings.backend == "ms-clap" else clip.inputs["tagging"]["windows"]
        )
        return {"pam_score": self.score(np.asarray(windows, np.float32))}

    def _listen(self, clip: Clip) -> np.ndarray:
        """Return the embeddings of the track's chunks, shape (chunks, dim)."""
        path = self.context.file_of(clip, self.track)
        blocks = audio.read_flac_blocks(path, rate_hz=self.encoder.rate_hz, mono=True)
        chunks = quality.pam_chunks(blocks, self.encoder.rate_hz, flac.flac_length_s(path))
        return self.encoder.embed_windows(chunks)
