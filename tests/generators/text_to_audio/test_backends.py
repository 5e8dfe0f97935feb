"""Every text-to-audio backend on tiny weights of its architecture, in its published format."""

import shutil
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableAudioPipeline
from transformers import T5EncoderModel, T5Tokenizer

from leitmotif import plugins
from leitmotif.generators.backends import descriptions, facts_of, open_generator
from leitmotif.generators.generator import Request
from leitmotif.generators.text_to_audio.audiocraft import CODEC_NAMES, renamed
from leitmotif.generators.text_to_audio.text_to_audio import TextToAudio
from leitmotif.storage.errors import UserError
from leitmotif.weights.adapters import GENERATE, adapters, constants_of
from leitmotif.weights.resolve import BadModel
from tests.generators.text_to_audio.tiny_models import WRITERS, audiogen, write_musicgen, write_stable_audio_3

CALM = Request(seconds=0.31, prompt="calm wind", seed=1)
FAST = Request(seconds=0.2, prompt="fast steps", seed=2)
NAMES = sorted(descriptions())


@pytest.fixture(scope="module", autouse=True)
def few_steps() -> Iterator[None]:
    """Diffusion in a few steps: on random weights more of them say nothing more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leitmotif.generators.text_to_audio.audioldm2.STEPS", 4)
        patch.setattr("leitmotif.generators.text_to_audio.stable_audio_open.STEPS", 4)
        patch.setattr("leitmotif.generators.text_to_audio.stable_audio_3.BASE_STEPS", 4)
        yield


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of each backend that takes one."""
    place = tmp_path_factory.mktemp("models")
    return {name: write(place / name) for name, write in WRITERS.items()}


@pytest.fixture(scope="module")
def backends(folders: dict[str, Path]) -> dict[str, TextToAudio]:
    """Every backend, loaded."""
    return {name: open_generator(name, model=_folder(folders, name)) for name in NAMES}


def _folder(folders: dict[str, Path], name: str) -> str | None:
    return str(folders[name]) if name in folders else None


@pytest.mark.parametrize("name", NAMES)
def test_a_backend_says_what_it_is_and_keeps_its_protocol(name: str) -> None:
    facts = constants_of(adapters(GENERATE)[name])
    assert facts["LONGEST_S"] > 0 and facts["CHANNELS"] and facts["MEMORY"] and facts["BEST_AT"]
    assert facts["COMMERCIAL"] and facts["RATE_HZ"] >= 16_000


@pytest.mark.parametrize("name", NAMES)
def test_sounds_have_the_length_that_was_asked_for_and_are_the_same_in_any_company(
    name: str, backends: dict[str, TextToAudio]
) -> None:
    backend, told = backends[name], list[int]()
    calm, fast = backend.generate([CALM, FAST], told.append)
    assert told == list(range(1, backend.steps(CALM) + backend.steps(FAST) + 1))
    for sound, request in ((calm, CALM), (fast, FAST)):
        assert sound.rate_hz == backend.rate_hz
        assert sound.samples.shape == (backend.channels, round(request.seconds * backend.rate_hz))
        assert sound.samples.dtype == np.float32 and np.isfinite(sound.samples).all()
        assert 0 < np.abs(sound.samples).max() <= 1
    (alone,) = backend.generate([FAST])
    assert np.array_equal(alone.samples, fast.samples)


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_and_other_words_are_another_sound(name: str, backends: dict[str, TextToAudio]) -> None:
    first, seed, words = backends[name].generate(
        [FAST, Request(FAST.seconds, FAST.prompt, seed=3), Request(FAST.seconds, "rain", seed=2)]
    )
    assert not np.array_equal(first.samples, seed.samples)
    assert not np.array_equal(first.samples, words.samples)


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_words_to_keep_away_from_change_the_sound_unless_guidance_is_in_the_weights(
    name: str, backends: dict[str, TextToAudio]
) -> None:
    away = Request(FAST.seconds, FAST.prompt, negative_prompt="rain", seed=2)
    sound, other = backends[name].generate([FAST, away])
    distilled = name.startswith("stable-audio-3")
    assert np.array_equal(sound.samples, other.samples) is distilled


def test_a_base_model_of_stable_audio_3_is_guided_in_more_steps(tmp_path: Path) -> None:
    write_stable_audio_3(tmp_path / "base", distilled=False)
    base = open_generator("stable-audio-3-sfx", model=str(tmp_path / "base"))
    assert base.steps(FAST) == 4
    away = Request(FAST.seconds, FAST.prompt, negative_prompt="rain", seed=2)
    sound, other = base.generate([FAST, away])
    assert not np.array_equal(sound.samples, other.samples)


def test_a_stable_audio_3_of_an_earlier_converter_is_one_line(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    old = shutil.copytree(folders["stable-audio-3-sfx"], tmp_path / "old")
    (old / "scheduler" / "scheduler_config.json").write_text('{"_class_name": "PingPongScheduler"}')
    with pytest.raises(BadModel, match="its scheduler is a PingPongScheduler; convert it again"):
        open_generator("stable-audio-3-sfx", model=str(old))


def test_stable_audio_3_that_nobody_converted_yet_says_how(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEITMOTIF_MODELS", str(tmp_path))
    with pytest.raises(UserError, match=r"accept its licence .* convert it by .*/stable-audio-3-small-sfx;"):
        open_generator("stable-audio-3-sfx")


def test_a_stereo_musicgen_plays_both_sides(tmp_path: Path) -> None:
    stereo = open_generator("musicgen", model=str(write_musicgen(tmp_path / "stereo", channels=2)))
    (sound,) = stereo.generate([CALM])
    assert stereo.channels == 2 and sound.samples.shape == (2, round(CALM.seconds * stereo.rate_hz))
    assert not np.array_equal(sound.samples[0], sound.samples[1])


def test_audiogen_of_audiocraft_plays_what_the_same_weights_play_in_transformers(
    backends: dict[str, TextToAudio],
) -> None:
    backend: Any = backends["audiogen"]
    net, same = backend._tokens.net, audiogen()
    assert same.config.audio_encoder.num_quantizers == net.config.audio_encoder.num_quantizers == 4
    assert net.state_dict().keys() == same.state_dict().keys()
    for name, weight in same.state_dict().items():
        assert torch.equal(net.state_dict()[name], weight), name
    spelled = backend._tokens.tokenizer(["fast steps"], return_tensors="pt")
    torch.manual_seed(2)
    expected = same.generate(
        **spelled, do_sample=True, top_k=250, guidance_scale=3.0, max_new_tokens=backend.steps(FAST)
    )
    (sound,) = backend.generate([FAST])
    assert np.array_equal(expected[0].detach().numpy(), sound.samples)


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("state_dict.bin", lambda weights: weights.pop("emb.2.weight"), "weights missing|not fit|shape"),
        ("state_dict.bin", lambda weights: weights.update(odd=torch.zeros(1)), "unexpected, odd first"),
        (
            "compression_state_dict.bin",
            lambda weights: weights.pop("decoder.model.0.conv.conv.bias"),
            "missing",
        ),
    ],
)
def test_audiogen_with_a_weight_too_few_or_too_many_is_one_line(
    file: str, change: Any, said: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    broken = shutil.copytree(folders["audiogen"], tmp_path / "broken")
    document = torch.load(broken / file, weights_only=True)
    change(document["best_state"])
    torch.save(document, broken / file)
    with pytest.raises(BadModel, match=said):
        open_generator("audiogen", model=str(broken))


def test_audiogen_of_which_a_file_is_missing_or_no_checkpoint_is_one_line(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    broken = shutil.copytree(folders["audiogen"], tmp_path / "broken")
    (broken / "state_dict.bin").write_bytes(b"no zip")
    with pytest.raises(BadModel, match="does not open as a checkpoint"):
        open_generator("audiogen", model=str(broken))
    (broken / "state_dict.bin").unlink()
    with pytest.raises(BadModel, match=r"without state_dict\.bin"):
        open_generator("audiogen", model=str(broken))


def test_the_names_of_the_published_audiogen_become_those_of_transformers() -> None:
    codec = renamed(
        dict.fromkeys(
            (
                "encoder.model.1.block.3.conv.conv.weight_g",
                "encoder.model.13.lstm.weight_hh_l1",
                "decoder.model.3.convtr.convtr.weight_v",
                "quantizer.vq.layers.3._codebook.embed_avg",
            ),
            torch.zeros(1),
        ),
        CODEC_NAMES,
    )
    assert list(codec) == [
        "encoder.layers.1.block.3.conv.parametrizations.weight.original0",
        "encoder.layers.13.lstm.weight_hh_l1",
        "decoder.layers.3.conv.parametrizations.weight.original1",
        "quantizer.layers.3.codebook.embed_avg",
    ]


def test_stable_audio_open_hears_what_the_pipeline_of_diffusers_hears(
    backends: dict[str, TextToAudio], folders: dict[str, Path]
) -> None:
    backend: Any = backends["stable-audio-open"]
    pipeline = StableAudioPipeline(
        vae=backend._codec.net,
        text_encoder=T5EncoderModel.from_pretrained(folders["stable-audio-open"] / "text_encoder"),
        projection_model=backend._times,
        tokenizer=T5Tokenizer.from_pretrained(folders["stable-audio-open"] / "tokenizer"),
        transformer=backend._net,
        scheduler=None,
    )
    text = pipeline.encode_prompt("calm rain", torch.device("cpu"), False)
    start, end = pipeline.encode_duration(0.0, 0.25, torch.device("cpu"), False, 1)
    words, overall = backend._conditions("calm rain", 0.25)
    assert torch.allclose(torch.cat([text, start, end], dim=1), words, atol=1e-6)
    assert torch.equal(torch.cat([start, end], dim=2), overall)


def test_a_pipeline_of_another_kind_is_told(folders: dict[str, Path]) -> None:
    with pytest.raises(
        BadModel, match="says that it is a AudioLDM2Pipeline; expected a StableAudio3Pipeline"
    ):
        open_generator("stable-audio-3-sfx", model=str(folders["audioldm2"]))


@pytest.mark.parametrize("name", ["audioldm2", "stable-audio-3-music", "stable-audio-open"])
def test_a_part_without_its_weights_is_one_line(name: str, folders: dict[str, Path], tmp_path: Path) -> None:
    broken = shutil.copytree(folders[name], tmp_path / "broken")
    (broken / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(BadModel, match="which does not load as"):
        open_generator(name, model=str(broken))


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_what_is_loaded_again_makes_the_same_sound(
    name: str, backends: dict[str, TextToAudio], folders: dict[str, Path]
) -> None:
    (first,) = backends[name].generate([FAST])
    (again,) = open_generator(name, model=str(folders[name])).generate([FAST])
    assert np.array_equal(first.samples, again.samples)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request(0.0, "rain"), "got 0 s to generate; expected 0.1 or more"),
        (Request(float("nan"), "rain"), "got nan s to generate"),
        (Request(100_000.0, "rain"), r"got 100000 s to generate; .* up to .* s at a time"),
        (Request(0.2, " "), "got no words"),
        (Request(0.2, "rain", seed=-1), "got seed -1; expected 0 or more"),
    ],
)
def test_what_cannot_be_made_is_one_line(
    name: str, request_: Request, said: str, backends: dict[str, TextToAudio]
) -> None:
    with pytest.raises(UserError, match=said):
        backends[name].generate([FAST, request_])


def test_nothing_asked_for_is_nothing_made(backends: dict[str, TextToAudio]) -> None:
    assert [backend.generate([]) for backend in backends.values()] == [[]] * len(NAMES)


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_a_folder_of_another_kind_or_none_is_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="got model"):
        open_generator(name, model=str(tmp_path / "nowhere"))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(BadModel, match="got model"):
        open_generator(name, model=str(tmp_path))


def test_an_unknown_backend_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"got backend 'music'; expected one of .*musicgen"):
        open_generator("music")


def test_a_generator_that_is_not_loaded_says_so() -> None:
    from leitmotif.generators.text_to_audio.musicgen import MusicGen

    with pytest.raises(RuntimeError, match="expected load"):
        MusicGen().generate([FAST])


HUM = """
import numpy as np

from leitmotif.generators.text_to_audio.text_to_audio import make_each

MODEL_ID = "hum"
REVISION = "1"
LICENSE = "MIT"
RATE_HZ = 16_000
REFERENCE = "none"
BEST_AT = "one tone"


class Hum:
    name, rate_hz, channels, longest_s = "hum", 16_000, 1, 2.0

    def load(self, device="cpu"):
        return self

    def steps(self, request):
        return 1

    def generate(self, requests, on_step=lambda step: None):
        def make(request, told):
            told(1)
            return np.sin(np.arange(40_000) * 0.1)[None] * 3

        return make_each(self, requests, make, on_step)


TEXT_TO_AUDIO = Hum
"""


def test_another_distribution_may_add_a_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hum_plugin.py").write_text(HUM)
    monkeypatch.syspath_prepend(str(tmp_path))

    def entry_points(*, group: str) -> list[EntryPoint]:
        return [EntryPoint("hum", "hum_plugin", group)] if group == "leitmotif.backends" else []

    monkeypatch.setattr(plugins, "entry_points", entry_points)
    plugins.plugins.cache_clear()
    try:
        assert descriptions()["hum"] == "one tone"
        assert facts_of("hum") == {"backend": "hum", "model": "hum", "revision": "1", "licence": "MIT"}
        (sound,) = open_generator("hum").generate([Request(1.0, "hum")])
    finally:
        plugins.plugins.cache_clear()
    assert sound.samples.shape == (1, 16_000) and np.abs(sound.samples).max() == 1.0  # turned down, not cut
