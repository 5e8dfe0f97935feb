"""Runs with random weights, as a training leaves them."""

from pathlib import Path

import torch

from leitmotif.train_mmdm.network import add_adapters, build_tiny
from leitmotif.train_mmdm.run import NETWORK, TOKENIZER, save_network
from leitmotif.train_mmdm.settings import Settings, choose_settings
from leitmotif.train_mmdm.tokens import learn_tokenizer
from leitmotif.training.checkpoint import begin_checkpoint, finish_checkpoint, write_state
from leitmotif.training.settings import write_settings

CAPTION = "A calm, dreamy instrumental ambient track featuring piano and strings at a slow tempo."


def write_run(run: Path, *changes: str, adapters: bool = False) -> Path:
    """Write a run of the preset tiny; with adapters on a base that lies beside it, if wanted."""
    settings = choose_settings("tiny", ["frames=4", "max_new_tokens=12", *changes])
    tokenizer = learn_tokenizer([CAPTION])
    net = enliven(build_tiny(settings, tokenizer))
    if adapters:
        settings, net = _on_a_base(run, settings, net)
    run.mkdir(parents=True, exist_ok=True)
    write_settings(run, settings)
    tokenizer.save_pretrained(run / TOKENIZER)
    partial = begin_checkpoint(run, 3)
    save_network(net, partial / NETWORK)
    write_state(partial, {"step": 3, "best_step": 3})
    finish_checkpoint(partial)
    return run


def enliven(net: torch.nn.Module) -> torch.nn.Module:
    """Enlarge the weights: fresh ones are so small that the network repeats what it read last."""
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if weight.ndim > 1 and "embed" not in name:
                weight.mul_(8.0)
    return net


def _on_a_base(run: Path, settings: Settings, net: torch.nn.Module) -> tuple[Settings, torch.nn.Module]:
    base = run.with_name(f"{run.name}-base")
    net.save_pretrained(base)
    changed = choose_settings(
        "tiny", ["frames=4", "max_new_tokens=12", f"model_id={base}", "lora_rank=4", "lora_alpha=8"]
    )
    net = add_adapters(net, changed)
    torch.manual_seed(1)
    for name, weight in net.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)  # as if it had learned something
    return changed, net
