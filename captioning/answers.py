"""What an OpenAI-compatible server answered: a completion, a list of models, or an error in their place."""

from __future__ import annotations

import json
from typing import Any

from leitmotif.captioning.chat import Completion
from leitmotif.shards.texts import encodable

# How servers call it that an answer was cut off at the length asked for.
_CUT_OFF = frozenset({"length", "max_tokens"})
_SHOWN = 80


class SaidError(ValueError):
    """An error that came with status 200, as gateways send those of the servers behind them.

    Attributes:
        status_code: What the body says in place of the HTTP status; None where it says none.
    """

    def __init__(self, error: Any) -> None:
        said = error if isinstance(error, dict) else {}
        code = said.get("code")
        super().__init__(str(said.get("message") or json.dumps(error)))
        self.status_code = code if isinstance(code, int) and 400 <= code < 600 else None


def read_models(page: Any) -> list[str]:
    """Return the names in a list of models.

    Raises:
        ValueError: It is none.
    """
    try:
        return [str(model.id) for model in page.data]
    except (AttributeError, TypeError) as error:
        raise ValueError(f"got {str(page)[:_SHOWN]!r} where a list of models was expected") from error


def read_completion(answer: Any) -> Completion:
    """Return what a completion says.

    Args:
        answer: The body: JSON, or a text where the server does not call it JSON.

    Raises:
        SaidError: The server reports an error with status 200.
        ValueError: It is no completion.
    """
    completion = _json_of(answer) if isinstance(answer, str) else answer
    try:
        choice = completion["choices"][0]
        message = choice["message"]
        text = message["content"]
    except (LookupError, TypeError) as error:
        if isinstance(completion, dict) and completion.get("error"):
            raise SaidError(completion["error"]) from None
        raise ValueError(f"got {str(completion)[:_SHOWN]!r} where a completion was expected") from error
    # vLLM and others call what a model thinks `reasoning_content`, or `reasoning`.
    thought = any(message.get(name) for name in ("reasoning_content", "reasoning"))
    cut_off = str(choice.get("finish_reason")).lower() in _CUT_OFF
    return Completion(encodable(_text_of(text)), finished=not cut_off, thought=thought)


def _json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text_of(content: Any) -> str:
    """Return the text of a message: a string, parts of which some are text, or nothing."""
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join(str(part.get("text") or "") for part in parts)
    return content if isinstance(content, str) else ""
