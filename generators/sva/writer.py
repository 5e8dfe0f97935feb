"""Has a model behind a server look at a film and write a scheme; what cannot be used is asked for again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from leitmotif.captioning.chat import Message, Sampling
from leitmotif.captioning.connection import Connection, Purpose
from leitmotif.captioning.errors import BadCaption
from leitmotif.captioning.exchange import run
from leitmotif.captioning.model_server import ModelServer
from leitmotif.captioning.thinking import without_thinking
from leitmotif.generators.sva import prompts
from leitmotif.generators.sva.scheme import (
    MOST_LETTERS,
    BadScheme,
    Scheme,
    read_scheme,
    read_schemes,
    refuses,
)
from leitmotif.storage.errors import UserError, one_line

# Deadlines of a server that does not answer: one request, and all its tries together.
TIMEOUT_S, PATIENCE_S = 120.0, 60.0
TRIES = 3
PURPOSE = Purpose("the server that writes schemes", "this film", "nothing was written yet")
_DESCRIPTION_WORDS = range(5, 301)
_KEY_WORDS = range(1, 11)
_SHOWN = 80

Read = TypeVar("Read")


def server_at(url: str, model: str) -> ModelServer:
    """Return a server that is asked for schemes."""
    return ModelServer(url, model, timeout_s=TIMEOUT_S, patience_s=PATIENCE_S, purpose=PURPOSE)


@dataclass(frozen=True)
class Question:
    """What a model was asked, and what came of it.

    Attributes:
        task: "describe", "examples", "key words" or "scheme".
        seed: Seed of the try; None where the server knows no seed.
        answer: What it said, thinking included; no more than is read of it.
        fault: Why that could not be used; None where it could.
    """

    task: str
    seed: int | None
    answer: str
    fault: str | None = None


@dataclass(frozen=True)
class Written:
    """A scheme, and how a model came to it.

    Attributes:
        scheme: The scheme.
        description: What is to be seen in the film.
        key_words: What stood for the style.
        questions: Everything that was asked, in order.
    """

    scheme: Scheme
    description: str
    key_words: str
    questions: tuple[Question, ...]


@dataclass
class SchemeWriter:
    """Asks a model that sees.

    Attributes:
        server: The model.
        seed: Of all tries; each has its own, drawn from it.
        sampling: How words are chosen.
    """

    server: ModelServer
    seed: int = 0
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.7, top_p=0.9, max_tokens=768))

    def write(self, pictures: Sequence[bytes], style: str | None = None) -> Written:
        """Return a scheme for a film.

        Args:
            pictures: Frames of it, JPEG.
            style: What the user wishes, such as "melancholic".

        Raises:
            UserError: The model refuses, or wrote nothing of use in `TRIES` tries; or the server is no such.
            ServerDown: The server does not answer.
        """
        return run(self._write(pictures, style))

    async def _write(self, pictures: Sequence[bytes], style: str | None) -> Written:
        asked: list[Question] = []
        async with self.server.connect() as connection:
            await self._check_served(connection)
            description = await self._until(
                connection, asked, "describe", prompts.describe(pictures), _description
            )
            key_words = prompts.KEY_WORDS
            examples: tuple[Scheme, ...] = prompts.EXAMPLES
            if style is not None:
                examples = await self._until(
                    connection, asked, "examples", prompts.examples_of(style), read_schemes
                )
                key_words = await self._until(
                    connection, asked, "key words", prompts.key_words_of(style), _key_words
                )
            messages = prompts.scheme(description, key_words, examples)
            scheme = await self._until(connection, asked, "scheme", messages, read_scheme)
        return Written(scheme, description, key_words, tuple(asked))

    async def _check_served(self, connection: Connection) -> None:
        """Raise UserError if the server does not serve the model."""
        served = await connection.models()
        # Some endpoints list their models as "models/NAME", and take NAME.
        if self.server.model not in {name.removeprefix("models/") for name in served} | set(served):
            raise UserError(
                f"got a server at {self.server.url} that serves {', '.join(served[:10]) or 'nothing'}; "
                f"expected {self.server.model!r}: name what it serves by --server-model"
            )

    async def _until(
        self,
        connection: Connection,
        asked: list[Question],
        task: str,
        messages: list[Message],
        read: Callable[[str], Read],
    ) -> Read:
        """Return what can be read of an answer; one that is of no use is sent back with the reason."""
        first = messages
        for attempt in range(TRIES):
            seed = self._seed(task, attempt)
            try:
                completion, dialect = await self.server.ask(connection, messages, self.sampling, seed)
            except BadCaption as error:
                raise UserError(
                    f"{self._model} takes no request to {_DOES[task]}: {error}; expected a model that sees "
                    "pictures, or give --describe words of your own"
                ) from error
            question = Question(task, seed if dialect.seeded else None, completion.text[:MOST_LETTERS])
            said = without_thinking(completion.text)
            try:
                if said is None:
                    raise BadScheme("only thinking was said, and no answer")
                if not completion.finished:
                    raise BadScheme(f"the answer was cut off after {self.sampling.max_tokens} tokens")
                found = read(said)
            except BadScheme as fault:
                asked.append(replace(question, fault=str(fault)))
                messages = prompts.again(first, one_line(said or "", 1000), str(fault))
                continue
            asked.append(question)
            return found
        last = asked[-1]
        raise UserError(
            f"{self._model} did not {_DOES[task]} in {TRIES} tries; the last, "
            f"{one_line(last.answer, _SHOWN)!r}: {last.fault}; take another model or --seed, or give "
            "--describe words of your own"
        )

    @property
    def _model(self) -> str:
        return f"{self.server.model} at {self.server.url}"

    def _seed(self, task: str, attempt: int) -> int:
        """Return the seed of a try, 0..2**31 - 1."""
        text = f"{self.seed}/{task}/{attempt}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little") >> 1


_DOES = {
    "describe": "describe the film",
    "examples": "write examples of the style",
    "key words": "name the key words of the style",
    "scheme": "write a scheme",
}


def _description(said: str) -> str:
    text = " ".join(said.split())
    if refuses(text):
        raise BadScheme("the answer is a refusal")
    if (words := len(text.split())) not in _DESCRIPTION_WORDS:
        raise BadScheme(
            f"the answer has {words} words, and {_DESCRIPTION_WORDS[0]} to {_DESCRIPTION_WORDS[-1]} "
            "are expected"
        )
    return text


def _key_words(said: str) -> str:
    lines = [line.strip(" -•*.\"'`") for line in said.splitlines() if line.strip(" -•*.\"'`")]
    text = lines[-1].removeprefix("Output:").strip() if lines else ""
    if refuses(said):
        raise BadScheme("the answer is a refusal")
    if len(text.split()) not in _KEY_WORDS or not any(letter.isalpha() for letter in text):
        raise BadScheme("the answer is no line of one to five key words with commas between them")
    return text.rstrip(";,. ")
