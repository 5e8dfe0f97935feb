"""Score a clip against every tag of the taxonomy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

import media.audio
import media.flac
import taxonomy.labels
from encoders.windows import track_windows
from pipelines import encoders_in_use
from pipelines.stage import Clip, Place, Row, StageSettings, one_by_one, settings_identity
from tagging.clap import label_embeddings, tag_scores

if TYPE_CHECKING:
    from pipelines.plan import Plan


# A four-minute song whole, and evenly spread windows of anything longer: a mean over more changes little.
MAX_WINDOWS = 24


class TaggingSettings(StageSettings):
    """Which CLAP model: one that ships, a hub id or a local folder; a hub id is pinned by its revision."""

    backend: Literal["clap"] = "clap"
    model: str = "clap-mini"
    revision: str | None = None
    device: str = "cpu"


class TaggingStage:
    """CLAP embeddings of ten-second windows, their mean, and its cosine similarity to every tag."""

    NAME: ClassVar = "tagging"
    VERSION: ClassVar = 1
    READS: ClassVar = ("track",)
    SETTINGS: ClassVar = TaggingSettings
    BATCH: ClassVar = 16
    COLUMNS: ClassVar = pa.schema(
        [
            ("scores", pa.list_(pa.float32())),  # in the order of Taxonomy.all_tags()
            ("clap_embedding", pa.list_(pa.float32())),
            ("windows", pa.list_(pa.list_(pa.float32()))),
        ]
    )

    def __init__(self, plan: Plan) -> None:
        self.settings = TaggingSettings(**plan.stages[self.NAME])
        self.track = plan.track

    def model(self) -> str:
        """Return the CLAP model's id and revision."""
        return encoders_in_use.model_of(self.settings.model, self.settings.revision)

    def identity(self) -> Mapping[str, Any]:
        """Return the settings and the label set."""
        return settings_identity(self.settings) | {"taxonomy": taxonomy.labels.load().fingerprint}

    def open(self, place: Place) -> None:
        """Load the model and embed the labels."""
        self.place = place
        self.encoder = encoders_in_use.clap(self.settings.model, self.settings.revision, self.settings.device)
        self.labels = label_embeddings(self.encoder, taxonomy.labels.load())

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Score each clip."""
        return one_by_one(self._score, clips)

    def _score(self, clip: Clip) -> Row:
        path = self.place.workspace / clip.inputs[self.track]["file"]
        blocks = media.audio.read_flac_blocks(path, rate_hz=self.encoder.rate_hz, mono=True)
        windows = track_windows(
            blocks,
            self.encoder.rate_hz,
            self.encoder.window_s,
            max_windows=MAX_WINDOWS,
            total_s=media.flac.flac_length_s(path),
        )
        embeddings = self.encoder.embed_windows(windows)  # (windows, dim)
        mean = embeddings.mean(axis=0)
        mean /= np.linalg.norm(mean)
        return {
            "scores": tag_scores(mean, self.labels),
            "clap_embedding": mean,
            "windows": list(embeddings),
        }
