"""Captions by a model that vLLM runs in this process."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Self

from leitmotif.captioning.chat import (
    LICENSE,
    MODEL_ID,
    PLAIN_CLIP,
    REFERENCE,
    REVISION,
    Caption,
    ChatTask,
    Draft,
    Keep,
    Message,
    keep_nothing,
    revision_of,
    unfit,
)
from leitmotif.captioning.errors import BadCaption, Refused, ServerDown
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.storage.errors import UserError, one_line
from leitmotif.weights.resolve import FETCH

__all__ = ["LICENSE", "MODEL_ID", "REFERENCE", "REVISION", "OfflineCaptioner"]

Asked = tuple[int, CaptionFacts, list[Message]]


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
            revision: Of a hub id; that of `MODEL_ID` is pinned.
            max_model_len: Longest prompt with its answer, in tokens; the longest prompts have about 7,000.
            gpu_memory_utilization: Share of a GPU's memory that vLLM takes, 0..1.
            tensor_parallel_size: GPUs to spread the weights over.
        """
        self.task, self.model = task, model
        self.revision = REVISION if revision is None and model == MODEL_ID else revision
        self.max_model_len = max_model_len
        self._writes = False
        self.engine = {
            "gpu_memory_utilization": gpu_memory_utilization,
            "tensor_parallel_size": tensor_parallel_size,
        }

    def load(self) -> Self:
        """Read the prompt and load the weights, on the device that the installed vLLM is built for.

        Raises:
            UserError: vLLM is not installed, or cannot load the model.
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
                "`pip install 'leitmotif-av[vllm]'`, or set caption.backend=vllm-server"
            ) from error
        try:
            self.llm = self.vllm.LLM(
                model=self.model,
                revision=self.revision,
                tokenizer_revision=self.revision,
                seed=self.task.sampling.seed,
                max_model_len=self.max_model_len,
                enable_prefix_caching=True,
                **self.engine,
                **self._for_this_device(),
            )
        except Exception as error:  # of whatever library the weights fail in
            name = f"{self.model}@{revision_of(self.model, self.revision)}"
            raise UserError(
                f"vllm cannot load {name} ({' '.join(str(error).split())[:300]}); {FETCH}, "
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
            keep: Told of each caption as soon as all clips were asked about once, twice, …

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
                raise unfit(f"{self.model} in vllm", plain)
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
            drafts = self._write(waiting, attempt)
            for (number, facts, _), draft in zip(waiting, drafts, strict=True):
                result = results[number] = self._judge(draft, facts, attempt)
                if isinstance(result, Caption):
                    keep(facts, result)
            waiting = [
                asked
                for asked, draft in zip(waiting, drafts, strict=True)
                if isinstance(draft, Draft) and isinstance(results[asked[0]], BadCaption)
            ]
        return [results[number] for number in range(len(batch))]

    def _judge(self, draft: Draft | BadCaption, facts: CaptionFacts, attempt: int) -> Caption | BadCaption:
        if isinstance(draft, BadCaption):
            return draft
        try:
            return self.task.accept(draft, facts, attempt)
        except BadCaption as error:
            return self.task.give_up(draft, error)

    def _write(self, waiting: Sequence[Asked], attempt: int) -> list[Draft | BadCaption]:
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
            return [draft for asked in waiting for draft in self._write([asked], attempt)]
        outputs = [answer.outputs[0] for answer in answers]
        return [Draft(output.text, finished=output.finish_reason != "length") for output in outputs]


def _is_refusal(error: Exception) -> bool:
    """Tell whether vLLM refuses a prompt; its ValidationErrors are not always ValueErrors."""
    return isinstance(error, ValueError) or type(error).__name__ == "VLLMValidationError"
