"""Requests to an OpenAI-compatible server that may be busy, or be restarted, at any time."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self, TypeVar

import httpx

from leitmotif.captioning.answers import SaidError, read_completion, read_models
from leitmotif.captioning.chat import Completion
from leitmotif.captioning.errors import BadCaption, Refused, ServerDown
from leitmotif.captioning.exchange import Reply, Unreadable, exchange, open_client
from leitmotif.storage.errors import UserError, one_line

logger = logging.getLogger("leitmotif.captioning")

Answer = TypeVar("Answer")

# Where a key is looked for; it is sent, and neither stored nor logged.
KEY_VARIABLES = ("LEITMOTIF_API_KEY", "OPENAI_API_KEY")
# Pauses between tries double from the first to the longest.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
# A request that failed as often, while others were answered, is at fault itself.
MAX_FAULTS = 5
# HTTP: too many requests; unauthorized and forbidden; request timeout and too early, which pass.
_BUSY, _REFUSED_KEY, _PASSING = 429, (401, 403), (408, 425)
_SHOWN = 200


@dataclass(frozen=True)
class Purpose:
    """What a server is asked for, as its faults are told.

    Attributes:
        server: What it is called.
        thing: What one request is about.
        kept: What becomes of that which was answered before.
    """

    server: str
    thing: str
    kept: str


CAPTIONING = Purpose(
    "the caption server",
    "this clip",
    "what was captioned so far is kept (caption.patience_s waits longer)",
)


class Connection:
    """A connection to a server, shared by the requests of a batch; use it as an async context manager."""

    def __init__(
        self, url: str, *, timeout_s: float, patience_s: float, purpose: Purpose = CAPTIONING
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            url: Base URL of the API, such as http://localhost:8000/v1.
            timeout_s: Time for one request.
            patience_s: How long the server may stay away before it is given up.
            purpose: What it is asked for.

        Raises:
            UserError: The key cannot be sent.
        """
        self.url, self.timeout_s, self.patience_s = url, timeout_s, patience_s
        self.purpose = purpose
        self.key = read_key()
        self.client = open_client(url, self.key)
        self.answers = 0
        self.silent_since: float | None = None
        self.resume_at = 0.0

    async def __aenter__(self) -> Self:
        """Return the connection."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.client.aclose()

    async def models(self) -> list[str]:
        """Return the names of the models that are served.

        Raises:
            UserError: The server refuses the key, or is not of this kind.
            ServerDown: It stays away for longer than the patience.
        """
        return await self._call("GET", "models", read_models)

    async def ask(
        self, body: Mapping[str, Any], *, in_vain: Callable[[str], bool], patient: bool = True
    ) -> Completion:
        """Return what a model answers to a request.

        Args:
            body: Body of the request.
            in_vain: Whether words of an error say that the request must be put otherwise, whatever its status
                (llama.cpp answers 500 where the chat template refuses a role).
            patient: Whether to ask again; else the first failure is the request's own.

        Raises:
            Refused: The server does not take this request.
            BadCaption: It fails on it again and again.
            UserError: It refuses the key, or no longer serves the model.
            ServerDown: It stays away for longer than the patience.
        """
        most = MAX_FAULTS if patient else 1
        return await self._call(
            "POST", "chat/completions", read_completion, body=body, in_vain=in_vain, most=most
        )

    async def _call(
        self,
        method: str,
        path: str,
        read: Callable[[Reply], Answer],
        *,
        body: Mapping[str, Any] | None = None,
        in_vain: Callable[[str], bool] = lambda words: False,
        most: int = MAX_FAULTS,
    ) -> Answer:
        """Send a request until it is answered, and read the answer."""
        number, faults = 0, 0
        while True:
            answers = self.answers
            await asyncio.sleep(max(0.0, self.resume_at - time.monotonic()))
            try:
                answer = read(await exchange(self.client, method, path, limit_s=self.timeout_s, body=body))
            except (httpx.HTTPError, httpx.InvalidURL, SaidError, Unreadable, TimeoutError) as error:
                self._raise_if_final(error, in_vain)
                if (self.answers > answers or most == 1) and _status(error) != _BUSY:
                    faults += 1
                if faults >= most:
                    failed = f"failed {faults} times" if most > 1 else "goes on failing"
                    raise BadCaption(
                        f"the server {failed} on {self.purpose.thing} while it answered others "
                        f"({self._reason(error)})"
                    ) from error
                await asyncio.sleep(self._pause_s(error, number))
                number += 1
            else:
                self._note_answer()
                return answer

    def _raise_if_final(self, error: Exception, in_vain: Callable[[str], bool]) -> None:
        """Raise what a repetition would not change."""
        status = _status(error)
        if status is not None and in_vain(_words_of(error)):
            raise self._refusal(error) from error
        if status is None or status in (_BUSY, *_PASSING) or status >= 500:
            return
        if status in _REFUSED_KEY:
            key = "the key" if self.key else "a request without a key"
            what = f"the request, or {key}" if status == 403 else key
            no_key = (
                f"the server at {self.url} refuses {what} ({self._reason(error)}); put the right one into "
                f"{' or '.join(KEY_VARIABLES)}"
            )
            # Gateways answer 403 to words that their moderation does not like: another clip tells which.
            raise (Refused(no_key) if status == 403 else UserError(no_key)) from None
        if status == 404:
            raise UserError(
                f"the server at {self.url} does not know the address or the model ({self._reason(error)}); "
                "expected the base URL of an OpenAI-compatible API, which mostly ends in /v1"
            ) from error
        raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> Refused:
        return Refused(f"the server refuses the request ({self._reason(error)})", _words_of(error))

    def _pause_s(self, error: Exception, number: int) -> float:
        """Return how long to wait before the next try.

        Raises:
            ServerDown: The patience is at an end.
        """
        now = time.monotonic()
        if self.silent_since is None:
            self.silent_since = now
            does = "answers with nothing of use" if _came(error) else "does not answer"
            logger.warning("%s %s (%s); waiting", self._server, does, self._reason(error))
        asked_s = _retry_after_s(error)
        left_s = self.silent_since + self.patience_s - now
        if left_s <= 0 or (asked_s or 0.0) > left_s:
            wish = f", and asks to wait for {asked_s:.0f} s" if asked_s else ""
            has = "answered with nothing of use" if _came(error) else "not answered"
            raise ServerDown(
                f"{self._server} has {has} for {now - self.silent_since:.0f} s ({self._reason(error)})"
                f"{wish}; see to it and run the same command again, {self.purpose.kept}",
                busy=_status(error) == _BUSY,
            ) from error
        if asked_s is not None:
            self.resume_at = max(self.resume_at, now + asked_s)
        longest_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(number, 10))
        return min(left_s, longest_s * random.uniform(0.5, 1.0))

    @property
    def _server(self) -> str:
        return f"{self.purpose.server} at {self.url}"

    def _note_answer(self) -> None:
        self.answers += 1
        if self.silent_since is not None:
            logger.warning("%s answers again", self._server)
            self.silent_since = None

    def _reason(self, error: BaseException) -> str:
        """Return an error in a few words, without the key."""
        if isinstance(error, TimeoutError):
            return f"no answer within {self.timeout_s:.0f} s"
        text = one_line(error)
        text = text.replace(self.key, "***") if self.key else text
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def read_key() -> str | None:
    """Return the key of the environment; None where there is none.

    Raises:
        UserError: It cannot be sent.
    """
    for name in KEY_VARIABLES:
        if key := os.environ.get(name, "").strip():
            if not (key.isascii() and key.isprintable()):
                raise UserError(
                    f"the key in {name} holds letters that no header can; expected printable ASCII"
                )
            return key
    return None


def _came(error: BaseException) -> bool:
    """Tell whether the server answered at all."""
    return isinstance(error, SaidError | Unreadable)


def _words_of(error: BaseException) -> str:
    """Return all that a server said."""
    return error.words if isinstance(error, SaidError) else str(error)


def _status(error: BaseException) -> int | None:
    """Return the HTTP status of an error, if the server sent one."""
    return error.status if isinstance(error, SaidError) else None


def _retry_after_s(error: Exception) -> float | None:
    """Return how long the server asks to wait: its header Retry-After, in seconds or as a date."""
    value = error.retry_after if isinstance(error, SaidError) else None
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, LookupError, OverflowError):  # of years and zones that there are not
        return None
