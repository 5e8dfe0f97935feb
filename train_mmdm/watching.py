"""What is watched during a training: the loss of a fixed set, and what the model writes about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from leitmotif.shards.store import write_text
from leitmotif.train_mmdm.examples import Example
from leitmotif.train_mmdm.prompt import Prompter
from leitmotif.train_mmdm.run import SAMPLES_NAME
from leitmotif.train_mmdm.settings import Settings
from leitmotif.train_mmdm.step import count_answers, make_batches, move, sum_loss


@torch.no_grad()
def measure_loss(
    accelerator: Any, net: Any, prompter: Prompter, examples: Sequence[Example], batch: int
) -> float:
    """Return the mean loss of the answers' tokens over all examples, divided among the processes."""
    net.eval()
    sums = torch.zeros(2, device=accelerator.device, dtype=torch.float32)
    world, rank = accelerator.num_processes, accelerator.process_index
    for start in range(0, len(examples), world * batch):
        own = examples[start + rank * batch :][:batch]
        # Weights may lie scattered: where the examples end, every process still takes part.
        (made,) = make_batches(prompter, own or examples[:1], batch)
        loss = sum_loss(net, move(made, accelerator.device))
        if own:
            sums += torch.stack([loss, loss.new_tensor(float(count_answers([made])))])
    total, tokens = accelerator.reduce(sums, "sum").tolist()
    return float(total / tokens)


@torch.no_grad()
def write_samples(
    run: Path, net: Any, prompter: Prompter, examples: Sequence[Example], settings: Settings, step: int
) -> list[str]:
    """Let the model answer with the most probable tokens; add its answers and the true ones to a file."""
    net.eval()
    answers = []
    device = next(net.parameters()).device
    for example in examples:
        asked = move(prompter.collate([prompter.encode(example.pixels, example.question)]), device)
        del asked["labels"]
        asked["pixel_values"] = asked["pixel_values"].to(net.dtype)
        answers.append(generate(net, asked, prompter, settings)[0])
    with (run / SAMPLES_NAME).open("a", encoding="utf-8") as file:
        for example, answer in zip(examples, answers, strict=True):
            line = {"step": step, "clip_id": example.clip_id, "answer": answer, "truth": example.answer}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return answers


def forget_samples(run: Path, step: int) -> None:
    """Drop the samples that a former process wrote after so many steps."""
    path = run / SAMPLES_NAME
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        write_text(path, "".join(kept))


def generate(net: Any, asked: dict[str, torch.Tensor], prompter: Prompter, settings: Settings) -> list[str]:
    """Return the most probable answers to a batch that is padded on the left."""
    written = net.generate(
        **asked,
        do_sample=False,
        max_new_tokens=settings.max_new_tokens,
        use_cache=True,
        pad_token_id=prompter.tokenizer.pad_token_id,
        eos_token_id=prompter.tokenizer.eos_token_id,
    )
    new = written[:, asked["input_ids"].shape[1] :]
    return [str(text).strip() for text in prompter.tokenizer.batch_decode(new, skip_special_tokens=True)]
