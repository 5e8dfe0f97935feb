"""Captions by a model that vLLM runs in this process."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Self

from pydantic import Field

from leitmotif.captioning.captioner import Caption, Keep, keep_nothing
from leitmotif.captioning.chat import (
    LICENSE,
    MODEL_ID,
    PLAIN_CLIP,
    RATE_HZ,
    REFERENCE,
    REVISION,
    ChatSettings,
    ChatTask,
    Completion,
    Message,
    unfit,
)
from leitmotif.captioning.errors import BadCaption, Refused, ServerDown
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.extras import install_command
from leitmotif.storage.errors import UserError, one_line
from leitmotif.weights.published import revision_of_language_model
from leitmotif.weights.resolve import FETCH

__all__ = ["LICENSE", "MODEL_ID", "RATE_HZ", "REFERENCE", "REVISION", "OfflineCaptioner"]

EXTRA = "vllm"

Asked = tuple[int, CaptionFacts, list[Message]]


class EngineSettings(ChatSettings):
    """Settings of vLLM in this process."""

    max_model_len: int = Field(default=8192, ge=512)
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    tensor_parallel_size: int = Field(default=1, ge=1)


class OfflineCaptioner:
    """Asks `vllm.LLM` about all clips of a batch at once; vLLM makes its own batches of them."""

    def __init__(
        self,
        task: ChatTask,
        *,
        model: str = MODEL_ID,
        revision: str | None = None,
        max_model_len: int = 8192,
        gpu_memory_utilization: float = 0.9,
        tensor_parallel_size: int = 1,
    ) -> None:
        """Take the settings; nothing is loaded yet.

        Args:
            task: What is asked.
            model: A hub id or a local folder.
            revision: Revision of a hub id; that of `MODEL_ID` is pinned.
            max_model_len: Longest prompt with its answer, in tokens; the longest prompts have about 7,000.
            gpu_memory_utilization: Share of a GPU's memory that vLLM takes, 0..1.
            tensor_parallel_size: GPUs to spread the weights over.
        """
        self.task, self.name = task, model
        self.revision = REVISION if revision is None and model == MODEL_ID else revision
        self.max_model_len = max_model_len
        self._writes = False
        self.engine = {
            "gpu_memory_utilization": gpu_memory_utilization,
            "tensor_parallel_size": tensor_parallel_size,
        }

    @classmethod
    def make(cls, prompt_id: str | None, settings: Mapping[str, Any], *, instrumental: bool) -> Self:
        """Return a captioner, see `leitmotif.captioning.captioner.Captioner`."""
        names = ("model", "revision", "max_model_len", "gpu_memory_utilization", "tensor_parallel_size")
        task = ChatTask.of(prompt_id, settings, instrumental=instrumental)
        return cls(task, **{name: settings[name] for name in names})

    @property
    def prompt_id(self) -> str:
        """Name and version of the prompt."""
        return self.task.prompt_id

    def model(self) -> str:
        """Return `id@revision`."""
        return f"{self.name}@{revision_of_language_model(self.name, self.revision)}"

    def identity(self) -> Mapping[str, Any]:
        """Return what changes the words: the prompt, and how they are chosen."""
        return self.task.identity()

    def load(self) -> Self:
        """Read the prompt and load the weights, on the device that the installed vLLM is built for.

        Raises:
            UserError: VLLM is not installed, or cannot load the model.
            LookupError: There is no such prompt.
        """
        _ = self.task.prompt
        if multiprocessing.current_process().daemon:
            # A daemon, such as a Dask worker, may not start the process that the engine would run in.
            os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        try:
            self.vllm = import_module("vllm")
        except ImportError as error:
            raise UserError(
                f"the package vllm cannot be imported ({error}), and backend vllm needs it; run "
                f"`{install_command('vllm')}`, or set caption.backend=vllm-server"
            ) from error
        try:
            self.llm = self.vllm.LLM(
                model=self.name,
                revision=self.revision,
                tokenizer_revision=self.revision,
                seed=self.task.sampling.seed,
                max_model_len=self.max_model_len,
                enable_prefix_caching=True,
                **self.engine,
                **self._for_this_device(),
            )
        except Exception as error:  # of whatever library the weights fail in
            raise UserError(
                f"vllm cannot load {self.model()} ({one_line(error, 300)}); {FETCH}, "
                "or set caption.model to a folder with the weights"
            ) from error
        return self

    def _for_this_device(self) -> dict[str, Any]:
        """Return what a CPU needs: vLLM 0.32 dies there of a seeded prompt that it reads in parts."""
        if not import_module("vllm.platforms").current_platform.is_cpu():
            return {}
        return {"enable_chunked_prefill": False, "max_num_batched_tokens": max(8192, self.max_model_len)}

    def caption(self, batch: Sequence[CaptionFacts], keep: Keep = keep_nothing) -> list[Caption | BadCaption]:
        """Return for each clip, in order, its caption or why there is none.

        Args:
            batch: The clips.
            keep: Called with each caption as soon as all clips were asked about once, twice, …

        Raises:
            UserError: The model fails on a plain clip, too.
            ServerDown: The engine has died.
        """
        results = self._caption(batch, keep)
        self._writes |= any(isinstance(result, Caption) for result in results)
        if results and not self._writes:
            # No clip is blamed by a model that writes about none.
            (plain,) = self._caption([PLAIN_CLIP], keep_nothing)
            if isinstance(plain, BadCaption):
                raise unfit(f"{self.name} in vllm", plain)
            self._writes = True
        return results

    def _caption(self, batch: Sequence[CaptionFacts], keep: Keep) -> list[Caption | BadCaption]:
        results: dict[int, Caption | BadCaption] = {}
        waiting: list[Asked] = []
        for number, facts in enumerate(batch):
            try:
                waiting.append((number, facts, self.task.messages(facts)))
            except BadCaption as error:
                results[number] = error
        for attempt in self.task.attempts:
            completions = self._write(waiting, attempt)
            for (number, facts, _), completion in zip(waiting, completions, strict=True):
                result = results[number] = self._judge(completion, facts, attempt)
                if isinstance(result, Caption):
                    keep(facts, result)
            waiting = [
                asked
                for asked, completion in zip(waiting, completions, strict=True)
                if isinstance(completion, Completion) and isinstance(results[asked[0]], BadCaption)
            ]
        return [results[number] for number in range(len(batch))]

    def _judge(
        self, completion: Completion | BadCaption, facts: CaptionFacts, attempt: int
    ) -> Caption | BadCaption:
        if isinstance(completion, BadCaption):
            return completion
        try:
            return self.task.accept(completion, facts, attempt)
        except BadCaption as error:
            return self.task.give_up(completion, error)

    def _write(self, waiting: Sequence[Asked], attempt: int) -> list[Completion | BadCaption]:
        """Return for each clip, in order, the model's answer, or why vLLM does not take the prompt."""
        if not waiting:
            return []
        sampling = self.task.sampling
        settings = [
            self.vllm.SamplingParams(
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                max_tokens=sampling.max_tokens,
                seed=self.task.seed(facts.clip_id, attempt),
            )
            for _, facts, _ in waiting
        ]
        try:
            answers = self.llm.chat([messages for _, _, messages in waiting], settings, use_tqdm=False)
        except Exception as error:
            text = one_line(error, 300)
            if not _is_refusal(error):
                raise ServerDown(
                    f"vllm has failed ({text}); run the same command again, what was captioned so far is kept"
                ) from error
            if len(waiting) == 1:
                return [Refused(f"vllm does not take the prompt ({text})")]
            # One prompt that is too long makes vLLM refuse them all.
            return [completion for asked in waiting for completion in self._write([asked], attempt)]
        outputs = [answer.outputs[0] for answer in answers]
        return [Completion(output.text, finished=output.finish_reason != "length") for output in outputs]


def _is_refusal(error: Exception) -> bool:
    """Tell whether vLLM refuses a prompt; its ValidationErrors are not always ValueErrors."""
    return isinstance(error, ValueError) or type(error).__name__ == "VLLMValidationError"


CAPTIONER = OfflineCaptioner
