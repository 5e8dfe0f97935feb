"""A folder with everything that a disk can hold is catalogued, and no file of it ends the run."""

import json
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from leitmotif.collection import folder as collection_folder
from leitmotif.collection.folder import find_media
from leitmotif.collection.sidecar import MAX_VALUES, read_metadata
from leitmotif.pipelines.catalog import enter
from leitmotif.pipelines.workspace import Workspace
from leitmotif.storage.errors import OutsideError

# A sidecar with one field of a kind that nobody expects, or that is none at all.
SIDECARS = {
    "deep": b'{"artist": "A", "comments": ' + b"[" * 100_000,
    "deep and whole": b'{"artist": ' + b"[" * 900 + b"]" * 900 + b"}",
    "far": b'{"artist": "A", "epoch": 1e300}',
    "farther": b'{"artist": "A", "epoch": Infinity, "duration": NaN, "section_start": -1e999}',
    "long": b'{"artist": "A", "epoch": ' + b"9" * 5000 + b', "title": ' + b"9" * 301 + b"}",
    "half": b'{"artist": "A \\ud83d", "webpage_url": "\\udfff"}',
    "bytes": b'{"artist": "A \xff\xfe"}',
    "zeros": bytes(1000),
    "odd": json.dumps({name: [{"a": None}] for name in ("title", "artist", "license", "epoch")}).encode(),
    "ends": '{"artist": "A\u2028B\x85C\\u0000D\\r\\n", "license": "CC\u2029 BY"}'.encode(),
    "empty": b"",
}


def entered(source: Path, workspace: Workspace) -> dict[str, dict[str, object]]:
    files = find_media([source])
    assert enter(workspace.catalog(), files) == len(files)
    columns = ["source_id", "media_id", "artist", "license", "retrieved_at"]
    return {str(row["source_id"]): row for row in workspace.catalog().read(columns).to_pylist()}


def test_every_file_of_a_hostile_folder_is_catalogued_once(tmp_path: Path, workspace: Workspace) -> None:
    source = tmp_path / "source"
    source.mkdir()
    good = [*SIDECARS, "n" * 251, "ü" * 125, "a\nb", "a\u2028b", "-rf", "%s{}", "\u202egpj", "a.info"]
    for name in good:
        (source / f"{name}.mp4").write_text(name)
    for name, content in SIDECARS.items():
        (source / f"{name}.info.json").write_bytes(content)
    (source / "a.info.json").mkdir()
    os.mkfifo(source / "-rf.info.json")
    os.mkfifo(source / "fifo.mp4")
    (source / "folder.mp4").mkdir()
    (source / "folder.mp4" / "loop").symlink_to(source)
    for name, target in (("broken", "nowhere"), ("itself", "itself.mp4"), ("device", "/dev/null")):
        (source / f"{name}.mp4").symlink_to(target)
    Path(os.fsdecode(os.fsencode(source) + b"/\xff.mp4")).write_text("bytes")
    for name, time_s in (("far", 15_000_000_000), ("farther", -2_000_000_000)):
        os.utime(source / f"{name}.mp4", (time_s, time_s))
    rows = entered(source, workspace)
    found = {f"{name}.mp4" for name in good}
    assert {name for name, row in rows.items() if row["error"] is None} == found
    unread = {str(row["message"]) for row in rows.values() if row["error"]}
    assert rows.keys() - found == {"broken.mp4", "itself.mp4", "\\xff.mp4"}
    assert all("\n" not in line and ";" in line for line in unread)
    artists = {
        name: rows[f"{name}.mp4"]["artist"] for name in ("far", "farther", "long", "half", "bytes", "ends")
    }
    assert artists == {
        **dict.fromkeys(("far", "farther", "long"), "A"),
        **{"half": "A \ufffd", "bytes": "A \ufffd\ufffd", "ends": "A\u2028B\x85C D\r\n"},
    }
    # Nothing is entered again, whatever it is.
    assert enter(workspace.catalog(), find_media([source])) == 0


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder with 2300 folders in one another: deeper than Python calls, and than a path may be long."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.mp4").write_text("1")
    here = os.open(source, os.O_RDONLY)
    for number in range(2300):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
        if number == 1500:
            os.close(os.open("b.mp4", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    yield source
    subprocess.run(["rm", "-r", source], check=True)  # `shutil.rmtree` calls itself for each


def test_folders_in_folders_without_end_are_searched_and_what_is_too_long_is_said(
    deep: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "leitmotif"):
        assert [file.path.name for file in find_media([deep])] == ["a.mp4", "b.mp4"]
    (line,) = [record.getMessage() for record in caplog.records]
    assert "1 folder is passed over, which cannot be read" in line and "File name too long" in line
    assert len(line) < 600 and "\n" not in line


def test_a_folder_that_may_not_be_read_does_not_hide_the_others_but_a_failing_disk_does(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.mp4").write_text(name)
    names_in, errno = collection_folder._names_in, 13

    def refuse(folder: Path) -> tuple[list[str], list[str]]:
        if folder.name == "a":
            raise OSError(errno, os.strerror(errno), str(folder))
        return names_in(folder)

    monkeypatch.setattr(collection_folder, "_names_in", refuse)
    with caplog.at_level(logging.WARNING, "leitmotif"):
        assert [file.path.name for file in find_media([tmp_path])] == ["b.mp4"]
    assert (
        f"1 folder is passed over, which cannot be read ('{tmp_path / 'a'}': Permission denied)"
        in caplog.text
    )
    errno = 5
    with pytest.raises(OutsideError, match=r"Input/output error at .*; check the disk, and run again"):
        find_media([tmp_path])


def test_a_sidecar_of_nothing_but_lists_is_passed_over_before_it_fills_the_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.info.json"
    path.write_bytes(b'{"comments": [' + b"[]," * (MAX_VALUES // 2 + 1) + b"[]]}")
    assert read_metadata(path).title is None
    assert f"it holds more than {MAX_VALUES:,} values" in caplog.text
