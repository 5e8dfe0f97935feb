import io
import sys

import pytest

from leitmotif.cli import console


@pytest.mark.parametrize(
    ("encoding", "written"), [("ascii", b"60\\u2026 \\u97f3 \\xe9"), ("utf-8", "60… 音 é".encode())]
)
def test_letters_that_the_locale_has_not_are_escaped(
    monkeypatch: pytest.MonkeyPatch, encoding: str, written: bytes
) -> None:
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output, encoding))
    console.set_up_output()
    print("60… 音 é", end="", flush=True)
    assert output.getvalue() == written
