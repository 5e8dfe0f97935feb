"""Charts from Spotify's Web API, through its client library, from recorded answers."""

from collections.abc import Iterator
from typing import Any

import pytest

from leitmotif.collection.errors import HostStopped, Unavailable
from leitmotif.collection.request import Request
from leitmotif.collection.settings import Settings
from leitmotif.collection.sources.open import open_source
from leitmotif.collection.sources.spotify import SpotifyChart
from leitmotif.storage.errors import UserError
from tests.collection.recorded_server import Recorded, replay

ARTIST = "4Z8W4fKeB5YxbusRsdQVPb"
PLAYLIST = "37i9dQZF1DXcBWIGoYBM5M"
ANSWERS = {
    "/api/token": "spotify_token.json",
    f"/v1/playlists/{PLAYLIST}/items": "spotify_playlist_items_1.json",
    f"/v1/playlists/{PLAYLIST}/items?offset=3": "spotify_playlist_items_2.json",
    f"/v1/artists/{ARTIST}": "spotify_artist.json",
    f"/v1/artists/{ARTIST}/top-tracks": "spotify_top_tracks.json",
    "/v1/albums/1weenld61qoidwYuZ1GESA/tracks": "spotify_album_tracks.json",
    "/v1/search?q=genre": "spotify_search_artists.json",
    "/v1/search?q=tag": "spotify_search_albums.json",
    "/v1/search?q=artist": "spotify_search_tracks.json",
    "/v1/search?q=tide": "spotify_search_tracks.json",
}
# What an app in development mode does not get.
EXTENDED = {f"/v1/artists/{ARTIST}/top-tracks", f"/v1/playlists/{PLAYLIST}/items"}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTIPY_CLIENT_ID", "an-app")
    monkeypatch.setenv("SPOTIPY_CLIENT_SECRET", "a-secret")


@pytest.fixture
def spotify() -> Iterator[Recorded]:
    with replay(dict(ANSWERS)) as recorded:
        yield recorded


def songs(spotify: Recorded, word: str, **changed: Any) -> list[Request]:
    settings = Settings(**{"backoff_s": 0.0} | changed)
    return list(SpotifyChart(word, settings, f"{spotify.url}/v1/", f"{spotify.url}/api/token").requests())


def titles(found: list[Request]) -> list[tuple[str | None, str | None]]:
    return [(request.artist, request.title) for request in found]


def test_a_playlist_is_read_page_by_page_and_only_its_songs(spotify: Recorded) -> None:
    found = songs(spotify, f"spotify:playlist:{PLAYLIST}")
    assert titles(found) == [("Ann Air", "Northern Tide"), ("Bob Basso", "Paper Lanterns")]
    assert [(song.isrc, song.duration_s, song.url) for song in found] == [
        ("GBAYE0601498", 213.0, None),
        ("USRC17607839", 187.5, None),
    ]
    token, *asked = spotify.asked
    assert (token.method, token.path, token.body) == ("POST", "/api/token", b"grant_type=client_credentials")
    assert token.headers["Authorization"].startswith("Basic ")
    assert {request.headers["Authorization"] for request in asked} == {"Bearer NgCXRKcMzYjw"}
    assert len(asked) == 2


def test_the_address_of_a_page_does_as_well(spotify: Recorded) -> None:
    page = f"https://open.spotify.com/intl-de/playlist/{PLAYLIST}?si=abc"
    assert len(songs(spotify, page)) == 2
    assert isinstance(open_source(page), SpotifyChart)


def test_no_more_songs_are_taken_than_asked_for(spotify: Recorded) -> None:
    assert len(songs(spotify, f"spotify:playlist:{PLAYLIST}", max_playlist=1)) == 1


def test_the_hits_of_an_artist_come_from_the_list_of_them(spotify: Recorded) -> None:
    found = songs(spotify, f"spotify:artist:{ARTIST}", country="SE")
    assert titles(found) == [("Ann Air", "Glass Rooms"), ("Ann Air", "Northern Tide")]
    assert spotify.asked[-1].query == {"country": "SE"}


def test_where_the_list_is_shut_a_search_finds_the_hits_of_that_artist(spotify: Recorded) -> None:
    spotify.shut |= EXTENDED
    found = songs(spotify, "spotify:artists:genre:pop")
    assert titles(found) == [("Ann Air", "Glass Rooms"), ("Ann Air", "Northern Tide")]
    assert spotify.asked[-1].query["q"] == 'artist:"Ann Air"'
    assert int(spotify.asked[-1].query["limit"]) <= 10


def test_new_releases_are_searched_where_their_list_is_shut(spotify: Recorded) -> None:
    spotify.shut.add("/v1/browse/new-releases")
    found = songs(spotify, "spotify:new-releases")
    assert titles(found) == [("Ann Air", "Northern Tide")]
    assert "/v1/browse/new-releases" in spotify.paths()


def test_words_find_songs(spotify: Recorded) -> None:
    assert len(songs(spotify, "spotify:tracks:tide year:2026")) == 3


def test_a_wait_that_is_asked_for_is_waited(spotify: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    spotify.before += [(429, {"Retry-After": "7"}), (503, {})]
    assert len(songs(spotify, f"spotify:artist:{ARTIST}")) == 2
    assert waits == [7.0, 0.0]


def test_a_long_wait_ends_the_run_and_a_broken_server_too(spotify: Recorded) -> None:
    spotify.before += [(429, {"Retry-After": "86400"})]
    with pytest.raises(HostStopped, match="asks to wait 86400 s"):
        songs(spotify, f"spotify:artist:{ARTIST}")
    spotify.before += [(500, {})] * 3
    with pytest.raises(Unavailable, match="Spotify answers 500"):
        songs(spotify, f"spotify:artist:{ARTIST}")


@pytest.mark.parametrize("status", [403, 404])
def test_what_the_app_may_not_see_is_one_clear_line(spotify: Recorded, status: int) -> None:
    spotify.before += [(status, {})]
    with pytest.raises(UserError, match=f"it answers {status}.*give spotify:artist:ID"):
        songs(spotify, f"spotify:playlist:{PLAYLIST}")


@pytest.mark.parametrize("word", ["spotify:playlist:short", "spotify:", "spotify:tracks:", "spotify:user:x"])
def test_a_word_that_names_nothing_is_one_clear_line(word: str) -> None:
    with pytest.raises(UserError, match="is nothing of Spotify; expected spotify:playlist:ID"):
        list(open_source(word).requests())


@pytest.mark.parametrize("name", ["SPOTIPY_CLIENT_ID", "SPOTIPY_CLIENT_SECRET"])
def test_missing_credentials_are_one_clear_line(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(UserError, match=r"SPOTIPY_CLIENT_ID and SPOTIPY_CLIENT_SECRET"):
        list(open_source(f"spotify:artist:{ARTIST}").requests())


def test_wrong_credentials_are_one_clear_line(spotify: Recorded) -> None:
    del spotify.answers["/api/token"]
    with pytest.raises(UserError, match="Spotify refuses the app"):
        songs(spotify, f"spotify:artist:{ARTIST}")
