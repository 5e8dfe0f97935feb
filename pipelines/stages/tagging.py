"""Score a clip against every tag of the taxonomy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from leitmotif.encoders.windows import track_windows
from leitmotif.media import audio, flac
from leitmotif.pipelines.backend_settings import BackendSettings
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.prefetch import measure_with_prefetch
from leitmotif.pipelines.stage import Clip, Row, StageContext, settings_identity
from leitmotif.pipelines.stages import encoder_cache
from leitmotif.tagging.clap import label_embeddings, tag_scores
from leitmotif.taxonomy import labels

# A four-minute song whole, and evenly spread windows of anything longer: a mean over more changes little.
MAX_WINDOWS = 24
# That a GPU takes at once, from as many clips as have them.
GPU_WINDOWS = 64


class TaggingSettings(BackendSettings):
    """Which CLAP model: one that ships, a hub id, a local folder, or one of LAION's own `.pt` files.

    A hub id is pinned by its revision. `tokenizer` is that of a `.pt` file, which has none: a folder or hub
    id with RoBERTa's, by default the hub's. The backend "laion-clap" runs such a file in LAION's own package.
    """

    STAGE: ClassVar = "tagging"

    backend: str = "clap"
    model: str = "clap-mini"
    revision: str | None = None
    tokenizer: str | None = None
    device: str = "cpu"


class TaggingStage:
    """CLAP embeddings of ten-second windows, their mean, and its cosine similarity to every tag."""

    NAME: ClassVar = "tagging"
    VERSION: ClassVar = 2
    READS: ClassVar = ("track",)
    SETTINGS: ClassVar = TaggingSettings
    BATCH: ClassVar = 64
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
        return encoder_cache.clap_model(self.settings.model_dump())

    def identity(self) -> Mapping[str, Any]:
        """Return the settings and the label set."""
        return settings_identity(self.settings) | {"taxonomy": labels.load().fingerprint}

    def open(self, context: StageContext) -> None:
        """Load the model and embed the labels."""
        self.context = context
        self.encoder = encoder_cache.clap_of(self.settings.model_dump())
        self.labels = label_embeddings(self.encoder, labels.load())

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Score each clip."""
        return measure_with_prefetch(
            clips, self._read, self._embed, self._row, device=self.settings.device, together=GPU_WINDOWS
        )

    def _read(self, clip: Clip) -> list[np.ndarray]:
        path = self.context.file_of(clip, self.track)
        blocks = audio.read_flac_blocks(path, rate_hz=self.encoder.rate_hz, mono=True)
        windows = track_windows(
            blocks,
            self.encoder.rate_hz,
            self.encoder.window_s,
            max_windows=MAX_WINDOWS,
            total_s=flac.flac_length_s(path),
        )
        if not windows:
            raise ValueError(f"got {path.name!r} without a sample; expected sound to tag")
        return windows

    def _embed(self, tracks: list[list[np.ndarray]]) -> np.ndarray:
        return self.encoder.embed_windows([window for windows in tracks for window in windows])

    def _row(self, embeddings: np.ndarray) -> Row:
        mean = embeddings.mean(axis=0)  # of (windows, dim)
        mean /= np.linalg.norm(mean)
        return {
            "scores": tag_scores(mean, self.labels),
            "clap_embedding": mean,
            "windows": list(embeddings),
        }
