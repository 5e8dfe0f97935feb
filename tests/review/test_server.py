"""A survey on the web: files in parts, orders in turn, responses on disk."""

import asyncio
import json
import socket
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from leitmotif.cli import survey as command
from leitmotif.review.survey import line
from leitmotif.review.survey.build import make_survey
from leitmotif.review.survey.key import Key, load_key
from leitmotif.review.survey.material import find_material
from leitmotif.review.survey.responses import read_responses
from leitmotif.review.survey.server import Assignments, SurveyServer
from leitmotif.storage.errors import OutsideError, UserError
from tests.review.survey_material import client_of, response_to, systems_in

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    material = find_material(systems_in(tmp_path, "ours", "base"))
    make_survey(material, tmp_path / "survey", questions=["MP"], participants=2)
    return tmp_path / "survey"


@pytest.fixture
def key(survey: Path) -> Key:
    return load_key(survey)


@pytest.fixture
def client(survey: Path) -> Iterator[httpx.Client]:
    with client_of(survey) as client:
        yield client


def error_of(answer: httpx.Response) -> str:
    return str(answer.json()["error"])


def test_the_page_and_its_media_are_served_and_nothing_else(client: httpx.Client, key: Key) -> None:
    assert key.survey in client.get("/").text
    name = next(iter(key.versions))
    assert client.get(f"/media/{name}").headers["Content-Type"].startswith("audio/")
    for path in (
        "/key.json",
        "/../key.json",
        "/%2e%2e/key.json",
        "/media/",
        "/responses/",
        "/media/../../key.json",
    ):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-7", -7, None), ("bytes=5-99999999", 5, None)],
)
def test_a_player_gets_the_part_that_it_asks_for(
    asked: str, start: int, end: int | None, client: httpx.Client, key: Key, survey: Path
) -> None:
    name = next(iter(key.versions))
    whole = (survey / "questionnaire" / "media" / name).read_bytes()
    answer = client.get(f"/media/{name}", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == whole[start:end]
    first = start % len(whole)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(whole)}"
    assert client.get(f"/media/{name}").content == whole  # on the same connection
    assert client.get(f"/media/{name}", headers={"Range": f"bytes={len(whole)}-"}).status_code == 416


def test_orders_are_handed_out_in_turn_and_kept(client: httpx.Client, key: Key, survey: Path) -> None:
    def start(name: str) -> Any:
        return client.post("/start", json={"participant": name}).json()["order"]

    assert [start("ann"), start("bob"), start("ann")] == [0, 1, 0]
    assert client.post("/responses", json=response_to(key, "bob", 1, {})).status_code == 201
    assignments = Assignments(
        survey
    )  # the server again, after a restart: bob's order is used, ann's is not known
    assert assignments.order_for({"participant": "cleo"}) == 0


def test_an_answer_is_sent_at_once_and_does_not_wait_for_the_other_side(survey: Path) -> None:
    seen: list[int] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        seen.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def connect(server: SurveyServer) -> None:
        async with await asyncio.start_server(accept, sock=server._socket):
            _, writer = await asyncio.open_connection(*server.address)
            while not seen:
                await asyncio.sleep(0.01)
            writer.close()
            await writer.wait_closed()

    with SurveyServer(survey, port=0) as server:
        asyncio.run(connect(server))
    assert seen[0]


def test_a_response_is_stored_once(client: httpx.Client, key: Key, survey: Path) -> None:
    response = response_to(key, "Zoë / 7", 0, {("ours", "MP"): 5})
    assert client.post("/responses", json=response).json() == {"stored": True}
    again = client.post("/responses", json=response)
    assert again.status_code == 400 and error_of(again) == "participant 'Zoë / 7' has answered already"
    assert error_of(client.post("/start", json={"participant": "Zoë / 7"})).endswith("has answered already")
    (stored,) = read_responses(key, [survey / "responses"])
    assert (stored.participant, stored.answers[0].ratings["MP"] in (3, 5)) == ("Zoë / 7", True)
    assert [path.parent for path in (survey / "responses").iterdir()] == [survey / "responses"]


def test_names_that_look_alike_are_stored_apart(key: Key, survey: Path) -> None:
    assignments = Assignments(survey)
    paths = {assignments.store(response_to(key, name, 0, {})) for name in ("a b", "a-b", "../a-b", "ä")}
    assert len(paths) == 4 and {path.parent for path in paths} == {survey / "responses"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "what was sent is no JSON"),
        (b"\xff", "what was sent is no JSON"),
        (b"[]", "this is no response"),
        (b'{"survey": "x"}', "this response is of survey 'x'"),
    ],
)
def test_what_is_no_response_is_refused_and_not_stored(
    body: bytes, said: str, client: httpx.Client, survey: Path
) -> None:
    answer = client.post("/responses", content=body, headers=JSON)
    assert answer.status_code == 400 and said in error_of(answer)
    assert not (survey / "responses").exists()


def test_there_is_nothing_else_to_post_to(client: httpx.Client) -> None:
    assert client.post("/key.json", json={}).status_code == 404
    assert (
        error_of(client.post("/start", json=[]))
        == "participant is None; expected a number or name, 1 to 64 letters"
    )


def test_a_folder_that_is_no_survey_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no survey"):
        SurveyServer(tmp_path, port=0)


def test_a_port_that_is_taken_is_one_clear_line(client: httpx.Client, survey: Path) -> None:
    options = {"action": "serve", "survey": survey, "host": "127.0.0.1", "name": []}
    options["port"] = client.base_url.port
    with pytest.raises(
        OutsideError, match=r"cannot listen at 127\.0\.0\.1:\d+ \(Address already in use\); choose"
    ):
        command.run(Namespace(**options))
    with pytest.raises(UserError, match="--port is 70000; expected 0 to 65535"):
        command.run(Namespace(**options | {"port": 70000}))


def test_stored_responses_are_those_that_a_report_reads(client: httpx.Client, key: Key, survey: Path) -> None:
    for number in range(3):
        client.post("/responses", json=response_to(key, str(number), number % 2, {("ours", "MP"): 4}))
    stored = read_responses(key, [survey / "responses"])
    assert [response.participant for response in stored] == ["0", "1", "2"]
    assert json.loads(next((survey / "responses").iterdir()).read_text())["survey"] == key.survey


HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "


def drip(connection: socket.socket, *, seconds: float) -> bool:
    """Send a byte of a head now and then; tell whether the other side closed meanwhile."""
    ends_s = time.monotonic() + seconds
    connection.settimeout(0.05)
    while time.monotonic() < ends_s:
        try:
            connection.sendall(b"x")
            if not connection.recv(1000):
                return True
        except TimeoutError:
            pass
        except OSError:
            return True
    return False


@pytest.mark.parametrize("asked", [0, 1], ids=["the first request", "a later one"])
def test_a_request_whose_head_does_not_end_is_given_up(
    client: httpx.Client, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "HEAD_S", 0.5)
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0)) as connection:
        for _ in range(asked):
            connection.sendall(HEAD + b"\r\n\r\n")
            assert connection.recv(1 << 20)
            time.sleep(0.7)  # a line that is quiet after its answer is nobody's fault
        connection.sendall(HEAD)
        assert drip(connection, seconds=60.0)
    assert client.get("/").status_code == 200


def test_more_connections_than_are_held_are_closed_and_others_go_on(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "MOST_LINES", 3)
    assert client.get("/").status_code == 200
    place = ("127.0.0.1", client.base_url.port or 0)
    with socket.create_connection(place), socket.create_connection(place):
        with socket.create_connection(place) as fourth:
            assert drip(fourth, seconds=10.0)
        assert client.get("/").status_code == 200
