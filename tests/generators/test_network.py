"""The invariants of the network: what an untrained branch leaves alone, and what learns when."""

from pathlib import Path

import pytest
import torch
from diffusers import StableAudio3DiTModel, StableAudioDiTModel

from leitmotif.generators.ecmg.adapter import MusicControlAdapter, MusicControlAdapter3
from leitmotif.generators.ecmg.controlformer import MusicControlFormer3
from tests.generators.small_networks import (
    BASES,
    BRANCHES,
    DIM,
    FRAMES,
    LENGTH,
    WIDTH,
    base_output,
    small_network,
    some_inputs,
    spoil,
)

EACH_BRANCH = pytest.mark.parametrize("branch", BRANCHES)
EACH_BASE = pytest.mark.parametrize("base", BASES)
NOBODY = torch.zeros(3)


@EACH_BASE
@EACH_BRANCH
def test_an_untrained_branch_and_style_change_nothing_whatever_they_hear(branch: str, base: str) -> None:
    net = small_network(branch, base)
    for seed in (1, 2):
        inputs = some_inputs(seed=seed)
        assert torch.equal(net(**inputs), base_output(net, inputs))
    assert not torch.equal(net(**some_inputs(seed=1)), net(**some_inputs(seed=2)))


@EACH_BASE
@EACH_BRANCH
def test_rows_in_training_mode_have_the_same_bits(branch: str, base: str) -> None:
    net, inputs = small_network(branch, base).train(), some_inputs()
    assert torch.equal(net(**inputs), base_output(net, inputs))
    net.again = True  # activations computed twice
    assert torch.equal(net(**inputs), base_output(net, inputs))


@EACH_BASE
def test_the_blocks_of_a_controlformer_are_copies_with_weights_of_their_own(base: str) -> None:
    net = small_network(base=base)
    copies, blocks = net.control.transformer_blocks, net.transformer.transformer_blocks
    assert len(copies) == 2
    for copy, block in zip(copies, blocks, strict=False):
        # What paints into a sound is not copied: nothing would be learned by it.
        whole = [each for each in block.named_parameters() if not each[0].startswith("to_local_embed.")]
        pairs = list(zip(copy.named_parameters(), whole, strict=True))
        assert pairs
        for (name, one), (other_name, two) in pairs:
            assert name == other_name and torch.equal(one, two) and one.data_ptr() != two.data_ptr()
            assert one.requires_grad and not two.requires_grad


@EACH_BASE
@pytest.mark.parametrize("branch", ["controlformer", "control-alone"])
def test_at_first_only_the_last_convolutions_learn_and_after_a_step_all_of_the_branch_does(
    branch: str, base: str
) -> None:
    net, inputs = small_network(branch, base).train(), some_inputs()
    aim = torch.randn(3, DIM, FRAMES, generator=torch.Generator().manual_seed(3))

    def gradients() -> dict[str, float]:
        (net(**inputs) - aim).square().mean().backward()
        return {
            name: 0.0 if weight.grad is None else float(weight.grad.abs().sum())
            for name, weight in net.named_parameters()
        }

    first = gradients()
    learning = {name for name, size in first.items() if size > 0}
    assert {name for name in learning if name.startswith("control.")} == {
        f"control.conv_out.{layer}.{kind}" for layer in (0, 1) for kind in ("weight", "bias")
    }
    assert {name for name in learning if name.startswith("stylization.")} == {
        "stylization.net.3.weight",
        "stylization.net.3.bias",
    }
    assert not any(name.startswith(("transformer.", *net.kind.PARTS)) for name in learning)
    before = net(**inputs).detach()
    torch.optim.AdamW([weight for weight in net.parameters() if weight.requires_grad], lr=1e-3).step()
    net.zero_grad()
    second = gradients()
    assert not torch.equal(net(**inputs), before)
    own = {name for name, weight in net.named_parameters() if weight.requires_grad}
    assert {name for name in own if second[name] == 0.0} <= {"stylization.net.0.bias"}
    assert second["control.conv_in.weight"] > 0
    fed = [name for name in own if name.startswith("control.transformer_blocks.0.ff.")]
    assert len(fed) >= 3 and all(second[name] > 0 for name in fed)
    assert all(weight.grad is None for weight in net.transformer.parameters())


@EACH_BASE
def test_an_adapter_learns_from_its_last_convolutions_on(base: str) -> None:
    net, inputs = small_network("adapter", base).train(), some_inputs()
    net(**inputs).square().mean().backward()
    first = {name for name, weight in net.control.named_parameters() if weight.grad.abs().sum() > 0}
    assert first and all(name.startswith("conv_out.") for name in first)
    torch.optim.AdamW(net.control.parameters(), lr=1e-3).step()
    net.zero_grad()
    net(**inputs).square().mean().backward()
    assert all(weight.grad.abs().sum() > 0 for _, weight in net.control.named_parameters())


@EACH_BASE
@EACH_BRANCH
def test_a_trained_branch_changes_what_is_said_and_hears_its_control(branch: str, base: str) -> None:
    net = small_network(branch, base)
    spoil(net.control)
    inputs, other = some_inputs(), some_inputs(seed=5)["control"]
    assert not torch.allclose(net(**inputs), base_output(net, inputs), atol=1e-3)
    assert not torch.allclose(net(**inputs), net(**{**inputs, "control": other}), atol=1e-3)


@EACH_BASE
@EACH_BRANCH
def test_a_row_without_control_is_the_base_alone_even_after_training(branch: str, base: str) -> None:
    net = small_network(branch, base)
    spoil(net.control)
    inputs = some_inputs(weight=torch.tensor([0.0, 1.0, 0.0]))
    said, alone = net(**inputs), base_output(net, inputs)
    assert torch.equal(said[[0, 2]], alone[[0, 2]]) and not torch.equal(said[1], alone[1])
    assert torch.equal(net(**{**inputs, "weight": NOBODY}), alone)
    assert torch.equal(net.train()(**{**inputs, "weight": NOBODY}), alone)


@EACH_BASE
@EACH_BRANCH
def test_how_much_the_control_counts_is_between_nothing_and_all(branch: str, base: str) -> None:
    net = small_network(branch, base)
    spoil(net.control)
    inputs = some_inputs()
    alone = base_output(net, inputs)
    half, whole = (
        (net(**{**inputs, "weight": torch.full((3,), much)}) - alone).abs().mean() for much in (0.2, 1.0)
    )
    assert 0 < half < whole


@EACH_BASE
def test_one_mask_takes_text_style_and_control_away(base: str) -> None:
    net = small_network(base=base)
    spoil(net)
    inputs = some_inputs(keep=torch.zeros(3, dtype=torch.bool))
    said = net(**inputs)
    other = some_inputs(seed=9)
    for name in ("text", "style", "control"):
        assert torch.equal(said, net(**{**inputs, name: other[name]}))
    assert not torch.equal(said, net(**{**inputs, "total_s": torch.full((3,), 99.0)}))  # its length stays
    assert not torch.equal(said, net(**some_inputs()))


@EACH_BASE
def test_the_residual_of_a_block_comes_after_it_and_later_blocks_have_none(base: str) -> None:
    net, inputs = small_network(base=base), some_inputs()
    seen: list[torch.Tensor] = []
    for block in net.transformer.transformer_blocks:
        block.register_forward_hook(lambda *call: seen.append(call[-1]))
    with torch.no_grad():
        net.control.conv_out[0].bias.fill_(1.0)  # a residual of one everywhere, after the first block
    took: list[torch.Tensor] = []
    for block in net.transformer.transformer_blocks:
        block.register_forward_pre_hook(
            lambda module, given, named: took.append(named["hidden_states"]), with_kwargs=True
        )
    net(**inputs)
    assert torch.allclose(took[1], seen[0] + 1) and torch.equal(took[2], seen[1])
    assert torch.equal(took[3], seen[2])


@EACH_BASE
def test_a_style_takes_the_place_of_the_first_empty_token(base: str) -> None:
    net = small_network(base=base)
    spoil(net.stylization)
    inputs = some_inputs(styled=torch.tensor([True, False, True]))
    named = ("text", "tokens", "style", "styled", "start_s", "total_s")
    context, _ = net.conditions(*(inputs[name] for name in named))
    empty = net.base.empty
    assert context.shape == (3, LENGTH + (2 if empty is None else 1), 32)
    plain = inputs["text"].clone()
    plain[:, 6:] = 0.0 if empty is None else empty
    same = (context[:, :LENGTH] == plain).all(dim=2)
    assert same[1].all()
    assert same[0].tolist() == [place != 6 for place in range(LENGTH)]


def test_a_prompt_that_fills_its_length_gives_its_last_token_to_a_style_alone() -> None:
    net = small_network()
    spoil(net.stylization)
    full = torch.randn(3, LENGTH, 32, generator=torch.Generator().manual_seed(0))
    inputs = some_inputs(text=full, tokens=torch.full((3,), LENGTH))
    token = net.stylization(full, inputs["tokens"], inputs["style"], torch.tensor([True, False, True]))
    assert torch.equal(token[:, :-1], full[:, :-1]) and torch.equal(token[1], full[1])
    assert not torch.equal(token[0, -1], full[0, -1])


@EACH_BASE
@pytest.mark.parametrize(
    ("part", "branch"),
    [
        ("control", "controlformer"),
        ("control", "control-alone"),
        ("control", "adapter"),
        ("stylization", "controlformer"),
    ],
)
def test_a_part_that_is_saved_comes_back_with_its_bits(
    tmp_path: Path, part: str, branch: str, base: str
) -> None:
    net, inputs = small_network(branch, base), some_inputs()
    spoil(net)
    said = net(**inputs)
    own = getattr(net, part)
    own.save_pretrained(str(tmp_path))
    again = type(own).from_pretrained(str(tmp_path)).eval()
    noted = {"_name_or_path", "_use_default_values"}  # what diffusers notes of the way in which one was made
    shapes = [{name: each.config[name] for name in each.config.keys() - noted} for each in (own, again)]
    assert shapes[0] == shapes[1] and len(shapes[0]) > 2
    assert again.state_dict().keys() == own.state_dict().keys()
    for name, weight in own.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])
    setattr(net, part, again)
    assert torch.equal(net(**inputs), said)


def test_weights_of_the_full_size_are_those_that_the_designs_state() -> None:
    def millions(module: torch.nn.Module) -> float:
        return sum(weight.numel() for weight in module.parameters()) / 1e6

    with torch.device("meta"):
        transformer = StableAudioDiTModel()
        block = millions(transformer.transformer_blocks[0])
        zero = (WIDTH * 24) ** 2 / 1e6  # a convolution of 1536 to 1536
        adapter = MusicControlAdapter.of(transformer)
        small = StableAudio3DiTModel(embed_dim=1024, depth=20, num_heads=16, use_differential_attention=False)
        branch, adapter_3 = MusicControlFormer3.of(small, 5), MusicControlAdapter3.of(small)
    assert millions(transformer) == pytest.approx(1057, abs=1)
    assert 6 * (block + zero) == pytest.approx(276, abs=1)
    # Stability AI counts 433 M without what paints into a sound, which a branch has no copy of.
    painting = sum(millions(each.to_local_embed) for each in small.transformer_blocks)
    assert millions(small) - painting == pytest.approx(433, abs=1)
    assert (millions(branch), millions(adapter_3)) == pytest.approx((110, 63), abs=1)
    assert millions(adapter) == pytest.approx(85, abs=1)  # as MuseControlLite says of itself
