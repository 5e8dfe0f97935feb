"""JSON and YAML that is no use is one error with one line, whatever it holds."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from leitmotif.storage.documents import (
    DocumentError,
    parse_json,
    parse_yaml,
    read_mapping,
    read_object,
    yaml_text,
)

SIGNS = st.text(
    st.sampled_from("[]{}\"',:-?!&*|>%@#\n\t \\0123456789.eEabnullfx\x00\x85\u2028\ud800~=<"), max_size=40
)


@given(SIGNS | st.text(max_size=30))
@settings(max_examples=300)
def test_a_text_of_signs_is_read_or_refused_in_one_line(text: str) -> None:
    for parse in (parse_json, parse_yaml):
        try:
            parse(text)
        except DocumentError as error:
            assert str(error).startswith("it is not ") and "\n" not in str(error) and len(str(error)) < 300


@given(st.binary(max_size=60))
@settings(max_examples=150)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    for read in (read_object, read_mapping):
        try:
            assert isinstance(read(path), dict)
        except DocumentError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "!!int ''",
            "!!int x",
            "!!float x",
            "!!bool x",
            "!!timestamp x",
            "2026-99-99",
            "!!binary é",
            "[a: {b: c}: d]",
        ),
        *(
            "? [a]\n: b",
            "&a [*a]: b",
            "<<: x",
            "!!python/object:os.system x",
            "- &a\n- *b",
            "\ud800",
            "=",
            "%YAML 9",
        ),
        *("[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 500, "1" * 5000),
    ],
    ids=lambda text: repr(text[:16]),
)
def test_what_the_reader_of_yaml_stumbles_over_is_refused_in_one_line(text: str) -> None:
    try:
        parse_yaml(text)
    except DocumentError as error:
        assert str(error).startswith("it is not YAML: ") and "\n" not in str(error)
    else:
        assert text in ("=", "&a [*a]: b")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "1" * 5000, "{", "", "nul"])
def test_what_the_reader_of_json_stumbles_over_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(DocumentError, match=r"^it is not JSON: (?!.*(recursion|int_max_str)).*$"):
        parse_json(text)


def test_what_a_file_holds_instead_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content, said in (("[]", "a list"), ("7", "a number"), ('"a"', "a text"), ("true", "yes or no")):
        path.write_text(content)
        for read in (read_object, read_mapping):
            with pytest.raises(DocumentError, match=f"it holds {said}, expected"):
                read(path)


TEXTS = st.text(
    st.characters(exclude_categories=()) | st.sampled_from("\n\r\v\f\x1c\x85\u2028\u2029\0\ufeff: #"),
    max_size=9,
)


@given(st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS, max_size=2) | st.integers() | st.none(), max_size=4))
@settings(max_examples=150)
def test_what_was_written_is_read_back(values: dict[str, object]) -> None:
    assert parse_yaml(yaml_text(values)) == values


def test_texts_without_odd_ends_of_lines_are_written_as_ever() -> None:
    values = {"b": ["é 日本", "a\nb", "", "1", "x: y"], "a": {"c": 1.5, "d": None}}
    assert yaml_text(values) == yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
