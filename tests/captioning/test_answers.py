"""Any answer at all is a completion, an error in the server's words, or unreadable."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from leitmotif.captioning.answers import SaidError, read_completion, read_models
from leitmotif.captioning.exchange import Reply, Unreadable
from leitmotif.captioning.thinking import without_thinking

NAMES = st.sampled_from(
    [
        "choices",
        "message",
        "content",
        "error",
        "code",
        "data",
        "id",
        "type",
        "text",
        "finish_reason",
        "reasoning",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("text")
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300)
@given(body=VALUES.map(json.dumps) | st.text(max_size=40), status=st.sampled_from([200, 204, 302, 400, 503]))
def test_any_answer_is_read_or_refused_in_one_line(body: str, status: int) -> None:
    for read in (read_completion, read_models):
        try:
            read(Reply(status, body))
        except (SaidError, Unreadable) as error:
            assert "\n" not in str(error) and "\x1b" not in str(error)
            str(error).encode()


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            ["<think>", "</think>", "<|im_end|>", "</s>", "<answer>", "</answer>", " ", "a", "<", ">"]
        ),
        max_size=9,
    ).map("".join)
)
def test_what_is_left_after_thinking_stands_at_the_end(text: str) -> None:
    said: Any = without_thinking(text)
    assert said is None or (said in text and "</think>" not in said)
