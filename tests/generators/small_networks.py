"""Networks of random weights, small enough for a moment, in the shapes of the published ones."""

from collections.abc import Callable
from typing import Any

import torch
from diffusers import StableAudioDiTModel, StableAudioProjectionModel

from leitmotif.generators.ecmg.adapter import MusicControlAdapter
from leitmotif.generators.ecmg.controlformer import MusicControlFormer
from leitmotif.generators.ecmg.network import EcmgNetwork
from leitmotif.generators.ecmg.stylization import StylizationModule

DIM, FRAMES, TEXT_DIM, LENGTH, CLAP_DIM, WIDTH, LAYERS = 8, 24, 32, 10, 16, 64, 4
SHAPE = {
    "sample_size": FRAMES,
    "in_channels": DIM,
    "out_channels": DIM,
    "num_layers": LAYERS,
    "attention_head_dim": 16,
    "num_attention_heads": 4,
    "num_key_value_attention_heads": 2,
    "cross_attention_dim": 48,
    "cross_attention_input_dim": TEXT_DIM,
    "global_states_input_dim": 2 * TEXT_DIM,
    "time_proj_dim": 16,
}
BRANCHES: dict[str, Callable[[Any], Any]] = {
    "controlformer": lambda transformer: MusicControlFormer.of(transformer, 2),
    "control-alone": lambda transformer: MusicControlFormer.of(transformer, 2, noisy_input=False),
    "adapter": MusicControlAdapter.of,
}


def small_network(branch: str = "controlformer") -> EcmgNetwork:
    """A frozen base with an untrained branch, in evaluation mode."""
    torch.manual_seed(0)
    transformer = StableAudioDiTModel(**SHAPE).requires_grad_(False)
    projection = StableAudioProjectionModel(TEXT_DIM, TEXT_DIM, 0, 512).requires_grad_(False)
    styles = StylizationModule(CLAP_DIM, TEXT_DIM)
    return EcmgNetwork(transformer, projection, BRANCHES[branch](transformer), styles).eval()


def some_inputs(rows: int = 3, seed: int = 1, **changed: Any) -> dict[str, torch.Tensor]:
    """Inputs of the network by name: prompts of six tokens, with style and control."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=draw)

    tokens = torch.full((rows,), 6)
    return {
        "noised": normal(rows, DIM, FRAMES),
        "time": torch.rand(rows, generator=draw),
        "text": normal(rows, LENGTH, TEXT_DIM) * (torch.arange(LENGTH)[None, :, None] < 6),
        "tokens": tokens,
        "style": normal(rows, CLAP_DIM),
        "styled": torch.ones(rows, dtype=torch.bool),
        "control": normal(rows, DIM, FRAMES),
        "weight": torch.ones(rows),
        "start_s": torch.zeros(rows),
        "total_s": torch.full((rows,), 20.0),
        "keep": torch.ones(rows, dtype=torch.bool),
        **changed,
    }


def base_output(net: EcmgNetwork, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """What diffusers' own transformer says of the same text, as its pipeline asks it."""
    said = net.projection_model(inputs["text"], inputs["start_s"], inputs["total_s"])
    times = said.seconds_start_hidden_states, said.seconds_end_hidden_states
    return net.transformer(
        inputs["noised"],
        inputs["time"],
        encoder_hidden_states=torch.cat([said.text_hidden_states, *times], dim=1),
        global_hidden_states=torch.cat(times, dim=2),
        rotary_embedding=net.rotary(FRAMES, torch.device("cpu")),
        return_dict=False,
    )[0]


def spoil(module: torch.nn.Module) -> None:
    """Give every weight that is zero another value, as a training would."""
    draw = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for weight in module.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=draw)
