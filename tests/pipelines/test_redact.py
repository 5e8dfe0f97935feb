"""Names in files of every kind."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leitmotif.pipelines.takedown.redact import Redactor, remove, rewrite_table, search

ID = "0123456789abcdef0123456789abcdef"
URL = "https://a.example/v?x=1&n=Ü"
NAMES = Redactor(frozenset({ID}), frozenset({URL, "a.mp4"}), frozenset({"aa.mp4", "/music/aa.mp4"}))


@pytest.mark.parametrize(
    "text",
    [
        f"x{ID}y",
        f"see {URL}.",
        "https://a.example/v?x=1&amp;n=Ü",
        '"https://a.example/v?x=1&n=\\u00dc"',
        "dir/a.mp4",
    ],
)
def test_a_name_is_found_however_it_is_written(tmp_path: Path, text: str) -> None:
    path = tmp_path / "page.html"
    path.write_text("<p>" * 1000 + text)
    assert len(search(path, NAMES)) == 1


def test_a_name_across_two_blocks_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leitmotif.pipelines.takedown.redact._BLOCK", 64)
    (tmp_path / "x.bin").write_bytes(b"\x00" * 50 + ID.encode() + b"\x00" * 99)
    assert search(tmp_path / "x.bin", NAMES) == {ID}


def test_a_longer_name_of_something_else_is_no_find(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("/music/aa.mp4 aa.mp4")
    assert search(tmp_path / "x.txt", NAMES) == set()
    (tmp_path / "x.txt").write_text("/music/aa.mp4 a.mp4")
    assert search(tmp_path / "x.txt", NAMES) == {"a.mp4"}
    assert NAMES.blank("aa.mp4 and a.mp4") == "aa.mp4 and [taken down]"


def test_the_name_of_a_file_counts(tmp_path: Path) -> None:
    (tmp_path / f"{ID}.flac").write_bytes(b"")
    assert search(tmp_path / f"{ID}.flac", NAMES) == {ID}
    assert remove(tmp_path / f"{ID}.flac", NAMES, scratch=tmp_path) == 1
    assert not list(tmp_path.iterdir())


SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("note", pa.string()),
        ("comments", pa.list_(pa.string())),
        ("file", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("size", pa.int64()),
    ],
    metadata={"kept": "yes"},
)


def table(**values: object) -> pa.Table:
    row = {"clip_id": "other", "note": "", "comments": [], "file": {"bytes": b"", "path": ""}, "size": 1}
    return pa.Table.from_pylist([row, row | values], schema=SCHEMA)


@pytest.mark.parametrize("dictionary", [True, False])
@pytest.mark.parametrize(
    "values",
    [
        {"clip_id": ID},
        {"note": f"by {URL}"},
        {"comments": ["x", f"{ID}!"]},
        {"file": {"bytes": b"\xff" + ID.encode(), "path": ""}},
        {"file": {"bytes": None, "path": "a.mp4"}},
    ],
)
def test_a_name_within_compressed_pages_is_found(
    tmp_path: Path, values: dict[str, object], dictionary: bool
) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(
        pa.concat_tables([table(**values)] * 40),
        path,
        compression="zstd",
        use_dictionary=dictionary,
        write_statistics=False,
    )
    assert len(search(path, NAMES)) == 1


def test_rows_go_texts_are_blanked_and_all_else_stays(tmp_path: Path) -> None:
    whole = pa.concat_tables(
        [table(clip_id=ID, size=2), table(note=f"by {URL}", size=3), table(comments=["x", f"{ID}!"], size=4)]
    )
    pq.write_table(whole, tmp_path / "t.parquet", row_group_size=2)
    changed, left, gone = rewrite_table(tmp_path / "t.parquet", tmp_path / "new.parquet", NAMES)
    assert (changed, left, gone) == (True, 5, 1)
    new = pq.read_table(tmp_path / "new.parquet")
    assert new.schema.equals(pq.read_schema(tmp_path / "t.parquet"), check_metadata=True)
    assert new["size"].to_pylist() == [1, 1, 3, 1, 4]
    assert new["note"].to_pylist() == ["", "", "by [taken down]", "", ""]
    assert new["comments"].to_pylist()[-1] == ["x", "[taken down]!"]
    assert search(tmp_path / "new.parquet", NAMES) == set()


def test_a_table_without_names_is_not_written_again(tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "t.parquet")
    assert rewrite_table(tmp_path / "t.parquet", tmp_path / "new.parquet", NAMES) == (False, 2, 0)
    assert not (tmp_path / "new.parquet").exists()


def test_a_table_of_which_nothing_is_left_is_deleted(tmp_path: Path) -> None:
    pq.write_table(table(clip_id=ID).slice(1), tmp_path / "part-1.parquet")
    assert remove(tmp_path / "part-1.parquet", NAMES, scratch=tmp_path) == 1
    assert not list(tmp_path.iterdir())


def test_lines_go_and_other_texts_are_blanked(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(f'{{"clip_id": "{ID}"}}\n{{"clip_id": "b"}}\n')
    assert remove(tmp_path / "x.jsonl", NAMES, scratch=tmp_path) == 1
    assert (tmp_path / "x.jsonl").read_text() == '{"clip_id": "b"}\n'
    (tmp_path / "x.yaml").write_text(f"about: {URL}\nmore: yes\n")
    remove(tmp_path / "x.yaml", NAMES, scratch=tmp_path)
    assert (tmp_path / "x.yaml").read_text() == "about: [taken down]\nmore: yes\n"


def test_bytes_that_cannot_be_cleaned_are_left_for_the_search(tmp_path: Path) -> None:
    content = b"\x00" + ID.encode()
    (tmp_path / "index.faiss").write_bytes(content)
    assert remove(tmp_path / "index.faiss", NAMES, scratch=tmp_path) == 0
    assert search(tmp_path / "index.faiss", NAMES) == {ID}
