"""Serves a questionnaire and stores what comes back: one file for each participant."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Collection
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from leitmotif.review.survey.door import Door
from leitmotif.review.survey.key import QUESTIONNAIRE, RESPONSES, Key, load_key
from leitmotif.review.survey.line import Line
from leitmotif.review.survey.responses import check_participant, check_response, read_responses, record_of
from leitmotif.shards.texts import encodable
from leitmotif.storage.atomic import clear_folder, write_text
from leitmotif.storage.errors import UserError

# A response to a thousand versions is smaller.
LARGEST_BYTES = 1 << 20
IDLE_S = 30
# When the server has to end, for what is still being sent.
GRACE_S = 2
# For a response to arrive, on a slow line.
LONGEST_S = 60.0
# Who starts is remembered; a survey of more is none that people listen to.
MOST_PARTICIPANTS = 10_000
_SHOWN = 400


class NotTakenError(UserError):
    """What was posted is not taken; the text says why.

    Attributes:
        status: HTTP status.
    """

    def __init__(self, text: str, status: HTTPStatus) -> None:
        super().__init__(text)
        self.status = status


class Assignments:
    """Which order each participant hears, and what they answered."""

    def __init__(self, folder: Path) -> None:
        """Read who has answered so far.

        Args:
            folder: The survey's folder.

        Raises:
            UserError: It is no survey, or holds a response of no use.
        """
        self.key: Key = load_key(folder)
        self.questionnaire = folder / QUESTIONNAIRE
        self.responses = folder / RESPONSES
        if self.responses.is_dir():
            clear_folder(self.responses)
        self._orders: dict[str, int] = {}
        self._lock = threading.Lock()
        if any(self.responses.glob("*.json")):
            for response in read_responses(self.key, [self.responses]):
                self._orders[response.participant] = response.order

    def order_for(self, facts: Any) -> int:
        """Return the order of a participant who starts: the one that was handed out least often.

        Raises:
            UserError: The participant has answered already, or is none.
        """
        participant = check_participant(facts.get("participant") if isinstance(facts, dict) else None)
        with self._lock:
            if self._path(participant).exists():
                raise UserError(f"participant {participant!r} has answered already")
            if participant not in self._orders:
                self._check_room()
                handed = Counter(self._orders.values())
                self._orders[participant] = min(range(len(self.key.orders)), key=lambda order: handed[order])
            return self._orders[participant]

    def store(self, facts: Any) -> Path:
        """Store a response, whole or not at all.

        Raises:
            UserError: It is no full response to this survey, or a second one.
            OSError: The disk refused.
        """
        response = check_response(self.key, facts)
        record = record_of(self.key, response, facts)
        path = self._path(response.participant)
        with self._lock:
            if path.exists():
                raise UserError(f"participant {response.participant!r} has answered already")
            if response.participant not in self._orders:
                self._check_room()
            self.responses.mkdir(exist_ok=True)
            write_text(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
            self._orders[response.participant] = response.order
        return path

    def _check_room(self) -> None:
        if len(self._orders) >= MOST_PARTICIPANTS:
            raise NotTakenError(
                f"{MOST_PARTICIPANTS} participants have started, more are not taken",
                HTTPStatus.TOO_MANY_REQUESTS,
            )

    def _path(self, participant: str) -> Path:
        """Return a participant's file; no name leads out of the folder, and no two names to one file."""
        digest = hashlib.blake2b(participant.encode(), digest_size=4).hexdigest()
        return self.responses / f"{re.sub(r'[^A-Za-z0-9]+', '-', participant)[:32]}-{digest}.json"


def make_app(assignments: Assignments, *, names: Collection[str] = ()) -> Door:
    """Return the web application of one survey: its files, and two addresses to post to.

    Args:
        assignments: Who hears what.
        names: Names under which it is reached, beside those of this machine.
    """

    def hand_out(facts: Any) -> Response:
        return _answer(HTTPStatus.OK, {"order": assignments.order_for(facts)})

    def take_in(facts: Any) -> Response:
        assignments.store(facts)
        return _answer(HTTPStatus.CREATED, {"stored": True})

    routes = [
        Route("/start", _posted_to(hand_out), methods=["POST"]),
        Route("/responses", _posted_to(take_in), methods=["POST"]),
        Route("/{rest:path}", _nothing, methods=["POST"]),
        # (No folder's content is shown.)
        Mount("/", StaticFiles(directory=assignments.questionnaire, html=True)),
    ]
    return Door(Starlette(routes=routes), names=names)


def _posted_to(answer: Callable[[Any], Response]) -> Callable[[Request], Any]:
    """Return an address that reads JSON and answers it in a thread, so that a slow disk stops nobody."""

    async def endpoint(request: Request) -> Response:
        try:
            return await run_in_threadpool(answer, await _read_json(request))
        except (UserError, ClientDisconnect) as error:
            status = error.status if isinstance(error, NotTakenError) else HTTPStatus.BAD_REQUEST
            return _answer(status, {"error": encodable(str(error))[:_SHOWN]})
        except OSError as error:
            told = f"the server could not store it ({error.strerror})"
            return _answer(HTTPStatus.INSUFFICIENT_STORAGE, {"error": told})

    return endpoint


async def _read_json(request: Request) -> Any:
    """Return the JSON that was posted.

    Raises:
        UserError: It is too long, takes too long, or is no JSON.
    """
    content = await _read_body(request)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError("what was sent is no JSON") from error


async def _read_body(request: Request) -> bytes:
    content = bytearray()
    try:
        async with asyncio.timeout(LONGEST_S):
            async for chunk in request.stream():
                content += chunk
                if len(content) > LARGEST_BYTES:
                    raise NotTakenError(
                        f"expected JSON of at most {LARGEST_BYTES} bytes", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                    )
    except TimeoutError as error:
        raise NotTakenError(f"it took longer than {LONGEST_S:.0f} s", HTTPStatus.REQUEST_TIMEOUT) from error
    return bytes(content)


async def _nothing(request: Request) -> Response:
    return _answer(HTTPStatus.NOT_FOUND, {"error": "there is nothing to post to here"})


def _answer(status: HTTPStatus, facts: dict[str, Any]) -> Response:
    return JSONResponse(facts, status)


class SurveyServer:
    """A server of one survey; it listens from the start, and `run` answers. A context manager.

    Attributes:
        assignments: Who hears what.
        address: Host and port that it listens at.
    """

    def __init__(
        self, folder: Path, *, host: str = "127.0.0.1", port: int = 8000, names: Collection[str] = ()
    ) -> None:
        """Listen.

        Args:
            folder: The survey's folder.
            host: Address to listen at.
            port: Port to listen at; 0 for any that is free.
            names: Names under which participants reach it, beside those of this machine.

        Raises:
            UserError: The folder is no survey.
            OSError: The address cannot be had.
        """
        self.assignments = Assignments(folder)
        # Addresses of participants are nobody's business: no log of requests.
        self._server = uvicorn.Server(
            uvicorn.Config(
                make_app(self.assignments, names=(host, *names)),
                lifespan="off", ws="none", access_log=False, log_config=None,
                server_header=False, http=Line, timeout_keep_alive=IDLE_S, timeout_graceful_shutdown=GRACE_S,
            )
        )  # fmt: skip
        # (Only on what is called TCP does asyncio send at once, rather than when the other side has said that
        # it got what came before, which takes 40 ms.)
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host, port))
            self._socket.listen()
        except OSError:
            self._socket.close()
            raise
        self.address: tuple[str, int] = self._socket.getsockname()[:2]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def run(self) -> None:
        """Answer until `stop`, or a signal."""
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Have `run` return soon; for another thread."""
        self._server.should_exit = True
