"""What of an address may be written down."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leitmotif.shards.addresses import public_address, without_secrets
from leitmotif.shards.urls import canonical_url

WORDS = st.text("abcXYZ019-_.~%!$'()*+,;=:@", min_size=1, max_size=12).map(lambda text: f"Zq{text}Qz")


@pytest.mark.parametrize(
    "address",
    [
        "https://video.example/watch?v=@me&t=3#part",
        "http://a.example:8080/b;c=d/e?x=1;y=2&key=4",
        "https://medium.example/@user/tokens?tokens=3&design=4",
        "ftp://a.example/b",
        "doi:10.1234/abc",
        "a.example/page",
        "https://ä.example/ü?ö=1",
    ],
)
def test_a_plain_address_stays_as_it_is(address: str) -> None:
    assert public_address(address) == address
    assert without_secrets(f"got {address}, expected more") == f"got {address}, expected more"


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("https://user:word@a.example/b", "https://a.example/b"),
        ("HTTP://user@a.example", "HTTP://a.example"),
        ("http://user:w@rd@a.example/", "http://a.example/"),
        ("//user:word@a.example/", "//a.example/"),
        (
            "https://web.example/2020/http://user:word@a.example/",
            "https://web.example/2020/http://a.example/",
        ),
        ("https://a.example/b?token=1", "https://a.example/b"),
        ("https://a.example/b?x=1&Access-Token=2&y=3", "https://a.example/b?x=1&y=3"),
        ("https://a.example/b?%74oken=1&x=2", "https://a.example/b?x=2"),
        ("https://a.example/b?X-Amz-Credential=1&X-Amz-Signature=2&v=3", "https://a.example/b?v=3"),
        ("https://a.example/b#access_token=1&x=2", "https://a.example/b#x=2"),
    ],
)
def test_secrets_are_left_out(address: str, written: str) -> None:
    assert public_address(address) == written
    assert without_secrets(f"got {address} twice: {address}") == f"got {written} twice: {written}"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("'http://user:a word@a.example/b' is none", "'http://a.example/b' is none"),
        ("http://:a b c@a.example and http://u:v@b.example", "http://a.example and http://b.example"),
        ("http://a.example: ask ann@a.example", "http://a.example: ask ann@a.example"),
        ("http://a.example/b is of ann@a.example", "http://a.example/b is of ann@a.example"),
    ],
)
def test_a_password_with_blanks_is_left_out_of_a_sentence(said: str, written: str) -> None:
    assert without_secrets(said) == written


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "javascript://a.example/%0aalert(1)",
        "data:text/html,<script>",
        "file:///etc/passwd",
        "vbscript:x",
        "blob:https://a.example/1",
        "user:word@a.example",
        "http://user:wo/rd@a.example/",
        "http://user: word@a.example/",
        "http://[::1",
        "http://",
        "http:///a",
        "",
        "  ",
    ],
)
def test_what_no_page_is_behind_is_no_address(address: str) -> None:
    assert public_address(address) is None


@settings(max_examples=300)
@given(
    WORDS, WORDS, WORDS, st.sampled_from(["token", "sig", "API-Key", "x-amz-security-token", "pass%77ord"])
)
def test_no_secret_is_written(user: str, word: str, token: str, name: str) -> None:
    token = token.replace(";", "").replace("=", "")
    address = f"https://{user}:{word}@a.example/b?x=1&{name}={token}&y=2"
    for written in (public_address(address) or "", without_secrets(f"<a href='{address}'>: {address}")):
        assert not any(secret in written for secret in (user, word, token))


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=60), st.text("ht:p/@.?&#=\\ \ntokenjavscri", max_size=60)))
def test_whatever_is_written_is_a_page_without_a_user(text: str) -> None:
    written = public_address(text)
    if written is not None:
        assert urlsplit(written).username is None
        assert urlsplit(written).scheme in ("", "http", "https", "ftp", "doi", "urn")
        assert public_address(written) == written


def test_a_token_does_not_make_another_page() -> None:
    assert canonical_url("https://a.example/b?v=1&token=2") == canonical_url("https://a.example/b?v=1")


def test_a_long_text_is_read_in_one_go() -> None:
    for piece in ("//", "//a", "a.", "://", "//@", "//a:", "?token=", "&a", "a@", "//a@"):
        without_secrets(piece * 100_000)
