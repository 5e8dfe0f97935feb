"""Networks of random weights, small enough for a moment, in the shapes of the published ones."""

from collections.abc import Callable
from typing import Any

import torch
from diffusers import StableAudio3DiTModel, StableAudioDiTModel, StableAudioProjectionModel
from diffusers.models.embeddings import get_1d_rotary_pos_embed
from diffusers.pipelines.stable_audio_3 import StableAudio3DurationEmbedder

from leitmotif.generators.ecmg.base import Base
from leitmotif.generators.ecmg.network import EcmgNetwork
from leitmotif.generators.ecmg.stable_audio import StableAudioBase
from leitmotif.generators.ecmg.stable_audio_3 import StableAudio3Base
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
BRANCHES: dict[str, Callable[[Base], Any]] = {
    "controlformer": lambda base: base.controlformer(2, noisy_input=True),
    "control-alone": lambda base: base.controlformer(2, noisy_input=False),
    "adapter": lambda base: base.adapter(),
}


def stable_audio() -> StableAudioBase:
    """A Stable Audio Open."""
    return StableAudioBase(
        StableAudioDiTModel(**SHAPE), StableAudioProjectionModel(TEXT_DIM, TEXT_DIM, 0, 512)
    )


def stable_audio_3(*, differential: bool) -> StableAudio3Base:
    """A Stable Audio 3, no weight of which is left at zero."""
    transformer = StableAudio3DiTModel(
        io_channels=DIM,
        embed_dim=WIDTH,
        depth=LAYERS,
        num_heads=4,
        cond_token_dim=TEXT_DIM,
        global_cond_dim=TEXT_DIM,
        local_add_cond_dim=DIM + 1,
        timestep_features_dim=16,
        num_memory_tokens=3,
        use_differential_attention=differential,
    )
    spoil(transformer)
    return StableAudio3Base(transformer, StableAudio3DurationEmbedder(TEXT_DIM, 16))


# The small Stable Audio 3 has plain attention, the larger ones a differential one.
BASES: dict[str, Callable[[], Base]] = {
    "stable-audio": stable_audio,
    "stable-audio-3": lambda: stable_audio_3(differential=False),
    "stable-audio-3-differential": lambda: stable_audio_3(differential=True),
}


def small_network(branch: str = "controlformer", base: str = "stable-audio") -> EcmgNetwork:
    """A frozen base with an untrained branch, in evaluation mode."""
    torch.manual_seed(0)
    made = BASES[base]()
    for module in made.modules:
        module.requires_grad_(False)
    styles = StylizationModule(CLAP_DIM, TEXT_DIM)
    return EcmgNetwork(made, BRANCHES[branch](made), styles).eval()


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
    if net.kind is StableAudio3Base:
        length = net.duration_embedder(inputs["total_s"])
        places = torch.arange(LENGTH + 1)
        return net.transformer(
            inputs["noised"],
            inputs["time"],
            encoder_hidden_states=torch.cat([inputs["text"], length[:, None]], dim=1),
            encoder_attention_mask=(places < inputs["tokens"][:, None]) | (places == LENGTH),
            global_hidden_states=length,
            return_dict=False,
        )[0]
    said = net.projection_model(inputs["text"], inputs["start_s"], inputs["total_s"])
    times = said.seconds_start_hidden_states, said.seconds_end_hidden_states
    return net.transformer(
        inputs["noised"],
        inputs["time"],
        encoder_hidden_states=torch.cat([said.text_hidden_states, *times], dim=1),
        global_hidden_states=torch.cat(times, dim=2),
        rotary_embedding=get_1d_rotary_pos_embed(8, FRAMES + 1, use_real=True, repeat_interleave_real=False),
        return_dict=False,
    )[0]


def spoil(module: torch.nn.Module) -> None:
    """Give every weight that is zero another value, as a training would."""
    draw = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for weight in module.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=draw)
