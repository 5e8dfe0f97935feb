import logging
from pathlib import Path

import pytest

from leitmotif.collection.folder import find_media
from leitmotif.storage.errors import UserError


def names(*sources: Path) -> list[str]:
    return [file.source_id for file in find_media(sources)]


def test_media_are_found_in_depth_by_their_suffix(tmp_path: Path) -> None:
    for name in ("b.mp4", "deep/er/a.FLAC", "notes.txt", "b.info.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert names(tmp_path) == ["b.mp4", "deep/er/a.FLAC"]


def test_a_single_file_is_a_source(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    assert names(tmp_path / "a.mp4") == ["a.mp4"]


def test_overlapping_sources_give_a_file_once(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    assert names(tmp_path, tmp_path / "a.mp4") == ["a.mp4"]


def test_odd_names_are_names(tmp_path: Path) -> None:
    for name in ("two words.mp4", 'it\'s "quoted".mp4', "new\nline.mp4", "🎵.mp4", "-dash.mp4"):
        (tmp_path / name).touch()
    assert len(names(tmp_path)) == 5


def test_a_missing_source_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"does not exist; give a folder"):
        find_media([tmp_path / "nowhere"])


def test_a_missing_source_names_what_is_nearly_called_so(tmp_path: Path) -> None:
    (tmp_path / "mixed").mkdir()
    with pytest.raises(UserError, match=r"does not exist; did you mean mixed\? give a folder"):
        find_media([tmp_path / "mixd"])


def test_an_empty_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").touch()
    with pytest.raises(UserError, match=r"holds no media file \(1 other file\)"):
        find_media([tmp_path])


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (["notes.txt"], "1 file passed over, since its name has no ending of a media file: notes.txt"),
        # A run that is only starting, in a folder within.
        (["a.txt", "work/.lock"], "1 file passed over, since its name has no ending of a media file: a.txt"),
        ([f"{n}.txt" for n in range(5)], "of a media file: 0.txt, 1.txt, 2.txt and 2 more"),
        (["truth.jsonl", "a.info.json", "licences.csv"], None),
    ],
)
def test_what_has_no_ending_of_a_media_file_is_named(
    others: list[str], said: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "work").mkdir()
    for name in ("a.mp4", *others):
        (tmp_path / name).touch()
    with caplog.at_level(logging.INFO, "leitmotif"):
        assert names(tmp_path) == ["a.mp4"]
    assert said in caplog.text if said else not caplog.text


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert names(tmp_path) == ["a.mp4"]


def test_a_linked_folder_is_searched_and_a_broken_link_is_listed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.mp4").touch()
    source = tmp_path / "source"
    source.mkdir()
    (source / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    (source / "gone.mp4").symlink_to(tmp_path / "nothing.mp4")
    assert names(source) == ["gone.mp4", "link/a.mp4"]


SHADOW = bytes.fromhex("0005160700020000") + b"Mac OS X"


def put(folder: Path, *paths: str, holding: bytes = b"1") -> None:
    for name in paths:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(holding)


def test_what_systems_leave_behind_is_passed_over_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, "one.flac", "deep/two.flac")
    put(tmp_path, "._one.flac", "deep/._two.flac", "deep/._gone.mp3", holding=SHADOW)
    put(tmp_path, "__MACOSX/one.flac", "@eaDir/one.flac/SYNO@.mp3", ".Trash-1000/files/old.mp3")
    put(tmp_path, ".DS_Store", "Thumbs.db", "one.flac.part", "one.flac.ytdl")
    with caplog.at_level("INFO", "leitmotif.collection"):
        assert names(tmp_path) == ["deep/two.flac", "one.flac"]
    (line,) = [record.getMessage() for record in caplog.records if "shadow" in record.getMessage()]
    assert "3 shadow files of macOS" in line and "1 folder __MACOSX" in line and "1 folder @eaDir" in line


def test_what_yt_dlp_leaves_behind_is_passed_over_and_the_first_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(
        tmp_path,
        "a.mp4",
        "a.f137.mp4",
        "a.f251-drc.webm",
        "a.fhls-1080.mp4",
        "a.fdash-video=5000000.mp4",
        "a.temp.mkv",
        "b.f251.temp.flac",
    )
    with caplog.at_level("INFO", "leitmotif.collection"):
        assert names(tmp_path) == ["a.mp4"]
    assert "passed over: 6 leftovers of yt-dlp (first: a.f137.mp4)" in caplog.text


def test_names_that_look_alike_are_kept(tmp_path: Path) -> None:
    meant = ["._mine.flac", "Duo.flute.mp3", "Duo.mp3", "Etude.f4.mp3", "mix.temp.flac", "take.f1.wav"]
    put(tmp_path, *meant)
    assert names(tmp_path) == meant


def test_a_file_that_is_named_is_taken_whatever_its_name(tmp_path: Path) -> None:
    put(tmp_path, ".Trash/a.mp4", ".Trash/a.f137.mp4")
    assert names(tmp_path / ".Trash" / "a.f137.mp4") == ["a.f137.mp4"]
    assert names(tmp_path / ".Trash") == ["a.mp4"]
