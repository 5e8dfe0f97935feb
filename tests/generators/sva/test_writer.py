"""A model behind a server writes schemes: bad answers are sent back, and every end is one line."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from leitmotif.captioning.errors import ServerDown
from leitmotif.generators.sva import prompts
from leitmotif.generators.sva.scheme import Scheme
from leitmotif.generators.sva.writer import TRIES, SchemeWriter, server_at
from leitmotif.storage.errors import UserError
from tests.captioning.fake_server import Answer, FakeServer
from tests.captioning.raw_server import Fault, RawServer

MODEL = "OpenGVLab/InternVL3-1B"
SEEN = (
    "A small harbour at dusk. Gusts rattle the rigging of moored boats, and dark clouds come in from the sea."
)
SCHEME = Scheme(
    idea="Before the storm",
    effects=("Rigging rattles in the wind", "Waves slap a hull"),
    music="Slow strings",
)
GOOD = {"describe": SEEN, "scheme": SCHEME.text(), "key words": "sad, grey", "examples": SCHEME.text()}
PICTURE = b"\xff\xd8 a picture \xff\xd9"


def task_of(request: dict[str, Any]) -> str:
    """Which of the questions a request is, by the first turn."""
    content = request["messages"][0]["content"]
    if isinstance(content, list):
        return "describe"
    return (
        "examples" if "Write four more" in content else "key words" if "key words of" in content else "scheme"
    )


def script(**answers: list[str | Answer]) -> Callable[[dict[str, Any]], Answer]:
    """Answer the tasks with these, one after the other, and well behind them."""
    left = {task: list(those) for task, those in answers.items()}

    def answer(request: dict[str, Any]) -> Answer:
        task = task_of(request)
        said = left[task].pop(0) if left.get(task) else GOOD[task]
        return said if isinstance(said, Answer) else Answer(said)

    return answer


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(script(), models=(MODEL,)) as server:
        yield server


def writer(server: FakeServer | RawServer, *, seed: int = 0, model: str = MODEL) -> SchemeWriter:
    return SchemeWriter(server_at(server.url, model), seed)


def test_a_film_is_described_by_its_picture_and_a_scheme_is_written_of_that(server: FakeServer) -> None:
    written = writer(server).write([PICTURE])
    assert (written.scheme, written.description, written.key_words) == (SCHEME, SEEN, prompts.KEY_WORDS)
    shown, asked = (request["messages"] for request in server.requests)
    picture, text = shown[0]["content"]
    data = picture["image_url"]["url"].removeprefix("data:image/jpeg;base64,")
    assert base64.b64decode(data) == PICTURE and "is a frame" in text["text"]
    assert SEEN in asked[0]["content"] and prompts.EXAMPLES[0].idea in asked[0]["content"]
    assert [(each.task, each.fault) for each in written.questions] == [("describe", None), ("scheme", None)]
    assert [request["seed"] for request in server.requests] == [each.seed for each in written.questions]


def test_the_same_seed_asks_with_the_same_seeds(server: FakeServer) -> None:
    for seed in (1, 1, 2):
        writer(server, seed=seed).write([PICTURE, PICTURE])
    seeds = [request["seed"] for request in server.requests]
    assert seeds[:2] == seeds[2:4] and set(seeds[:2]).isdisjoint(seeds[4:])
    assert "frames of one film" in server.requests[0]["messages"][0]["content"][2]["text"]


def test_a_style_takes_the_place_of_key_words_and_examples(server: FakeServer) -> None:
    server.script = script(
        examples=[f"- {SCHEME.text()}\n- {SCHEME.text()}"], **{"key words": ["Output: sad, grey"]}
    )
    written = writer(server).write([PICTURE], "a melancholic mood")
    assert written.key_words == "sad, grey"
    assert [each.task for each in written.questions] == ["describe", "examples", "key words", "scheme"]
    last = server.requests[-1]["messages"][0]["content"]
    assert "that are sad, grey" in last and last.count(SCHEME.text()) == 2
    assert prompts.KEY_WORDS not in last and prompts.EXAMPLES[0].idea not in last
    assert all("a melancholic mood" in each["messages"][0]["content"] for each in server.requests[1:3])


BAD = {
    "empty": ("", "is empty"),
    "refusal": ("I'm sorry, but I can't help with that.", "refusal"),
    "prose": ("The harbour should sound windy.", "no JSON object"),
    "one effect": (json.dumps({"SFX": ["Wind howls"], "BGM": "x"}), "has 1 effects"),
    "music": (json.dumps({"SFX": ["A piano song", "Wind"], "BGM": "x"}), "is music"),
    "thinks": ("<think>Let me see", "only thinking"),
    "cut off": (Answer('{"idea": "Bef', finish="length"), "cut off"),
    "deep": ("{" * 3000, "no JSON object"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_is_sent_back_with_the_reason_and_asked_for_again(server: FakeServer, name: str) -> None:
    answer, why = BAD[name]
    server.script = script(scheme=[answer])
    written = writer(server).write([PICTURE])
    assert written.scheme == SCHEME
    assert why in str(written.questions[1].fault) and written.questions[2].fault is None
    again = server.requests[2]["messages"]
    assert [turn["role"] for turn in again] == ["user", "assistant", "user"] and why in again[2]["content"]
    assert server.requests[1]["seed"] != server.requests[2]["seed"]


@pytest.mark.parametrize(
    "said",
    [
        f"Of course!\n```json\n{SCHEME.text()}\n```",
        f"<think>two of them</think>{SCHEME.text()}",
        SCHEME.text().replace('"', "'"),
        SCHEME.text().replace('["', '["Gulls cry over the pier", "').replace("Gulls cry", "A song of gulls"),
    ],
    ids=["prose", "thinking", "quotes", "three"],
)
def test_an_answer_that_can_be_mended_is_asked_for_once(server: FakeServer, said: str) -> None:
    server.script = script(scheme=[said])
    assert writer(server).write([PICTURE]).scheme == SCHEME
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("task", "answer", "said"),
    [
        ("describe", "I cannot describe this image.", "did not describe the film in 3 tries"),
        ("describe", "Boat.", "has 1 words"),
        ("describe", "boat " * 400, "has 400 words"),
        ("scheme", "", "did not write a scheme in 3 tries"),
        ("examples", "None.", "did not write examples of the style"),
        ("key words", "a " * 40, "did not name the key words"),
    ],
)
def test_a_model_that_never_answers_well_is_one_line_after_a_few_tries(
    server: FakeServer, task: str, answer: str, said: str
) -> None:
    server.script = script(**{task: [answer] * 10})
    with pytest.raises(UserError) as caught:
        writer(server).write([PICTURE], "melancholic")
    line = str(caught.value)
    assert said in line and MODEL in line and "\n" not in line and len(line) < 500
    assert sum(task_of(request) == task for request in server.requests) == TRIES


def test_a_model_that_sees_no_pictures_is_said_to(server: FakeServer) -> None:
    server.script = lambda request: Answer(f"{MODEL} is not a multimodal model", status=400)
    with pytest.raises(UserError, match=r"is not a multimodal model.*expected a model that sees"):
        writer(server).write([PICTURE])


def test_another_model_is_named_and_one_that_is_listed_with_its_folder_is_found() -> None:
    with FakeServer(script(), models=(f"models/{MODEL}", "models/other")) as server:
        assert writer(server).write([PICTURE]).scheme == SCHEME
        with pytest.raises(UserError, match=r"serves models/.*expected 'gemini'"):
            writer(server, model="gemini").write([PICTURE])


@pytest.mark.parametrize("words", ["System role not supported", "seed is not a valid parameter"])
def test_what_a_server_does_not_know_is_left_out(server: FakeServer, words: str) -> None:
    refusal = Answer(words, status=400)
    server.script = lambda request: refusal if "seed" in request else Answer(GOOD[task_of(request)])
    if "System" in words:  # a conversation of one turn has no system's words, and is put as it is
        left = [refusal]
        server.script = lambda request: left.pop() if left else Answer(GOOD[task_of(request)])
    written = writer(server).write([PICTURE])
    assert written.scheme == SCHEME
    assert (written.questions[0].seed is None) == words.startswith("seed")


def never(connection: Any) -> None:
    time.sleep(3)


@pytest.mark.parametrize("fault", [never], ids=["never answers"])
def test_a_server_that_never_answers_is_one_line_at_its_deadline(fault: Fault) -> None:
    started = time.monotonic()
    with RawServer(fault) as server, pytest.raises(ServerDown) as caught:
        writer(server).write([PICTURE])
    line = str(caught.value)
    assert "the server that writes schemes" in line and "no answer within" in line and "\n" not in line
    assert "caption" not in line
    assert time.monotonic() - started < 60  # no measure of speed: it ends


def test_a_server_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ServerDown, match="the server that writes schemes"):
        SchemeWriter(server_at("http://127.0.0.1:9/v1", MODEL)).write([PICTURE])
