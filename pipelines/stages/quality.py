"""Score how clean a clip sounds (PAM)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

import filters.quality
import taxonomy.labels
from pipelines import encoders_in_use
from pipelines.stage import Clip, Place, Row, StageSettings, one_by_one

if TYPE_CHECKING:
    from pipelines.plan import Plan


class QualityStage:
    """Score how clean a clip sounds (PAM), 0..1, from the windows that tagging embedded."""

    NAME: ClassVar = "quality"
    VERSION: ClassVar = 1
    READS: ClassVar = ("tagging",)
    SETTINGS: ClassVar = StageSettings
    BATCH: ClassVar = 256
    COLUMNS: ClassVar = pa.schema([("pam_score", pa.float32())])

    def __init__(self, plan: Plan) -> None:
        self.clap = plan.stages["tagging"]

    def model(self) -> str:
        """Return the CLAP model's id and revision: the windows' own."""
        return encoders_in_use.model_of(self.clap["model"], self.clap["revision"])

    def identity(self) -> Mapping[str, Any]:
        """Return the label set, which holds the prompts."""
        return {"taxonomy": taxonomy.labels.load().fingerprint}

    def open(self, place: Place) -> None:
        """Embed the prompts."""
        encoder = encoders_in_use.clap(self.clap["model"], self.clap["revision"], self.clap["device"])
        self.score = filters.quality.scorer(encoder, taxonomy.labels.load())

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Score each clip."""
        return one_by_one(self._score, clips)

    def _score(self, clip: Clip) -> Row:
        windows = np.asarray(clip.inputs["tagging"]["windows"], np.float32)  # (windows, dim)
        return {"pam_score": self.score(windows)}
