"""What Shazam and MusicBrainz know, through their client libraries, from recorded answers."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from leitmotif.collection.archive import Archive
from leitmotif.collection.collector import CollectSummary
from leitmotif.collection.enrich import enrichment
from leitmotif.collection.enrich.enrichment import Enriched, enrich
from leitmotif.collection.enrich.musicbrainz import MusicBrainz
from leitmotif.collection.enrich.shazam import Shazam
from leitmotif.collection.errors import HostStopped, Unavailable
from leitmotif.collection.folder import find_media
from leitmotif.collection.metadata import Metadata
from leitmotif.collection.settings import Settings
from leitmotif.collection.sidecar import metadata_of, read_metadata
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.storage.errors import UserError
from tests.collection.media_server import MediaServer, tone
from tests.collection.recorded_server import Recorded, read, replay

Fetch = Callable[..., CollectSummary]
RECORDING = "b9ad642e-b012-41c7-b72a-42cf4911f9ff"
ANSWERS = {
    "/discovery/v5/": "shazam_match.json",
    "/ws/2/isrc/GBAYE0601498": "musicbrainz_isrc.xml",
    "/ws/2/recording/?": "musicbrainz_search.xml",
    f"/ws/2/recording/{RECORDING}": "musicbrainz_recording.xml",
}
SETTINGS = Settings(backoff_s=0.0)


@pytest.fixture(scope="module")
def decoder() -> Iterator[SandboxedWorker]:
    with SandboxedWorker() as worker:
        yield worker


@pytest.fixture(autouse=True)
def shared_decoder(decoder: SandboxedWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the process that decodes once, not for every test."""
    shared = SimpleNamespace(run=decoder.run, close=lambda: None)
    monkeypatch.setattr("leitmotif.collection.enrich.shazam.SandboxedWorker", lambda: shared)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    monkeypatch.setenv("LEITMOTIF_CONTACT", "ann@example.org")
    with replay(dict(ANSWERS)) as recorded:
        yield recorded


@pytest.fixture
def shazam(service: Recorded) -> Iterator[Shazam]:
    opened = Shazam(SETTINGS, url=service.url, pause_s=0.0)
    yield opened
    opened.close()


@pytest.fixture
def musicbrainz(service: Recorded) -> MusicBrainz:
    return MusicBrainz(SETTINGS, url=service.url, interval_s=0.0)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    path.write_bytes(tone(20.0, rate_hz=16000))
    return path


def test_shazam_gets_a_fingerprint_and_says_which_song_it_is(
    shazam: Shazam, service: Recorded, song: Path
) -> None:
    assert shazam.look_up(song, Metadata()) == {
        "title": "Northern Tide",
        "artist": "Ann Air",
        "album": "Northern Tide - Single",
        "label": "Small Harbour",
        "released": "2006",
        "genre": "Alternative",
        "isrc": "GBAYE0601498",
        "shazam_key": "40333609",
    }
    (asked,) = service.asked
    sent = json.loads(asked.body)
    assert asked.method == "POST"
    assert asked.path.startswith("/discovery/v5/en-US/GB/iphone/-/tag/")
    assert sent["signature"]["uri"].startswith("data:audio/vnd.shazam.sig;base64,")
    assert sent["signature"]["samplems"] == 12_000
    assert set(sent) == {"timezone", "signature", "timestamp", "context", "geolocation"}
    assert len(asked.body) < song.stat().st_size / 20
    assert "song" not in asked.body.decode()


def test_an_unknown_song_and_a_file_without_sound_are_nothing(
    shazam: Shazam, service: Recorded, song: Path, tmp_path: Path
) -> None:
    service.answers["/discovery/v5/"] = "shazam_nothing.json"
    assert shazam.look_up(song, Metadata()) is None
    silent = tmp_path / "broken.wav"
    silent.write_bytes(b"RIFF" + bytes(100))
    assert shazam.look_up(silent, Metadata()) is None
    assert len(service.asked) == 1


@pytest.mark.parametrize("who", ["shazam", "musicbrainz"])
def test_limits_and_errors_of_a_service_are_told_apart(
    who: str, request: pytest.FixtureRequest, service: Recorded, song: Path
) -> None:
    enricher = request.getfixturevalue(who)
    known = Metadata(artist="Ann Air", title="Northern Tide", duration_s=213)
    service.before += [(429, {"Retry-After": "30"})]
    with pytest.raises(Unavailable, match="429: too many requests") as waited:
        enricher.look_up(song, known)
    assert waited.value.wait_s == 30.0
    service.before += [(503, {"Retry-After": "3600"})]
    with pytest.raises(HostStopped, match="asks to wait 3600 s"):
        enricher.look_up(song, known)
    service.before += [(500, {})]
    with pytest.raises(Unavailable, match="answers 500") as broken:
        enricher.look_up(song, known)
    assert broken.value.wait_s is None
    assert enricher.look_up(song, known)["title"] == "Northern Tide"
    assert len(service.asked) == (4 if who == "shazam" else 5)


def test_a_code_leads_to_the_recording(musicbrainz: MusicBrainz, service: Recorded, song: Path) -> None:
    known = Metadata(artist="somebody", title="Northern Tide", isrc="GB-AYE-06-01498")
    assert musicbrainz.look_up(song, known) == {
        "recording_id": RECORDING,
        "title": "Northern Tide",
        "artist": "Ann Air & Bob Basso",
        "artist_ids": ["cc197bad-dc9c-440d-a5b5-d52ba2e14234", "e5db18cb-4b1f-496d-a308-548b611090d3"],
        "isrcs": ["GBAYE0601498"],
        "released": "2006-03-20",
        "length_s": 213.0,
        "tags": ["dream pop", "piano"],
        "by": "isrc",
    }
    assert service.paths() == ["/ws/2/isrc/GBAYE0601498", f"/ws/2/recording/{RECORDING}"]
    agents = {asked.headers["User-Agent"] for asked in service.asked}
    (agent,) = agents
    assert agent.startswith("leitmotif/")
    assert "( ann@example.org )" in agent


def test_a_name_leads_to_the_recording_of_about_that_length(
    musicbrainz: MusicBrainz, service: Recorded, song: Path
) -> None:
    known = Metadata(
        artist="AnnAirVEVO", title="Ann Air - Northern Tide (Official Video) [4K]", duration_s=230
    )
    found = musicbrainz.look_up(song, known)
    assert found is not None
    assert (found["recording_id"], found["by"]) == (RECORDING, "name")
    assert service.asked[0].query["query"] == "recording:(northern tide) artist:(ann air)"


@pytest.mark.parametrize(
    "known",
    [
        Metadata(),
        Metadata(title="Northern Tide"),
        Metadata(artist="Ann Air", title="Southern Tide"),
        Metadata(artist="Zoe Zest", title="Northern Tide"),
        Metadata(artist="Ann Air", title="Northern Tide", duration_s=20.0),
        Metadata(isrc="not a code"),
    ],
)
def test_what_does_not_fit_is_nothing(
    musicbrainz: MusicBrainz, service: Recorded, song: Path, known: Metadata
) -> None:
    assert musicbrainz.look_up(song, known) is None


def test_an_unknown_code_falls_back_on_the_name(
    musicbrainz: MusicBrainz, service: Recorded, song: Path
) -> None:
    known = Metadata(artist="Ann Air", title="Northern Tide", isrc="GBAYE0000001", duration_s=220)
    found = musicbrainz.look_up(song, known)
    assert found is not None
    assert found["by"] == "name"


def test_the_pace_is_kept(service: Recorded, song: Path) -> None:
    slow = MusicBrainz(SETTINGS, url=service.url, interval_s=0.2)
    known = Metadata(isrc="GBAYE0601498")
    started = time.monotonic()
    for _ in range(2):
        slow.look_up(song, known)
    assert len(service.asked) == 4
    assert time.monotonic() - started >= 0.6


def test_nobody_to_ask_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEITMOTIF_CONTACT", raising=False)
    with pytest.raises(UserError, match="set the environment variable LEITMOTIF_CONTACT"):
        MusicBrainz(SETTINGS)


@pytest.fixture
def local(service: Recorded, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Let the command's enrichers ask the recorded service."""
    monkeypatch.setattr(
        "leitmotif.collection.enrich.shazam.Shazam.__init__.__kwdefaults__",
        {"url": service.url, "pause_s": 0.0},
    )
    monkeypatch.setattr(
        "leitmotif.collection.enrich.musicbrainz.MusicBrainz.__init__.__kwdefaults__",
        {"url": service.url, "interval_s": 0.0},
    )
    return service


def collected(media: MediaServer, fetch: Fetch, *paths: str) -> None:
    fetch(*(media.add(path, tone(13.0 + n)) for n, path in enumerate(paths)))


def sidecars(archive: Archive) -> list[Path]:
    return [path.path.with_suffix(".info.json") for path in find_media([archive.root / "media"])]


def test_what_is_found_lies_beside_each_file_and_is_not_asked_for_again(
    media: MediaServer, fetch: Fetch, archive: Archive, local: Recorded
) -> None:
    collected(media, fetch, "/a.wav", "/b.wav")
    done = enrich(archive, ["musicbrainz", "shazam"], SETTINGS)
    assert done == {"shazam": Enriched(found=2), "musicbrainz": Enriched(found=2)}
    for sidecar in sidecars(archive):
        info = json.loads(sidecar.read_text())
        assert set(info["enrichments"]) == {"shazam", "musicbrainz"}
        assert info["enrichments"]["musicbrainz"]["by"] == "isrc"  # which Shazam had told
        assert info["enrichments"]["shazam"]["at"].endswith("+00:00")
        assert info["leitmotif"]["sha256"]
        metadata = read_metadata(sidecar)
        assert (metadata.recording_id, metadata.isrc) == (RECORDING, "GBAYE0601498")
        assert (metadata.artist, metadata.title) == ("Ann Air & Bob Basso", "Northern Tide")
        assert metadata.source_url
    asked = len(local.asked)
    done = enrich(archive, ["shazam", "musicbrainz"], SETTINGS)
    assert done == {"shazam": Enriched(already=2), "musicbrainz": Enriched(already=2)}
    assert len(local.asked) == asked
    assert fetch(media.url + "/a.wav").already == 1


def test_who_asks_to_be_left_alone_is_and_the_rest_is_for_later(
    media: MediaServer, fetch: Fetch, archive: Archive, local: Recorded
) -> None:
    collected(media, fetch, "/a.wav", "/b.wav", "/c.wav")
    local.before += [(200, {}), (429, {"Retry-After": "900"})]
    (done,) = enrich(archive, ["shazam"], SETTINGS).values()
    assert (done.failed + done.found + done.nothing, done.left) == (0, 3)
    assert "asks to wait 900 s" in done.stopped
    assert enrich(archive, ["shazam"], SETTINGS)["shazam"].found == 3


def test_what_is_unknown_is_asked_again_only_on_request(
    media: MediaServer, fetch: Fetch, archive: Archive, local: Recorded
) -> None:
    collected(media, fetch, "/a.wav")
    local.answers["/discovery/v5/"] = "shazam_nothing.json"
    assert enrich(archive, ["shazam"], SETTINGS)["shazam"].nothing == 1
    local.answers["/discovery/v5/"] = "shazam_match.json"
    assert enrich(archive, ["shazam"], SETTINGS)["shazam"].already == 1
    assert enrich(archive, ["shazam"], Settings(retry_failed=True))["shazam"].found == 1


def test_a_broken_sidecar_costs_one_file(
    media: MediaServer, fetch: Fetch, archive: Archive, local: Recorded
) -> None:
    collected(media, fetch, "/a.wav", "/b.wav")
    sidecars(archive)[0].write_text("{")
    assert enrich(archive, ["shazam"], SETTINGS)["shazam"] == Enriched(found=1, failed=1)


def test_somebody_unknown_is_one_clear_line(archive: Archive) -> None:
    with pytest.raises(UserError, match="known are shazam, musicbrainz"):
        enrich(archive, ["discogs"], SETTINGS)


def test_a_missing_package_is_one_clear_line(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(enrichment, "import_module", missing)
    with pytest.raises(UserError, match=r"pip install 'leitmotif-av\[metadata\]'"):
        enrich(archive, ["shazam"], SETTINGS)


def test_what_a_site_and_the_user_say_goes_before_what_others_know() -> None:
    found = {"shazam": {"artist": "Ann Air", "title": "Northern Tide"}, "musicbrainz": {}}
    video = {"title": "Ann - Tide (Official)", "uploader": "AnnVEVO", "enrichments": found}
    assert (metadata_of(video).artist, metadata_of(video).title) == ("Ann Air", "Northern Tide")
    named = video | {"artist": "Anna", "track": "Tide"}
    assert (metadata_of(named).artist, metadata_of(named).title) == ("Anna", "Tide")
    assert read("shazam_match.json")["track"]["subtitle"] == "Ann Air"
