"""Servers that refuse every request, know no seed or system role, or think before they speak."""

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from leitmotif.captioning.captioner import Caption
from leitmotif.captioning.chat import ChatTask
from leitmotif.captioning.errors import BadCaption
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.vllm_server import ServerCaptioner
from leitmotif.storage.errors import UserError
from tests.captioning.fake_server import GOOD, Answer, FakeServer

TASK = ChatTask("music-sentence-v1")
FACTS = [CaptionFacts(f"clip{n}", instruments=("piano",), moods=("calm",)) for n in range(6)]
# As vLLM, TGI, OpenAI and gateways in front of them say it.
NO_SYSTEM = [
    "System role not supported",
    "Only user and assistant roles are supported!",
    "Conversation roles must alternate user/assistant/user/assistant/...",
]
NO_MAX_TOKENS = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
NO_SEED = '{"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}'


def captioner(server: FakeServer) -> ServerCaptioner:
    return ServerCaptioner(TASK, url=server.url, timeout_s=5.0, patience_s=5.0, concurrency=2)


def unless(fit: Callable[[dict[str, Any]], bool], refusal: Answer) -> Callable[[dict[str, Any]], Answer]:
    return lambda request: Answer() if fit(request) else refusal


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "default chat template is no longer allowed, so you must provide a chat template"),
        (402, "Insufficient balance"),
        (422, "temperature: Input should be less than or equal to 0.5"),
        (400, "Unsupported value: 'temperature' does not support 0.6 with this model."),
        (413, "Request entity too large"),
        (422, '{"detail": [{"loc": ["body", "top_p"], "msg": "Input should be 1"}]}'),
    ],
)
def test_a_server_that_refuses_every_request_ends_the_run_with_its_words_and_blames_no_clip(
    server: FakeServer, status: int, words: str
) -> None:
    said = {"body": words} if words.startswith("{") else {"text": words}
    server.script = lambda request: Answer(status=status, **said)
    with pytest.raises(UserError, match="takes no request") as caught:
        captioner(server).caption(FACTS)
    assert words[:60] in str(caught.value) and "no clip is blamed" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_begins_to_refuse_in_the_middle_of_a_batch_blames_no_clip(server: FakeServer) -> None:
    lock, kept = threading.Lock(), []

    def script(request: dict[str, Any]) -> Answer:
        with lock:
            return Answer() if len(server.requests) <= 3 else Answer("Insufficient balance", status=402)

    server.script = script
    asking = captioner(server)
    with pytest.raises(UserError, match="Insufficient balance"):
        asking.caption(FACTS, lambda facts, caption: kept.append(facts.clip_id))
    assert len(kept) == 3
    server.script = lambda request: Answer()
    assert all(isinstance(result, Caption) for result in asking.caption(FACTS))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer("I'm sorry, I cannot help with that."), "it is a refusal"),
        (Answer(""), "it is empty"),
        (Answer("<think>\nThe user wants", finish="length"), "turn its thinking off"),
        (Answer("A calm piece of", finish="length"), "cut off after 128 tokens"),
    ],
)
def test_a_model_that_writes_no_caption_about_any_clip_ends_the_run(
    server: FakeServer, answer: Answer, said: str
) -> None:
    server.script = lambda request: answer
    with pytest.raises(UserError, match="not even about a plain clip") as caught:
        captioner(server).caption(FACTS[:2])
    assert said in str(caught.value)


def test_a_model_that_fails_on_one_clip_only_blames_it_and_is_tried_once(server: FakeServer) -> None:
    seeds = {TASK.seed(facts.clip_id, attempt) for facts in FACTS[:2] for attempt in TASK.attempts}
    server.script = lambda request: Answer("No." if request["seed"] in seeds else GOOD)
    results = captioner(server).caption(FACTS)
    assert [isinstance(result, BadCaption) for result in results] == [True, True, *[False] * 4]
    assert len(server.requests) in (2 * 3 + 4, 2 * 3 + 4 + 1)


@pytest.mark.parametrize("words", NO_SYSTEM)
def test_without_a_system_role_the_instructions_begin_the_user_s_turn(
    server: FakeServer, caplog: pytest.LogCaptureFixture, words: str
) -> None:
    roles = lambda request: [message["role"] for message in request["messages"]]  # noqa: E731
    server.script = unless(lambda request: roles(request) == ["user"], Answer(words, status=400))
    with caplog.at_level(logging.WARNING, "leitmotif"):
        results = captioner(server).caption(FACTS)
    assert results == [Caption(GOOD, TASK.seed(facts.clip_id, 0), system=False) for facts in FACTS]
    content = server.requests[-1]["messages"][0]["content"]
    assert content.startswith(TASK.prompt.system) and content.endswith("\n\npiano, calm")
    (line,) = [record.getMessage() for record in caplog.records]
    assert "knows no system role" in line


def test_a_server_that_calls_max_tokens_otherwise_is_asked_so(server: FakeServer) -> None:
    server.script = unless(lambda request: "max_tokens" not in request, Answer(NO_MAX_TOKENS, status=400))
    results = captioner(server).caption(FACTS)
    assert results == [Caption(GOOD, TASK.seed(facts.clip_id, 0)) for facts in FACTS]
    assert server.requests[-1]["max_completion_tokens"] == 128


def test_captions_of_a_server_that_knows_no_seed_are_stored_without_one(
    server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    refusal = Answer(body=NO_SEED, status=422)
    server.script = unless(lambda request: request.setdefault("seed", None) is None, refusal)
    with caplog.at_level(logging.WARNING, "leitmotif"):
        results = captioner(server).caption(FACTS)
    assert results == [Caption(GOOD, None) for _ in FACTS]
    (line,) = [record.getMessage() for record in caplog.records]
    assert "knows no seed" in line and "stored without a seed" in line


def test_what_is_refused_by_name_twice_is_left_out_twice_and_no_more(server: FakeServer) -> None:
    def script(request: dict[str, Any]) -> Answer:
        request.setdefault("seed", None)
        if "max_tokens" in request:
            return Answer(NO_MAX_TOKENS, status=400)
        return Answer(body=NO_SEED, status=422) if request["seed"] is not None else Answer()

    server.script = script
    assert captioner(server).caption(FACTS) == [Caption(GOOD, None) for _ in FACTS]


@pytest.mark.parametrize(
    "message",
    [
        {"content": f"<think>\nOne sentence. Piano.\n</think>\n\n{GOOD}"},
        {"content": f"The user wants one sentence.\n</think>\n\n{GOOD}"},
        {"content": f"[THINK]Piano[/THINK]{GOOD}"},
        {"content": f"<|channel|>analysis<|message|>Piano.<|end|><|channel|>final<|message|>{GOOD}"},
        {"content": f"<|channel|>analysis<|message|>a<|end|><|channel|>final<|message|>{GOOD}<|return|>"},
        {"content": f"<|channel>thought\nPiano?\n<channel|>{GOOD}<turn|>"},
        {"content": f"◁think▷Piano?◁/think▷{GOOD}"},
        {"content": f"<mm:think>Piano?</mm:think>\n{GOOD}</s>"},
        {"content": f"<think>\nPiano?\n</think>\n<answer>\n{GOOD}\n</answer>"},
        {"content": GOOD, "reasoning_content": "The user wants one sentence."},
        {"content": [{"type": "thinking", "thinking": "Piano?"}, {"type": "text", "text": GOOD}]},
    ],
    ids=[
        *("think", "opened by the template", "magistral", "gpt-oss", "gpt-oss to its end", "gemma", "kimi"),
        *("minimax", "hunyuan", "reasoning_content", "parts"),
    ],
)
def test_a_caption_after_thinking_is_a_caption(server: FakeServer, message: dict[str, Any]) -> None:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    server.script = lambda request: Answer(body=json.dumps({"choices": [choice]}))
    assert captioner(server).caption(FACTS[:1]) == [Caption(GOOD, TASK.seed("clip0", 0))]


@pytest.mark.parametrize("content", [None, [], [{"type": "thinking", "thinking": "Piano?"}], ""])
def test_thinking_without_a_word_is_one_line_that_says_to_turn_it_off(
    server: FakeServer, content: object
) -> None:
    message = {"role": "assistant", "content": content, "reasoning_content": "The user wants"}
    choice = {"index": 0, "message": message, "finish_reason": "length"}
    server.script = lambda request: Answer(body=json.dumps({"choices": [choice]}))
    with pytest.raises(UserError, match=r"turn its thinking off at the server, or raise caption\.max"):
        captioner(server).caption(FACTS[:1])
