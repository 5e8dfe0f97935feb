"""Serves a questionnaire and stores what comes back: one file for each participant."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from collections import Counter
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

from leitmotif.review.survey.key import QUESTIONNAIRE, RESPONSES, Key, load_key
from leitmotif.review.survey.questions import SurveyError
from leitmotif.review.survey.responses import check_participant, check_response, read_responses
from leitmotif.shards.store import write_text

# A response to a thousand versions is smaller.
LARGEST_BYTES = 1 << 20
IDLE_S = 30.0


class Assignments:
    """Which order each participant hears, and what they answered."""

    def __init__(self, folder: Path) -> None:
        """Read who has answered so far.

        Args:
            folder: The survey's folder.

        Raises:
            SurveyError: It is no survey, or holds a response of no use.
        """
        self.key: Key = load_key(folder)
        self.questionnaire = folder / QUESTIONNAIRE
        self.responses = folder / RESPONSES
        self._orders: dict[str, int] = {}
        self._lock = threading.Lock()
        if any(self.responses.glob("*.json")):
            for response in read_responses(self.key, [self.responses]):
                self._orders[response.participant] = response.order

    def order_for(self, facts: Any) -> int:
        """Return the order of a participant who starts: the one that was handed out least often.

        Raises:
            SurveyError: The participant has answered already, or is none.
        """
        participant = check_participant(facts.get("participant") if isinstance(facts, dict) else None)
        with self._lock:
            if self._path(participant).exists():
                raise SurveyError(f"participant {participant!r} has answered already")
            if participant not in self._orders:
                handed = Counter(self._orders.values())
                self._orders[participant] = min(range(len(self.key.orders)), key=lambda order: handed[order])
            return self._orders[participant]

    def store(self, facts: Any) -> Path:
        """Store a response, whole or not at all.

        Raises:
            SurveyError: It is no full response to this survey, or a second one.
            OSError: The disk refused.
        """
        response = check_response(self.key, facts)
        path = self._path(response.participant)
        with self._lock:
            if path.exists():
                raise SurveyError(f"participant {response.participant!r} has answered already")
            self.responses.mkdir(exist_ok=True)
            write_text(path, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
        return path

    def _path(self, participant: str) -> Path:
        """Return a participant's file; no name leads out of the folder, and no two names to one file."""
        digest = hashlib.blake2b(participant.encode(), digest_size=4).hexdigest()
        return self.responses / f"{re.sub(r'[^A-Za-z0-9]+', '-', participant)[:32]}-{digest}.json"


class _Handler(SimpleHTTPRequestHandler):
    """Files of the questionnaire, whole or in part, and two addresses to post to."""

    server: SurveyServer
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S

    def __init__(self, *arguments: Any, directory: str, **options: Any) -> None:
        self._rest: int | None = None
        super().__init__(*arguments, directory=directory, **options)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Stay silent: addresses of participants are nobody's business."""

    def list_directory(self, path: Any) -> None:
        """Show no folder's content."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def send_head(self) -> Any:
        """Answer a request for a part of a file, which players make to seek; leave the rest to the base."""
        self._rest = None
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if match is None or not any(match.groups()) or not path.is_file():
            return super().send_head()
        size = path.stat().st_size
        first, last = match.groups()
        start = int(first) if first else max(0, size - int(last))
        end = min(int(last), size - 1) if first and last else size - 1
        if start > end:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
        self.send_header("Content-Length", str(end - start + 1))
        self.end_headers()
        file = path.open("rb")
        file.seek(start)
        self._rest = end - start + 1
        return file

    def end_headers(self) -> None:
        """Say of every answer that it may be read in parts and guesses nothing."""
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def copyfile(self, source: BinaryIO, outputfile: BinaryIO) -> None:  # type: ignore[override]
        """Send what was asked for; a player that has had enough hangs up."""
        rest = self._rest
        try:
            while block := source.read(1 << 16 if rest is None else min(1 << 16, rest)):
                outputfile.write(block)
                rest = None if rest is None else rest - len(block)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_POST(self) -> None:
        """Hand out an order, or take in a response."""
        assignments = self.server.assignments
        try:
            facts = self._posted()
            if self.path == "/start":
                self._answer(HTTPStatus.OK, {"order": assignments.order_for(facts)})
            elif self.path == "/responses":
                assignments.store(facts)
                self._answer(HTTPStatus.CREATED, {"stored": True})
            else:
                self._answer(HTTPStatus.NOT_FOUND, {"error": "there is nothing to post to here"})
        except SurveyError as error:
            self._answer(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        except OSError as error:
            self._answer(
                HTTPStatus.INSUFFICIENT_STORAGE,
                {"error": f"the server could not store it ({error.strerror})"},
            )

    def _posted(self) -> Any:
        """Return the JSON that was posted.

        Raises:
            SurveyError: It is too long, or no JSON.
        """
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST_BYTES:
            self.close_connection = True
            raise SurveyError(f"got {length or 'no length'}; expected JSON of at most {LARGEST_BYTES} bytes")
        try:
            return json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise SurveyError("what was sent is no JSON") from error

    def _answer(self, status: HTTPStatus, facts: dict[str, Any]) -> None:
        body = json.dumps(facts).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class SurveyServer(ThreadingHTTPServer):
    """A server of one survey; `serve_forever` runs it, `server_address` says where it listens."""

    daemon_threads = True

    def __init__(self, folder: Path, *, host: str = "127.0.0.1", port: int = 8000) -> None:
        """Listen.

        Args:
            folder: The survey's folder.
            host: Address to listen at.
            port: Port to listen at; 0 for any that is free.

        Raises:
            SurveyError: The folder is no survey.
            OSError: The address cannot be had.
        """
        self.assignments = Assignments(folder)
        super().__init__((host, port), partial(_Handler, directory=str(self.assignments.questionnaire)))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over browsers that hang up; tell of everything else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
