"""Score a clip against every tag of the taxonomy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from leitmotif.pipelines.backend_settings import BackendSettings
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.prefetch import measure_with_prefetch
from leitmotif.pipelines.stage import Clip, Row, StageContext, settings_identity
from leitmotif.pipelines.stages import encoder_cache
from leitmotif.pipelines.stages.windows import read_windows
from leitmotif.tagging.clap import label_embeddings, tag_scores
from leitmotif.tagging.joined import JoinedScores
from leitmotif.taxonomy import labels
from leitmotif.taxonomy.speakers import load_speakers
from leitmotif.weights.adapters import TAGGER, adapters
from leitmotif.weights.backend import BESIDE_CLAP, clap_adapter

# A four-minute song whole, and evenly spread windows of anything longer: a mean over more changes little.
MAX_WINDOWS = 24
# That a GPU takes at once, from as many clips as have them.
GPU_WINDOWS = 64


class TaggingSettings(BackendSettings):
    """Which CLAP model: one that ships, a hub id, a local folder, or one of LAION's own `.pt` files.

    The backend is a CLAP adapter, or a tagger of music beside CLAP ("musicnn+clap"). A hub id is pinned by
    its revision. `tokenizer` is that of a `.pt` file, which has none: a folder or hub id with RoBERTa's, by
    default the hub's. The backend "laion-clap" runs such a file in LAION's own package.
    """

    STAGE: ClassVar = "tagging"

    backend: str = "clap"
    model: str = "clap-mini"
    revision: str | None = None
    tokenizer: str | None = None
    device: str = "cpu"

    @classmethod
    def choices(cls) -> list[str]:
        """Return what `backend` may be: a CLAP adapter, or a tagger of music beside CLAP."""
        return [*super().choices(), *(f"{name}{BESIDE_CLAP}" for name in sorted(adapters(TAGGER)))]

    @classmethod
    def adapter_of(cls, backend: str) -> str:
        """Return the CLAP adapter."""
        return clap_adapter(backend)

    @property
    def tagger(self) -> str | None:
        """The tagger of music that is heard beside CLAP."""
        return self.backend.removesuffix(BESIDE_CLAP) if self.backend.endswith(BESIDE_CLAP) else None


@dataclass(frozen=True)
class Heard:
    """What both models get to hear of a clip: windows of each."""

    clap: list[np.ndarray]
    tagger: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.clap) + len(self.tagger)


class TaggingStage:
    """CLAP embeddings of ten-second windows, their mean, and a score of every tag.

    With CLAP alone the score is the cosine between the mean and the tag. Beside a tagger of music it is that
    of whoever speaks for the label (`taxonomy/speakers.yaml`), 0..1, and null where nobody does; what each of
    them said is stored, too.
    """

    NAME: ClassVar = "tagging"
    VERSION: ClassVar = 4
    READS: ClassVar = ("track",)
    SETTINGS: ClassVar = TaggingSettings
    BATCH: ClassVar = 64
    COLUMNS: ClassVar = pa.schema(
        [
            ("scores", pa.list_(pa.float32())),  # in the order of Taxonomy.all_tags()
            ("clap_embedding", pa.list_(pa.float32())),
            ("windows", pa.list_(pa.list_(pa.float32()))),
            # Beside a tagger: scores of Taxonomy.vocals; cosines to all_tags() and then vocals; and the mean
            # over its windows of the probability of each of its tags.
            ("voices", pa.list_(pa.float32())),
            ("clap_scores", pa.list_(pa.float32())),
            ("tagger_scores", pa.list_(pa.float32())),
        ]
    )

    def __init__(self, plan: Plan) -> None:
        self.settings = TaggingSettings(**plan.stages[self.NAME])
        self.track = plan.track

    def model(self) -> str:
        """Return the CLAP model's id and revision, and behind it the tagger's."""
        clap = encoder_cache.clap_model(self.settings.model_dump())
        if self.settings.tagger is None:
            return clap
        return f"{clap} + {encoder_cache.model_of(TAGGER, self.settings.tagger, self.settings.model_dump())}"

    def identity(self) -> Mapping[str, Any]:
        """Return the settings and the label set, and who speaks for the labels."""
        known = labels.load()
        identity = settings_identity(self.settings) | {"taxonomy": known.fingerprint}
        return identity | ({"speakers": load_speakers(known).fingerprint} if self.settings.tagger else {})

    def open(self, context: StageContext) -> None:
        """Load the models and embed the labels."""
        self.context = context
        settings, known = self.settings.model_dump(), labels.load()
        self.encoder = encoder_cache.clap_of(settings)
        if self.settings.tagger:
            self.tagger = encoder_cache.encoder(TAGGER, self.settings.tagger, settings)
            asked = replace(known, moods=known.moods + known.vocals)  # voices behind the tags
            self.joined = JoinedScores(asked.all_tags(), load_speakers(known), self.tagger.labels)
        else:
            asked = known
        self.labels = label_embeddings(self.encoder, asked)

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Score each clip."""
        device = self.settings.device
        if self.settings.tagger:
            return measure_with_prefetch(
                clips, self._read_both, self._hear, self._joined_row, device=device, together=GPU_WINDOWS
            )
        return measure_with_prefetch(
            clips, self._read, self._embed, self._row, device=device, together=GPU_WINDOWS
        )

    def _read(self, clip: Clip) -> list[np.ndarray]:
        return self._windows(clip, self.encoder)

    def _read_both(self, clip: Clip) -> Heard:
        windows = self._windows(clip, self.tagger)
        # As its authors do: the last, short window is often the mere end of a note.
        size = round(self.tagger.window_s * self.tagger.rate_hz)
        whole = [window for window in windows if len(window) == size]
        return Heard(self._windows(clip, self.encoder), whole or windows)

    def _windows(self, clip: Clip, model: Any) -> list[np.ndarray]:
        return read_windows(self.context.file_of(clip, self.track), model, MAX_WINDOWS)

    def _hear(self, tracks: list[Heard]) -> list[tuple[bool, np.ndarray]]:
        """Return for each window whether it is the tagger's, and what its model makes of it."""
        embedded = iter(self._embed([heard.clap for heard in tracks]))
        scored = iter(self.tagger.score_windows([window for heard in tracks for window in heard.tagger]))
        found = []
        for heard in tracks:
            found += [(False, next(embedded)) for _ in heard.clap]
            found += [(True, next(scored)) for _ in heard.tagger]
        return found

    def _joined_row(self, heard: list[tuple[bool, np.ndarray]]) -> Row:
        row = self._row(np.stack([numbers for of_tagger, numbers in heard if not of_tagger]))
        tags = np.stack([numbers for of_tagger, numbers in heard if of_tagger]).mean(axis=0, dtype=np.float64)
        scores, known = self.joined.score(row["scores"], tags), len(labels.load().all_tags())
        return row | {
            "scores": scores[:known],
            "voices": scores[known:],
            "clap_scores": row["scores"],
            "tagger_scores": tags.astype(np.float32),
        }

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
