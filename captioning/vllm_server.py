"""Captions by a model behind an OpenAI-compatible server, such as `vllm serve`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from leitmotif.captioning.captioner import Caption, Keep, keep_nothing
from leitmotif.captioning.chat import (
    LICENSE,
    MODEL_ID,
    PLAIN_CLIP,
    RATE_HZ,
    REFERENCE,
    REVISION,
    ChatTask,
    Message,
    unfit,
)
from leitmotif.captioning.connection import Connection
from leitmotif.captioning.errors import BadCaption, Refused, ServerDown
from leitmotif.captioning.exchange import run
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.model_server import ModelServer
from leitmotif.captioning.server_settings import URL
from leitmotif.storage.errors import UserError
from leitmotif.weights.published import revision_of_language_model

__all__ = ["LICENSE", "MODEL_ID", "RATE_HZ", "REFERENCE", "REVISION", "ServerCaptioner"]


class ServerCaptioner:
    """Asks a server about the clips of a batch, several at a time.

    A server that is busy or gone is asked again for as long as the patience lasts; the captions that are
    written by then stay. Every clip is asked about by itself, with its own seeds, so that neither the order
    nor a restart changes which words are asked for. A clip is blamed only by a server that writes about
    others: one that fails on a plain clip, too, ends the run.
    """

    def __init__(
        self,
        task: ChatTask,
        *,
        url: str = URL,
        model: str = MODEL_ID,
        revision: str | None = None,
        concurrency: int = 128,
        timeout_s: float = 120.0,
        patience_s: float = 120.0,
    ) -> None:
        """Take the settings; nothing is sent yet.

        Args:
            task: What is asked.
            url: Base URL of the API.
            model: The name under which the model is served.
            revision: Whatever the user calls its weights; that of `MODEL_ID` is pinned.
            concurrency: Requests under way at a time.
            timeout_s: Time for one request.
            patience_s: How long the server may stay away.
        """
        self.task, self.revision, self.concurrency = task, revision, concurrency
        self.server = ModelServer(url, model, timeout_s=timeout_s, patience_s=patience_s)
        self._writes, self._vouched_s = False, 0.0  # it wrote a caption; it last took the plain clip at

    @classmethod
    def make(cls, prompt_id: str | None, settings: Mapping[str, Any], *, instrumental: bool) -> Self:
        """Return a captioner, see `leitmotif.captioning.captioner.Captioner`."""
        names = ("url", "model", "revision", "concurrency", "timeout_s", "patience_s")
        task = ChatTask.of(prompt_id, settings, instrumental=instrumental)
        return cls(task, **{name: settings[name] for name in names})

    @property
    def prompt_id(self) -> str:
        """Name and version of the prompt."""
        return self.task.prompt_id

    def model(self) -> str:
        """Return `id@revision` of what is to be served."""
        return f"{self.server.model}@{revision_of_language_model(self.server.model, self.revision)}"

    def identity(self) -> Mapping[str, Any]:
        """Return what changes the words: the prompt, and how they are chosen."""
        return self.task.identity()

    def load(self) -> Self:
        """Read the prompt, wait for the server, and see that it serves the model.

        Raises:
            UserError: It serves another model, refuses the key, or is no such server.
            ServerDown: It does not answer for as long as the patience lasts.
            LookupError: There is no such prompt.
        """
        _ = self.task.prompt
        served, wanted = run(self._served()), self.server.model
        if wanted not in served:
            raise UserError(
                f"got a server at {self.server.url} that serves {', '.join(served) or 'nothing'}; expected "
                f"{wanted} (start it with `vllm serve {wanted}`, or name what it serves as caption.model)"
            )
        return self

    def caption(self, batch: Sequence[CaptionFacts], keep: Keep = keep_nothing) -> list[Caption | BadCaption]:
        """Return for each clip, in order, its caption or why there is none.

        Args:
            batch: The clips.
            keep: Called with each caption as it comes, in no order; whatever ends the batch, it has had them.

        Raises:
            UserError: The server no longer serves the model, refuses the key, or fails on a plain clip.
            ServerDown: It stays away for longer than the patience.
        """
        return run(self._caption_all(batch, keep)) if batch else []

    async def _served(self) -> list[str]:
        async with self.server.connect() as connection:
            return await connection.models()

    async def _caption_all(self, batch: Sequence[CaptionFacts], keep: Keep) -> list[Caption | BadCaption]:
        free, doubting = asyncio.Semaphore(self.concurrency), asyncio.Lock()
        async with self.server.connect() as connection:

            async def caption(facts: CaptionFacts) -> Caption | BadCaption:
                try:
                    messages = self.task.messages(facts)
                except BadCaption as fault:
                    return fault
                async with free:
                    try:
                        result = await self._caption(connection, facts, messages)
                    except ServerDown as down:
                        async with doubting:
                            await self._see_it_up(connection, down)
                        result = await self._caption(connection, facts, messages, patient=False)
                if isinstance(result, Caption):
                    self._writes = True
                    keep(facts, result)
                else:
                    failed_s = time.monotonic()
                    async with doubting:
                        await self._doubt_server(connection, result, failed_s)
                return result

            tasks = [asyncio.ensure_future(caption(facts)) for facts in batch]
            try:
                return await asyncio.gather(*tasks)
            finally:  # before the connection is closed, which they would take for a server that went away
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _caption(
        self,
        connection: Connection,
        facts: CaptionFacts,
        messages: Sequence[Message],
        *,
        patient: bool = True,
    ) -> Caption | BadCaption:
        fault = BadCaption("it was not asked for")
        for attempt in self.task.attempts:
            seed = self.task.seed(facts.clip_id, attempt)
            try:
                completion, dialect = await self.server.ask(
                    connection, messages, self.task.sampling, seed, patient=patient
                )
            except BadCaption as error:
                return error
            try:
                caption = self.task.accept(completion, facts, attempt)
            except BadCaption as error:
                fault = self.task.give_up(completion, error)
            else:
                return replace(caption, seed=caption.seed if dialect.seeded else None, system=dialect.system)
        return fault

    async def _see_it_up(self, connection: Connection, down: ServerDown) -> None:
        """See whether the server answers about a plain clip: then it is one clip that it fails on.

        Raises:
            ServerDown: It does not, or only has too much to do.
        """
        if down.busy:
            raise down
        messages, seed = self.task.messages(PLAIN_CLIP), self.task.seed(PLAIN_CLIP.clip_id, 0)
        await self.server.ask(connection, messages, self.task.sampling, seed)

    async def _doubt_server(self, connection: Connection, fault: BadCaption, failed_s: float) -> None:
        """See whether a fault may be the clip's: the server must do better with a plain clip.

        Raises:
            UserError: It does not.
        """
        refused = isinstance(fault, Refused)
        if self._vouched_s >= failed_s or (self._writes and not refused):
            return
        plain = await self._caption(connection, PLAIN_CLIP, self.task.messages(PLAIN_CLIP))
        if isinstance(plain, Refused) or (isinstance(plain, BadCaption) and not refused):
            raise unfit(f"{self.server.model} at {self.server.url}", plain) from fault
        self._writes |= isinstance(plain, Caption)
        self._vouched_s = time.monotonic()


CAPTIONER = ServerCaptioner
