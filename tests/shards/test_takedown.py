"""The takedown record: what was asked for holds, whatever happens to the file."""

import json
import logging
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from leitmotif.shards import takedown
from leitmotif.shards.takedown import (
    ASIDE,
    RECORD,
    Blocklist,
    Removal,
    keep_damage,
    mend_record,
    read_record,
    write_record,
)
from leitmotif.storage.errors import UserError

MEDIA, OTHER, URL = "a" * 32, "b" * 32, "https://video.example/watch?v=1"
FIRST = Removal("2026-01-01", "asked", URL, media_ids=(MEDIA,), urls=(URL,))
SECOND = Removal("2026-01-02", "asked", OTHER, clip_ids=(OTHER,))


def damage(folder: Path, line: bytes) -> bytes:
    """Put a line between two that are whole; return all of them."""
    write_record(folder, [FIRST, SECOND])
    first, second = (folder / RECORD).read_bytes().splitlines(keepends=True)
    content = first + line + b"\n" + second
    (folder / RECORD).write_bytes(content)
    return content


@pytest.fixture(autouse=True)
def _warn_again(caplog: pytest.LogCaptureFixture) -> None:
    takedown._warn.cache_clear()
    caplog.set_level(logging.WARNING, "leitmotif")


@pytest.mark.parametrize("separator", "\u2028\u2029\x85\v\f\x1c\x1d\x1e\0\r\n\ud83d")
def test_a_separator_of_lines_in_an_address_or_name_locks_nobody_out(tmp_path: Path, separator: str) -> None:
    text = f"https://video.example/{separator}?v={separator}"
    removal = Removal(text, text, text, *[(text, text + "2")] * 5)
    write_record(tmp_path, [removal])
    write_record(tmp_path, [FIRST])
    assert read_record(tmp_path) == [removal, FIRST]
    assert Blocklist(read_record(tmp_path)).refuses(urls=(text,))


def test_a_record_that_an_older_version_wrote_with_a_separator_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    facts = asdict(FIRST) | {"reason": "one\u2028two\x85three"}
    (tmp_path / RECORD).write_text(json.dumps(facts, ensure_ascii=False) + "\n", encoding="utf-8")
    write_record(tmp_path, [SECOND])
    assert [removal.reason for removal in read_record(tmp_path)] == ["one\u2028two\x85three", "asked"]
    assert not caplog.records


@pytest.mark.parametrize(
    "line",
    [
        *(b"{", b"[1]", b"null", b"{}", b'{"at": "2026"}', b"\xff\xfe\0\0", b"\0" * 4096, b"[" * 100_000),
        *(b'{"media_ids": {}}', b'{"reason": "x", "urls": null}'),
    ],
    ids=lambda line: repr(line[:12]),
)
def test_of_a_damaged_record_the_rest_holds_and_the_line_is_kept_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, line: bytes
) -> None:
    content = damage(tmp_path, line)
    assert read_record(tmp_path) == read_record(tmp_path) == [FIRST, SECOND]
    (said,) = (record.getMessage() for record in caplog.records)
    assert f"{str(tmp_path / RECORD)!r}: line 2 is no takedown" in said
    assert (tmp_path / RECORD).read_bytes() == content  # who only reads changes nothing
    mend_record(tmp_path)
    (aside,) = tmp_path.glob(f"{ASIDE}*")
    assert aside.read_bytes() == content
    caplog.clear()
    mend_record(tmp_path)
    assert read_record(tmp_path) == [FIRST, SECOND]
    (said,) = (record.getMessage() for record in caplog.records)
    assert str(aside) in said and "line 2 is no takedown" in said and "--keep-out" in said


def test_a_line_that_was_cut_keeps_out_the_hashes_and_addresses_that_are_whole(tmp_path: Path) -> None:
    whole = json.dumps(asdict(Removal("2026", "why", "x", (MEDIA,), (OTHER,), ("name",), (URL, URL + "23"))))
    for end in range(len(whole)):
        (tmp_path / RECORD).write_text(whole[:end])
        blocklist = Blocklist(read_record(tmp_path))
        assert blocklist.refuses(ids=(MEDIA,)) == (f'"{MEDIA}"' in whole[:end])
        assert blocklist.refuses(ids=(OTHER,)) == (f'"{OTHER}"' in whole[:end])
        assert blocklist.refuses(urls=(URL,)) == (f'"{URL}"' in whole[:end])
        assert not blocklist.refuses(urls=(URL + "2",))


def test_a_byte_that_is_no_text_does_not_undo_the_line_around_it(tmp_path: Path) -> None:
    line = json.dumps(asdict(FIRST)).encode().replace(b"asked", b"ask\xffd")
    (tmp_path / RECORD).write_bytes(line)
    mend_record(tmp_path)
    (removal,) = read_record(tmp_path)
    assert removal.urls == (URL,) and removal.reason == "ask\ufffdd"
    assert [path.read_bytes() for path in tmp_path.glob(f"{ASIDE}*")] == [line]


@pytest.mark.parametrize("field", [field.name for field in fields(Removal)])
@pytest.mark.parametrize("value", ["x", 3, 2.5, None, {}, [[]], ["x", None, 3], [["x"]]])
def test_a_field_of_another_type_does_not_undo_the_others(tmp_path: Path, field: str, value: object) -> None:
    facts = asdict(FIRST) | {field: value}
    (tmp_path / RECORD).write_text(json.dumps(facts))
    blocklist = Blocklist(read_record(tmp_path))
    assert blocklist.refuses(ids=(MEDIA,), urls=(URL,))
    assert all(isinstance(text, str) for text in blocklist.ids)


def test_what_a_record_was_goes_on_to_the_folder_that_takes_the_place(tmp_path: Path) -> None:
    former, folder = tmp_path / "former", tmp_path / "folder"
    former.mkdir()
    folder.mkdir()
    contents = [damage(former, b"{")]
    mend_record(former)
    (former / RECORD).write_bytes(b"torn")
    keep_damage(former, folder)
    assert {path.read_bytes() for path in folder.glob(f"{ASIDE}*")} == {*contents, b"torn"}


def test_a_record_that_may_not_be_read_stops_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_record(tmp_path, [FIRST])

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UserError, match=r"takedown\.jsonl' cannot be read \(Permission denied\)"):
        read_record(tmp_path)
