"""LAION's own checkpoints, tiny and random, in their own format."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import ClapModel

from leitmotif.encoders.clap import ClapEncoder
from leitmotif.encoders.laion import convert_laion, laion_config, load_laion
from leitmotif.encoders.laion_clap import LaionClapEncoder
from leitmotif.weights.resolve import BadModel
from tests.encoders.laion_originals import original_state, random_model, save_original, save_roberta_tokenizer


def noise(length_s: float, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(48_000 * length_s)).astype(np.float32)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> str:
    return str(save_roberta_tokenizer(tmp_path_factory.mktemp("roberta")))


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "fused"])
def saved(request, tmp_path_factory) -> tuple[ClapModel, Path]:
    """A model, and a file of its weights in LAION's format."""
    path = tmp_path_factory.mktemp("laion") / "weights.pt"
    model = random_model(fused=request.param)
    save_original(path, original_state(model))
    return model, path


def test_every_weight_finds_its_place(saved):
    model, path = saved
    loaded = load_laion(path).state_dict()
    assert loaded.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded[name], tensor), name


def test_size_and_fusion_are_read_from_the_shapes(saved):
    model, _ = saved
    config = laion_config(original_state(model))
    for side in ("audio_config", "text_config"):
        own, read = getattr(model.config, side).to_dict(), getattr(config, side).to_dict()
        assert {name: read[name] for name in own} == own


def test_the_published_sizes_are_told_apart():
    for width, depths in ((96, [2, 2, 6, 2]), (128, [2, 2, 12, 2])):
        state = {
            "audio_branch.patch_embed.proj.weight": torch.empty(width, 1, 4, 4),
            "audio_branch.bn0.weight": torch.empty(64),
            "audio_branch.layers.0.blocks.0.mlp.fc1.weight": torch.empty(4 * width, width),
            "audio_projection.2.weight": torch.empty(512, 512),
            "text_projection.2.weight": torch.empty(512, 512),
            "text_branch.embeddings.word_embeddings.weight": torch.empty(50265, 768),
            "text_branch.embeddings.position_embeddings.weight": torch.empty(514, 768),
            "text_branch.encoder.layer.11.output.dense.bias": torch.empty(768),
            "text_branch.encoder.layer.0.intermediate.dense.weight": torch.empty(3072, 768),
        }
        for layer, (depth, heads) in enumerate(zip(depths, (4, 8, 16, 32), strict=True)):
            for block in range(depth):
                name = f"audio_branch.layers.{layer}.blocks.{block}.attn.relative_position_bias_table"
                state[name] = torch.empty(225, heads)
        config = laion_config(state)
        assert config.audio_config.depths == depths
        assert config.audio_config.hidden_size == 8 * width
        assert config.audio_config.num_attention_heads == [4, 8, 16, 32]
        assert (config.audio_config.window_size, config.audio_config.patch_size) == (8, 4)
        assert (config.text_config.num_hidden_layers, config.text_config.num_attention_heads) == (12, 12)
        assert config.projection_dim == 512


def test_a_checkpoint_embeds_as_its_model_does(saved, tokenizer):
    model, path = saved
    encoder = ClapEncoder(str(path), tokenizer=tokenizer, batch=2).load()
    assert (encoder.rate_hz, encoder.window_s, encoder.dim) == (48_000, 10.0, 16)
    assert encoder.revision_id.startswith("sha256:")
    windows = [noise(10), noise(3, 1), np.zeros(48_000, np.float32)]
    audio, text = encoder.embed_windows(windows), encoder.embed_texts(["the cat", "th" * 500])
    assert audio.shape == (3, 16)
    assert text.shape == (2, 16)
    features = encoder._features(
        [windows[0]], sampling_rate=48_000, truncation=encoder._features.truncation, return_tensors="pt"
    )["input_features"].float()
    with torch.inference_mode():
        expected = model.get_audio_features(features, is_longer=torch.zeros(1, 1)).pooler_output
    np.testing.assert_allclose(audio[:1], expected, atol=1e-5)
    apart = np.concatenate([encoder.embed_windows([window]) for window in windows])
    np.testing.assert_allclose(audio, apart, atol=1e-5)


def damaged(state: dict[str, torch.Tensor], damage: str) -> dict[str, torch.Tensor]:
    """Weights that are not what they should be, one way or another."""
    if damage == "missing":
        del state["audio_branch.layers.1.blocks.0.mlp.fc2.bias"]
    elif damage == "unknown":
        state["audio_branch.patch_embed.fusion_model.local_att2.0.weight"] = torch.zeros(1)
    elif damage == "of another shape":
        state["text_branch.pooler.dense.weight"] = torch.zeros(3, 3)
    elif damage == "PANN":
        state = {"audio_branch.conv_block1.conv1.weight": torch.zeros(64, 1, 3, 3)}
    elif damage == "empty":
        state = {}
    return state


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("missing", r"1 weights missing, audio_model.*layers.1.blocks.0.output.dense.bias first"),
        ("unknown", r"1 weights unexpected, audio_model.*local_att2.0.weight first"),
        ("of another shape", r"1 weights of another shape, text_model.pooler.dense.weight first"),
        ("PANN", r"no weight 'audio_branch.patch_embed.proj.weight'"),
        ("empty", r"no weight 'audio_branch.patch_embed.proj.weight'"),
    ],
)
def test_weights_of_another_kind_are_one_clear_line(tmp_path, damage, said):
    path = tmp_path / "bad.pt"
    save_original(path, damaged(original_state(random_model()), damage))
    with pytest.raises(BadModel, match=said) as caught:
        load_laion(path)
    assert "\n" not in str(caught.value)
    assert "HTSAT" in str(caught.value)


class Harmful:
    """What a foreign file could run when it is unpickled."""

    def __reduce__(self):
        return (Path.write_text, (Path("harm"), "done"))


def test_code_in_a_file_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {}, "args": Harmful()}, tmp_path / "bad.pt")
    with pytest.raises(BadModel, match="does not open as a checkpoint"):
        load_laion(tmp_path / "bad.pt")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_one_clear_line(saved, tmp_path, tokenizer, kept):
    contents = saved[1].read_bytes()
    (tmp_path / "cut.pt").write_bytes(contents[: int(kept * len(contents))])
    with pytest.raises(BadModel, match=r"does not open as a checkpoint.*fetch it again") as caught:
        ClapEncoder(str(tmp_path / "cut.pt"), tokenizer=tokenizer).load()
    assert "\n" not in str(caught.value)


def test_a_file_of_another_format_is_one_clear_line(tmp_path):
    with (tmp_path / "x.pt").open("wb") as file:
        pickle.dump({"weights": [1, 2]}, file, protocol=2)
    with pytest.raises(BadModel):
        load_laion(tmp_path / "x.pt")
    torch.save({"model": {}}, tmp_path / "x.pt")
    with pytest.raises(BadModel, match="without weights under 'state_dict'"):
        load_laion(tmp_path / "x.pt")


def test_names_that_are_not_known_are_kept_to_be_refused():
    assert convert_laion({"visual.proj": torch.zeros(1)}).keys() == {"visual.proj"}


@pytest.mark.parametrize("model", ["clap-mini", "laion/larger_clap_general"])
def test_the_package_takes_only_a_file(model):
    with pytest.raises(BadModel, match=r"expected a \.pt file"):
        LaionClapEncoder(model).load()


def test_without_the_package_its_backend_is_one_clear_line(saved, tokenizer, monkeypatch):
    monkeypatch.setitem(sys.modules, "laion_clap", None)
    with pytest.raises(BadModel, match=r"no working package laion-clap.*docs/laion-parity.md"):
        LaionClapEncoder(str(saved[1]), tokenizer=tokenizer).load()
