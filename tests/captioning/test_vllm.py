import multiprocessing
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from leitmotif.captioning.captioner import Caption
from leitmotif.captioning.chat import MODEL_ID, REVISION, ChatTask
from leitmotif.captioning.errors import BadCaption, Refused, ServerDown
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.vllm import OfflineCaptioner
from leitmotif.storage.errors import UserError

TASK = ChatTask("music-sentence-v1")
GOOD = "A calm piano piece with soft strings."
FACTS = [CaptionFacts(f"clip{n}", instruments=("piano",)) for n in range(4)]


@dataclass(frozen=True)
class SamplingParams:
    temperature: float
    top_p: float
    max_tokens: int
    seed: int


class FakeLLM:
    """Answers by a script; raises what the script raises."""

    script: Callable[[list[dict[str, str]], SamplingParams], str]

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.calls: list[list[int]] = []

    def chat(self, conversations: list[Any], params: list[SamplingParams], use_tqdm: bool) -> list[Any]:
        self.calls.append([each.seed for each in params])
        texts = [type(self).script(*each) for each in zip(conversations, params, strict=True)]
        return [SimpleNamespace(outputs=[SimpleNamespace(text=text, finish_reason="stop")]) for text in texts]


@pytest.fixture(autouse=True)
def vllm(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("vllm")
    module.LLM, module.SamplingParams = FakeLLM, SamplingParams  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", module)
    platforms = ModuleType("vllm.platforms")
    platforms.current_platform = SimpleNamespace(is_cpu=lambda: False)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm.platforms", platforms)
    monkeypatch.setattr(FakeLLM, "script", staticmethod(lambda messages, params: GOOD), raising=False)
    return module


def test_a_cpu_reads_prompts_whole():
    assert "enable_chunked_prefill" not in OfflineCaptioner(TASK).load().llm.settings
    sys.modules["vllm.platforms"].current_platform.is_cpu = lambda: True
    settings = OfflineCaptioner(TASK, max_model_len=9000).load().llm.settings
    assert settings["enable_chunked_prefill"] is False and settings["max_num_batched_tokens"] == 9000


def test_every_caption_is_told_of(monkeypatch):
    bad = {TASK.seed("clip1", 0)}
    script = lambda messages, params: "" if params.seed in bad else GOOD  # noqa: E731
    monkeypatch.setattr(FakeLLM, "script", staticmethod(script))
    told: list[str] = []
    OfflineCaptioner(TASK).load().caption(FACTS, lambda facts, caption: told.append(facts.clip_id))
    assert told == ["clip0", "clip2", "clip3", "clip1"]


def test_all_clips_are_asked_about_at_once_each_with_its_seed():
    captioner = OfflineCaptioner(TASK).load()
    seeds = [TASK.seed(facts.clip_id, 0) for facts in FACTS]
    assert captioner.caption(FACTS) == [Caption(GOOD, seed) for seed in seeds]
    assert captioner.llm.calls == [seeds]


def test_the_model_is_pinned():
    settings = OfflineCaptioner(TASK, max_model_len=999).load().llm.settings
    assert (settings["model"], settings["revision"], settings["tokenizer_revision"]) == (
        MODEL_ID,
        REVISION,
        REVISION,
    )
    assert settings["max_model_len"] == 999 and settings["enable_prefix_caching"]
    assert OfflineCaptioner(TASK, model="someone/else").load().llm.settings["revision"] is None


def test_only_bad_captions_are_asked_for_again_with_another_seed(monkeypatch):
    bad = {TASK.seed("clip1", 0), TASK.seed("clip1", 1), *(TASK.seed("clip2", n) for n in range(3))}
    script = lambda messages, params: "I'm sorry." if params.seed in bad else GOOD  # noqa: E731
    monkeypatch.setattr(FakeLLM, "script", staticmethod(script))
    captioner = OfflineCaptioner(TASK).load()
    results = captioner.caption([CaptionFacts("nothing known"), *FACTS])
    assert "no tag" in str(results[0])
    assert [getattr(each, "seed", None) for each in results[1:]] == [
        TASK.seed("clip0", 0),
        TASK.seed("clip1", 2),
        None,
        TASK.seed("clip3", 0),
    ]
    assert isinstance(results[3], BadCaption) and "no caption in 3 tries" in str(results[3])
    assert [len(call) for call in captioner.llm.calls] == [4, 2, 2]


@pytest.mark.parametrize("kind", [ValueError, type("VLLMValidationError", (Exception,), {})])
def test_one_prompt_that_is_too_long_is_that_clip_s_failure(monkeypatch, kind):
    def script(messages: Any, params: SamplingParams) -> str:
        if params.seed == TASK.seed("clip1", 0):
            raise kind("prompt has 9999 tokens")
        return GOOD

    monkeypatch.setattr(FakeLLM, "script", staticmethod(script))
    results = OfflineCaptioner(TASK).load().caption(FACTS)
    assert [type(each) for each in results] == [Caption, Refused, Caption, Caption]
    assert "9999 tokens" in str(results[1])


def test_a_model_without_a_chat_template_ends_the_run_and_blames_no_clip(monkeypatch):
    def script(messages: Any, params: SamplingParams) -> str:
        raise ValueError("default chat template is no longer allowed")

    monkeypatch.setattr(FakeLLM, "script", staticmethod(script))
    with pytest.raises(UserError, match=r"in vllm takes no request.*chat template is no longer allowed"):
        OfflineCaptioner(TASK).load().caption(FACTS)


def test_an_engine_that_dies_ends_the_run(monkeypatch):
    def script(messages: Any, params: SamplingParams) -> str:
        raise RuntimeError("EngineCore encountered an issue")

    monkeypatch.setattr(FakeLLM, "script", staticmethod(script))
    with pytest.raises(ServerDown, match=r"vllm has failed \(EngineCore encountered an issue\)"):
        OfflineCaptioner(TASK).load().caption(FACTS)


def test_missing_weights_are_one_line(monkeypatch):
    def refuse(self: FakeLLM, **settings: Any) -> None:
        raise OSError("We couldn't connect\n to the hub")

    monkeypatch.setattr(FakeLLM, "__init__", refuse)
    with pytest.raises(UserError) as caught:
        OfflineCaptioner(TASK).load()
    assert f"{MODEL_ID}@{REVISION} (We couldn't connect to the hub)" in str(caught.value)
    assert "leitmotif fetch-models --profile paper" in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(UserError, match=r"'leitmotif-av\[vllm\]'.*caption.backend=vllm-server"):
        OfflineCaptioner(TASK).load()


def test_in_a_daemon_the_engine_stays_in_this_process(monkeypatch):
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "")
    monkeypatch.delenv("VLLM_ENABLE_V1_MULTIPROCESSING")
    monkeypatch.setattr(multiprocessing, "current_process", lambda: SimpleNamespace(daemon=True))
    import os

    OfflineCaptioner(TASK).load()
    assert os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"


def test_no_clips_are_no_work():
    captioner = OfflineCaptioner(TASK).load()
    assert captioner.caption([]) == [] and captioner.llm.calls == []
