"""Write a sentence about the music."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pyarrow as pa

import captioning.facts
import captioning.grammar
import taxonomy.labels
from pipelines.stage import Clip, Place, Row, StageSettings, settings_identity
from pipelines.tags import select_by_kind

if TYPE_CHECKING:
    from pipelines.plan import Plan


class CaptionSettings(StageSettings):
    """Which captioner, and which prompt with its version."""

    backend: Literal["grammar"] = "grammar"
    prompt: str = "music-sentence-v1"


class CaptionStage:
    """A caption from tags, tempo, key and metadata."""

    NAME: ClassVar = "caption"
    VERSION: ClassVar = 1
    READS: ClassVar = ("tagging", "rhythm", "vocals")
    SETTINGS: ClassVar = CaptionSettings
    BATCH: ClassVar = 256
    COLUMNS: ClassVar = pa.schema(
        [("caption", pa.string()), ("caption_backend", pa.string()), ("caption_prompt", pa.string())]
    )

    def __init__(self, plan: Plan) -> None:
        self.settings = CaptionSettings(**plan.stages[self.NAME])
        self.tags = plan.tags
        self.instrumental = plan.track == "separation"

    def model(self) -> str:
        """Return the captioner's id and revision."""
        return f"{captioning.grammar.MODEL_ID}@{captioning.grammar.REVISION}"

    def identity(self) -> Mapping[str, Any]:
        """Return the settings, and which tags a caption may speak of."""
        tags = {kind: settings.model_dump() for kind, settings in self.tags.items()}
        return settings_identity(self.settings) | {"tags": tags}

    def open(self, place: Place) -> None:
        """Load the captioner."""
        self.captioner = captioning.grammar.GrammarCaptioner(self.settings.prompt)
        self.captioner.load()
        self.taxonomy = taxonomy.labels.load()

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Caption the clips."""
        captions = self.captioner.caption([self._facts(clip) for clip in clips])
        for caption in captions:
            yield {
                "caption": caption,
                "caption_backend": captioning.grammar.MODEL_ID,
                "caption_prompt": self.settings.prompt,
            }

    def _facts(self, clip: Clip) -> captioning.facts.CaptionFacts:
        chosen = select_by_kind(clip.inputs["tagging"]["scores"], self.taxonomy, self.tags)
        names = {kind: tuple(tag["tag"] for tag in tags) for kind, tags in chosen.items()}
        rhythm = clip.inputs["rhythm"]
        vocal_score = clip.inputs["vocals"]["vocal_score"]
        return captioning.facts.CaptionFacts(
            clip_id=clip.clip_id,
            title=clip.metadata.get("title"),
            artist=clip.metadata.get("artist"),
            description=clip.metadata.get("description"),
            **names,
            tempo_bpm=rhythm["tempo_bpm"],
            tempo_class=rhythm["tempo_class"],
            key=rhythm["key"],
            has_vocals=not self.instrumental and vocal_score >= 0.5,
        )
