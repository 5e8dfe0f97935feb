"""Descriptions of music for what a model is shown: in batches or streamed, whatever stands beside."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TextStreamer,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.train_mmdm.answer import Answer, read_answer
from leitmotif.train_mmdm.inputs import BadInput, VisualInput
from leitmotif.train_mmdm.network import build_tiny, load_pretrained
from leitmotif.train_mmdm.processor import TEXT_QUESTION, instruction_of, network_inputs, question_of
from leitmotif.train_mmdm.run import DescriptionModel
from leitmotif.train_mmdm.settings import Settings


@dataclass(frozen=True)
class Decoding:
    """How words are chosen; the defaults are those of Visuals Music Bridge, appendix B.1.

    Attributes:
        top_k: Draw among this many most probable tokens.
        top_p: Draw among the tokens that hold this much probability.
        temperature: Above 1 evens out the probabilities, below 1 sharpens them.
        max_tokens: Length of an answer at most.
        seed: Seed of the draws; every input has draws of its own, made of this seed and its contents.
        greedy: Take the most probable token instead.
    """

    top_k: int = 50
    top_p: float = 1.0
    temperature: float = 1.0
    max_tokens: int = 192
    seed: int = 0
    greedy: bool = False

    def __post_init__(self) -> None:
        if self.top_k < 1 or self.max_tokens < 1 or not self.temperature > 0 or not 0 < self.top_p <= 1:
            raise UserError(
                f"got top-k {self.top_k}, top-p {self.top_p:g}, temperature {self.temperature:g} and "
                f"max-tokens {self.max_tokens}; expected top-k and max-tokens of 1 or more, 0 < top-p <= 1, "
                "temperature > 0"
            )


def decoding_of(settings: Settings, *, seed: int = 0, greedy: bool = False, **changes: Any) -> Decoding:
    """Return how a run's settings say that words are chosen, with the changes that are not None."""
    chosen = Decoding(
        settings.top_k, settings.top_p, settings.temperature, settings.max_new_tokens, seed, greedy
    )
    return replace(chosen, **{name: value for name, value in changes.items() if value is not None})


class Describer:
    """Asks a model about inputs.

    Args:
        model: An opened run.
        decoding: How words are chosen.
        visuals: Ask for the visual elements and the attributes of the music first, as training does.
    """

    def __init__(self, model: DescriptionModel, decoding: Decoding, *, visuals: bool = False) -> None:
        self.model = model
        self.decoding = decoding
        self.visuals = visuals

    def describe(
        self, inputs: Sequence[VisualInput], *, tell: Callable[[str], None] | None = None
    ) -> list[Answer]:
        """Return the answer on each input, in order.

        Args:
            inputs: What is described at once; what one answer says does not depend on the others.
            tell: Called with the text of the answer as it grows; for one input only.

        Raises:
            OutsideError: The device's memory is full.
        """
        processor, net = self.model.processor, self.model.net
        pixels = [processor.resize(each.frames) if each.frames else None for each in inputs]
        questions = [self.question(each) for each in inputs]
        batch = processor.collate(
            [processor.encode(*each) for each in zip(pixels, questions, strict=True)], side="left"
        )
        seeds = [self._seed(*each) for each in zip(pixels, questions, strict=True)]
        try:
            with torch.inference_mode():
                there = {name: tensor.to(net.device) for name, tensor in batch.items()}
                written = net.generate(
                    **network_inputs(there, net.dtype),
                    generation_config=self._generation(),
                    logits_processor=self._choice(seeds),
                    streamer=_Teller(self.model.tokenizer, tell) if tell else None,
                )
        except torch.OutOfMemoryError as error:
            raise OutsideError(
                f"the memory of {net.device} is full with {len(inputs)} inputs at once; lower --batch"
            ) from error
        said = written[:, batch["input_ids"].shape[1] :]
        texts = self.model.tokenizer.batch_decode(said, skip_special_tokens=True)
        return [read_answer(text) for text in texts]

    def question(self, shown: VisualInput) -> str:
        """Return what the model is asked about an input."""
        if shown.text is not None:
            return TEXT_QUESTION.format(text=shown.text)
        return instruction_of(len(shown.frames)) if self.visuals else question_of(len(shown.frames))

    def check(self, shown: VisualInput) -> None:
        """Refuse an input that the model cannot be asked about.

        Raises:
            BadInput: It leaves no room for an answer, or a text holds a token that means something else.
        """
        for token in self.model.tokenizer.all_special_tokens:
            if token in (shown.text or ""):
                raise BadInput(
                    f"got a text with {token!r}, which this model does not read as text; leave it out"
                )
        asked = self.model.processor.write(len(shown.frames), self.question(shown))
        tokens = len(self.model.tokenizer(asked)["input_ids"])
        most = self.model.net.config.get_text_config().max_position_embeddings
        if tokens + self.decoding.max_tokens > most:
            raise BadInput(
                f"got an input of {tokens} tokens and {self.decoding.max_tokens} for the answer; this model "
                f"reads and writes {most} at most: give a shorter text, or a lower --max-tokens"
            )

    def _seed(self, pixels: torch.Tensor | None, question: str) -> int:
        digest = hashlib.blake2b(f"{self.decoding.seed}/{question}".encode(), digest_size=7)
        if pixels is not None:
            digest.update(pixels.numpy().data)
        return int.from_bytes(digest.digest())

    def _generation(self) -> GenerationConfig:
        tokenizer = self.model.tokenizer
        known = self.model.net.generation_config.eos_token_id
        ends = {tokenizer.eos_token_id, *(known if isinstance(known, list) else [known])} - {None}
        return GenerationConfig(
            max_new_tokens=self.decoding.max_tokens,
            do_sample=False,
            use_cache=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=sorted(ends),
        )

    def _choice(self, seeds: Sequence[int]) -> LogitsProcessorList:
        return LogitsProcessorList([] if self.decoding.greedy else [_Draw(self.decoding, seeds)])


class _Draw(LogitsProcessor):
    """Draws the next token of every input from a generator of its own and leaves no other to choose.

    The library's own sampling draws for a whole batch at once, so that an answer would depend on what stands
    beside it.
    """

    def __init__(self, decoding: Decoding, seeds: Sequence[int]) -> None:
        self._most = decoding.top_k
        self._warpers = [
            TemperatureLogitsWarper(decoding.temperature),
            TopKLogitsWarper(decoding.top_k),
            TopPLogitsWarper(decoding.top_p),
        ]
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        for warp in self._warpers:
            scores = warp(input_ids, scores)
        best, tokens = scores.float().topk(min(self._most, scores.shape[1]))  # (inputs, k), best first
        shares = best.softmax(dim=1).cpu()
        drawn = torch.stack(
            [
                torch.multinomial(row, 1, generator=generator)
                for row, generator in zip(shares, self._generators, strict=True)
            ]
        )
        chosen = tokens.gather(1, drawn.to(tokens.device))  # (inputs, 1)
        return torch.full_like(scores, float("-inf")).scatter_(1, chosen, 0.0)


class _Teller(TextStreamer):
    def __init__(self, tokenizer: Any, tell: Callable[[str], None]) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self._tell = tell

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        if text:
            self._tell(text)


@contextmanager
def base_model(model: DescriptionModel) -> Iterator[DescriptionModel]:
    """Give the model as it was before its training: without adapters, or with the weights it began with."""
    if model.settings.lora_rank:
        with model.net.disable_adapter():
            yield model
        return
    if model.settings.model_id is None:
        net = build_tiny(model.settings, model.tokenizer)
    else:
        net = load_pretrained(model.settings.model_id, model.settings, model.net.device)
    yield replace(model, net=net.to(model.net.device).eval())
