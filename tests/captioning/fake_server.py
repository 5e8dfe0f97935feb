"""A server that speaks enough of the OpenAI API to misbehave in every way that a real one does."""

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
GOOD = "A calm piano piece with soft strings and a slow tempo."


@dataclass(frozen=True)
class Answer:
    """One scripted answer: a caption, an HTTP status, a body that is no JSON, or a cut connection."""

    text: str = GOOD
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    finish: str = "stop"
    delay_s: float = 0.0
    body: str | None = None
    cut: bool = False


Script = Callable[[dict[str, Any]], Answer]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, *arguments: Any) -> None:
        self.open_sockets: set[socket.socket] = set()
        super().__init__(*arguments)


class FakeServer:
    """Serves on a port of its own; `script` is asked for each answer, `requests` and `answered` are the log.

    It can be stopped and started again on the same port, with everything that it was asked remembered.
    """

    def __init__(self, script: Script | None = None, *, models: tuple[str, ...] = (MODEL,)) -> None:
        self.script = script or (lambda request: Answer())
        self.models = models
        self.requests: list[dict[str, Any]] = []
        self.answered: list[int] = []
        self.keys: set[str] = set()
        self.busiest = 0
        self._busy = 0
        self._lock = threading.Lock()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> "FakeServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self.http = _Server(("127.0.0.1", self.port), self._handler())
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Die as a killed process does: the port is closed and every connection is cut."""
        self.http.shutdown()
        self.http.server_close()
        for connection in list(self.http.open_sockets):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                self.server.open_sockets.add(self.connection)

            def finish(self) -> None:
                self.server.open_sockets.discard(self.connection)
                with suppress(OSError):
                    super().finish()

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                fake.keys.add(self.headers["authorization"])
                listed = {"object": "list", "data": [{"id": name, "object": "model"} for name in fake.models]}
                self._send(Answer(body=json.dumps(listed)))

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                fake.keys.add(self.headers["authorization"])
                with fake._lock:
                    fake.requests.append(request)
                    fake._busy += 1
                    fake.busiest = max(fake.busiest, fake._busy)
                answer = fake.script(request)
                time.sleep(answer.delay_s)
                try:
                    self._send(answer)
                    if answer.status == 200 and not answer.cut:
                        fake.answered.append(request.get("seed"))
                except OSError:
                    pass  # the other side has gone
                finally:
                    with fake._lock:
                        fake._busy -= 1

            def _send(self, answer: Answer) -> None:
                body = answer.body if answer.body is not None else json.dumps(_body(answer))
                self.send_response(answer.status)
                for name, value in {"content-type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body.encode())))
                self.end_headers()
                if answer.cut:
                    self.wfile.write(body.encode()[: len(body) // 2])
                    self.wfile.flush()
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                self.wfile.write(body.encode())

        return Handler


def _body(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        return {"error": {"message": answer.text, "type": "error", "code": answer.status}}
    message = {"role": "assistant", "content": answer.text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": answer.finish}],
    }
