"""What services answer to client libraries is bounded as everything else is."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from leitmotif.collection.archive import Archive
from leitmotif.collection.enrich import enrichment, musicbrainz, shazam
from leitmotif.collection.enrich.enrichment import enrich
from leitmotif.collection.enrich.musicbrainz import MusicBrainz
from leitmotif.collection.enrich.shazam import Shazam
from leitmotif.collection.errors import Unavailable
from leitmotif.collection.fetch import service
from leitmotif.collection.metadata import Metadata
from leitmotif.collection.settings import Settings
from leitmotif.collection.sources import spotify
from leitmotif.collection.sources.spotify import SpotifyChart
from tests.collection.raw_server import RawServer, endless, head, serve_raw

ONCE = Settings(attempts=1, backoff_s=0.0)
ENDLESS = {
    "header": (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
    "interim answers": (b"", head(100)),
    "body": (head(200, "Content-Length: 99999"), b" "),
    "chunks": (head(200, "Transfer-Encoding: chunked"), b"1\r\n \r\n"),
    "silence": (b"", b""),
}


class Anything(dict):
    """The same answer to every path."""

    def __init__(self, first: bytes, then: bytes) -> None:
        super().__init__()
        self._packets = (first, then)

    def get(self, *_: object) -> object:
        return lambda: endless(*self._packets)


@pytest.fixture(params=list(ENDLESS))
def server(request: pytest.FixtureRequest) -> Iterator[RawServer]:
    with serve_raw(RawServer(Anything(*ENDLESS[request.param]))) as opened:
        yield opened


@pytest.fixture(autouse=True)
def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEITMOTIF_CONTACT", "somebody@example.org")
    for name in (spotify.CLIENT_ID, spotify.CLIENT_SECRET):
        monkeypatch.setenv(name, "x")
    for module in (spotify, musicbrainz):
        monkeypatch.setattr(module, "TIMEOUT_S", 0.4)


def test_spotify_holds_nobody(server: RawServer) -> None:
    chart = SpotifyChart("spotify:tracks:x", ONCE, f"{server.url}/v1/", f"{server.url}/api/token")
    with pytest.raises(Unavailable, match=r"longer than 0\.4 s"):
        next(chart.requests())


def test_musicbrainz_holds_nobody(server: RawServer, tmp_path: object) -> None:
    known = MusicBrainz(ONCE, url=server.url, interval_s=0.0)
    with pytest.raises(Unavailable, match=r"longer than 0\.4 s"):
        known.look_up(None, Metadata(title="a", artist="b"))  # type: ignore[arg-type]


def test_an_answer_that_is_too_long_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_BYTES", 1000)
    monkeypatch.setattr(musicbrainz, "_MAX_BYTES", 1000)
    body = head(200, "Content-Length: 9000") + b" " * 9000
    with serve_raw(RawServer(Anything(body, b""))) as server:
        chart = SpotifyChart("spotify:tracks:x", ONCE, f"{server.url}/v1/", f"{server.url}/api/token")
        with pytest.raises(Unavailable, match="more than 1000 bytes"):
            next(chart.requests())
        with pytest.raises(Unavailable, match="more than 1000 bytes"):
            MusicBrainz(ONCE, url=server.url, interval_s=0.0).look_up(None, Metadata(title="a", artist="b"))  # type: ignore[arg-type]


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode nothing: what Shazam is asked about is of no matter here."""
    decoder = SimpleNamespace(run=lambda *_, **__: SimpleNamespace(duration_s=9.0), close=lambda: None)
    monkeypatch.setattr(shazam, "SandboxedWorker", lambda: decoder)

    async def signed(self: Any, path: object, proxy: str | None = None) -> Any:
        return await self.http_client.request("POST", f"{shazam.URL}/tag", proxy=proxy, json={})

    monkeypatch.setattr(shazam.shazamio.Shazam, "recognize", signed)


@pytest.mark.usefixtures("window")
def test_shazam_holds_nobody(server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shazam, "TIMEOUT_S", 0.4)
    known = Shazam(ONCE, url=server.url, pause_s=0.0)
    with pytest.raises(Unavailable, match="Shazam"):
        known.look_up(Path("a.wav"), Metadata())
    known.close()


@pytest.mark.usefixtures("window")
def test_an_answer_of_shazam_that_is_too_long_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shazam, "_MAX_BYTES", 1000)
    with serve_raw(RawServer(Anything(head(200, "Content-Length: 9000") + b" " * 9000, b""))) as server:
        known = Shazam(ONCE, url=server.url, pause_s=0.0)
        with pytest.raises(Unavailable, match="more than 1000 bytes"):
            known.look_up(Path("a.wav"), Metadata())
        known.close()


_ROOT = b"<metadata xmlns='http://musicbrainz.org/ns/mmd-2.0#'>"


@pytest.mark.parametrize(
    ("who", "body"),
    [
        ("musicbrainz", b"<a/>"),
        ("musicbrainz", b"<?xml version='1.0' encoding='none'?><a/>"),
        (
            "musicbrainz",
            _ROOT + b"<recording-list><recording><length>x</length></recording></recording-list></metadata>",
        ),
        ("shazam", b'{"track": {"title": "a", "sections": 5}}'),
        ("shazam", b"[" * 100_000),
    ],
)
@pytest.mark.usefixtures("window")
def test_an_answer_of_no_use_ends_no_run(
    who: str, body: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "media" / "ab"
    folder.mkdir(parents=True)
    (folder / "ab.wav").write_bytes(b"RIFF")
    (folder / "ab.info.json").write_text('{"artist": "b", "title": "a"}')
    with serve_raw(RawServer(Anything(head(200, f"Content-Length: {len(body)}") + body, b""))) as server:
        kinds = {"musicbrainz": MusicBrainz, "shazam": Shazam}
        monkeypatch.setattr(
            enrichment, "open_enricher", lambda name, given: kinds[name](given, url=server.url)
        )
        done = enrich(Archive(tmp_path), [who], ONCE)[who]
    assert (done.failed, done.found) == (1, 0)
