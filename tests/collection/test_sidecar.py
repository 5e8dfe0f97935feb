import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from leitmotif.collection.metadata import Metadata, merged
from leitmotif.collection.sidecar import best_comments, find_sidecar, read_metadata, sidecar_fields


def test_the_fields_of_a_video_site_are_read(tmp_path: Path) -> None:
    info = {
        "title": "A tune",
        "uploader": "Somebody",
        "description": "Words",
        "webpage_url": "https://video.example/1",
        "license": "CC-BY-4.0",
        "epoch": 86400,
        "comments": [{"text": f"comment {n}"} for n in range(15)] + [{"text": " "}],
    }
    path = tmp_path / "a.info.json"
    path.write_text(json.dumps(info))
    metadata = read_metadata(path)
    assert metadata.artist is None
    assert merged(metadata).artist == "Somebody"
    assert metadata.license == "CC-BY-4.0"
    assert metadata.retrieved_at == datetime(1970, 1, 2, tzinfo=UTC)
    assert len(metadata.comments) == 10


def test_nothing_known_means_an_unknown_licence(tmp_path: Path) -> None:
    path = tmp_path / "a.info.json"
    path.write_text("{}")
    assert read_metadata(path) == Metadata(license="unknown")


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '"words"', "null", "[" * 100_000, "\xff\xfe\xfd"])
def test_a_broken_file_is_logged_and_counts_as_empty(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.info.json"
    path.write_bytes(text.encode("latin-1"))
    assert read_metadata(path) == Metadata()
    assert "metadata passed over" in caplog.text


def test_both_ways_to_name_a_sidecar_are_known(tmp_path: Path) -> None:
    assert find_sidecar(tmp_path / "a.mp4") is None
    (tmp_path / "a.mp4.info.json").touch()
    assert find_sidecar(tmp_path / "a.mp4") == tmp_path / "a.mp4.info.json"
    (tmp_path / "a.info.json").touch()
    assert find_sidecar(tmp_path / "a.mp4") == tmp_path / "a.info.json"


def test_what_is_written_beside_a_file_is_bounded_and_read_again(tmp_path: Path) -> None:
    info = {
        "title": "x" * 5000,
        "webpage_url": "https://video.example/watch?v=" + "y" * 5000,
        "uploader": "Ann",
        "duration": 3.5,
        "view_count": True,
        "license": None,
        "tags": ["a", 7, "b"],
        "comments": [{"text": f"comment {n}"} for n in range(30)] + ["odd"],
        "requested_formats": [{"url": "https://secret.example/signed"}],
        "http_headers": {"Cookie": "secret"},
    }
    at = datetime(2026, 1, 2, tzinfo=UTC)
    fields = sidecar_fields(info, artist="Bob", window_s=(1.0, 2.0), labels=("pop",), retrieved_at=at)
    assert "secret" not in json.dumps(fields)
    assert "view_count" not in fields
    assert fields["tags"] == ["a", "b"]
    path = tmp_path / "a.info.json"
    path.write_text(json.dumps(fields))
    metadata = read_metadata(path)
    assert (metadata.artist, metadata.uploader, metadata.license) == ("Bob", "Ann", "unknown")
    assert (metadata.start_s, metadata.end_s, metadata.retrieved_at) == (1.0, 2.0, at)
    assert len(metadata.title or "") == 1000
    assert metadata.source_url == info["webpage_url"]  # `takedown` compares all of it
    assert len(metadata.comments) == 10


def read(tmp_path: Path, info: object, encoding: str = "utf-8") -> Metadata:
    path = tmp_path / "a.info.json"
    path.write_text(json.dumps(info), encoding=encoding)
    return read_metadata(path)


WHOLE = {
    "title": "A tune",
    "artist": "Ann",
    "uploader": "Channel",
    "license": "CC BY",
    "webpage_url": "https://video.example/1",
    "epoch": 86400,
    "duration": 8,
}


@pytest.mark.parametrize(
    ("odd", "name", "value"),
    [
        ({"description": ["one", "two"]}, "description", "one, two"),
        ({"title": 1999}, "title", "1999"),
        ({"license": ["CC BY"]}, "license", "CC BY"),
        ({"artist": ["Foo", "Bar"]}, "artist", "Foo, Bar"),
        ({"artist": None, "artists": ["Foo", "Bar"]}, "artist", "Foo, Bar"),
        ({"artist": True}, "artist", None),
        ({"title": {"en": "A tune"}}, "title", None),
        ({"duration": "3:45"}, "duration_s", None),
        ({"comments": 5}, "comments", ()),
        ({"enrichments": [1]}, "recording_id", None),
        ({"leitmotif": "x"}, "source_id", None),
        *(
            ({"epoch": epoch}, "retrieved_at", None)
            for epoch in (math.inf, -math.inf, math.nan, -1, 1_750_000_000_000, 10**4000, "yesterday", True)
        ),
    ],
)
def test_an_odd_field_costs_that_field_alone_and_is_named(
    tmp_path: Path, odd: dict[str, object], name: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    expected = replace(read(tmp_path, WHOLE), **{name: value})
    assert not caplog.records
    assert read(tmp_path, WHOLE | odd) == expected
    if not value:
        (record,) = caplog.records
        line = record.getMessage()
        assert "a.info.json" in line and next(iter(odd)) in line and "got" in line and "expected" in line


def test_more_digits_than_python_reads_cost_that_field_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.info.json"
    path.write_text('{"title": "A tune", "epoch": ' + "9" * 5000 + "}")
    assert read_metadata(path) == Metadata(title="A tune")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_of_unicode_are_read(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, WHOLE | {"title": "Ünï"}, encoding) == read(tmp_path, WHOLE | {"title": "Ünï"})


def test_half_an_emoji_becomes_a_replacement_character(tmp_path: Path) -> None:
    halved = "so good \ud83d"
    info = dict.fromkeys(("title", "artist", "description", "webpage_url", "license"), halved)
    metadata = read(tmp_path, info | {"comments": [{"text": halved}]})
    assert metadata.title == metadata.artist == metadata.license == metadata.source_url == "so good \ufffd"
    assert metadata.comments == ("so good \ufffd",)
    at = datetime(2026, 1, 2, tzinfo=UTC)
    fields = sidecar_fields(info, artist=halved, labels=(halved,), retrieved_at=at)
    assert "\\ud83d" not in json.dumps(fields)


def test_comments_are_pinned_first_then_most_liked_without_replies() -> None:
    comments = [
        {"text": "newest", "like_count": 0, "parent": "root"},
        {"text": "liked", "like_count": 9, "parent": "root"},
        {"text": "reply", "like_count": 99, "parent": "abc"},
        {"text": "pinned", "like_count": 1, "parent": "root", "is_pinned": True},
        {"text": "odd", "like_count": "many"},
        *({"text": f"{n}", "like_count": 5} for n in range(10)),
        "bare",
        {"text": None},
        7,
    ]
    best = best_comments(comments)
    assert best == ("pinned", "liked", *(f"{n}" for n in range(8)))
    # What `collect` writes keeps the order when it is read again.
    assert best_comments([{"text": text} for text in best]) == best


def test_a_name_too_long_for_a_sidecar_has_none(tmp_path: Path) -> None:
    assert find_sidecar(tmp_path / ("a" * 251 + ".mp4")) is None


@pytest.mark.parametrize(
    ("content", "title", "artist"),
    [
        ('{"title": "Bj\xf6rk", "artist": "A"}'.encode("latin-1"), "Bj\ufffdrk", "A"),
        (
            '{"title": "so good 🎵", "artist": "A"}'.encode().replace(b"\x9f\x8e\xb5", b"\x9f"),
            "so good \ufffd",
            "A",
        ),
        (b'\n\xef\xbb\xbf{"title": "late mark", "artist": "A"}\0\0\0', "late mark", "A"),
        (b'{"title": "two\nlines", "artist": "A"}', "two\nlines", "A"),
        (b'{"title": "a\\u0000b", "artist": "\\u0000"}', "a b", None),
        (b'{"title": "t", "artist": ["", "A", " "]}', "t", "A"),
    ],
)
def test_letters_that_are_none_cost_themselves_alone(
    tmp_path: Path, content: bytes, title: str, artist: str | None
) -> None:
    path = tmp_path / "a.info.json"
    path.write_bytes(content)
    metadata = read_metadata(path)
    assert (metadata.title, metadata.artist) == (title, artist)


def test_codes_of_an_enrichment_are_read_as_carefully_as_other_fields(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.info.json"
    path.write_text(json.dumps({"enrichments": {"musicbrainz": {"isrcs": [{}, "", "US\ud83d", "no"]}}}))
    assert read_metadata(path).isrc == "US\ufffd"
    assert "musicbrainz.isrcs" in caplog.text
