"""What a server understands of a request: OpenAI-compatible servers differ in a few parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from leitmotif.captioning.chat import Message, Sampling

# How servers and chat templates say that they do not know something. "maximum context length", which names
# max_tokens as well, is not among them.
_UNKNOWN = re.compile(
    r"unsupported|not supported|does(?:n't| not) support|not permitted|not allowed|unrecogni[sz]ed|unknown"
    r"|unexpected|\bextra (?:inputs|fields)\b|(?:invalid|not a valid|not an? allowed) (?:parameter|argument)"
    r"|not (?:available|implemented|enabled|accepted|recogni[sz]ed)|must be (?:empty|null|none)|deprecated",
    re.IGNORECASE,
)
# Chat templates without a system role: "System role not supported", "Conversation roles must alternate
# user/assistant", "Only user and assistant roles are supported!", "roles must be one of user, assistant; got
# system", "Developer instruction is not enabled for models/gemma-3-27b-it".
_NO_SYSTEM = re.compile(
    r"\bsystem\b.{0,40}\b(?:not supported|unsupported|not allowed)|does(?:n't| not) support.{0,20}\bsystem\b"
    r"|\broles must alternate\b|\bonly user\b.{0,40}\broles\b|\broles? must be\b.{0,60}\bsystem\b"
    r"|\bdeveloper instruction is not enabled\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Dialect:
    """How requests are put; what a server refuses by name is put otherwise, once, for the whole run.

    Attributes:
        max_tokens: What the length of an answer is called.
        seeded: A seed is sent; without one the same request gives other words each time.
        system: The instructions stand in a turn of the system; else they begin the user's.
    """

    max_tokens: str = "max_tokens"
    seeded: bool = True
    system: bool = True

    def body(self, model: str, messages: Sequence[Message], sampling: Sampling, seed: int) -> dict[str, Any]:
        """Return the body of a request."""
        body = {
            "model": model,
            "messages": list(messages) if self.system else _in_one_turn(messages),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            self.max_tokens: sampling.max_tokens,
        }
        return body | ({"seed": seed} if self.seeded else {})

    def is_refused_by(self, words: str) -> bool:
        """Tell whether the words of an error refuse something that can be put otherwise."""
        return self.after(words) is not None

    def after(self, refusal: str) -> tuple[Dialect, str] | None:
        """Return the dialect that leaves out what a server refused, and what that means for the captions.

        Args:
            refusal: The server's words.

        Returns:
            None where the refusal is of something else.
        """
        if self.system and _NO_SYSTEM.search(refusal):
            return replace(self, system=False), (
                "knows no system role; the instructions begin the user's turn, caption_prompt ends in :user"
            )
        if not _UNKNOWN.search(refusal):
            return None
        if self.max_tokens == "max_tokens" and re.search(r"\bmax_tokens\b", refusal):
            return replace(self, max_tokens="max_completion_tokens"), (
                "does not know max_tokens; max_completion_tokens says the same"
            )
        if self.seeded and re.search(r"\bseed\b", refusal):
            return replace(self, seeded=False), (
                "knows no seed; asked again it would write other words, which are stored without a seed"
            )
        return None


def _in_one_turn(messages: Sequence[Message]) -> list[Message]:
    """Return the conversation with the system's words before the user's first ones."""
    system = [message["content"] for message in messages if message["role"] == "system"]
    if not system:  # the user's may be pictures, too
        return list(messages)
    first, *others = [message for message in messages if message["role"] != "system"]
    return [{**first, "content": "\n\n".join([*system, first["content"]])}, *others]
