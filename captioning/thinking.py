"""Tells what a model says from what it thinks before."""

from __future__ import annotations

import re

_NAMES = r"(?:\w+:)?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)"
# Ends of the thinking of Qwen and DeepSeek (whose templates may open it themselves, so that only the end is
# seen), Seed, MiniMax, Magistral, Kimi, Gemma and gpt-oss.
_THOUGHT = re.compile(
    rf"\A.*(?:</{_NAMES}>|\[/THINK\]|◁/think▷|<channel\|>|<\|channel\|>final<\|message\|>)",
    re.DOTALL | re.IGNORECASE,
)
_OPENED = re.compile(
    rf"\A\s*(?:<{_NAMES}\b[^>]*>|\[THINK\]|◁think▷|<\|channel>|<\|channel\|>analysis)",
    re.IGNORECASE,
)
# Hunyuan puts the answer into a mark as well. Marks of the end stay where a server does not know the model's.
_ANSWER = re.compile(r"\A\s*<answer>(.*)</answer>\s*\Z", re.DOTALL | re.IGNORECASE)
_END_MARKS = re.compile(r"(?:\s|<\|[\w ]+\|>|</s>|<(?:end_of_turn|turn\|)>)+\Z")


def without_thinking(text: str) -> str | None:
    """Return what stands after a model's thinking, without marks; None where it did not come to its end."""
    said = _END_MARKS.sub("", _THOUGHT.sub("", text, count=1))
    return None if _OPENED.match(said) else _ANSWER.sub(r"\1", said)
