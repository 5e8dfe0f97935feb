"""The CLIP adapter, on the weights that ship and on random tiny ones."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

from leitmotif.encoders.clip import ClipEncoder
from leitmotif.encoders.tokenizers import train_tokenizer
from leitmotif.weights.resolve import BadModel

TEXTS = ["a calm scene", "a dark city", "qwertz"]


def picture(seed: int, size: tuple[int, int] = (96, 54)) -> Image.Image:
    width, height = size
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def mini() -> ClipEncoder:
    return ClipEncoder("clip-mini", batch=2).load()


def save_random_clip(folder: Path) -> None:
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS, style="clip", size=300, max_length=12)
    tower = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {
        **tower,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 12,
        "eos_token_id": tokenizer.eos_token_id,
    }
    config = CLIPConfig(
        text_config=text, vision_config={**tower, "image_size": 32, "patch_size": 8}, projection_dim=8
    )
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
        folder
    )


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ClipEncoder:
    folder = tmp_path_factory.mktemp("clip")
    save_random_clip(folder)
    return ClipEncoder(str(folder), batch=3).load()


def test_images_and_texts_become_unit_rows(mini):
    images = mini.embed_images([picture(1), picture(2, (40, 90)), picture(3).convert("L")])
    texts = mini.embed_texts(TEXTS)
    assert images.shape == texts.shape == (3, mini.dim)
    assert images.dtype == texts.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1.0, atol=1e-5)


def test_nothing_becomes_no_rows(mini):
    assert mini.embed_images([]).shape == (0, mini.dim)
    assert mini.embed_texts([]).shape == (0, mini.dim)


def test_the_same_images_get_the_same_bits(mini):
    images = [picture(seed) for seed in range(3)]
    first = mini.embed_images(images)
    mini.embed_images([picture(seed) for seed in range(10, 15)])
    assert np.array_equal(mini.embed_images(images), first)


def test_other_images_in_the_list_hardly_change_an_image(tiny):
    images = [picture(seed) for seed in range(4)]
    apart = np.concatenate([tiny.embed_images([image]) for image in images])
    np.testing.assert_allclose(tiny.embed_images(images), apart, atol=1e-5)


def test_the_order_of_images_is_kept(tiny):
    images = [picture(seed) for seed in range(5)]
    np.testing.assert_allclose(tiny.embed_images(images), tiny.embed_images(images[::-1])[::-1], atol=1e-5)


def test_prepared_pixels_embed_like_their_images(tiny):
    images = [picture(1), picture(2, (40, 90))]
    pixels = tiny.prepare_images(images)
    assert pixels.shape == (2, 3, 32, 32)
    assert pixels.dtype == torch.float32
    assert np.array_equal(tiny.embed_pixels(pixels), tiny.embed_images(images))


def test_images_of_any_kind_and_size_are_read(tiny):
    odd = [picture(1, (1, 1)), picture(2, (1, 300)), picture(3).convert("RGBA"), picture(4).convert("P")]
    assert np.isfinite(tiny.embed_images(odd)).all()
    black = tiny.embed_images([Image.new("RGB", (64, 64))])
    np.testing.assert_allclose(np.linalg.norm(black, axis=1), 1.0, atol=1e-5)
    with pytest.raises(ValueError, match="0 x 5 pixels"):
        tiny.embed_images([Image.new("RGB", (0, 5))])


def test_the_published_way_to_write_sizes_is_understood(tmp_path):
    save_random_clip(tmp_path)
    published = {
        "crop_size": 32, "do_center_crop": True, "do_normalize": True, "do_resize": True, "size": 32,
        "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }  # fmt: skip
    expected = ClipEncoder(str(tmp_path)).load().embed_images([picture(1)])
    for old in tmp_path.glob("*processor*"):
        old.unlink()
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(published))
    assert np.array_equal(ClipEncoder(str(tmp_path)).load().embed_images([picture(1)]), expected)


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_one_clear_line(tmp_path, kept):
    save_random_clip(tmp_path)
    contents = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(contents[: int(kept * len(contents))])
    with pytest.raises(BadModel, match="does not load as CLIP") as caught:
        ClipEncoder(str(tmp_path)).load()
    assert "\n" not in str(caught.value)


def test_settings_travel_to_a_worker_before_loading():
    encoder = pickle.loads(pickle.dumps(ClipEncoder("clip-mini", batch=4)))
    assert (encoder.model, encoder.batch) == ("clip-mini", 4)
    with pytest.raises(RuntimeError, match="load"):
        encoder.embed_images([picture(1)])


def test_a_long_text_is_cut_rather_than_refused(tiny):
    assert tiny.embed_texts(["very " * 300 + "long"]).shape == (1, tiny.dim)


def test_the_shipped_weights_are_small_and_named(mini):
    from leitmotif.weights.resolve import SHIPPED_DIR

    assert (SHIPPED_DIR / "clip-mini" / "model.safetensors").stat().st_size <= 8_000_000
    assert mini.revision_id.startswith("sha256:")
    assert mini.logit_scale > 1.0


def test_a_clap_folder_is_no_clip():
    with pytest.raises(BadModel, match="model_type 'clap'") as caught:
        ClipEncoder("clap-mini").load()
    assert "\n" not in str(caught.value)
