"""Tells what a model says from what it thinks before, in a time that grows with the answer's length."""

from __future__ import annotations

import re

_NAMES = r"(?:\w{1,40}:)?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)"
# Ends of the thinking of Qwen and DeepSeek (whose templates may open it themselves, so that only the end is
# seen), Seed, MiniMax, Magistral, Kimi, Gemma and gpt-oss.
_THOUGHT = re.compile(
    rf"</{_NAMES}>|\[/THINK\]|◁/think▷|<channel\|>|<\|channel\|>final<\|message\|>", re.IGNORECASE
)
_OPENED = re.compile(
    rf"(?:<{_NAMES}\b[^>]*>|\[THINK\]|◁think▷|<\|channel>|<\|channel\|>analysis)", re.IGNORECASE
)
# Hunyuan puts the answer into a mark as well.
_ANSWER, _ANSWERED = "<answer>", "</answer>"
# Marks of the end stay where a server does not know the model's.
_END_MARK = re.compile(r"<\|[\w ]+\|>|</s>|<(?:end_of_turn|turn\|)>")
_LONGEST_MARK = 40


def without_thinking(text: str) -> str | None:
    """Return what stands after a model's thinking, without marks; None where it did not come to its end."""
    end = 0
    for thought in _THOUGHT.finditer(text):
        end = thought.end()
    said = _without_end_marks(text[end:]).lstrip()
    if _OPENED.match(said):
        return None
    if said[: len(_ANSWER)].lower() == _ANSWER and said[-len(_ANSWERED) :].lower() == _ANSWERED:
        return said[len(_ANSWER) : -len(_ANSWERED)]
    return said


def _without_end_marks(text: str) -> str:
    """Return a text without the blanks and marks at its end."""
    end = len(text)
    while True:
        tail = text[max(0, end - _LONGEST_MARK) : end].rstrip()
        blanks = min(end, _LONGEST_MARK) - len(tail)
        opens = tail.rfind("<")
        marks = len(tail) - opens if opens >= 0 and _END_MARK.fullmatch(tail, opens) else 0
        if not blanks + marks:
            return text[:end]
        end -= blanks + marks
