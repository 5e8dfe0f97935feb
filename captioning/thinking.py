"""Tells what a model says from what it thinks before."""

from __future__ import annotations

import re

# Ends of the thinking of Qwen and DeepSeek (whose templates may open it themselves, so that only the end is
# seen), Seed, Magistral and gpt-oss.
_THOUGHT = re.compile(
    r"\A.*(?:</(?:seed:)?(?:think|thinking|thought|reasoning)>|\[/THINK\]|<\|channel\|>final<\|message\|>)",
    re.DOTALL | re.IGNORECASE,
)
_OPENED = re.compile(
    r"\A\s*(?:<(?:seed:)?(?:think|thinking|thought|reasoning)>|\[THINK\]|<\|channel\|>analysis)",
    re.IGNORECASE,
)


def without_thinking(text: str) -> str | None:
    """Return what stands after a model's thinking; None where it did not come to its end."""
    said = _THOUGHT.sub("", text, count=1)
    return None if _OPENED.match(said) else said
