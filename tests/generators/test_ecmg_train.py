"""Training the music generator: what a checkpoint holds, what learns at which rate, on which base."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableAudio3Pipeline, StableAudioDiTModel
from safetensors.torch import load_file

from leitmotif.generators.codecs.codec import decode_long
from leitmotif.generators.diffusion.objectives import FlowMatching, VPrediction
from leitmotif.generators.diffusion.samplers import NoiseSource
from leitmotif.generators.ecmg.encode import encode
from leitmotif.generators.ecmg.generate import EcmgGenerator
from leitmotif.generators.ecmg.parts import build_network, parts_learned
from leitmotif.generators.ecmg.run import open_model
from leitmotif.generators.ecmg.settings import Settings, choose_settings
from leitmotif.generators.ecmg.task import sum_loss
from leitmotif.generators.ecmg.train import train
from leitmotif.generators.generator import Request
from leitmotif.generators.loudness import normalize
from leitmotif.shards.dataset import Dataset
from leitmotif.storage.errors import UserError
from leitmotif.training.checkpoint import list_checkpoints
from leitmotif.training.loader.decode import Audio
from leitmotif.training.logs import read_log
from leitmotif.training.setup import make_optimizer
from tests.generators.encoded_clips import ecmg_settings
from tests.generators.published import write_published, write_same
from tests.generators.small_networks import small_network, some_inputs
from tests.generators.text_to_audio.tiny_models import write_stable_audio_3
from tests.training.interrupted import cut, numbers, same
from tests.training.plain_clips import write_plain_dataset

# What writes each base, its preset, its second part, a weight of it that learns and one that never does.
PUBLISHED: dict[str, tuple[Callable[[Path], Path], str, str, str, str]] = {
    "stable-audio": (write_published, "sao", "projection_model", "attn1.to_q.weight", "time_proj.weight"),
    "stable-audio-3": (
        lambda folder: write_stable_audio_3(folder, distilled=False),
        "sa3-small",
        "duration_embedder",
        "self_attn.to_qkv.weight",
        "transformer_blocks.0.to_local_embed.0.weight",
    ),
}


@pytest.fixture(scope="module", params=PUBLISHED)
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return PUBLISHED[request.param][0](tmp_path_factory.mktemp("published") / request.param)


def base_settings(published: Path, *changes: str) -> Settings:
    small = ("precision=fp32", "frames=24", "control_layers=2", "accumulation=2", "epochs=1")
    small = (*small, "ema_decay=0", "sampling_steps=4", "tensorboard=false")
    preset = PUBLISHED[published.name][1]
    return choose_settings(preset, [f"base={published}", *small, *changes])


@pytest.fixture(scope="module")
def on_base(published: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Path, Settings]:
    """A dataset that is encoded by a base's own codec and text encoder, and a run on that base."""
    folder = tmp_path_factory.mktemp("on-base")
    dataset = Dataset(write_plain_dataset(folder / "dataset"))
    settings = base_settings(published)
    encode(dataset, settings, "cpu")
    train(dataset.path, folder / "run", settings)
    return dataset, folder / "run", settings


def test_a_checkpoint_holds_the_parts_in_the_layout_of_their_library(music_run: Path) -> None:
    network = list_checkpoints(music_run)[-1] / "network"
    assert {path.name for path in network.iterdir()} == {
        "transformer",
        "projection_model",
        "control",
        "stylization",
    }
    transformer = StableAudioDiTModel.from_pretrained(str(network / "transformer"))
    saved = load_file(network / "transformer" / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(saved[name], weight) for name, weight in transformer.state_dict().items())


def test_a_run_opens_with_its_averaged_weights(music_run: Path) -> None:
    model = open_model(music_run)
    average = torch.load(model.checkpoint / "ema.pt", weights_only=True)["average"]
    weights = dict(model.net.named_parameters())
    assert average and all(torch.equal(weights[name], value) for name, value in average.items())
    saved = load_file(model.checkpoint / "network" / "control" / "diffusion_pytorch_model.safetensors")
    assert not torch.equal(saved["conv_out.0.weight"], weights["control.conv_out.0.weight"])


def test_a_base_in_the_published_layout_is_trained_on_and_stays_as_it_is(
    on_base: tuple[Dataset, Path, Settings], published: Path
) -> None:
    dataset, run, _ = on_base
    assert dataset.features("ecmg").facts["latent_dim"] == 8
    network = list_checkpoints(run)[-1] / "network"
    assert {path.name for path in network.iterdir()} == {"control", "stylization"}
    model = open_model(run)
    base = load_file(published / "transformer" / "diffusion_pytorch_model.safetensors")
    assert base.keys() == model.net.transformer.state_dict().keys()
    for name, weight in base.items():
        assert torch.equal(weight, model.net.transformer.state_dict()[name])
    assert model.net.control.conv_out[0].weight.any()  # it learned
    (sound,) = EcmgGenerator(run).load().generate([Request(seconds=0.02, prompt="calm", seed=1)])
    assert sound.samples.shape == (2, 160) and sound.rate_hz == 8000


def test_a_base_that_learns_too_is_in_the_checkpoint_and_learns_at_its_own_rate(
    on_base: tuple[Dataset, Path, Settings], published: Path, tmp_path: Path
) -> None:
    dataset, _, _ = on_base
    settings = base_settings(published, "train_base=true")
    _, _, second, learned, never = PUBLISHED[published.name]
    assert parts_learned(settings) == ("transformer", second, "control", "stylization")
    train(dataset.path, tmp_path / "run", settings)
    base = load_file(published / "transformer" / "diffusion_pytorch_model.safetensors")
    net = open_model(tmp_path / "run").net

    def moved(name: str) -> float:
        weight = net.transformer.state_dict()[name]
        return float((weight - base[name]).abs().max())

    assert 0 < moved(f"transformer_blocks.0.{learned}") < 1e-5  # three steps of at most 1e-6
    assert moved(never) == 0
    assert float(net.control.conv_out[0].weight.abs().max()) > 1e-6


@pytest.mark.parametrize("changes", [(), ("train_base=true",)], ids=["branch", "all"])
def test_a_run_on_a_base_that_is_cut_off_resumes_with_the_same_bits(
    on_base: tuple[Dataset, Path, Settings], published: Path, tmp_path: Path, changes: tuple[str, ...]
) -> None:
    dataset, _, _ = on_base
    settings = base_settings(published, "checkpoint_steps=1", "ema_decay=0.9", *changes)
    train(dataset.path, tmp_path / "whole", settings)
    cut(train, dataset.path, tmp_path / "cut", settings, 3)
    train(dataset.path, tmp_path / "cut", resume=True)
    whole, resumed = (list_checkpoints(tmp_path / name)[-1] for name in ("whole", "cut"))
    found = numbers(whole)
    assert same(found, numbers(resumed))
    weights = {f"network/{part}/diffusion_pytorch_model.safetensors" for part in parts_learned(settings)}
    assert found.keys() > weights | {"ema.pt"}


def test_weights_whose_names_begin_so_learn_at_a_share_of_the_rate() -> None:
    net = small_network().requires_grad_(True)
    settings = ecmg_settings("learning_rate=1e-3", "weight_decay=0.1")
    optimizer = make_optimizer(net, settings, {"transformer.": 1e-5})
    shares = {
        weight: (group["share"], group["weight_decay"])
        for group in optimizer.param_groups
        for weight in group["params"]
    }
    assert len(shares) == len(list(net.parameters()))
    for name, weight in net.named_parameters():
        share, decay = shares[weight]
        assert share == pytest.approx(0.01 if name.startswith("transformer.") else 1.0)
        assert decay == (0.1 if weight.ndim >= 2 else 0.0)


def test_the_inverse_rate_is_that_of_the_log(encoded: Dataset, tmp_path: Path) -> None:
    train(encoded.path, tmp_path / "run", ecmg_settings("schedule=inverse", "learning_rate=0.01", "epochs=1"))
    rates = [line["rate"] for line in read_log(tmp_path / "run") if line["kind"] == "train"]
    assert rates == pytest.approx([0.01 * (1 - 0.99**step) for step in (1, 2, 3)], rel=1e-4)


def test_the_adapter_trains_and_opens_behind_the_same_interface(encoded: Dataset, tmp_path: Path) -> None:
    train(encoded.path, tmp_path / "run", ecmg_settings("control=adapter", "epochs=1"))
    model = open_model(tmp_path / "run")
    assert type(model.net.control).__name__ == "MusicControlAdapter"
    assert model.net.control.conv_out[0].weight.any()


def test_a_run_begins_with_the_weights_of_another(encoded: Dataset, music_run: Path, tmp_path: Path) -> None:
    still = ("learning_rate=0", "base_learning_rate=0", "weight_decay=0", "epochs=1")
    train(encoded.path, tmp_path / "run", ecmg_settings(f"init={music_run}", *still))
    former = load_file(
        list_checkpoints(music_run)[-1] / "network/control/diffusion_pytorch_model.safetensors"
    )
    now = load_file(
        list_checkpoints(tmp_path / "run")[-1] / "network/control/diffusion_pytorch_model.safetensors"
    )
    assert all(torch.equal(former[name], now[name]) for name in former)
    with pytest.raises(UserError, match="whose network has another shape"):
        train(encoded.path, tmp_path / "other", ecmg_settings(f"init={music_run}", "width=64"))
    assert not (tmp_path / "other").exists()


def test_a_dataset_that_is_not_encoded_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    dataset = write_plain_dataset(tmp_path / "dataset")
    with pytest.raises(UserError, match=r"is not encoded by codec codec-mini and text clap-mini; run `leit"):
        train(dataset, tmp_path / "run", ecmg_settings())
    assert not (tmp_path / "run").exists()


def test_a_transformer_from_scratch_learns_and_makes_latents_of_stable_audio_3(tmp_path: Path) -> None:
    write_same(tmp_path / "same")
    dataset = Dataset(write_plain_dataset(tmp_path / "dataset"))
    settings = ecmg_settings(f"codec={tmp_path / 'same'}", "epochs=1")
    encode(dataset, settings, "cpu")
    assert dataset.features("ecmg").facts["latent_rate_hz"] == 1000
    train(dataset.path, tmp_path / "run", settings)
    (sound,) = EcmgGenerator(tmp_path / "run").load().generate([Request(seconds=0.008, prompt="calm")])
    assert sound.samples.shape == (2, 64) and sound.samples.any()


@pytest.mark.parametrize(
    ("pipeline", "scheduler", "said"),
    [
        (
            "AudioLDM2Pipeline",
            "{}",
            r"a AudioLDM2Pipeline; expected a StableAudioPipeline or a StableAudio3Pipeline",
        ),
        (
            "StableAudio3Pipeline",
            '{"stochastic_sampling": true}',
            r"which is distilled to a few steps; expected the model that it was made of, such as stab",
        ),
    ],
)
def test_what_is_no_base_is_none_whoever_asks(
    encoded: Dataset, tmp_path: Path, pipeline: str, scheduler: str, said: str
) -> None:
    (tmp_path / "base" / "scheduler").mkdir(parents=True)
    (tmp_path / "base" / "scheduler" / "scheduler_config.json").write_text(scheduler)
    (tmp_path / "base" / "model_index.json").write_text(f'{{"_class_name": "{pipeline}"}}')
    settings = choose_settings("sao", [f"base={tmp_path / 'base'}"])
    for ask in (lambda: build_network(settings, {}), lambda: encode(encoded, settings, "cpu")):
        with pytest.raises(UserError, match=said) as error:
            ask()
        assert "\n" not in str(error.value)


def test_a_stable_audio_3_that_is_not_converted_yet_says_how(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"convert it by scripts/convert_stable_audio_3_to_diffusers.py"
    ) as said:
        build_network(choose_settings("sa3-small"), {})
    assert "stabilityai/stable-audio-3-small-music-base" in str(said.value)
    assert "or give the folder by --set base=FOLDER" in str(said.value) and "\n" not in str(said.value)


@pytest.mark.parametrize("published", ["stable-audio-3"], indirect=True)
@pytest.mark.parametrize(("guidance", "away"), [(1.0, None), (7.0, "")])
def test_an_untouched_network_makes_what_the_pipeline_of_stable_audio_3_makes(
    on_base: tuple[Dataset, Path, Settings], published: Path, guidance: float, away: str | None
) -> None:
    """Without music to follow and without a style a frozen base speaks alone, after any training."""
    generator = EcmgGenerator(on_base[1], steps=6, guidance=guidance).load()
    asked = Request(seconds=0.04, prompt="calm piano", seed=3, negative_prompt=away)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        pipeline = StableAudio3Pipeline.from_pretrained(str(published))
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        "calm piano",
        duration=0.04,
        num_inference_steps=6,
        guidance_scale=guidance,
        negative_prompt=away,
        latents=NoiseSource([3], (8, 20), "cpu").draw(),
        output_type="latent",
    ).audios
    sound = decode_long(generator.model.codec, made[0])[:, :320].numpy()
    (found,) = generator.generate([asked])
    assert np.allclose(found.samples, normalize(sound, 8000, -16.0), atol=1e-5)
    other = generator.generate([Request(seconds=0.04, prompt="loud", seed=3, negative_prompt=away)])[0]
    assert not np.allclose(found.samples, other.samples, atol=1e-3)


def test_sounds_are_as_long_as_they_are_asked_for_in_any_company(
    on_base: tuple[Dataset, Path, Settings], published: Path
) -> None:
    generator = EcmgGenerator(on_base[1]).load()
    tone = Audio(0.1 * np.sin(np.arange(800, dtype=np.float32) * 0.2)[None], 8000)
    asked = [
        Request(seconds=seconds, prompt="calm", seed=1, reference=tone) for seconds in (0.01, 0.02, 0.01)
    ]
    told: list[int] = []
    together = generator.generate(asked, told.append)
    assert told == list(range(1, len(told) + 1)) and len(told) % 4 == 0
    for request, found in zip(asked, together, strict=True):
        assert found.samples.shape == (2, round(request.seconds * 8000))
        assert np.allclose(found.samples, generator.generate([request])[0].samples, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (("frames=999999",), r"got frames=999999; the base .* makes at most (24|192000)$"),
        (("control_layers=5",), "got control_layers=5; the base .* has [24] blocks"),
    ],
)
def test_settings_that_a_base_cannot_do_are_one_line(
    on_base: tuple[Dataset, Path, Settings], published: Path, tmp_path: Path, changes: tuple[str], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        train(on_base[0].path, tmp_path / "run", base_settings(published, *changes))


def test_latents_of_another_codec_do_not_go_with_a_base(published: Path) -> None:
    facts = {"latent_dim": 32, "text_dim": 32, "clap_dim": 4, "latent_rate_hz": 500.0}
    with pytest.raises(
        UserError, match=r"got latents of 32 numbers; the base .* takes 8: encode the dataset"
    ):
        build_network(base_settings(published), facts)
    facts = {"latent_dim": 8, "text_dim": 96, "clap_dim": 4, "latent_rate_hz": 500.0}
    with pytest.raises(UserError, match=r"got text states of 96 numbers; the base .* takes (16|32)"):
        build_network(base_settings(published), facts)


def test_the_loss_is_the_mean_squared_error_of_the_velocity_summed_over_frames() -> None:
    net, inputs = small_network(), some_inputs()
    clean, time = inputs.pop("noised"), inputs.pop("time")
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    batch = {**inputs, "clean": clean, "noise": noise, "time": time}
    angle = (time * torch.pi / 2)[:, None, None]
    noised = angle.cos() * clean + angle.sin() * noise
    with torch.no_grad():
        error = net(noised, time, **inputs) - (angle.cos() * noise - angle.sin() * clean)
        assert float(sum_loss(net, batch, VPrediction())) == pytest.approx(
            float((error**2).mean()) * 3 * 24, rel=1e-5
        )


def test_the_loss_of_stable_audio_3_is_that_of_its_flow_at_the_times_that_its_trainer_draws() -> None:
    net, inputs = small_network(base="stable-audio-3"), some_inputs()
    clean, drawn = inputs.pop("noised"), inputs.pop("time")
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    batch = {**inputs, "clean": clean, "noise": noise, "time": drawn}
    time = FlowMatching().time(drawn)
    share = time[:, None, None]
    with torch.no_grad():
        error = net((1 - share) * clean + share * noise, time, **inputs) - (noise - clean)
        assert float(sum_loss(net, batch, FlowMatching())) == pytest.approx(
            float((error**2).mean()) * 3 * 24, rel=1e-5
        )
