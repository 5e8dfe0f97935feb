"""Passwords, tokens and scripts of an address reach neither record nor metadata, catalog nor messages."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leitmotif.collection.archive import Archive
from leitmotif.collection.collector import CollectSummary
from leitmotif.collection.errors import Refused, Unavailable
from leitmotif.collection.metadata_table import read_table
from leitmotif.collection.request import Request
from leitmotif.collection.sidecar import metadata_of
from leitmotif.collection.tags import metadata_of_tags
from tests.collection.media_server import MediaServer, tone

Fetch = Callable[..., CollectSummary]
Record = Callable[[], list[dict[str, Any]]]
SECRETS = ("somebody", "passw0rd", "t0ken")


def secret(url: str) -> str:
    return url.replace("://", "://somebody:passw0rd@") + "?v=1&token=t0ken"


def all_that_was_written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_nothing_of_them_is_written(
    media: MediaServer, fetch: Fetch, archive: Archive, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "leitmotif.collection")
    media.add("/robots.txt", b"User-agent: *\nDisallow: /private\n", kind="text/plain")
    media.add("/v.wav", tone(pitch_hz=300.0))
    urls = [
        media.add("/a.wav", tone()),
        media.add("/moved.wav", location=secret(media.url + "/c.wav")),
        media.add("/watch", "<video src='/v.wav'></video>"),
        media.add("/text.wav", "words", kind="text/plain"),
        *(media.url + path for path in ("/gone.wav", "/gone", "/private/a.wav")),
    ]
    media.add("/c.wav", tone(pitch_hz=500.0))
    summary = fetch(*map(secret, urls), attempts=1)
    assert (summary.fetched, summary.refused, summary.failed) == (3, 2, 2)
    text = f"{record()} {caplog.text}".encode() + all_that_was_written(archive.root / "media")
    places = [
        text[max(text.find(word.encode()) - 60, 0) :][:100] for word in SECRETS if word.encode() in text
    ]
    assert not places
    assert {row["wanted"] for row in record()} == {f"{url}?v=1" for url in urls}
    # Told apart all the same, and found again.
    assert fetch(*map(secret, urls)).already == 3


@pytest.mark.parametrize("kind", [Refused, Unavailable])
def test_no_message_tells_them(kind: type[Exception]) -> None:
    said = str(kind(f"{secret('https://a.example/b')[:200]} answers 503"))
    assert said == "https://a.example/b?v=1 answers 503"


def test_an_item_forgets_user_and_password_and_keeps_its_token() -> None:
    request = Request(url=secret("https://a.example/b"), source=secret("https://a.example/b"))
    assert request.url == "https://a.example/b?v=1&token=t0ken"
    assert request.name == request.source == "https://a.example/b?v=1"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"])
def test_a_script_is_no_source(tmp_path: Path, address: str) -> None:
    table = tmp_path / "table.csv"
    table.write_text(f"path,url\na.wav,{address}\n")
    assert metadata_of({"webpage_url": address}).source_url is None
    page = "https://a.example/b"
    assert metadata_of({"webpage_url": address, "original_url": page}).source_url == page
    assert read_table(table).rows[0].source_url is None
    assert metadata_of_tags({"purl": address}).source_url is None


def test_readers_of_metadata_leave_secrets_out(tmp_path: Path) -> None:
    address, table = secret("https://a.example/b"), tmp_path / "table.jsonl"
    table.write_text(json.dumps({"path": "a.wav", "url": address}))
    read = [
        metadata_of({"webpage_url": address}),
        read_table(table).rows[0],
        metadata_of_tags({"url": address}),
    ]
    assert {metadata.source_url for metadata in read} == {"https://a.example/b?v=1"}
