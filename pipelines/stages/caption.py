"""Write a sentence about the music."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import pyarrow as pa

from leitmotif.captioning.captioner import Caption, Captioner
from leitmotif.captioning.errors import BadCaption
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.journal import Journal
from leitmotif.captioning.server_settings import ServerSettings
from leitmotif.captioning.vllm import EngineSettings
from leitmotif.filters.vocals import voice_said
from leitmotif.pipelines.backend_settings import BackendSettings
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.stage import Clip, Row, StageContext
from leitmotif.tagging.select import select_by_kind
from leitmotif.taxonomy import labels
from leitmotif.weights.adapters import adapter_class


class _Choice(BackendSettings):
    """Which captioner, and which prompt with its version; None is the backend's own for the recipe.

    Attributes:
        backend: A file of `captioning`.
        prompt: Name and version of a file in `captioning/prompts`.
        metadata: Captions may speak of what title, description and comments of the source say.
    """

    STAGE: ClassVar = "caption"

    backend: str = "grammar"
    prompt: str | None = None
    metadata: bool = True


class CaptionSettings(EngineSettings, ServerSettings, _Choice):
    """Which captioner and prompt, and the settings of those that come with the package."""


class CaptionStage:
    """A caption from tags, tempo, key and metadata."""

    NAME: ClassVar = "caption"
    VERSION: ClassVar = 5
    READS: ClassVar = ("tagging", "rhythm", "vocals")
    MAY_READ: ClassVar = ("separation",)
    SETTINGS: ClassVar = CaptionSettings
    BATCH: ClassVar = 1024
    COLUMNS: ClassVar = pa.schema(
        [
            ("caption", pa.string()),
            ("caption_backend", pa.string()),
            ("caption_prompt", pa.string()),
            ("caption_metadata", pa.list_(pa.string())),
            ("seed", pa.int64()),  # of the model's words; null for a grammar, and a server that knows none
        ]
    )

    def __init__(self, plan: Plan) -> None:
        self.settings = CaptionSettings(**plan.stages[self.NAME])
        self.tags = plan.tags
        self.separated = plan.track == "separation"
        self.captioner: Captioner = adapter_class(self.NAME, self.settings.adapter).make(
            self.settings.prompt, self.settings.model_dump(), instrumental=self.separated
        )

    def model(self) -> str:
        """Return the captioner's id and revision.

        Raises:
            LookupError: There is no such prompt for this backend.
        """
        self.captioner.identity()
        return self.captioner.model()

    def identity(self) -> Mapping[str, Any]:
        """Return what changes the words: the prompt, how they are chosen, and which tags may be spoken of."""
        return {
            "backend": self.settings.backend,
            "metadata": self.settings.metadata,
            "tags": {kind: settings.model_dump() for kind, settings in self.tags.items()},
            **self.captioner.identity(),
            **self.settings.own,
        }

    def open(self, context: StageContext) -> None:
        """Load the captioner, or wait for its server.

        Raises:
            UserError: The backend cannot be used as it is set.
            OutsideError: The server does not answer.
        """
        self.context = context
        self.taxonomy = labels.load()
        self.captioner.load()

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Caption the clips.

        Raises:
            UserError: The server no longer serves the model, refuses the key, or fails on a plain clip, too.
            OutsideError: It does not answer any more.
        """
        facts = [self._facts(clip) for clip in clips]
        results = self._write(facts)
        return [result if isinstance(result, BadCaption) else self._row(result) for result in results]

    def _write(self, batch: Sequence[CaptionFacts]) -> list[Caption | BadCaption]:
        """Return for each clip what a killed run had received, or else ask for it."""
        with Journal(self.context.files, [facts.clip_id for facts in batch]) as journal:
            missing = [facts for facts in batch if facts.clip_id not in journal.captions]
            results = self.captioner.caption(missing, journal.add)
        written = {facts.clip_id: result for facts, result in zip(missing, results, strict=True)}
        return [written.get(facts.clip_id) or journal.captions[facts.clip_id] for facts in batch]

    def _row(self, result: Caption) -> Row:
        prompt_id = self.captioner.prompt_id
        return {
            "caption": result.text,
            "caption_backend": self.settings.backend,
            "caption_prompt": prompt_id if result.system else f"{prompt_id}:user",
            "caption_metadata": list(result.metadata),
            "seed": result.seed,
        }

    def _facts(self, clip: Clip) -> CaptionFacts:
        chosen = select_by_kind(clip.inputs["tagging"]["scores"], self.taxonomy, self.tags)
        names = {kind: tuple(tag["tag"] for tag in tags) for kind, tags in chosen.items()}
        rhythm = clip.inputs["rhythm"]
        metadata = clip.metadata if self.settings.metadata else {}
        return CaptionFacts(
            clip_id=clip.clip_id,
            title=metadata.get("title"),
            artist=metadata.get("artist"),
            description=metadata.get("description"),
            comments=tuple(metadata.get("comments") or ()),
            **names,
            tempo_bpm=rhythm["tempo_bpm"],
            tempo_class=rhythm["tempo_class"],
            key=rhythm["key"],
            has_vocals=self._has_vocals(clip),
        )

    def _has_vocals(self, clip: Clip) -> bool | None:
        heard = clip.inputs["vocals"]
        return voice_said(heard["vocal_score"], heard["singing"], heard["speech"], separated=self.separated)
