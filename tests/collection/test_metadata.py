import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collection.metadata import Metadata, find_sidecar, read_metadata


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
