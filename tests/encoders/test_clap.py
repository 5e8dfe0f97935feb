"""The CLAP adapter, on the weights that ship and on random tiny ones."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

from leitmotif.encoders.clap import ClapEncoder, _windows_at_once, fit_window
from leitmotif.encoders.tokenizers import train_tokenizer
from leitmotif.weights.resolve import BadModel

TEXTS = ["the sound of a violin", "fast rock music with drums", "zydeco, said qwertz"]


def tone(length_s: float, hz: float = 440.0, rate_hz: int = 48_000) -> np.ndarray:
    time_s = np.arange(round(length_s * rate_hz)) / rate_hz
    return (0.3 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


@pytest.fixture(scope="module")
def mini() -> ClapEncoder:
    return ClapEncoder("clap-mini", batch=2).load()


def save_random_clap(folder: Path, *, fused: bool) -> None:
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS, style="roberta", size=300, max_length=16)
    config = ClapConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 18,
            "pad_token_id": tokenizer.pad_token_id,
        },
        audio_config={
            "patch_embeds_hidden_size": 16, "hidden_size": 32, "depths": [1, 1],
            "num_attention_heads": [2, 2],
            "num_hidden_layers": 2, "spec_size": 128, "num_mel_bins": 64, "window_size": 4, "num_classes": 2,
            "enable_fusion": fused, "fusion_type": "aff_2d" if fused else None,
        },
        projection_dim=8,
    )  # fmt: skip
    ClapModel(config).save_pretrained(folder)
    truncation = "fusion" if fused else "rand_trunc"
    ClapFeatureExtractor(max_length_s=2, truncation=truncation).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "fused"])
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ClapEncoder:
    folder = tmp_path_factory.mktemp("clap")
    save_random_clap(folder, fused=request.param)
    return ClapEncoder(str(folder), batch=3).load()


def test_the_shipped_model_says_what_it_reads(mini):
    assert (mini.rate_hz, mini.window_s) == (48_000, 10.0)
    assert mini.dim == 128
    assert mini.logit_scale > 1.0
    assert mini.revision_id.startswith("sha256:")
    assert len(mini.revision_id) == len("sha256:") + 12


def test_the_shipped_weights_are_small():
    from leitmotif.weights.resolve import SHIPPED_DIR

    assert (SHIPPED_DIR / "clap-mini" / "model.safetensors").stat().st_size <= 8_000_000


def test_windows_and_texts_become_unit_rows(mini):
    audio = mini.embed_windows([tone(10), tone(0.5), tone(12)])
    text = mini.embed_texts(TEXTS)
    assert audio.shape == text.shape == (3, mini.dim)
    assert audio.dtype == text.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(audio, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(text, axis=1), 1.0, atol=1e-5)


def test_nothing_becomes_no_rows(mini):
    assert mini.embed_windows([]).shape == (0, mini.dim)
    assert mini.embed_texts([]).shape == (0, mini.dim)


def test_a_clip_gets_the_same_bits_whatever_was_embedded_before(mini):
    clip = [tone(10, 300), tone(10, 500), tone(3, 700)]
    alone = mini.embed_windows(clip)
    mini.embed_windows([tone(10, hz) for hz in (100, 200, 900, 1500, 3000)])
    assert np.array_equal(mini.embed_windows(clip), alone)
    assert np.array_equal(ClapEncoder("clap-mini", batch=2).load().embed_windows(clip), alone)


def test_other_windows_in_the_list_hardly_change_a_window(tiny):
    windows = [tone(2, hz) for hz in (200, 400, 800, 1600)]
    together = tiny.embed_windows(windows)
    apart = np.concatenate([tiny.embed_windows([window]) for window in windows])
    np.testing.assert_allclose(together, apart, atol=1e-5)


def test_embedding_twice_gives_the_same_bits(tiny):
    windows = [tone(5, 200), tone(0.1, 300)]
    assert np.array_equal(tiny.embed_windows(windows), tiny.embed_windows(windows))
    assert np.array_equal(tiny.embed_texts(TEXTS), tiny.embed_texts(TEXTS))


def test_silence_has_an_embedding_like_any_sound(tiny):
    silent = tiny.embed_windows([np.zeros(48_000, np.float32), np.zeros(1, np.float32)])
    assert np.isfinite(silent).all()
    np.testing.assert_array_equal(silent[0], silent[1])
    np.testing.assert_allclose(np.linalg.norm(silent, axis=1), 1.0, atol=1e-5)


def test_the_order_of_windows_is_kept(tiny):
    windows = [tone(2, hz) for hz in (200, 400, 800, 1600, 3200)]
    forth, back = tiny.embed_windows(windows), tiny.embed_windows(windows[::-1])
    np.testing.assert_allclose(forth, back[::-1], atol=1e-5)
    assert np.abs(forth[0] - forth[4]).max() > 1e-4


def test_features_and_network_are_those_of_transformers(tiny):
    windows = [tone(2, 300), np.resize(tone(1, 500), 96_000)]
    inputs = tiny._features(
        windows, sampling_rate=48_000, truncation=tiny._features.truncation, return_tensors="pt"
    )
    with torch.inference_mode():
        expected = tiny._net.get_audio_features(
            inputs["input_features"].float(), is_longer=torch.zeros(2, 1)
        ).pooler_output
    np.testing.assert_allclose(tiny.embed_windows(windows), expected, atol=1e-5)


def test_a_long_window_counts_as_its_beginning(tiny):
    long = np.concatenate([tone(2, 300), tone(3, 2000)])
    assert np.array_equal(tiny.embed_windows([long]), tiny.embed_windows([long[: 2 * 48_000]]))


def test_a_long_text_is_cut_rather_than_refused(tiny):
    assert tiny.embed_texts(["very " * 500 + "long"]).shape == (1, tiny.dim)


def test_settings_travel_to_a_worker_before_loading():
    encoder = pickle.loads(pickle.dumps(ClapEncoder("clap-mini", batch=4)))
    assert (encoder.model, encoder.batch) == ("clap-mini", 4)
    with pytest.raises(RuntimeError, match="load"):
        encoder.embed_texts(["a"])


def test_a_short_window_is_repeated_whole_then_padded():
    window = np.arange(1, 4, dtype=np.float32)
    assert fit_window(window, 8).tolist() == [1, 2, 3, 1, 2, 3, 0, 0]
    assert fit_window(window, 8, padding="repeat").tolist() == [1, 2, 3, 1, 2, 3, 1, 2]
    assert fit_window(window, 8, padding="pad").tolist() == [1, 2, 3, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (np.zeros(0, np.float32), "n >= 1"),
        (np.zeros((2, 100), np.float32), "mono"),
        (np.array([0.0, np.nan], np.float32), "NaN"),
    ],
)
def test_a_window_that_is_no_audio_is_refused(mini, window, message):
    with pytest.raises(ValueError, match=message):
        mini.embed_windows([window])


def test_a_missing_or_incomplete_folder_is_one_clear_line(tmp_path):
    for model, message in (
        (str(tmp_path / "nowhere"), "no such folder"),
        ("clap-mimi", "no such folder"),
        (str(tmp_path), "without config.json and model.safetensors"),
    ):
        with pytest.raises(BadModel, match=message) as caught:
            ClapEncoder(model).load()
        assert "\n" not in str(caught.value)


def test_a_folder_of_another_model_is_one_clear_line(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "clap"')
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 16)
    with pytest.raises(BadModel, match="does not load as CLAP") as caught:
        ClapEncoder(str(tmp_path)).load()
    assert "\n" not in str(caught.value)


def test_old_and_new_files_of_weights_embed_alike(tmp_path):
    save_random_clap(tmp_path, fused=False)
    new = ClapEncoder(str(tmp_path)).load()
    weights = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    old = ClapEncoder(str(tmp_path)).load()
    assert np.array_equal(old.embed_windows([tone(2)]), new.embed_windows([tone(2)]))
    assert old.revision_id != new.revision_id


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_one_clear_line(tmp_path, name, kept):
    save_random_clap(tmp_path, fused=False)
    whole = tmp_path / "model.safetensors"
    if name != whole.name:
        torch.save(load_file(whole), tmp_path / name)
        whole.unlink()
    contents = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(contents[: int(kept * len(contents))])
    with pytest.raises(BadModel, match="does not load as CLAP") as caught:
        ClapEncoder(str(tmp_path)).load()
    assert "\n" not in str(caught.value)


def test_a_large_network_runs_fewer_windows_at_once():
    published = ClapConfig().audio_config
    assert _windows_at_once(published, "cpu") == 1
    assert _windows_at_once(published, "cuda:0") == 64
    assert ClapEncoder("clap-mini").load()._at_once > 1


def test_a_batch_is_one_or_more():
    with pytest.raises(ValueError, match="batch=0"):
        ClapEncoder("clap-mini", batch=0)


def test_weights_that_lack_a_layer_are_refused(tmp_path):
    save_random_clap(tmp_path, fused=False)
    weights = load_file(tmp_path / "model.safetensors")
    save_file(
        {name: w for name, w in weights.items() if "audio_projection" not in name},
        tmp_path / "model.safetensors",
    )
    with pytest.raises(BadModel, match="4 weights are missing, audio_projection") as caught:
        ClapEncoder(str(tmp_path)).load()
    assert "\n" not in str(caught.value)
