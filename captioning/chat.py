"""What a chat model is asked about a clip, with which seed, and what counts as its answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from pydantic import BaseModel, Field

from leitmotif.captioning.captioner import Caption
from leitmotif.captioning.errors import BadCaption, Refused
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.prompt import ChatPrompt, read_prompt
from leitmotif.captioning.thinking import without_thinking
from leitmotif.captioning.validate import read_caption
from leitmotif.storage.errors import UserError

MODEL_ID = "meta-llama/Llama-3.1-8B-Instruct"
REVISION = "0e9e39f249a16976918f6564b8830bc894c89659"
LICENSE = "Llama 3.1 Community License"
RATE_HZ = None  # it reads text
REFERENCE = "Visuals Music Bridge, appendix A.1; https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct"

Message = dict[str, Any]
"""A turn of a conversation, `role` and `content`: a text, or parts of which some are pictures."""

# A clip that any fit model writes about: where it does not, no other clip is to blame.
PLAIN_CLIP = CaptionFacts(
    "plain", instruments=("piano", "strings"), genres=("classical",), moods=("calm",), tempo_class="slow"
)
# Of a recipe that describes the instrumental of a video, and of one that describes a track.
VIDEO_PROMPT, TRACK_PROMPT = "music-context-v1", "music-sentence-v1"


class ChatSettings(BaseModel):
    """Settings of every captioner that asks a language model."""

    model: str = MODEL_ID
    revision: str | None = None
    temperature: float = Field(default=0.6, ge=0, le=2)
    top_p: float = Field(default=0.9, gt=0, le=1)
    max_tokens: int = Field(default=128, ge=16)
    seed: int = 0
    tries: int = Field(default=3, ge=1)


@dataclass(frozen=True)
class Sampling:
    """How a model chooses its words; temperature and top-p are those that Llama 3.1 ships with.

    Attributes:
        temperature: 0 takes the likeliest word.
        top_p: Share of probability to choose from.
        max_tokens: A longer answer is cut off, and is no caption.
        seed: Seed of the run; every clip and every try has its own, drawn from it.
    """

    temperature: float = 0.6
    top_p: float = 0.9
    max_tokens: int = 128
    seed: int = 0


@dataclass(frozen=True)
class Completion:
    """What a model answered.

    Attributes:
        text: Words of the answer; thinking may stand before them.
        finished: False where it was cut off at `max_tokens`.
        thought: Whether the model thought beside the text.
    """

    text: str
    finished: bool = True
    thought: bool = False


@dataclass(frozen=True)
class ChatTask:
    """The same task for every backend.

    Attributes:
        prompt_id: Name of a file in `captioning/prompts`.
        sampling: How words are chosen.
        tries: How often a clip is asked about, each time with another seed, until there is a caption.
    """

    prompt_id: str
    sampling: Sampling = field(default_factory=Sampling)
    tries: int = 3

    @cached_property
    def prompt(self) -> ChatPrompt:
        """The prompt.

        Raises:
            LookupError: There is no such prompt; the known ones are listed.
            UserError: The file does not say what it should.
        """
        return read_prompt(self.prompt_id)

    @classmethod
    def of(cls, prompt_id: str | None, settings: Mapping[str, Any], *, instrumental: bool) -> ChatTask:
        """Return the task that the settings of a stage set, see `Captioner.make`."""
        sampling = Sampling(**{name: settings[name] for name in asdict(Sampling())})
        default = VIDEO_PROMPT if instrumental else TRACK_PROMPT
        return cls(prompt_id or default, sampling, settings["tries"])

    def identity(self) -> dict[str, Any]:
        """Return what changes the words beside the model.

        Raises:
            LookupError: There is no such prompt.
        """
        return {"prompt": self.prompt_id, "prompt_digest": self.prompt.digest, **asdict(self.sampling)}

    @property
    def attempts(self) -> range:
        """The numbers of the tries; one where the seed makes no difference."""
        return range(self.tries if self.sampling.temperature > 0 else 1)

    def messages(self, facts: CaptionFacts) -> list[Message]:
        """Return the conversation that asks for a caption.

        Raises:
            BadCaption: There is nothing to write from.
        """
        return self.prompt.messages(facts)

    def seed(self, clip_id: str, attempt: int) -> int:
        """Return the seed of a try, 0..2**31 - 1: the same on every machine and in every order."""
        text = f"{self.sampling.seed}/{clip_id}/{attempt}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little") >> 1

    def accept(self, completion: Completion, facts: CaptionFacts, attempt: int) -> Caption:
        """Return a completion as a caption.

        Raises:
            BadCaption: It is none; the text says why.
        """
        said = without_thinking(completion.text)
        if said is None or (completion.thought and not said.strip()):
            raise BadCaption(
                f"the model thinks and says nothing in {self.sampling.max_tokens} tokens; turn its thinking "
                "off at the server, or raise caption.max_tokens"
            )
        if not completion.finished:
            raise BadCaption(f"it was cut off after {self.sampling.max_tokens} tokens")
        text = read_caption(said, facts, instructions=self.prompt.system, max_words=self.prompt.max_words)
        metadata = self.prompt.metadata(facts)
        return Caption(text, self.seed(facts.clip_id, attempt), metadata=metadata)

    def give_up(self, completion: Completion, fault: BadCaption) -> BadCaption:
        """Return the error of a clip after the last try."""
        shown = " ".join(completion.text.split())
        shown = shown if len(shown) <= 80 else shown[:80] + "…"
        return BadCaption(f"no caption in {len(self.attempts)} tries; the last, {shown!r}: {fault}")


def unfit(captioner: str, fault: BadCaption) -> UserError:
    """Return the error of a run whose captioner fails on `PLAIN_CLIP`, too.

    Args:
        captioner: The model, and where it runs.
        fault: What was wrong with the caption of the plain clip.
    """
    does = (
        "takes no request" if isinstance(fault, Refused) else "writes no caption, not even about a plain clip"
    )
    return UserError(
        f"{captioner} {does}: {fault}; no clip is blamed, run the same command again once that is mended"
    )
