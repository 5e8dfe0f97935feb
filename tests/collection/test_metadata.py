import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from leitmotif.collection.metadata import Metadata, find_sidecar, read_metadata, sidecar_fields


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
    assert metadata.artist == "Somebody"
    assert metadata.license == "CC-BY-4.0"
    assert metadata.retrieved_at == datetime(1970, 1, 2, tzinfo=UTC)
    assert len(metadata.comments) == 10


def test_nothing_known_means_an_unknown_licence(tmp_path: Path) -> None:
    path = tmp_path / "a.info.json"
    path.write_text("{}")
    assert read_metadata(path) == Metadata(license="unknown")


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '"words"', '{"title": 7}', '{"comments": 3}', "\xff"])
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
    assert len(metadata.comments) == 10
