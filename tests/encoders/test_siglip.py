"""The SigLIP adapter on random tiny weights, with a tokenizer of its kind."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

from leitmotif.encoders.siglip import SiglipEncoder, canonical
from leitmotif.weights.resolve import BadModel

TEXTS = ["a calm scene", "A calm, scene!", "a dark city"]
SIDE, TOKENS = 32, 12


def picture(seed: int, size: tuple[int, int] = (96, 54)) -> Image.Image:
    width, height = size
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


def save_tokenizer(folder: Path) -> None:
    """Pieces of sentences as SigLIP's tokenizer has them: </s> ends a text and fills it up."""
    pieces = ["<unk>", "</s>", "▁", *"abcdefghijklmnopqrstuvwxyz", "▁calm", "▁city"]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(n)) for n, piece in enumerate(pieces)], unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "SiglipTokenizer", **special})
    )


def save_random_siglip(folder: Path) -> None:
    torch.manual_seed(0)
    tower = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = SiglipConfig(
        text_config={**tower, "vocab_size": 31, "max_position_embeddings": TOKENS, "projection_size": 16},
        vision_config={**tower, "image_size": SIDE, "patch_size": 8},
    )
    SiglipModel(config).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    save_tokenizer(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("siglip")
    save_random_siglip(folder)
    return folder


@pytest.fixture(scope="module")
def tiny(folder: Path) -> SiglipEncoder:
    return SiglipEncoder(str(folder), batch=3).load()


def test_images_and_texts_become_unit_rows(tiny):
    images = tiny.embed_images([picture(1), picture(2, (40, 90)), picture(3).convert("L")])
    texts = tiny.embed_texts(TEXTS)
    assert images.shape == texts.shape == (3, tiny.dim) == (3, 16)
    assert images.dtype == texts.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1.0, atol=1e-5)
    assert tiny.revision_id.startswith("sha256:")


def test_pictures_of_any_size_are_read(tiny):
    assert np.isfinite(tiny.embed_images([picture(1, (1, 1)), Image.new("RGB", (64, 64))])).all()


def test_nothing_becomes_no_rows(tiny):
    assert tiny.embed_images([]).shape == (0, tiny.dim)
    assert tiny.embed_texts([]).shape == (0, tiny.dim)


def test_images_are_embedded_alike_alone_and_in_any_order(tiny):
    images = [picture(seed) for seed in range(5)]
    together = tiny.embed_images(images)
    assert np.array_equal(tiny.embed_images(images), together)
    apart = np.concatenate([tiny.embed_images([image]) for image in images])
    np.testing.assert_allclose(together, apart, atol=1e-5)
    np.testing.assert_allclose(together, tiny.embed_images(images[::-1])[::-1], atol=1e-5)


def test_the_numbers_are_those_of_transformers(tiny, folder):
    model = SiglipModel.from_pretrained(folder).eval()
    processor = SiglipImageProcessorPil.from_pretrained(folder)
    pixels = processor(images=[picture(1)], return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        expected = model.get_image_features(pixel_values=pixels).pooler_output
    expected = expected / expected.norm()
    np.testing.assert_allclose(tiny.embed_images([picture(1)]), expected, atol=1e-5)


def test_a_text_is_cut_or_filled_to_the_length_of_training(tiny):
    short, long = tiny._tokens(["a calm city", "qwertz " * 50])["input_ids"].tolist()
    assert len(short) == len(long) == TOKENS
    end = tiny._tokenizer.eos_token_id
    assert short[-1] == short[-2] == end
    assert long.count(end) == 1
    assert long[-1] == end


def test_case_and_punctuation_say_nothing(tiny):
    assert canonical("  A calm,\n (dark) scene! ") == "a calm dark scene"
    texts = tiny.embed_texts(TEXTS)
    np.testing.assert_array_equal(texts[0], texts[1])
    assert np.abs(texts[0] - texts[2]).max() > 1e-4


def test_without_a_tokenizer_it_is_one_clear_line(tmp_path):
    save_random_siglip(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(BadModel, match=r"without tokenizer\.json") as caught:
        SiglipEncoder(str(tmp_path)).load()
    assert "\n" not in str(caught.value)


def test_weights_that_lack_a_layer_are_refused(tmp_path):
    save_random_siglip(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["vision_model.post_layernorm.bias"]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(BadModel, match=r"1 weights are missing, vision_model\.post_layernorm\.bias"):
        SiglipEncoder(str(tmp_path)).load()


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_one_clear_line(tmp_path, kept):
    save_random_siglip(tmp_path)
    contents = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(contents[: int(kept * len(contents))])
    with pytest.raises(BadModel, match="does not load as SigLIP") as caught:
        SiglipEncoder(str(tmp_path)).load()
    assert "\n" not in str(caught.value)


def test_a_clip_folder_is_no_siglip():
    with pytest.raises(BadModel, match="model_type 'clip'"):
        SiglipEncoder("clip-mini").load()
