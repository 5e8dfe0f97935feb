"""A model behind an OpenAI-compatible server: asked in whatever dialect the server understands."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from leitmotif.captioning.chat import Completion, Message, Sampling
from leitmotif.captioning.connection import CAPTIONING, Connection, Purpose
from leitmotif.captioning.dialect import Dialect
from leitmotif.captioning.errors import Refused

logger = logging.getLogger("leitmotif.captioning")


class ModelServer:
    """A model that is served; what the server turned out not to know is remembered.

    Attributes:
        url: Base URL of the API.
        model: The name under which the model is served.
        dialect: How requests are put.
    """

    def __init__(
        self, url: str, model: str, *, timeout_s: float, patience_s: float, purpose: Purpose = CAPTIONING
    ) -> None:
        """Take the settings; nothing is sent yet.

        Args:
            url: Base URL of the API.
            model: The name under which the model is served.
            timeout_s: Time for one request.
            patience_s: How long the server may stay away.
            purpose: What it is asked for, for what is said of it.
        """
        self.url, self.model = url, model
        self.timeout_s, self.patience_s, self.purpose = timeout_s, patience_s, purpose
        self.dialect = Dialect()

    def connect(self) -> Connection:
        """Return a connection, an async context manager."""
        return Connection(
            self.url, timeout_s=self.timeout_s, patience_s=self.patience_s, purpose=self.purpose
        )

    async def ask(
        self,
        connection: Connection,
        messages: Sequence[Message],
        sampling: Sampling,
        seed: int,
        *,
        patient: bool = True,
    ) -> tuple[Completion, Dialect]:
        """Return an answer, and how it was asked for; what the server does not know is left out.

        Args:
            connection: See `connect`.
            messages: The conversation.
            sampling: How words are chosen.
            seed: Of this request.
            patient: As of `Connection.ask`.

        Raises:
            Refused, BadCaption, UserError, ServerDown: As of `Connection.ask`.
        """
        while True:
            dialect = self.dialect
            try:
                body = dialect.body(self.model, messages, sampling, seed)
                completion = await connection.ask(body, in_vain=dialect.is_refused_by, patient=patient)
                return completion, dialect
            except Refused as refusal:
                if dialect != self.dialect:
                    continue  # another request has found it out
                other = dialect.after(refusal.words)
                if other is None:
                    raise
                self.dialect, meaning = other
                logger.warning("%s at %s %s", self.purpose.server, self.url, meaning)
