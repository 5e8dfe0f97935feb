"""What an OpenAI-compatible server answered: a completion, a list of models, or an error in their place."""

from __future__ import annotations

import json
from typing import Any

from leitmotif.captioning.chat import Completion
from leitmotif.captioning.exchange import Reply, Unreadable
from leitmotif.shards.texts import encodable
from leitmotif.storage.errors import one_line

# How servers call it that an answer was cut off at the length asked for.
_CUT_OFF = frozenset({"length", "max_tokens"})
_SHOWN = 80
# Of what a server says of an error, its reason comes first.
_MOST_WORDS = 4000


class SaidError(ValueError):
    """An error that the server reports: by a status, or with status 200 as gateways do for those behind them.

    Attributes:
        words: All that it says.
        status: The HTTP status, or what a body with status 200 says in its place; None where it says none.
        retry_after: How long to wait, as the server puts it.
    """

    def __init__(self, words: str, status: int | None, retry_after: str | None = None) -> None:
        super().__init__(words if status is None else f"status {status}{words and f': {words}'}")
        self.words, self.status, self.retry_after = words, status, retry_after


def read_models(reply: Reply) -> list[str]:
    """Return the names in a list of models.

    Raises:
        SaidError: The server reports an error.
        Unreadable: It is no list of models.
    """
    try:
        return [str(model["id"]) for model in _json_of(reply)["data"]]
    except (LookupError, TypeError) as error:
        raise _unlike(reply, "a list of models") from error


def read_completion(reply: Reply) -> Completion:
    """Return what a completion says.

    Raises:
        SaidError: The server reports an error.
        Unreadable: It is no completion.
    """
    completion = _json_of(reply)
    try:
        choice = completion["choices"][0]
        message = choice["message"]
        text = message["content"]
    except (LookupError, TypeError) as error:
        if isinstance(completion, dict) and completion.get("error"):
            raise _error_in(completion["error"]) from None
        raise _unlike(reply, "a completion") from error
    # vLLM and others call what a model thinks `reasoning_content`, or `reasoning`.
    thought = any(message.get(name) for name in ("reasoning_content", "reasoning"))
    cut_off = str(choice.get("finish_reason")).lower() in _CUT_OFF
    return Completion(encodable(_text_of(text)), finished=not cut_off, thought=thought)


def _json_of(reply: Reply) -> Any:
    """Return the JSON of a reply; None where it is none.

    Raises:
        SaidError: The status is that of an error.
        Unreadable: It is nested too deeply.
    """
    try:
        facts = json.loads(reply.text)
    except RecursionError as error:
        raise Unreadable("got JSON nested too deeply to be read") from error
    except ValueError:
        facts = None
    if 200 <= reply.status < 300:
        return facts
    reported = facts.get("error") if isinstance(facts, dict) else None
    told = reported.get("message") if isinstance(reported, dict) else None
    words = one_line(encodable(told if isinstance(told, str) else reply.text)[:_MOST_WORDS])
    raise SaidError(words if told or reply.text.strip() else "", reply.status, reply.retry_after)


def _error_in(error: Any) -> SaidError:
    """Return the error that a body with status 200 speaks of."""
    said = error if isinstance(error, dict) else {}
    code = said.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else None
    words = encodable(str(said.get("message") or json.dumps(error)))
    return SaidError(one_line(words[:_MOST_WORDS]), status)


def _unlike(reply: Reply, expected: str) -> Unreadable:
    begins = one_line(encodable(reply.text[: 10 * _SHOWN]), _SHOWN) if reply.text.strip() else ""
    return Unreadable(f"got {begins!r} where {expected} was expected")


def _text_of(content: Any) -> str:
    """Return the text of a message: a string, parts of which some are text, or nothing."""
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join(str(part.get("text") or "") for part in parts)
    return content if isinstance(content, str) else ""
