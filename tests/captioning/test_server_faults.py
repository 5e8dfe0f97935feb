"""Whatever a caption server answers, the run ends, in one line that says with what it answered."""

import gzip
import json
import threading
import time

import pytest

from leitmotif.captioning.captioner import Caption
from leitmotif.captioning.chat import ChatTask
from leitmotif.captioning.errors import BadCaption, ServerDown
from leitmotif.captioning.exchange import LARGEST_BYTES
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.vllm_server import ServerCaptioner
from leitmotif.storage.errors import UserError
from tests.captioning.fake_server import GOOD
from tests.captioning.raw_server import Fault, RawServer, endless, first, http, raw, says

TASK = ChatTask("music-sentence-v1")
FACTS = [CaptionFacts(f"clip{n}", instruments=("piano",)) for n in range(2)]
# It is no measure of speed.
FOR_EVER_S = 120.0
ANSWER_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BOMB = gzip.compress(bytes(20 << 20), 1)
DEEP = "[" * 300_000 + "]" * 300_000


def error(message: str, status: int, **headers: str) -> Fault:
    return http(json.dumps({"error": {"message": message}}), status, **headers)


def silent() -> Fault:
    return lambda connection: time.sleep(2)


GOOD_AT_LAST = {
    "500 for a while": first(error("oops", 500), error("oops", 500)),
    "429 with Retry-After 1": first(error("slow down", 429, Retry_After="0.1")),
    "429 with Retry-After nan": first(error("slow down", 429, Retry_After="nan")),
    "429 with a date that there is not": first(
        error("slow", 429, Retry_After="Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
    ),
    "429 with a zone that there is not": first(
        error("slow", 429, Retry_After="Mon, 01 Jan 2024 00:00:00 +99999999999999")
    ),
    "closes in the middle once": first(http(b'{"choi', Content_Length="4000")),
    "thinks": says(f"<think>\nOne sentence. Piano.\n</think>\n\n{GOOD}"),
    "thinks at length": says(f"<think>{'Piano? ' * 50_000}</think>{GOOD}"),
    "content in parts": says([{"type": "text", "text": GOOD}]),
    "control characters": says(f"\x00{GOOD}\x1b\x07"),
    "closes without an answer once": first(raw()),
}
UNANSWERED = {
    "never answers": (silent(), "no answer within"),
    "closes without an answer": (raw(), "disconnected"),
    "closes in the middle": (http(b'{"choi', Content_Length="4000"), "closed connection"),
    "drips its body": (
        endless((ANSWER_HEAD + b"Content-Length: 9999\r\n\r\n", b"["), 0.05),
        "no answer within",
    ),
    "drips its head": (endless((ANSWER_HEAD + b"X-A: ", b"a"), 0.05), "no answer within"),
    "has a head without end": (endless((ANSWER_HEAD, b"X-A: " + b"a" * 1000 + b"\r\n")), ""),
    "says 100 Continue for ever": (endless((b"", b"HTTP/1.1 100 Continue\r\n\r\n")), "no answer within"),
    "speaks no HTTP": (raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "illegal status line"),
    "leads in a circle": (http(b"", 307, Location="/v1/chat/completions"), "redirects"),
    "leads to where nobody is": (http(b"", 307, Location="http://127.0.0.1:1/"), "onnect"),
    "leads to no address": (http(b"", 307, Location="http://[::"), "nvalid"),
    "leads to a file": (http(b"", 307, Location="file:///etc/passwd"), "protocol"),
}
OF_NO_USE = {
    "500 always": (error("boom", 500), "status 500: boom"),
    "429 with Retry-After 3600": (error("quota", 429, Retry_After="3600"), "asks to wait for 3600 s"),
    "429 with Retry-After inf": (error("quota", 429, Retry_After="inf"), "asks to wait for inf s"),
    "HTML": (http("<html><title>Login</title>", Content_Type="text/html"), "got '<html><title>Login"),
    "nothing": (http(b""), "got '' where a completion"),
    "no choices": (http('{"choices": []}'), "got '{\"choices\": []}' where a completion"),
    "no message": (http('{"choices": [{}]}'), "where a completion"),
    "broken JSON": (http('{"choices": [{"mess'), 'got \'{"choices": [{"mess\' where'),
    "other types": (http('{"choices": "none", "error": 7}'), "7"),
    "a list": (http("[1, 2]"), "got '[1, 2]' where"),
    "no UTF-8": (http(b"\xff\xfe\x9b[2J"), "where a completion"),
    "an error of a number of 400 digits": (http('{"error": {"code": 1' + "0" * 400 + "}}"), "code"),
    "a number of 5000 digits": (http('{"choices": 1' + "0" * 5000 + "}"), "where a completion"),
    "nested 300 000 deep": (http(DEEP), "nested too deeply"),
    "an error nested 300 000 deep": (http(DEEP, 503), "nested too deeply"),
    "10 MB of words": (says("word " * 2_000_000), f"more than {LARGEST_BYTES >> 20} MiB"),
    "10 MB of a.": (says("a." * 5_000_000), f"more than {LARGEST_BYTES >> 20} MiB"),
    "without end": (endless((ANSWER_HEAD + b"\r\n", b" " * 65536)), f"more than {LARGEST_BYTES >> 20} MiB"),
    "a gzip bomb": (http(BOMB, Content_Encoding="gzip"), "packed by 'gzip', which was not asked for"),
}
UNFIT = {
    "refuses to write": (says("I'm sorry, I cannot help with that."), "it is a refusal"),
    "begins to think": (says("<think>\nThe user wants"), "turn its thinking off"),
    "thinks beside": (says("", reasoning_content="The user wants"), "turn its thinking off"),
    "null": (says(None), "it is empty"),
    "half a letter": (says("A calm piano piece \ud83d with soft strings."), "another symbol"),
    "300 kB of one letter": (says("a" * 300_000), "it is 300000 letters long, and 2400 at most"),
    "3 MB of words": (says("word " * 600_000), "letters long, and 2400 at most"),
    "3 MB of a.": (says("a." * 1_500_000), "letters long, and 2400 at most"),
    "3 MB of quotes": (says("'" * 3_000_000), "letters long, and 2400 at most"),
    "3 MB of marks of the end": (says("<|im_end|>" * 300_000), "it is empty"),
    "3 MB of blanks": (says(" " * 3_000_000 + "x"), "it has 1 words"),
    "3 MB of thoughts that do not end": (says("<think>" * 400_000), "turn its thinking off"),
    "3 MB of thoughts that end": (says("</think" * 400_000), "letters long"),
    "400": (error("no chat template", 400), "no chat template"),
    "401": (error("who are you", 401), "who are you"),
    "404": (error("not here", 404), "mostly ends in /v1"),
    "304": (http(b"", 304), "status 304"),
    "leads elsewhere": (
        first(*[http(b"", 303, Location="/else"), error("not here", 404)] * 9),
        "mostly ends in /v1",
    ),
}


def captions(fault: Fault, *, timeout_s: float = 20.0, patience_s: float = 0.4) -> list[Caption | BadCaption]:
    """Return what becomes of two clips; the error, if the run ends with one, is raised here."""
    ended: list[BaseException | list[Caption | BadCaption]] = []

    def run() -> None:
        try:
            asking = ServerCaptioner(
                TASK, url=server.url, timeout_s=timeout_s, patience_s=patience_s, concurrency=1
            )
            ended.append(asking.caption(FACTS))
        except BaseException as error:
            ended.append(error)

    with RawServer(fault) as server:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(FOR_EVER_S)
        assert ended, "it goes on for ever"
    if isinstance(ended[0], BaseException):
        assert "\n" not in str(ended[0]) and len(str(ended[0])) < 1000
        raise ended[0]
    return ended[0]


@pytest.mark.parametrize("name", GOOD_AT_LAST)
def test_trouble_that_passes_costs_no_caption(name: str) -> None:
    found = captions(GOOD_AT_LAST[name], patience_s=60.0)
    assert [caption.text for caption in found] == [GOOD, GOOD]


@pytest.mark.parametrize("name", UNANSWERED)
def test_a_server_without_an_answer_is_given_up_and_said_not_to_answer(name: str) -> None:
    fault, said = UNANSWERED[name]
    with pytest.raises(ServerDown, match="has not answered for") as caught:
        captions(fault, timeout_s=0.5 if said == "no answer within" else 20.0)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", OF_NO_USE)
def test_a_server_that_answers_something_else_is_given_up_with_what_it_said(name: str) -> None:
    fault, said = OF_NO_USE[name]
    with pytest.raises(ServerDown, match="has answered with nothing of use for") as caught:
        captions(fault)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", UNFIT)
def test_a_server_that_is_not_fit_ends_the_run_with_the_reason_and_blames_no_clip(name: str) -> None:
    fault, said = UNFIT[name]
    with pytest.raises(UserError) as caught:
        captions(fault)
    assert said in str(caught.value)


def test_a_list_of_models_of_any_size_or_depth_is_one_line() -> None:
    for fault, said in (OF_NO_USE["nested 300 000 deep"], OF_NO_USE["without end"]):
        with RawServer(fault) as server, pytest.raises(ServerDown, match="nothing of use") as caught:
            ServerCaptioner(TASK, url=server.url, timeout_s=20, patience_s=0.2).load()
        assert said in str(caught.value)
