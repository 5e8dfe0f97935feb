"""The MS-CLAP adapter, on a tiny checkpoint; slow tests compare it with its authors' code."""

import importlib
import json
import os
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leitmotif.encoders import ms_clap
from leitmotif.encoders.mel import MelSpectrogram
from leitmotif.encoders.ms_clap import MsClapEncoder
from leitmotif.weights.published import MSCLAP_2023
from leitmotif.weights.resolve import BadModel
from tests.encoders.msclap_files import (
    HTSAT,
    WORDS,
    published_weights,
    tiny_network,
    write_tiny_msclap,
    write_tokenizer,
)

TEXTS = ["the sound is clear and clean.", "the sound is noisy and with artifacts.", "x"]


def noise(length_s: float, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).normal(0, 0.1, round(length_s * ms_clap.RATE_HZ))
    return (samples * np.linspace(0, 1, len(samples))).astype(np.float32)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_tokenizer(tmp_path_factory.mktemp("gpt2"))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    write_tiny_msclap(tmp_path / MSCLAP_2023.file)
    return tmp_path / MSCLAP_2023.file


@pytest.fixture(scope="module")
def encoder(tokenizer: str, tmp_path_factory: pytest.TempPathFactory) -> MsClapEncoder:
    path = tmp_path_factory.mktemp("msclap") / MSCLAP_2023.file
    write_tiny_msclap(path)
    return MsClapEncoder(str(path), tokenizer=tokenizer, batch=2).load()


def test_the_encoder_says_what_it_reads(encoder):
    assert (encoder.rate_hz, encoder.window_s, encoder.dim) == (44_100, 7.0, 24)
    assert encoder.logit_scale == pytest.approx(np.exp(3.0))
    assert encoder.revision_id.startswith("sha256:")
    assert (MSCLAP_2023.model, MSCLAP_2023.revision) == (ms_clap.MODEL_ID, ms_clap.REVISION)


def test_every_published_weight_finds_its_place(encoder):
    net = tiny_network()
    for name, tensor in encoder._net.state_dict().items():
        assert torch.equal(tensor, net.state_dict()[name]), name


def test_windows_and_texts_become_unit_rows(encoder):
    audio, text = encoder.embed_windows([noise(7), noise(3, 1), noise(9, 2)]), encoder.embed_texts(TEXTS)
    assert audio.shape == text.shape == (3, 24)
    assert audio.dtype == text.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(audio, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(text, axis=1), 1.0, atol=1e-5)
    assert np.abs(text[0] - text[1]).max() > 1e-3 and np.abs(audio[0] - audio[1]).max() > 1e-4


def test_nothing_becomes_no_rows(encoder):
    assert encoder.embed_windows([]).shape == encoder.embed_texts([]).shape == (0, 24)


def test_neighbours_in_the_list_do_not_change_a_row(encoder):
    windows = [noise(7, seed) for seed in range(3)]
    together, texts = encoder.embed_windows(windows), encoder.embed_texts(TEXTS)
    np.testing.assert_allclose(
        together, np.concatenate([encoder.embed_windows([window]) for window in windows]), atol=1e-5
    )
    np.testing.assert_allclose(
        texts, np.concatenate([encoder.embed_texts([text]) for text in TEXTS]), atol=1e-5
    )
    assert np.array_equal(encoder.embed_windows(windows), together)
    assert np.array_equal(encoder.embed_texts(TEXTS), texts)


def test_a_long_window_counts_as_its_beginning_and_a_short_one_is_repeated(encoder):
    long, short = noise(8), noise(3, 1)
    assert np.array_equal(encoder.embed_windows([long]), encoder.embed_windows([long[: 7 * 44_100]]))
    repeated = np.concatenate([short, short, short])[: 7 * 44_100]
    assert np.array_equal(encoder.embed_windows([short]), encoder.embed_windows([repeated]))
    assert np.isfinite(encoder.embed_windows([np.array([0.5], np.float32)])).all()


def test_silence_has_a_finite_embedding(encoder):
    assert np.isfinite(encoder.embed_windows([np.zeros(7 * 44_100, np.float32)])).all()


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (np.zeros(0, np.float32), "n >= 1"),
        (np.zeros((2, 44_100), np.float32), "mono"),
        (np.array([0.0, np.nan], np.float32), "NaN"),
    ],
)
def test_a_window_that_is_no_audio_is_refused(encoder, window, message):
    with pytest.raises(ValueError, match=message):
        encoder.embed_windows([window])


def test_a_text_is_closed_by_the_end_of_text_and_filled_up_with_zeros(encoder):
    seen = []

    def look(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        seen.append((ids, mask))
        return torch.ones(len(ids), 24)

    encoder._net.embed_tokens, kept = look, encoder._net.embed_tokens
    try:
        encoder.embed_texts(["ab", "y" * 500])
    finally:
        encoder._net.embed_tokens = kept
    ids, mask = seen[0]
    assert ids.shape == mask.shape == (2, 77)
    # "a", "b", a space, the end of the text.
    assert ids[0].tolist() == [64, 65, 220, WORDS - 1] + [0] * 73
    assert mask.sum(dim=1).tolist() == [4, 77]


def test_the_last_token_that_is_not_zero_is_taken():
    net = tiny_network()
    ids = torch.tensor([[5, 6, 7, 0, 0], [5, 6, 7, 8, 9]])
    mask = ids.ne(0).long()
    with torch.no_grad():
        both, alone = net.embed_tokens(ids, mask), net.embed_tokens(ids[:1, :3], mask[:1, :3])
    torch.testing.assert_close(both[:1], alone, atol=1e-5, rtol=0)


def test_settings_travel_to_a_worker_before_loading():
    encoder = pickle.loads(pickle.dumps(MsClapEncoder("owner/name", revision="abc", batch=4)))
    assert (encoder.model, encoder.revision, encoder.batch) == ("owner/name", "abc", 4)
    with pytest.raises(RuntimeError, match="load"):
        encoder.embed_texts(["a"])
    with pytest.raises(ValueError, match="batch=0"):
        MsClapEncoder(batch=0)


def test_a_checkpoint_without_constants_loads_the_same(checkpoint, tokenizer, encoder):
    weights = published_weights(tiny_network())
    constants = ("melW", "masked_bias", ".attn.bias", "relative_position_index", "num_batches_tracked")
    torch.save({"model": {n: w for n, w in weights.items() if not n.endswith(constants)}}, checkpoint)
    plain = MsClapEncoder(str(checkpoint.parent), tokenizer=tokenizer, batch=2).load()
    np.testing.assert_allclose(plain.embed_windows([noise(7)]), encoder.embed_windows([noise(7)]), atol=1e-6)
    assert np.array_equal(plain.embed_texts(TEXTS), encoder.embed_texts(TEXTS))


def test_filters_in_the_checkpoint_are_those_that_are_used(checkpoint, tokenizer, encoder):
    weights = published_weights(tiny_network())
    weights[f"{HTSAT}logmel_extractor.melW"] *= 100.0
    torch.save({"model": weights}, checkpoint)
    louder = MsClapEncoder(str(checkpoint), tokenizer=tokenizer).load()
    window = torch.from_numpy(noise(7)[None])
    torch.testing.assert_close(louder._mel(window), encoder._mel(window) + 20.0, atol=1e-3, rtol=0)


def test_the_hub_is_asked_for_the_pinned_commit(checkpoint, tokenizer, monkeypatch):
    asked = []

    def download(repo: str, file: str, *, revision: str) -> str:
        asked.append((repo, file, revision))
        return str(checkpoint)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setenv("LEITMOTIF_MODELS", str(checkpoint.parent / "none"))
    assert MsClapEncoder(tokenizer=tokenizer).load().revision_id == ms_clap.REVISION
    assert MsClapEncoder("microsoft/msclap", revision="b", tokenizer=tokenizer).load().revision_id == "b"
    assert MsClapEncoder("owner/name", tokenizer=tokenizer).load().revision_id == "main"
    assert asked == [
        ("microsoft/msclap", MSCLAP_2023.file, ms_clap.REVISION),
        ("microsoft/msclap", MSCLAP_2023.file, "b"),
        ("owner/name", MSCLAP_2023.file, "main"),
    ]


def test_missing_weights_are_one_clear_line(tokenizer, tmp_path, monkeypatch):
    def download(*_: Any, **__: Any) -> str:
        raise OSError("no network\nand more")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setenv("LEITMOTIF_MODELS", str(tmp_path))
    for model in (None, "microsoft/msclap", str(tmp_path), str(tmp_path / "nowhere.pth"), "nowhere.pth"):
        with pytest.raises(BadModel, match="fetch-models --profile paper") as caught:
            MsClapEncoder(model, tokenizer=tokenizer).load()
        assert "\n" not in str(caught.value)
        assert "--set quality.model=PATH" in str(caught.value) and MSCLAP_2023.file in str(caught.value)


def test_a_missing_or_other_tokenizer_is_one_clear_line(checkpoint, tokenizer, tmp_path):
    with pytest.raises(BadModel, match="no such folder") as caught:
        MsClapEncoder(str(checkpoint), tokenizer=str(tmp_path / "nowhere")).load()
    assert "\n" not in str(caught.value)
    folder = Path(write_tokenizer(tmp_path / "other"))
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(vocabulary.read_text().replace('"!": 0', '"!": 1').replace('"\\"": 1', '"\\"": 0'))
    with pytest.raises(BadModel, match="'!' as 1; expected GPT-2's, with 257 words and '!' as 0"):
        MsClapEncoder(str(checkpoint), tokenizer=str(folder)).load()


def _without(name: str) -> dict[str, torch.Tensor]:
    return {n: w for n, w in published_weights(tiny_network()).items() if n != name}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:50_000]), "does not open as a checkpoint"),
        (lambda path: path.write_text("<html>"), "does not open as a checkpoint"),
        (lambda path: torch.save({"state_dict": {}}, path), "without weights under 'model'"),
        (lambda path: torch.save({"model": {}}, path), "does not load as MS-CLAP 2023"),
        (
            lambda path: torch.save({"model": _without("caption_encoder.base.wte.weight")}, path),
            "caption_encoder.base.wte.weight' is not among its weights",
        ),
        (lambda path: torch.save({"model": _without("logit_scale")}, path), "1 weights missing, logit_scale"),
        (
            lambda path: torch.save({"model": _without("") | {"audio_encoder.more": torch.ones(1)}}, path),
            "1 weights unexpected, audio_encoder.more",
        ),
        (
            lambda path: torch.save({"model": _without("") | {"logit_scale": torch.ones(2)}}, path),
            "1 weights of another shape, logit_scale",
        ),
    ],
)
def test_a_file_that_is_no_checkpoint_is_one_clear_line(checkpoint, tokenizer, damage, message):
    damage(checkpoint)
    with pytest.raises(BadModel, match=message) as caught:
        MsClapEncoder(str(checkpoint), tokenizer=tokenizer).load()
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_spectrogram_is_that_of_torchlibrosa():
    stft = pytest.importorskip("torchlibrosa.stft")
    spectrogram = stft.Spectrogram(n_fft=1024, hop_length=320, freeze_parameters=True)
    filters = stft.LogmelFilterBank(
        sr=32_000, n_fft=1024, n_mels=64, fmin=50, fmax=14_000, top_db=None, freeze_parameters=True
    )
    windows = torch.from_numpy(np.stack([noise(7), noise(7, 1), np.zeros(7 * 44_100, np.float32)]))
    expected = filters(spectrogram(windows))
    found = MelSpectrogram(ms_clap.front_end({}), fused=False)(windows)
    assert found.shape == expected.shape == (3, 1, 965, 64)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The authors' network: LEITMOTIF_MSCLAP names a folder with the unpacked wheel of `msclap`."""
    source = Path(os.environ.get("LEITMOTIF_MSCLAP", "")) / "msclap"
    if not (source / "models" / "clap.py").is_file():
        pytest.skip(
            "no msclap: `pip download --no-deps msclap`, unzip it, set LEITMOTIF_MSCLAP to the folder"
        )
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torchlibrosa")
    # The package itself imports torchaudio; its models do not.
    for name, folder in (("msclap", source), ("msclap.models", source / "models")):
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        monkeypatch.setitem(sys.modules, name, package)
    monkeypatch.setattr(
        transformers.AutoModel,
        "from_pretrained",
        lambda name: transformers.GPT2Model(transformers.GPT2Config()),
    )
    return importlib.import_module("msclap.models.clap")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning")
def test_the_embeddings_are_those_of_the_authors_code(upstream, tmp_path):
    torch.manual_seed(0)
    net = upstream.CLAP("HTSAT", 44_100, 1024, 320, 64, 50, 8000, 527, 768, "gpt2", 768, 1024).eval()
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if "extractor" not in name:
                weight.mul_(1.5).add_(torch.randn_like(weight) * (0.05 if weight.dim() == 1 else 0.0))
        net.audio_encoder.base.htsat.bn0.running_mean.normal_(-30, 5)
        net.audio_encoder.base.htsat.bn0.running_var.uniform_(50, 300)
        net.logit_scale.fill_(4.0)
    path = tmp_path / MSCLAP_2023.file
    torch.save({"model": net.state_dict()}, path)
    folder = Path(write_tokenizer(tmp_path / "gpt2"))
    words = json.loads((folder / "vocab.json").read_text())
    words |= {"<|endoftext|>": 50_256} | {f"unused {number}": number for number in range(256, 50_256)}
    (folder / "vocab.json").write_text(json.dumps(words))
    encoder = MsClapEncoder(str(path), tokenizer=str(folder), batch=2).load()
    assert encoder.logit_scale == pytest.approx(np.exp(4.0))

    windows = [noise(7), noise(7, 1), noise(2, 2), np.zeros(7 * 44_100, np.float32)]
    repeated = torch.from_numpy(np.stack([np.resize(window, 7 * 44_100) for window in windows]))
    tokens = encoder._tokenizer(
        [f"{text} <|endoftext|>" for text in TEXTS], padding="max_length", max_length=77, return_tensors="pt"
    )
    with torch.no_grad():
        audio, text = net.audio_encoder(repeated)[0], net.caption_encoder(dict(tokens))
    assert (audio[0] - audio[1]).abs().max() > 1e-2 and (text[0] - text[1]).abs().max() > 1e-2
    for found, expected in ((encoder.embed_windows(windows), audio), (encoder.embed_texts(TEXTS), text)):
        expected = torch.nn.functional.normalize(expected, dim=-1).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-6)
