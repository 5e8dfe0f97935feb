"""What services answer to client libraries is bounded as everything else is."""

from collections.abc import Iterator

import pytest

from leitmotif.collection.enrich import musicbrainz
from leitmotif.collection.enrich.musicbrainz import MusicBrainz
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
