"""Records of a JSON object a line: no text breaks a line, and a broken line costs itself alone."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leitmotif.storage.json_lines import json_text, line_of, parse_lines, read_lines

EVERY = st.text(st.characters(exclude_categories=()), max_size=20).map(
    # Two halves of a letter side by side are that letter, in JSON as in UTF-16.
    lambda text: text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
)
# Everything that Unicode, Python or a terminal takes for the end of a line, and what UTF-8 lacks.
ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\0\x7f\ud800\udfff\ufeff"


@given(st.lists(st.dictionaries(EVERY, EVERY | st.lists(EVERY, max_size=2), max_size=3), max_size=4))
@settings(max_examples=100)
def test_any_text_is_read_back_as_it_was_written(records: list[dict[str, object]]) -> None:
    content = b"".join(map(line_of, records))
    lines = parse_lines(content)
    assert list(lines.records.values()) == records and not lines.broken
    assert content.decode().splitlines() == content.decode().split("\n")[:-1]  # for any other reader


@pytest.mark.parametrize("letter", ENDS, ids=lambda letter: f"U+{ord(letter):04X}")
def test_no_end_of_a_line_and_no_half_letter_parts_one(letter: str) -> None:
    text = f"{letter}a{letter * 2}é{letter}"
    assert len(line_of({"t": text}).decode().splitlines()) == 1
    # Another tool may have written the letter as it is.
    raw = json.dumps({"t": text}, ensure_ascii=letter.encode("utf-8", "replace") == b"?").encode()
    assert parse_lines(raw + b"\n" + line_of({"t": "next"})).records == {1: {"t": text}, 2: {"t": "next"}}


def test_a_line_of_megabytes_is_one_line(tmp_path: Path) -> None:
    record = {"t": "\u2028é" * (1 << 18) + "x" * (1 << 22)}
    (tmp_path / "log.jsonl").write_bytes(line_of(record) + line_of({}))
    lines = read_lines(tmp_path / "log.jsonl")
    assert lines.records == {1: record, 2: {}}


@pytest.mark.parametrize(
    "broken",
    [
        *(b'{"a": 1', b"[1]", b"null", b"7", b"\0\0\0", b"\xff\xfe", b"{}{}", b'"a"', b"NaN"),
        *(b"[" * 100_000, b'{"a":' * 100_000, b'{"a": ' + b"1" * 5000 + b"}"),
    ],
    ids=lambda line: repr(line[:12]),
)
def test_what_is_no_object_is_given_apart_and_the_lines_around_it_are_read(broken: bytes) -> None:
    lines = parse_lines(line_of({"n": 1}) + broken + b"\r\n\n" + line_of({"n": 2}))
    assert lines.records == {1: {"n": 1}, 4: {"n": 2}}
    assert lines.broken == {2: broken + b"\r"}


def test_a_line_with_bytes_that_are_no_text_is_read_and_known_for_broken() -> None:
    lines = parse_lines(b'\xef\xbb\xbf{"a": "b\xffc"}\n{"a": "\xef\xbf\xbd"}')
    assert lines.records == {1: {"a": "b\ufffdc"}, 2: {"a": "\ufffd"}} and [*lines.broken] == [1]


def test_letters_that_end_nothing_stand_as_they_are() -> None:
    assert json_text({"a": "é 日本 🎵"}) == '{"a": "é 日本 🎵"}'
