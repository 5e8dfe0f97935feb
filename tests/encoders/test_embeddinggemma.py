"""EmbeddingGemma 2 on random tiny weights of its architecture, in the folder that is published."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import EmbeddingGemma2Model

from leitmotif.encoders.embeddinggemma import ASKED, CAPTION, EmbeddingGemmaEncoder
from leitmotif.weights.resolve import BadModel
from tests.encoders.gemma_files import TEXTS, save_random_gemma


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gemma")
    save_random_gemma(folder)
    return folder


@pytest.fixture(scope="module")
def tiny(folder: Path) -> EmbeddingGemmaEncoder:
    return EmbeddingGemmaEncoder(str(folder), batch=2).load()


def test_the_folder_is_of_the_published_form(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert (config["model_type"], config["architectures"]) == ("embedding_gemma2", ["EmbeddingGemma2Model"])
    assert config["audio_config"]["model_type"] == "gemma4_audio"
    assert config["vision_config"]["model_type"] == "gemma4_vision"


def test_texts_become_unit_rows_whatever_else_is_in_the_list(tiny: EmbeddingGemmaEncoder) -> None:
    for embed in (tiny.embed_texts, tiny.embed_captions):
        together = embed(TEXTS)
        assert together.shape == (3, tiny.dim) == (3, 12)
        assert together.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
        alone = np.concatenate([embed([text]) for text in TEXTS])
        np.testing.assert_allclose(together, alone, atol=1e-5)
        assert embed([]).shape == (0, 12)


def test_an_embedding_is_the_mean_over_the_tokens_of_prompt_and_text(
    folder: Path, tiny: EmbeddingGemmaEncoder
) -> None:
    whole = EmbeddingGemma2Model.from_pretrained(folder, dtype=torch.float32).eval()
    for embed, prompt in ((tiny.embed_texts, ASKED), (tiny.embed_captions, CAPTION)):
        ids = tiny._tokenizer(prompt.format(TEXTS[0]), return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            mean = whole(input_ids=ids).last_hidden_state.mean(dim=1)
        expected = torch.nn.functional.normalize(mean).numpy()
        np.testing.assert_allclose(embed(TEXTS[:1]), expected, atol=1e-5)
    assert not np.allclose(tiny.embed_texts(TEXTS[:1]), tiny.embed_captions(TEXTS[:1]), atol=1e-3)


def test_only_what_reads_is_loaded(tiny: EmbeddingGemmaEncoder) -> None:
    names = {name.partition(".")[0] for name, _ in tiny._net.named_parameters()}
    assert names == {"language_model"}


def test_another_kind_of_model_is_one_line(tmp_path: Path, folder: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    with pytest.raises(BadModel, match="does not load as EmbeddingGemma 2") as caught:
        EmbeddingGemmaEncoder(str(tmp_path)).load()
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_whole_are_one_line(tmp_path: Path, folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    del weights["language_model.norm.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadModel, match=r"1 weights are missing, language_model\.norm\.weight first"):
        EmbeddingGemmaEncoder(str(tmp_path)).load()
