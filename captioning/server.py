"""Captions by a model behind an OpenAI-compatible server, such as `vllm serve`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

from leitmotif.captioning.chat import (
    LICENSE,
    MODEL_ID,
    REFERENCE,
    REVISION,
    Caption,
    ChatTask,
    Keep,
    keep_nothing,
)
from leitmotif.captioning.connection import Connection
from leitmotif.captioning.errors import BadCaption, CaptionerError
from leitmotif.captioning.facts import CaptionFacts

__all__ = ["LICENSE", "MODEL_ID", "REFERENCE", "REVISION", "URL", "ServerCaptioner"]

# Where `vllm serve` listens by default.
URL = "http://localhost:8000/v1"

Result = TypeVar("Result")


class ServerCaptioner:
    """Asks a server about the clips of a batch, several at a time.

    A server that is busy or gone is asked again for as long as the patience lasts; the captions that are
    written by then stay. Every clip is asked about by itself, with its own seeds, so that neither the order
    nor a restart changes which words are asked for.
    """

    def __init__(
        self,
        task: ChatTask,
        *,
        url: str = URL,
        model: str = MODEL_ID,
        concurrency: int = 128,
        timeout_s: float = 120.0,
        patience_s: float = 120.0,
    ) -> None:
        """Take the settings; nothing is sent yet.

        Args:
            task: What is asked.
            url: Base URL of the API.
            model: The name under which the model is served.
            concurrency: Requests under way at a time.
            timeout_s: Time for one request.
            patience_s: How long the server may stay away.
        """
        self.task, self.model, self.concurrency = task, model, concurrency
        self.url, self.timeout_s, self.patience_s = url, timeout_s, patience_s

    def load(self) -> Self:
        """Read the prompt, wait for the server, and see that it serves the model.

        Raises:
            CaptionerError: It serves another model, refuses the key, or is no such server.
            ServerDown: It does not answer for as long as the patience lasts.
            LookupError: There is no such prompt.
        """
        _ = self.task.prompt
        served = _run(self._served())
        if self.model not in served:
            raise CaptionerError(
                f"got a server at {self.url} that serves {', '.join(served) or 'nothing'}; expected "
                f"{self.model} (start it with `vllm serve {self.model}`, or name what it serves as "
                "caption.model)"
            )
        return self

    def caption(self, batch: Sequence[CaptionFacts], keep: Keep = keep_nothing) -> list[Caption | BadCaption]:
        """Return for each clip, in order, its caption or why there is none.

        Args:
            batch: The clips.
            keep: Told of each caption as it comes, in no order; whatever ends the batch, it has had them.

        Raises:
            CaptionerError: The server no longer serves the model, or refuses the key.
            ServerDown: It stays away for longer than the patience.
        """
        return _run(self._caption_all(batch, keep)) if batch else []

    def _connect(self) -> Connection:
        return Connection(self.url, timeout_s=self.timeout_s, patience_s=self.patience_s)

    async def _served(self) -> list[str]:
        async with self._connect() as connection:
            return await connection.models()

    async def _caption_all(self, batch: Sequence[CaptionFacts], keep: Keep) -> list[Caption | BadCaption]:
        free = asyncio.Semaphore(self.concurrency)
        async with self._connect() as connection:

            async def caption(facts: CaptionFacts) -> Caption | BadCaption:
                async with free:
                    result = await self._caption(connection, facts)
                if isinstance(result, Caption):
                    keep(facts, result)
                return result

            return await asyncio.gather(*map(caption, batch))

    async def _caption(self, connection: Connection, facts: CaptionFacts) -> Caption | BadCaption:
        try:
            messages = self.task.messages(facts)
            for attempt in self.task.attempts:
                seed = self.task.seed(facts.clip_id, attempt)
                draft = await connection.ask(self.model, messages, self.task.sampling, seed)
                try:
                    return self.task.accept(draft, facts, attempt)
                except BadCaption as error:
                    fault = self.task.give_up(draft, error)
        except BadCaption as error:
            fault = error
        return fault


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end, also where a loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
