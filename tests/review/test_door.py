"""Nobody but the survey's own page gets answers into it, and nothing that is posted breaks it."""

import json
import logging
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leitmotif.review.survey import server as served
from leitmotif.review.survey.build import make_survey
from leitmotif.review.survey.key import Key, load_key
from leitmotif.review.survey.material import find_material
from leitmotif.review.survey.responses import read_responses
from leitmotif.review.survey.server import LARGEST_BYTES, Assignments
from leitmotif.storage.errors import UserError
from tests.review.survey_material import client_of, response_to, systems_in

JSON = {"Content-Type": "application/json"}
STRICT = (
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Content-Security-Policy",
    "Cross-Origin-Resource-Policy",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("survey")
    material = find_material(systems_in(root, "ours", "base", clips=("one.wav",)))
    make_survey(material, root / "survey", questions=["MP"], participants=2)
    return root / "survey"


@pytest.fixture(scope="module")
def key(folder: Path) -> Key:
    return load_key(folder)


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    with client_of(folder, names=["listen.example.org"]) as client:
        yield client


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("LOCALHOST.:8000", 200),
        ("192.168.1.7", 200),
        ("[::1]:8000", 200),
        ("listen.example.org", 200),
        (socket.gethostname(), 200),
        ("rebound.example.com", 421),
        ("localhost.example.com:8000", 421),
        ("127.0.0.1.example.com", 421),
        ("listen.example.org.example.com", 421),
        ("user@evil.example", 421),
        ("", 421),
        ("[::", 421),
    ],
)
def test_only_the_names_of_the_server_are_answered(client: httpx.Client, host: str, status: int) -> None:
    for answer in (
        client.get("/", headers={"Host": host}),
        client.post("/start", headers=JSON | {"Host": host}),
    ):
        assert (answer.status_code == 421) == (status == 421)
        assert all(name in answer.headers for name in STRICT)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://listen.example.org"}, 200),
        ({"Origin": "http://localhost:8000", "Host": "localhost:8000"}, 200),
        ({"Origin": "https://listen.example.org"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[::"}, 403),
        ({"Origin": "http://localhost:8001", "Host": "127.0.0.1:8000"}, 200),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": ""}, 415),
    ],
)
def test_only_the_survey_s_own_page_may_post(
    client: httpx.Client, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/start", content=b'{"participant": "ann"}', headers=JSON | headers)
    assert answer.status_code == status
    assert set(answer.json()) == ({"order"} if status == 200 else {"error"})


def test_the_page_lets_in_its_own_style_and_script_alone(client: httpx.Client) -> None:
    answer = client.get("/")
    assert "unsafe-inline" not in answer.text and answer.text.count("'sha256-") == 2
    assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_what_is_too_long_is_refused(client: httpx.Client, folder: Path) -> None:
    answer = client.post("/responses", content=b" " * (LARGEST_BYTES + 1), headers=JSON)
    assert answer.status_code == 413 and "expected JSON of at most" in answer.json()["error"]
    chunks = (b" " * 65536 for _ in range(20))
    with suppress(httpx.WriteError):  # it had answered and gone before everything was sent
        assert client.post("/responses", content=chunks, headers=JSON).status_code == 413


def test_what_takes_too_long_to_arrive_is_refused(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "LONGEST_S", 0.2)
    with socket.create_connection(("127.0.0.1", int(client.base_url.port or 0)), timeout=20) as slow:
        head = "POST /responses HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        slow.sendall(f"{head}Content-Length: 100\r\n\r\n[".encode())
        assert slow.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_no_more_participants_start_than_a_survey_can_have(
    folder: Path, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "MOST_PARTICIPANTS", 2)
    assignments = Assignments(folder)
    assignments._orders = {"ann": 0, "bob": 1}
    assert assignments.order_for({"participant": "ann"}) == 0
    with pytest.raises(UserError, match="2 participants have started"):
        assignments.order_for({"participant": "cleo"})
    with pytest.raises(UserError, match="2 participants have started"):
        assignments.store(response_to(key, "cleo", 0, {}))


@pytest.mark.parametrize(
    "spoil",
    [
        {"participant": "\ud800"},
        {"participant": "x" * 1_000_000},
        {"participant": ["ann"]},
        {"survey": "y" * 1_000_000},
        {"survey": {"\ud800": []}},
        {"order": 10**400},
        {"order": True},
        {"answers": [{"version": ["a"]}]},
        {"answers": [{"version": {}}]},
        {"answers": {"version": "a"}},
        {"comments": [{"clip": 0, "text": {"a": []}}]},
    ],
    ids=lambda spoil: ascii(spoil)[:30],
)
def test_odd_types_are_refused_with_a_short_reason(
    client: httpx.Client, key: Key, spoil: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = post(client, "/responses", response_to(key, "odd", 0, {}) | spoil)
    assert answer.status_code in (201, 400) and len(answer.content) < 1000
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("seconds", [10**400, -1, True, "3", None, [], 1e308])
def test_odd_seconds_are_refused(client: httpx.Client, key: Key, seconds: Any) -> None:
    response = response_to(key, "long", 0, {})
    response["answers"][0]["listened_s"] = seconds
    assert post(client, "/responses", response).status_code == 400


def test_what_is_stored_can_be_read_and_holds_nothing_else(
    client: httpx.Client, key: Key, folder: Path
) -> None:
    response = response_to(key, "Zo\ud83d\x1b[2J", 0, {})
    response |= {"comments": [{"clip": 0, "text": "half \ud83d\u2028"}], "more": ["x"] * 1000, "started": 3}
    assert post(client, "/responses", response).status_code == 201
    (stored,) = [
        each for each in read_responses(key, [folder / "responses"]) if each.participant.startswith("Zo")
    ]
    assert stored.participant == "Zo\ufffd [2J" and list(stored.comments.values()) == ["half \ufffd\u2028"]
    assert all("more" not in path.read_text("utf-8") for path in (folder / "responses").iterdir())


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("\ud800")
VALUES = st.recursive(
    LEAVES, lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=4), some, max_size=3)
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_posted_is_taken_or_refused(
    client: httpx.Client, key: Key, caplog: pytest.LogCaptureFixture, data: st.DataObject
) -> None:
    response: Any = response_to(key, "fuzz", 0, {})
    where = data.draw(st.sampled_from(["", "answers", "comments", *response]))
    if where in ("answers", "comments"):
        fields = data.draw(
            st.dictionaries(st.sampled_from(["version", "ratings", "listened_s", "clip", "text"]), VALUES)
        )
        response[where] = [{**(response[where] or [{}])[0], **fields}]
    elif where:
        response[where] = data.draw(VALUES)
    else:
        response = data.draw(VALUES)
    path = data.draw(st.sampled_from(["/start", "/responses", "/", "/media/x", "/responses/../key.json"]))
    answer = post(client, path, response)
    assert (answer.status_code < 500 and "error" in answer.json()) or answer.status_code in (200, 201)
    garbage = data.draw(st.binary(max_size=30))
    assert client.post("/start", content=garbage, headers=JSON).status_code < 500
    assert "Traceback" not in caplog.text


def post(client: httpx.Client, path: str, facts: Any) -> httpx.Response:
    return client.post(path, content=json.dumps(facts).encode(), headers=JSON)
