"""What a chat model is asked about a clip, with which seed, and what counts as its answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from leitmotif.captioning.check import read_caption
from leitmotif.captioning.errors import BadCaption, Refused
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.prompt import ChatPrompt, read_prompt
from leitmotif.captioning.thinking import without_thinking
from leitmotif.storage.errors import UserError

MODEL_ID = "meta-llama/Llama-3.1-8B-Instruct"
REVISION = "0e9e39f249a16976918f6564b8830bc894c89659"
LICENSE = "Llama 3.1 Community License"
REFERENCE = "Visuals Music Bridge, appendix A.1; https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct"

Message = dict[str, str]

# A clip that any fit model writes about: where it does not, no other clip is to blame.
PLAIN_CLIP = CaptionFacts(
    "plain", instruments=("piano", "strings"), genres=("classical",), moods=("calm",), tempo_class="slow"
)

# Of a weight file, its two ends are hashed: whole it has gigabytes.
_END_BYTES = 1 << 20


@dataclass(frozen=True)
class Sampling:
    """How a model chooses its words; temperature and top-p are those that Llama 3.1 ships with.

    Attributes:
        temperature: 0 takes the likeliest word.
        top_p: Share of probability to choose from.
        max_tokens: A longer answer is cut off, and is no caption.
        seed: Of the run; every clip and every try has its own, drawn from it.
    """

    temperature: float = 0.6
    top_p: float = 0.9
    max_tokens: int = 128
    seed: int = 0


@dataclass(frozen=True)
class Draft:
    """What a model answered.

    Attributes:
        text: Its words; thinking may stand before them.
        finished: False where it was cut off at `max_tokens`.
        thought: It thought beside the text.
    """

    text: str
    finished: bool = True
    thought: bool = False


@dataclass(frozen=True)
class Caption:
    """A caption, and how it was asked for.

    Attributes:
        text: The caption.
        seed: Of the try that wrote it; None where the server knows no seed.
        system: The instructions stood in a turn of the system, as the prompt has it.
    """

    text: str
    seed: int | None
    system: bool = True


@dataclass(frozen=True)
class ChatTask:
    """The same task for every backend.

    Attributes:
        prompt_id: Of a file in `captioning/prompts`.
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

    def accept(self, draft: Draft, facts: CaptionFacts, attempt: int) -> Caption:
        """Return a draft as a caption.

        Raises:
            BadCaption: It is none; the text says why.
        """
        said = without_thinking(draft.text)
        if said is None or (draft.thought and not said.strip()):
            raise BadCaption(
                f"the model thinks and says nothing in {self.sampling.max_tokens} tokens; turn its thinking "
                "off at the server, or raise caption.max_tokens"
            )
        if not draft.finished:
            raise BadCaption(f"it was cut off after {self.sampling.max_tokens} tokens")
        text = read_caption(said, facts, instructions=self.prompt.system, max_words=self.prompt.max_words)
        return Caption(text, self.seed(facts.clip_id, attempt))

    def give_up(self, draft: Draft, fault: BadCaption) -> BadCaption:
        """Return the error of a clip after the last try."""
        shown = " ".join(draft.text.split())
        shown = shown if len(shown) <= 80 else shown[:80] + "…"
        return BadCaption(f"no caption in {len(self.attempts)} tries; the last, {shown!r}: {fault}")


def unfit(captioner: str, fault: BadCaption) -> UserError:
    """Return the error of a run whose captioner fails on `PLAIN_CLIP`, too.

    Args:
        captioner: The model, and where it runs.
        fault: Of the plain clip.
    """
    does = (
        "takes no request" if isinstance(fault, Refused) else "writes no caption, not even about a plain clip"
    )
    return UserError(
        f"{captioner} {does}: {fault}; no clip is blamed, run the same command again once that is mended"
    )


# Told of each caption as soon as it is written.
Keep = Callable[[CaptionFacts, Caption], object]


def keep_nothing(facts: CaptionFacts, caption: Caption) -> None:
    """Do nothing with a caption before the batch is done."""


def revision_of(model: str, revision: str | None) -> str:
    """Return what identifies the weights, without loading them.

    Args:
        model: A hub id, a local folder, or the name of a served model.
        revision: Of the hub id, or whatever the user calls the weights.

    Returns:
        The revision asked for; else the pinned one of `MODEL_ID`; else "sha256:" and 12 hex digits of a
        folder; else "unknown".
    """
    if revision is not None:
        return revision
    if model == MODEL_ID:
        return REVISION
    folder = Path(model).expanduser()
    return _digest(sorted(folder.iterdir())) if folder.is_dir() else "unknown"


def _digest(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        if path.suffix in (".json", ".jinja", ".safetensors"):
            size = path.stat().st_size
            digest.update(f"{path.name} {size}\n".encode())
            with path.open("rb") as file:
                digest.update(file.read(_END_BYTES))
                file.seek(max(0, size - _END_BYTES))
                digest.update(file.read())
    return "sha256:" + digest.hexdigest()[:12]
