"""What adapters change and what they leave alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.train_mmdm import network
from leitmotif.train_mmdm.network import (
    add_adapters,
    build_network,
    build_tiny,
    load_adapters,
    load_pretrained,
)
from leitmotif.train_mmdm.processor import Processor, network_inputs
from leitmotif.train_mmdm.settings import Settings, choose_settings
from leitmotif.train_mmdm.task import sum_loss
from leitmotif.train_mmdm.tokens import check_tokenizer, learn_tokenizer, load_tokenizer


@pytest.fixture(scope="module")
def settings() -> Settings:
    return choose_settings("tiny", ["lora_rank=16", "lora_dropout=0.1"])


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return learn_tokenizer(["a gentle piano melody"])


@pytest.fixture(scope="module")
def batch(tokenizer: Any, settings: Settings) -> dict[str, torch.Tensor]:
    processor = Processor(tokenizer, settings)
    rng = np.random.default_rng(0)
    pixels = processor.resize([rng.integers(0, 256, (40, 60, 3), dtype=np.uint8) for _ in range(2)])
    return processor.collate([processor.encode(pixels, "Why?", "a gentle piano melody")])


@pytest.fixture
def trained(tokenizer: Any, settings: Settings, batch: dict[str, torch.Tensor]) -> Any:
    """A network with adapters that took two steps."""
    net = build_network(settings, tokenizer)
    optimizer = torch.optim.AdamW([weight for weight in net.parameters() if weight.requires_grad], lr=1e-2)
    for _ in range(2):
        sum_loss(net, batch).backward()
        optimizer.step()
        optimizer.zero_grad()
    return net.eval()


def logits(net: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        return net(**{name: value for name, value in batch.items() if name != "labels"}).logits


def test_fresh_adapters_change_nothing(
    tokenizer: Any, settings: Settings, batch: dict[str, torch.Tensor]
) -> None:
    base = build_tiny(settings, tokenizer).eval()
    before = logits(base, batch)
    assert torch.equal(logits(add_adapters(base, settings).eval(), batch), before)


def test_adapters_sit_on_every_projection_of_the_language_model_alone(
    tokenizer: Any, settings: Settings
) -> None:
    net = build_network(settings, tokenizer)
    learning = [name for name, weight in net.named_parameters() if weight.requires_grad]
    assert len(learning) == 3 * 7 * 2  # layers, projections, two matrices
    assert all("language_model" in name and "lora_" in name for name in learning)
    assert any("vision_tower" in name for name, _ in net.named_parameters())


def test_training_leaves_the_vision_tower_and_all_the_base_untouched(
    trained: Any, tokenizer: Any, settings: Settings, batch: dict[str, torch.Tensor]
) -> None:
    base = build_tiny(settings, tokenizer).state_dict()
    after = trained.base_model.model.state_dict()
    frozen = {
        name.replace("base_layer.", ""): weight for name, weight in after.items() if "lora_" not in name
    }
    assert frozen.keys() == base.keys()
    assert all(torch.equal(frozen[name], weight) for name, weight in base.items())
    with trained.disable_adapter():
        untrained = logits(trained, batch)
    assert (logits(trained, batch) - untrained).abs().max() > 0.1


def test_merged_weights_say_the_same(trained: Any, batch: dict[str, torch.Tensor]) -> None:
    before = logits(trained, batch)
    torch.testing.assert_close(logits(trained.merge_and_unload(), batch), before, atol=1e-5, rtol=1e-5)


def test_saved_and_loaded_adapters_give_equal_logits(
    trained: Any, tokenizer: Any, settings: Settings, batch: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    trained.save_pretrained(str(tmp_path))
    loaded = load_adapters(build_tiny(settings, tokenizer), tmp_path).eval()
    assert torch.equal(logits(loaded, batch), logits(trained, batch))


def test_a_saved_and_loaded_network_gives_equal_logits(
    tokenizer: Any, settings: Settings, batch: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    full = replace(settings, lora_rank=0)
    net = build_tiny(full, tokenizer).eval()
    net.save_pretrained(str(tmp_path))
    assert torch.equal(logits(load_pretrained(tmp_path, full).eval(), batch), logits(net, batch))


def test_the_same_seed_builds_the_same_network_and_draws_nothing(tokenizer: Any, settings: Settings) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, two = (build_network(settings, tokenizer).state_dict() for _ in range(2))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(one[name], two[name]) for name in one)
    other = build_network(replace(settings, seed=1), tokenizer).state_dict()
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_checkpointed_activations_give_the_same_gradients(
    tokenizer: Any, settings: Settings, batch: dict[str, torch.Tensor]
) -> None:
    plain = replace(settings, lora_rank=0, dropout=0.0)
    gradients = []
    for chosen in (plain, replace(plain, gradient_checkpointing=True)):
        net = build_network(chosen, tokenizer).train()
        sum_loss(net, batch).backward()
        gradients.append({name: weight.grad for name, weight in net.named_parameters()})
    assert all(torch.equal(gradients[0][name], gradients[1][name]) for name in gradients[0])


def test_the_loss_of_the_answer_is_the_library_s_own(
    tokenizer: Any, settings: Settings, batch: dict[str, torch.Tensor]
) -> None:
    net = build_network(replace(settings, lora_rank=0), tokenizer).eval()
    tokens = int((batch["labels"] != -100).sum())
    torch.testing.assert_close(
        sum_loss(net, batch) / tokens, net(**network_inputs(batch), labels=batch["labels"]).loss
    )


def test_a_pretrained_network_is_loaded_in_half_precision_when_it_is_frozen(
    tokenizer: Any, settings: Settings, tmp_path: Path
) -> None:
    build_tiny(settings, tokenizer).save_pretrained(str(tmp_path))
    chosen = replace(settings, model_id=str(tmp_path), precision="bf16")
    net = build_network(chosen, tokenizer)
    types = {weight.requires_grad: weight.dtype for weight in net.parameters()}
    assert types == {False: torch.bfloat16, True: torch.float32}
    learning = load_pretrained(tmp_path, replace(chosen, lora_rank=0))
    assert {weight.dtype for weight in learning.parameters()} == {torch.float32}


def test_patches_of_another_size_are_refused(tokenizer: Any, settings: Settings, tmp_path: Path) -> None:
    build_tiny(settings, tokenizer).save_pretrained(str(tmp_path))
    wrong = replace(settings, patch_side=8)
    with pytest.raises(UserError, match=r"has patches of 16 pixels: set patch_side=16"):
        load_pretrained(tmp_path, wrong)


def test_a_model_that_is_no_internvl_is_refused(settings: Settings, tmp_path: Path) -> None:
    config = Qwen2Config(
        vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    Qwen2ForCausalLM(config).save_pretrained(str(tmp_path))
    with pytest.raises(UserError, match="of the type 'qwen2', not 'internvl'"):
        load_pretrained(tmp_path, settings)


def test_a_damaged_or_missing_folder_is_refused(tokenizer: Any, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises((UserError, OutsideError), match=r"cannot (load|fetch) the"):
        load_pretrained(tmp_path / "nothing", settings)
    build_tiny(settings, tokenizer).save_pretrained(str(tmp_path))
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UserError, match="cannot load the weights"):
        load_pretrained(tmp_path, settings)


def test_a_tokenizer_that_knows_no_pictures_is_refused(tokenizer: Any, tmp_path: Path) -> None:
    tokenizer.save_pretrained(str(tmp_path))
    facts = json.loads((tmp_path / "tokenizer_config.json").read_text())
    facts = {name: fact for name, fact in facts.items() if "token" not in name or name == "eos_token"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match="lacks start_image_token"):
        load_tokenizer(replace(choose_settings("tiny"), model_id=str(tmp_path)))
    tokenizer_without_chat = learn_tokenizer(["a"])
    tokenizer_without_chat.chat_template = None
    with pytest.raises(UserError, match="lacks a chat template"):
        check_tokenizer(tokenizer_without_chat, "mine")


@pytest.mark.parametrize(
    ("change", "package"), [("four_bit=true", "bitsandbytes"), ("attention=flash_attention_2", "flash-attn")]
)
def test_a_missing_package_is_named(
    tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, package: str
) -> None:
    monkeypatch.setattr(network.importlib.util, "find_spec", lambda name: None)
    build_tiny(choose_settings("tiny"), tokenizer).save_pretrained(str(tmp_path))
    chosen = choose_settings(
        "internvl3-1b", [f"model_id={tmp_path}", "image_side=64", "patch_side=16", change]
    )
    with pytest.raises(UserError, match=f"pip install {package}"):
        build_network(chosen, tokenizer)


def test_attention_is_chosen_by_device_and_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network.importlib.util, "find_spec", lambda name: object())
    assert network.choose_attention("auto", "cuda:0") == "flash_attention_2"
    assert network.choose_attention("auto", "cpu") == "sdpa"
    assert network.choose_attention("eager", "cuda") == "eager"
    monkeypatch.setattr(network.importlib.util, "find_spec", lambda name: None)
    assert network.choose_attention("auto", "cuda:0") == "sdpa"
