"""Answers that are none: errors with status 200, other statuses, one clip that a server fails on."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from leitmotif.captioning.captioner import Caption
from leitmotif.captioning.chat import ChatTask
from leitmotif.captioning.errors import BadCaption, ServerDown
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.vllm_server import ServerCaptioner
from leitmotif.storage.errors import UserError
from tests.captioning.fake_server import GOOD, Answer, FakeServer

TASK = ChatTask("music-sentence-v1")
FACTS = [CaptionFacts(f"clip{n}", instruments=("piano",), moods=("calm",)) for n in range(3)]
POISON = {TASK.seed("clip1", attempt) for attempt in TASK.attempts}


def captioner(server: FakeServer) -> ServerCaptioner:
    return ServerCaptioner(TASK, url=server.url, timeout_s=0.5, patience_s=0.3, concurrency=1)


def body(**fields: Any) -> Answer:
    return Answer(body=json.dumps(fields))


def for_clip_1(answer: Answer) -> Callable[[dict[str, Any]], Answer]:
    return lambda request: answer if request["seed"] in POISON else Answer()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer("CUDA error", status=500), "CUDA error"),
        (body(error={"message": "Provider returned error", "code": 502}), "Provider returned error"),
        (body(choices=[]), "where a completion was expected"),
        (Answer(cut=True), "peer closed connection"),
        (Answer(delay_s=0.8), "no answer within"),
        (Answer("Input flagged by moderation", status=403), "flagged by moderation"),
    ],
    ids=["500", "error with 200", "no choices", "cut", "slow", "moderation"],
)
def test_one_clip_that_a_server_always_fails_on_does_not_keep_the_others_from_an_end(
    server: FakeServer, answer: Answer, said: str
) -> None:
    server.script = for_clip_1(answer)
    results = captioner(server).caption(FACTS)
    assert [isinstance(result, BadCaption) for result in results] == [False, True, False]
    assert said in str(results[1])


def test_a_server_that_has_too_much_to_do_blames_no_clip(server: FakeServer) -> None:
    server.script = for_clip_1(Answer("slow down", status=429))
    with pytest.raises(ServerDown, match="slow down"):
        captioner(server).caption(FACTS)


@pytest.mark.parametrize(
    ("answer", "raised", "said"),
    [
        (body(error={"message": "Provider returned error", "code": 502}), ServerDown, "Provider returned"),
        (body(error="Unexpected endpoint or method."), ServerDown, "Unexpected endpoint"),
        (body(error={"message": "Insufficient credits", "code": 402}), UserError, "Insufficient"),
        (body(error={"message": "No credentials", "code": 401}), UserError, "No credentials"),
        (body(choices=None), ServerDown, '"choices": null'),
        (Answer(body="<html>Login</html>", headers={"content-type": "text/html"}), ServerDown, "Login"),
    ],
)
def test_an_error_with_status_200_is_told_in_the_server_s_words(
    server: FakeServer, caplog: pytest.LogCaptureFixture, answer: Answer, raised: type[Exception], said: str
) -> None:
    server.script = lambda request: answer
    with caplog.at_level(logging.WARNING, "leitmotif"), pytest.raises(raised) as caught:
        captioner(server).caption(FACTS)
    assert said in str(caught.value)
    assert "ReadError" not in caplog.text


def test_a_completion_without_a_reason_for_its_end_or_called_plain_text_is_a_completion(
    server: FakeServer,
) -> None:
    text = json.dumps({"choices": [{"message": {"role": "assistant", "content": GOOD}}]})
    server.script = lambda request: Answer(body=text, headers={"content-type": "text/plain"})
    assert all(isinstance(result, Caption) for result in captioner(server).caption(FACTS))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (500, "System role not supported at row 1, column 60"),
        (500, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (400, "Developer instruction is not enabled for models/gemma-3-27b-it"),
        (400, "roles must be one of user, assistant; got system"),
    ],
)
def test_a_template_without_a_system_role_is_heard_whatever_the_status(
    server: FakeServer, status: int, words: str
) -> None:
    refusal = Answer(words, status=status)
    server.script = lambda request: refusal if len(request["messages"]) > 1 else Answer()
    assert [result.system for result in captioner(server).caption(FACTS)] == [False] * 3


@pytest.mark.parametrize(
    "words",
    [
        "'seed' is not a valid parameter for this model",
        "seed is not available for this model",
        "seed: must be null",
        "seed is not implemented",
    ],
)
def test_other_words_for_an_unknown_seed_are_understood(server: FakeServer, words: str) -> None:
    refusal = Answer(words, status=400)
    server.script = lambda request: refusal if "seed" in request else Answer()
    assert captioner(server).caption(FACTS[:1]) == [Caption(GOOD, None)]
