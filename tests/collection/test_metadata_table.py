import json
from pathlib import Path

import pytest

from leitmotif.collection.folder import FoundFile
from leitmotif.collection.metadata import Metadata
from leitmotif.collection.metadata_table import MetadataTable, read_table
from leitmotif.storage.errors import UserError


def find(
    table: MetadataTable, name: str, media_id: str | None = None, source_id: str | None = None
) -> Metadata | None:
    return table.find(FoundFile(table.path.parent / name, name), source_id=source_id, media_id=media_id)


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_is_read_as_spreadsheets_write_it(tmp_path: Path, delimiter: str, encoding: str) -> None:
    cells = (
        ("Path", "Title", "Artist", "License"),
        ("a.mp3", '"Tide, part 1; slow"', "Bjørk", "CC0-1.0"),
        ("deep/b.mp3", "", "Ann", ""),
    )
    text = "\r\n".join(map(delimiter.join, cells))
    table = read_table(written(tmp_path / "t.csv", text, encoding))
    assert find(table, "a.mp3") == Metadata(title="Tide, part 1; slow", artist="Bjørk", license="CC0-1.0")
    assert find(table, "deep/b.mp3") == Metadata(artist="Ann")
    assert find(table, "c.mp3") is None
    assert table.unmatched() == []


def test_comments_above_a_table_and_empty_columns_are_not_its_rows(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "t.csv", "# Ours\n# path,title,\na.mp3,Tide,\n"))
    assert find(table, "a.mp3") == Metadata(title="Tide") and table.unmatched() == []
    assert not table.notes


def test_json_lines_are_read(tmp_path: Path) -> None:
    rows = [
        {"path": "a.mp3", "title": "A", "artist": ["Ann", "Bob"]},
        {"path": "b.mp3", "artist": {"name": "x"}},
    ]
    table = read_table(written(tmp_path / "t.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n"))
    assert find(table, "a.mp3") == Metadata(title="A", artist="Ann, Bob")
    assert find(table, "b.mp3") == Metadata()
    assert len(table.notes) == 1 and "line 2" in table.notes[0] and "artist" in table.notes[0]


def test_files_are_named_by_path_or_by_id(tmp_path: Path) -> None:
    names = (str(tmp_path / "a.mp3"), "./deep\\b.mp3", "caf\u00e9.mp3")
    rows = [{"path": name, "title": str(number)} for number, name in enumerate(names)]
    rows += [{"clip_id": "0" * 32, "title": "3"}, {"source_id": "site:7", "title": "4"}]
    table = read_table(written(tmp_path / "t.jsonl", "\n".join(map(json.dumps, rows))))
    found = [
        find(table, "a.mp3"),
        find(table, "deep/b.mp3"),
        find(table, "cafe\u0301.mp3"),
        find(table, "x.mp3", media_id="0" * 32),
        find(table, "y.mp3", source_id="site:7"),
    ]
    assert [one and one.title for one in found] == ["0", "1", "2", "3", "4"]


def test_what_is_of_no_use_is_named_and_counted(tmp_path: Path) -> None:
    text = "path,title,mood\na.mp3,A,sad\na.mp3,B,\n,C,\nb.mp3,D,\n"
    table = read_table(written(tmp_path / "t.csv", text))
    assert find(table, "a.mp3") == Metadata(title="A")
    assert table.unmatched() == ["b.mp3"]
    said = "\n".join(table.notes)
    assert "columns passed over: mood" in said
    assert "1 rows passed over, an earlier one is about the same file (first: line 3)" in said
    assert "1 rows passed over, they name no file (first: line 4)" in said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "title,artist\nA,Ann\n"),
        ("t.csv", ""),
        ("t.csv", 'path,title\na.mp3,"open\n'),
        ("t.jsonl", "[1]\n"),
        ("t.jsonl", "{\n"),
        ("t.csv", "path,title\na.mp3,\udcff\n"),
    ],
)
def test_what_is_no_table_is_one_clear_line(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=r"t\.(csv|jsonl)"):
        read_table(tmp_path / name)


def test_the_row_of_a_folder_is_found_for_the_files_in_it_and_the_innermost_counts(tmp_path: Path) -> None:
    rows = "path,license\ncc0/,CC0-1.0\ncc0/nc,CC-BY-NC-4.0\n./,MIT\n/,MIT\n"
    table = read_table(written(tmp_path / "t.csv", f"{rows}{tmp_path}/by,CC-BY-4.0\n"))

    def folder(name: str) -> str | None:
        path = tmp_path / name
        found = table.find_folder(FoundFile(path, path.name))
        return found.license if found else None

    assert [folder(name) for name in ("cc0/a.mp3", "cc0/nc/deep/a.mp3", "by/a.mp3", "cc00/a.mp3")] == [
        *("CC0-1.0", "CC-BY-NC-4.0", "CC-BY-4.0"),
        None,
    ]
    assert find(table, "cc0/a.mp3") is None and table.unmatched() == [""]
