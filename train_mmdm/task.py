"""What training the description model adds to the loop: its loss, its validation, its weights on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as functional

from leitmotif.storage.atomic import write_bytes
from leitmotif.storage.json_lines import line_of
from leitmotif.train_mmdm.examples import BatchMaker, Example
from leitmotif.train_mmdm.network import load_pretrained
from leitmotif.train_mmdm.processor import IGNORED, Processor, network_inputs
from leitmotif.train_mmdm.run import NETWORK, SAMPLES_NAME, save_network
from leitmotif.train_mmdm.settings import Settings
from leitmotif.training.checkpoint import is_sharded
from leitmotif.training.logs import whole_records


class DescriptionTask:
    """Learning to answer questions about frames.

    Args:
        run: Folder of the run.
        accelerator: What prepared the network.
        net: As `accelerator` prepared it.
        processor: Makes the network's inputs.
        examples: The fixed set whose loss is measured.
        settings: Settings of the run.
    """

    UNIT: ClassVar[str] = "tokens"

    def __init__(
        self,
        run: Path,
        accelerator: Any,
        net: Any,
        processor: Processor,
        examples: Sequence[Example],
        settings: Settings,
    ) -> None:
        self.run, self.accelerator, self.net = run, accelerator, net
        self.processor, self.examples, self.settings = processor, examples, settings

    def loss(self, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the negative log-likelihood of the answers' tokens, summed: a scalar. See `sum_loss`."""
        return sum_loss(self.net, tensors)

    def validate(self, step: int) -> Mapping[str, float]:
        """Measure the loss of the fixed set, and write down what the model answers about some of it."""
        if not self.examples:
            return {}
        loss = measure_loss(self.accelerator, self.net, self.processor, self.examples, self.settings.batch)
        if self.accelerator.is_main_process and not is_sharded(self.accelerator):
            net = self.accelerator.unwrap_model(self.net)
            some = self.examples[: self.settings.samples]
            write_samples(self.run, net, self.processor, some, self.settings, step)
        return {"loss": loss}

    def save(self, folder: Path, weights: dict[str, torch.Tensor] | None) -> None:
        """Write the adapters, or the whole network where it has none; `weights` may have any shapes."""
        save_network(self.accelerator.unwrap_model(self.net), folder / NETWORK, weights)

    def load(self, folder: Path) -> None:
        """Put the weights of a checkpoint into the network."""
        load_weights(self.accelerator.unwrap_model(self.net), folder / NETWORK, self.settings)


def sum_loss(net: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the negative log-likelihood of the answers' tokens, summed; natural logarithm.

    Args:
        net: The network.
        batch: What `Processor.collate` returned; `labels` has the shape (rows, tokens), `IGNORED` where
            nothing is to be learned.

    Returns:
        A scalar, float32.

    Logits are computed from the first answer on only: with a vocabulary of 150,000 and 2,560 tokens of
    pictures before it, all of them would be most of the memory.
    """
    labels = batch["labels"]
    said = (labels != IGNORED).any(dim=0)
    first = int(said.nonzero()[0]) if said.any() else labels.shape[1] - 1
    kept = labels.shape[1] - first + 1  # and one before, which predicts the first
    logits = net(**network_inputs(batch), logits_to_keep=kept, use_cache=False).logits[
        :, :-1
    ]  # (rows, kept - 1, vocabulary)
    wanted = labels[:, first:]  # (rows, kept - 1)
    return functional.cross_entropy(
        logits.float().flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="sum"
    )


@torch.no_grad()
def measure_loss(
    accelerator: Any, net: Any, processor: Processor, examples: Sequence[Example], size: int
) -> float:
    """Return the mean loss of the answers' tokens over all examples, divided among the processes."""
    net.eval()
    sums = torch.zeros(2, device=accelerator.device, dtype=torch.float32)
    world, rank = accelerator.num_processes, accelerator.process_index
    make = BatchMaker(processor, size)
    for start in range(0, len(examples), world * size):
        own = examples[start + rank * size :][:size]
        # Weights may lie scattered: where the examples end, every process still takes part.
        (made,) = make(own or examples[:1])
        loss = sum_loss(net, made.to(accelerator.device))
        if own:
            sums += torch.stack([loss, loss.new_tensor(float(made.count))])
    total, tokens = accelerator.reduce(sums, "sum").tolist()
    return float(total / tokens)


@torch.no_grad()
def write_samples(
    run: Path, net: Any, processor: Processor, examples: Sequence[Example], settings: Settings, step: int
) -> list[str]:
    """Let the model answer with the most probable tokens; add its answers and the true ones to a file."""
    net.eval()
    answers = []
    device = next(net.parameters()).device
    for example in examples:
        asked = processor.collate([processor.encode(example.pixels, example.question)])
        asked = network_inputs({name: value.to(device) for name, value in asked.items()}, net.dtype)
        answers.append(generate(net, asked, processor, settings)[0])
    with (run / SAMPLES_NAME).open("ab") as file:
        for example, answer in zip(examples, answers, strict=True):
            line = {"step": step, "clip_id": example.clip_id, "answer": answer, "truth": example.answer}
            file.write(line_of(line))
    return answers


def forget_samples(run: Path, step: int) -> None:
    """Drop the samples that a former process wrote after a step."""
    path = run / SAMPLES_NAME
    if path.is_file():
        kept = [line for line in whole_records(path) if line["step"] <= step]
        write_bytes(path, b"".join(map(line_of, kept)))


def generate(net: Any, asked: dict[str, torch.Tensor], processor: Processor, settings: Settings) -> list[str]:
    """Return the most probable answers to a batch, (rows, tokens) of `network_inputs`, padded on the left."""
    written = net.generate(
        **asked,
        do_sample=False,
        max_new_tokens=settings.max_new_tokens,
        use_cache=True,
        pad_token_id=processor.tokenizer.pad_token_id,
        eos_token_id=processor.tokenizer.eos_token_id,
    )
    new = written[:, asked["input_ids"].shape[1] :]  # (rows, new tokens)
    return [str(text).strip() for text in processor.tokenizer.batch_decode(new, skip_special_tokens=True)]


def load_weights(net: Any, folder: Path, settings: Settings) -> None:
    """Put the weights of a checkpoint into a network of the same settings."""
    if settings.lora_rank:
        from peft import set_peft_model_state_dict
        from safetensors.torch import load_file

        set_peft_model_state_dict(net, load_file(folder / "adapter_model.safetensors"))
    else:
        net.load_state_dict(load_pretrained(folder, settings).state_dict())
