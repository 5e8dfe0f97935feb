"""Caption servers that misbehave: with a good one afterwards every clip has its caption."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.captioning.fake_server import GOOD, MODEL
from tests.captioning.raw_server import RawServer, http, read_request, says
from tests.captioning.test_server_faults import GOOD_AT_LAST, OF_NO_USE, UNANSWERED, UNFIT
from tests.chaos.lab import Fault, Lab, clean, expect

GROUPS: dict[str, dict[str, Any]] = {
    "recovers or answers oddly": GOOD_AT_LAST,
    "does not answer": UNANSWERED,
    "answers what is of no use": OF_NO_USE,
    "writes captions that do not fit": UNFIT,
}


def faults() -> Iterator[Fault]:
    """Yield them."""
    for group, cases in GROUPS.items():
        for name, fault in cases.items():
            fault = fault[0] if isinstance(fault, tuple) else fault
            yield Fault(f"a caption server that {group}", name, _served(fault))


class ChatServer(RawServer):
    """Lists its model well, and then answers as it likes."""

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(30)
            listing = read_request(connection).startswith(b"GET")
            (MODELS if listing else self.fault)(connection)


MODELS = http(json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}))


def _served(fault: Callable[..., None]) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        workspace = lab.copy(place)
        ended = _curate(lab, workspace, fault)
        clean(ended)
        expect(ended.code in (0, 2, 3), f"ends with {ended.code}: {ended.last()}")
        ended = _curate(lab, workspace, says(GOOD), "--retry-failed")
        clean(ended)
        expect(ended.code == 0, f"with a good server it ends with {ended.code}: {ended.last()}")
        rows = lab.published(workspace)
        captions = [
            row["caption"] for name, table in rows.items() if name.startswith("data/") for row in table
        ]
        kept = sum(len(table) for name, table in lab.rows.items() if name.startswith("data/"))
        expect(len(captions) == kept, f"{len(captions)} rows, {kept} expected")
        expect(all(caption and len(caption) < 3000 for caption in captions), "a caption is missing or absurd")

    return run


def _curate(lab: Lab, workspace: Path, fault: Callable[..., None], *words: object) -> Any:
    """Serve in a process of its own: the harness itself has one thread, since it forks."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with ChatServer(fault) as server:
            os.write(writer, server.url.encode() + b"\n")
            threading.Event().wait()
    url = os.read(reader, 200).decode().strip()
    os.close(reader)
    os.close(writer)
    settings = ("backend=vllm-server", f"url={url}", f"model={MODEL}", "timeout_s=1.5", "patience_s=2")
    try:
        return lab.leitmotif(
            "curate",
            "--out",
            workspace,
            *words,
            *(word for setting in settings for word in ("--set", f"caption.{setting}")),
        )
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
