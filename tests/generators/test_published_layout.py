"""Models in the layout of Stable Audio Open: found whole, or refused in one line."""

import re
import shutil
import warnings
from collections.abc import Callable, Iterable
from importlib import util
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderOobleck, StableAudioDiTModel
from safetensors.torch import load_file, save_file

from leitmotif.generators.codecs import open as opening
from leitmotif.generators.codecs.open import open_codec
from leitmotif.generators.ecmg.parts import build_network
from leitmotif.generators.ecmg.settings import choose_settings
from leitmotif.generators.ecmg.text import open_text
from leitmotif.weights.resolve import BadModel
from tests.generators.published import write_published

FACTS = {"latent_dim": 8, "latent_rate_hz": 1000.0, "text_dim": 32, "clap_dim": 4}
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published(tmp_path_factory.mktemp("whole") / "model")


def test_all_parts_of_a_folder_are_found(whole: Path) -> None:
    codec, text = open_codec(str(whole)), open_text(None, str(whole))
    assert (codec.rate_hz, codec.channels, codec.hop, codec.latent_dim) == (8000, 2, 8, 8)
    assert (text.dim, text.max_tokens) == (32, 20)
    (states,) = text.states(["calm piano"])
    assert states.shape[1] == 32 and 2 <= len(states) <= 20
    settings = choose_settings("sao", [f"base={whole}", "frames=24", "control_layers=2"])
    net = build_network(settings, FACTS)
    saved = load_file(whole / "transformer" / WEIGHTS)
    assert saved.keys() == net.transformer.state_dict().keys()
    for name, weight in net.transformer.state_dict().items():
        assert torch.equal(saved[name], weight)


def test_a_folder_has_every_key_of_the_full_size(whole: Path) -> None:
    """What diffusers makes by default is Stable Audio Open 1.0, whose blocks differ by their number alone."""

    def keys(names: Iterable[str]) -> set[str]:
        return {re.sub(r"\.\d+\.", ".N.", name) for name in names}

    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        full = {"transformer": StableAudioDiTModel(), "vae": AutoencoderOobleck()}
    for part, net in full.items():
        assert keys(load_file(whole / part / WEIGHTS)) == keys(net.state_dict()), part


def drop_a_weight(folder: Path) -> None:
    path = folder / "transformer" / WEIGHTS
    weights = load_file(path)
    del weights["proj_in.weight"]
    save_file(weights, path, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda folder: (folder / "model_index.json").unlink(),
            "without model_index.json; expected a folder",
        ),
        (lambda folder: shutil.rmtree(folder / "transformer"), "without its part 'transformer'"),
        (lambda folder: (folder / "transformer" / WEIGHTS).unlink(), "does not load as StableAudioDiTModel"),
        (drop_a_weight, "1 weights do not fit its config.json, proj_in.weight first"),
        (lambda folder: (folder / "transformer" / WEIGHTS).write_bytes(b"x" * 99), "does not load as Stable"),
    ],
    ids=["index", "part", "weights", "weight", "damaged"],
)
def test_a_folder_that_is_not_whole_is_one_line(
    whole: Path, tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(whole, folder)
    spoil(folder)
    settings = choose_settings("sao", [f"base={folder}", "frames=24", "control_layers=2"])
    with pytest.raises(BadModel, match=said) as error:
        build_network(settings, FACTS)
    assert "\n" not in str(error.value)


def test_a_hub_id_that_cannot_be_fetched_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(BadModel, match="which is not in the cache and cannot be fetched") as error:
        open_codec("nobody/no-such-model")
    assert "accept its licence at https://huggingface.co/nobody/no-such-model" in str(error.value)
    assert "\n" not in str(error.value)


def test_without_diffusers_the_codec_of_stable_audio_says_how_to_get_it(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        opening, "find_spec", lambda name: None if name == "diffusers" else util.find_spec(name)
    )
    with pytest.raises(BadModel, match=r"needs the package 'diffusers', which is not installed; run `pip"):
        open_codec(str(whole))
    assert open_codec("codec-mini").latent_dim == 32  # which needs none
