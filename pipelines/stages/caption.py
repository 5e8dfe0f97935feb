"""Write a sentence about the music."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol
from urllib.parse import urlsplit

import pyarrow as pa
from pydantic import Field, field_validator

from leitmotif.captioning import chat, grammar, offline, wording
from leitmotif.captioning import journal as captioning_journal
from leitmotif.captioning import prompt as captioning_prompt
from leitmotif.captioning import server as captioning_server
from leitmotif.captioning.chat import Caption, ChatTask, Sampling
from leitmotif.captioning.errors import BadCaption
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.stage import Clip, Row, StageContext, StageSettings
from leitmotif.tagging.select import select_by_kind
from leitmotif.taxonomy import labels

# Of a recipe that describes the instrumental of a video, and of one that describes a track.
VIDEO_PROMPT, TRACK_PROMPT = "music-context-v1", "music-sentence-v1"


class CaptionSettings(StageSettings):
    """Which captioner, and which prompt with its version; the rest is for language models.

    `prompt` is the backend's own for the recipe where none is named. A key of the server is read from the
    environment (LEITMOTIF_API_KEY or OPENAI_API_KEY) and has no place here: settings are published.
    """

    backend: Literal["grammar", "vllm-server", "vllm"] = "grammar"
    prompt: str | None = None
    model: str = chat.MODEL_ID
    revision: str | None = None
    temperature: float = Field(default=0.6, ge=0, le=2)
    top_p: float = Field(default=0.9, gt=0, le=1)
    max_tokens: int = Field(default=128, ge=16)
    seed: int = 0
    tries: int = Field(default=3, ge=1)
    # Of a server.
    url: str = captioning_server.URL
    concurrency: int = Field(default=128, ge=1)
    timeout_s: float = Field(default=120.0, gt=0)
    patience_s: float = Field(default=120.0, ge=0)
    # Of vLLM in this process.
    max_model_len: int = Field(default=8192, ge=512)
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    tensor_parallel_size: int = Field(default=1, ge=1)

    @field_validator("url")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected the base URL of an OpenAI-compatible API, such as http://host:8000/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError("a key in the URL would be published; put it into LEITMOTIF_API_KEY")
        return url


class ChatCaptioner(Protocol):
    """What writes captions with a language model."""

    def load(self) -> object:
        """Get ready."""

    def caption(self, batch: Sequence[CaptionFacts], keep: chat.Keep) -> list[Caption | BadCaption]:
        """Return for each clip, in order, its caption or why there is none, and tell of each as it comes."""


class CaptionStage:
    """A caption from tags, tempo, key and metadata."""

    NAME: ClassVar = "caption"
    VERSION: ClassVar = 2
    READS: ClassVar = ("tagging", "rhythm", "vocals")
    SETTINGS: ClassVar = CaptionSettings
    BATCH: ClassVar = 1024
    COLUMNS: ClassVar = pa.schema(
        [
            ("caption", pa.string()),
            ("caption_backend", pa.string()),
            ("caption_prompt", pa.string()),
            ("seed", pa.int64()),  # of the model's words; null for a grammar, and a server that knows none
        ]
    )

    def __init__(self, plan: Plan) -> None:
        self.settings = CaptionSettings(**plan.stages[self.NAME])
        self.tags = plan.tags
        self.instrumental = plan.track == "separation"
        self.prompt = self.settings.prompt or self._default_prompt()

    def model(self) -> str:
        """Return the captioner's id and revision.

        Raises:
            LookupError: There is no such prompt for this backend.
        """
        self._prompt_digest()
        if self.settings.backend == "grammar":
            return f"{grammar.MODEL_ID}@{grammar.REVISION}"
        name = self.settings.model
        return f"{name}@{chat.revision_of(name, self.settings.revision)}"

    def identity(self) -> Mapping[str, Any]:
        """Return what changes the words: the prompt, how they are chosen, and which tags may be spoken of."""
        identity: dict[str, Any] = {
            "backend": self.settings.backend,
            "prompt": self.prompt,
            "prompt_digest": self._prompt_digest(),
            "tags": {kind: settings.model_dump() for kind, settings in self.tags.items()},
        }
        if self.settings.backend != "grammar":
            names = {"temperature", "top_p", "max_tokens", "seed"}
            identity |= self.settings.model_dump(include=names)
        return identity

    def open(self, context: StageContext) -> None:
        """Load the captioner, or wait for its server.

        Raises:
            UserError: The backend cannot be used as it is set.
            OutsideError: The server does not answer.
        """
        self.context = context
        self.taxonomy = labels.load()
        self.captioner = self._captioner()
        self.captioner.load()

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Caption the clips.

        Raises:
            UserError: The server no longer serves the model, refuses the key, or fails on a plain clip, too.
            OutsideError: It does not answer any more.
        """
        facts = [self._facts(clip) for clip in clips]
        if isinstance(self.captioner, grammar.GrammarCaptioner):
            return [self._row(text) for text in self.captioner.caption(facts)]
        results = self._write(facts, self.captioner)
        return [result if isinstance(result, BadCaption) else self._row(result) for result in results]

    def _write(self, batch: Sequence[CaptionFacts], captioner: ChatCaptioner) -> list[Caption | BadCaption]:
        """Return for each clip what a killed run had received, or else ask for it."""
        with captioning_journal.Journal(self.context.files, [facts.clip_id for facts in batch]) as journal:
            missing = [facts for facts in batch if facts.clip_id not in journal.captions]
            results = captioner.caption(missing, journal.add)
        written = {facts.clip_id: result for facts, result in zip(missing, results, strict=True)}
        return [written.get(facts.clip_id) or journal.captions[facts.clip_id] for facts in batch]

    def _row(self, result: str | Caption) -> Row:
        if isinstance(result, str):
            result = Caption(result, seed=None)
        return {
            "caption": result.text,
            "caption_backend": self.settings.backend,
            "caption_prompt": self.prompt if result.system else f"{self.prompt}:user",
            "seed": result.seed,
        }

    def _default_prompt(self) -> str:
        if self.settings.backend == "grammar":
            return grammar.PROMPT
        return VIDEO_PROMPT if self.instrumental else TRACK_PROMPT

    def _prompt_digest(self) -> str:
        if self.settings.backend == "grammar":
            return wording.read_wording(self.prompt).digest
        return captioning_prompt.read_prompt(self.prompt).digest

    def _captioner(self) -> grammar.GrammarCaptioner | ChatCaptioner:
        settings = self.settings
        if settings.backend == "grammar":
            return grammar.GrammarCaptioner(self.prompt)
        sampling = Sampling(settings.temperature, settings.top_p, settings.max_tokens, settings.seed)
        task = ChatTask(self.prompt, sampling, settings.tries)
        if settings.backend == "vllm":
            engine = settings.model_dump(
                include={"max_model_len", "gpu_memory_utilization", "tensor_parallel_size"}
            )
            return offline.OfflineCaptioner(task, model=settings.model, revision=settings.revision, **engine)
        server = settings.model_dump(include={"url", "model", "concurrency", "timeout_s", "patience_s"})
        return captioning_server.ServerCaptioner(task, **server)

    def _facts(self, clip: Clip) -> CaptionFacts:
        chosen = select_by_kind(clip.inputs["tagging"]["scores"], self.taxonomy, self.tags)
        names = {kind: tuple(tag["tag"] for tag in tags) for kind, tags in chosen.items()}
        rhythm = clip.inputs["rhythm"]
        vocal_score = clip.inputs["vocals"]["vocal_score"]
        return CaptionFacts(
            clip_id=clip.clip_id,
            title=clip.metadata.get("title"),
            artist=clip.metadata.get("artist"),
            description=clip.metadata.get("description"),
            comments=tuple(clip.metadata.get("comments") or ()),
            **names,
            tempo_bpm=rhythm["tempo_bpm"],
            tempo_class=rhythm["tempo_class"],
            key=rhythm["key"],
            has_vocals=not self.instrumental and vocal_score >= 0.5,
        )
