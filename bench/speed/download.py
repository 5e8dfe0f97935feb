"""What collecting costs over a bare httpx loop: the same small files from a server on this machine."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile

from bench.figure import figure
from bench.peak_memory import peak_bytes

FILES, PAIRS, AT_ONCE = int(os.environ.get("LEITMOTIF_BENCH_FILES", "5000")), 5, 8
SECONDS, RATE_HZ = 1.0, 16000


def figures() -> Iterator[dict[str, Any]]:
    """Yield `download/bare`: files a second of `leitmotif collect` over those of a bare loop."""
    ratios, memory = [], []
    with tempfile.TemporaryDirectory(prefix="leitmotif-bench-") as folder, _server() as url:
        words = Path(folder) / "urls.txt"
        words.write_text("".join(f"{url}/{number}.wav\n" for number in range(FILES)))
        for number in range(PAIRS):
            (bare_s, _), (ours_s, grown) = (
                _seconds(side, words, Path(folder) / f"{side}-{number}") for side in ("bare", "collect")
            )
            ratios.append(bare_s / ours_s)
            memory.append(grown)
    yield figure(
        "download/bare",
        ratios,
        unit="x speed",
        against=f"a bare httpx loop over the same {FILES} files of {SECONDS * RATE_HZ * 2 / 1000:.0f} kB, "
        f"both {AT_ONCE} at a time; ours asks for robots.txt, reads each header, hashes, writes what is "
        "known beside each file and keeps a record; memory "
        f"grew by {max(memory)} MiB from the first tenth of the files to the last",
        target=">= 0.8",
    )


def _seconds(side: str, words: Path, folder: Path) -> tuple[float, int]:
    """Seconds that a side took in a process of its own, without imports, and by how many MiB it grew."""
    command = [sys.executable, "-m", "bench.speed.download", side, str(words), str(folder)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(said[-2]), int(said[-1])


def run_collect(words: Path, folder: Path) -> int:
    """Collect as a user does; return the growth of memory in MiB."""
    from leitmotif.collection.archive import Archive
    from leitmotif.collection.collector import collect
    from leitmotif.collection.guard import Guard
    from leitmotif.collection.settings import Settings
    from leitmotif.collection.sources.open import open_source

    settings = Settings(pause_s=0.0, jobs=AT_ONCE, per_host=AT_ONCE, guard=Guard(frozenset({"127.0.0.1"})))
    peaks: list[int] = []

    def note(what: str, done: int, wanted: int, said: str = "", /) -> None:
        if done in (FILES // 10, FILES):
            peaks.append(peak_bytes() >> 20)

    summary = collect([open_source(str(words))], Archive(folder), settings, on_progress=note)
    if summary.fetched != FILES:
        raise RuntimeError(f"{summary.fetched} of {FILES} files were fetched")
    return peaks[-1] - peaks[0]


def run_bare(words: Path, folder: Path) -> int:
    """Fetch and write every file, and nothing more."""
    folder.mkdir()
    urls = words.read_text().split()
    with httpx.Client() as client, ThreadPoolExecutor(AT_ONCE) as threads:

        def fetch(url: str) -> None:
            with client.stream("GET", url) as answer, (folder / url.rpartition("/")[2]).open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)

        for _ in threads.map(fetch, urls):
            pass
    return 0


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "bench.speed.download", "serve", "", ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def serve() -> None:
    """Serve a tone under every path until killed: a new one for each, of the same size."""
    file = io.BytesIO()
    tone = 0.3 * np.sin(np.arange(round(SECONDS * RATE_HZ)) / 7.0)
    soundfile.write(file, tone, RATE_HZ, format="WAV")
    body = file.getvalue()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readuntil(b"\r\n\r\n"):
            mark = request.split(b" ", 2)[1][1:-4].rjust(8, b"0")
            head = f"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nContent-Length: {len(body)}\r\n"
            writer.write(head.encode() + b"\r\n" + body[:-8] + mark[:8])
            await writer.drain()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(run())


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        side = {"collect": run_collect, "bare": run_bare}[sys.argv[1]]
        # Imports are no part of it.
        from leitmotif.collection import collector  # noqa: F401

        started = time.perf_counter()
        grown = side(Path(sys.argv[2]), Path(sys.argv[3]))
        print(time.perf_counter() - started, grown)
