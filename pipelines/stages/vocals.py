"""Score how much a clip sounds of a human voice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from leitmotif.filters import vocals
from leitmotif.pipelines.backend_settings import BackendSettings
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.stage import Clip, Row, StageContext, one_by_one
from leitmotif.pipelines.stages import encoder_cache
from leitmotif.pipelines.stages.events import listen
from leitmotif.taxonomy import labels as taxonomy_labels
from leitmotif.weights.adapters import own_settings
from leitmotif.weights.backend import BESIDE_CLAP

ALONE = "clap"


class VocalsSettings(BackendSettings):
    """Who listens.

    Attributes:
        backend: CLAP alone, or PANNs as well, as in the paper.
        panns: Checkpoint of PANNs, or a folder that holds it; None for the folder of fetched models.
        device: Where PANNs runs.
    """

    STAGE: ClassVar = "events"

    backend: str = ALONE
    panns: str | None = None
    device: str = "cpu"

    @classmethod
    def choices(cls) -> list[str]:
        """Return what `backend` may be: CLAP alone, or an audio tagger beside it."""
        return [ALONE, *(f"{name}{BESIDE_CLAP}" for name in super().choices())]

    @classmethod
    def adapter_of(cls, backend: str) -> str:
        """Return the audio tagger that is heard beside CLAP."""
        return backend.removesuffix(BESIDE_CLAP)


class VocalsStage:
    """Score how much a clip sounds of a human voice, 0..1: the highest score that a model gives it.

    CLAP scores the windows that tagging embedded: alone, by texts of opposite meaning; with PANNs, by the
    paper's labels. PANNs listens to the track, unless the stage `events` had it listen to that very sound.
    """

    NAME: ClassVar = "vocals"
    VERSION: ClassVar = 1
    READS: ClassVar = ("tagging", "track")
    MAY_READ: ClassVar = ("events",)
    SETTINGS: ClassVar = VocalsSettings
    BATCH: ClassVar = 64
    COLUMNS: ClassVar = pa.schema(
        [("vocal_score", pa.float32()), ("vocal_clap", pa.float32()), ("vocal_panns", pa.float32())]
    )

    def __init__(self, plan: Plan) -> None:
        self.settings = VocalsSettings(**plan.stages[self.NAME])
        self.clap = plan.stages["tagging"]
        self.track = plan.track
        self.heard = self._with_tagger and plan.track == "audio" and self._is_of(plan.stages.get("events"))

    def model(self) -> str:
        """Return the id and revision of the CLAP model, which is the windows' own, and of PANNs."""
        clap = encoder_cache.clap_model(self.clap)
        if not self._with_tagger:
            return clap
        tagger = encoder_cache.model_of("events", self.settings.adapter, self.settings.model_dump())
        return f"{clap} + {tagger}"

    def identity(self) -> Mapping[str, Any]:
        """Return who listens, and the label set, which holds the prompts."""
        return {
            "backend": self.settings.backend,
            "taxonomy": taxonomy_labels.load().fingerprint,
            **self.settings.own,
        }

    def open(self, context: StageContext) -> None:
        """Embed the prompts, and load PANNs."""
        self.context = context
        encoder = encoder_cache.clap_of(self.clap)
        if not self._with_tagger:
            self.score = vocals.scorer(encoder, taxonomy_labels.load())
            return
        self.score = vocals.label_scorer(encoder)
        if not self.heard:
            settings = self.settings.model_dump()
            self.tagger = encoder_cache.encoder("events", self.settings.adapter, settings)

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Score each clip."""
        return one_by_one(self._score, clips)

    @property
    def _with_tagger(self) -> bool:
        return self.settings.backend != ALONE

    def _score(self, clip: Clip) -> Row:
        windows = np.asarray(clip.inputs["tagging"]["windows"], np.float32)  # (windows, dim)
        clap = self.score(windows)
        panns = self._listen(clip) if self._with_tagger else None
        highest = clap if panns is None else max(clap, panns)
        return {"vocal_score": highest, "vocal_clap": clap, "vocal_panns": panns}

    def _listen(self, clip: Clip) -> float:
        """Return how probable a voice is to PANNs."""
        if self.heard:
            return float(clip.inputs["events"]["voice"])
        return listen(self.context.file_of(clip, self.track), self.tagger).voice

    def _is_of(self, events: Mapping[str, Any] | None) -> bool:
        """Return whether the stage `events` has the same tagger listen, with the same settings."""
        if events is None or events["backend"] != self.settings.adapter:
            return False
        ours = own_settings("events", self.settings.adapter)
        mine = self.settings.model_dump()
        return all(mine[name] == events[name] for name in ours)
