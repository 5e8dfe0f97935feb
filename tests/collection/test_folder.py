from pathlib import Path

import pytest

from leitmotif.collection.folder import SourceError, find_media


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
    with pytest.raises(SourceError, match=r"does not exist; give a folder"):
        find_media([tmp_path / "nowhere"])


def test_an_empty_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").touch()
    with pytest.raises(SourceError, match=r"holds no media file \(1 other files\)"):
        find_media([tmp_path])


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
