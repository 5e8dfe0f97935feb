import io
import logging
import sys
from typing import Any

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


# Moves the title of a terminal, clears it, in seven and in eight bits; writes over the line; turns it around.
ORDERS = "\x1b]0;owned\x07 \x1b[2J \x9b2J \r \x08 \u202e"
SAID = "\\x1b]0;owned\\x07 \\x1b[2J \\x9b2J \\r \\x08 \\u202e"


def test_nothing_that_is_printed_gives_orders_to_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output, "utf-8"))
    console.set_up_output()
    print(f"{ORDERS}\tnext\n", end="", flush=True)
    console.print_error(ORDERS)
    assert output.getvalue().decode() == f"{SAID}\tnext\n"
    assert capsys.readouterr().err == f"{SAID}\n"


@pytest.mark.parametrize("terminal", [False, True])
def test_nothing_that_is_logged_gives_orders_to_a_terminal(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    handlers: list[logging.Handler] = []

    def keep(**options: Any) -> None:
        handlers.extend(options["handlers"])

    written = io.StringIO()
    shown = Console(file=written, force_terminal=terminal, width=200, color_system=None)
    monkeypatch.setattr(logging, "basicConfig", keep)
    monkeypatch.setattr(console, "errors", lambda: shown)
    level = logging.getLogger("leitmotif").level
    console.set_up_logging(verbose=False)
    logging.getLogger("leitmotif").setLevel(level)
    handlers[0].handle(logging.makeLogRecord({"msg": "%s: no film", "args": (ORDERS,), "levelname": "INFO"}))
    assert f"{SAID}: no film" in written.getvalue() + capsys.readouterr().err


def test_a_status_of_clips_with_odd_names_gives_no_orders_to_a_terminal() -> None:
    from rich.console import Console

    from leitmotif.cli.status import _drawn
    from leitmotif.pipelines.runs.log import SlowClip
    from leitmotif.pipelines.runs.status import Status

    run = {"recipe": "auto", "profile": "default"}
    clip = SlowClip(stage="probe", clip_id="0", source=f"{ORDERS}.mp4", seconds=1.0)
    status = Status("ws", "ended", ORDERS, run, {}, [], slowest=[clip])
    written = io.StringIO()
    Console(file=written, force_terminal=True, width=200, color_system=None).print(_drawn(status))
    assert written.getvalue().count(SAID) == 2
