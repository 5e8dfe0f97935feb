from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from leitmotif.separation.separator import BadWeights, make, separate_blocks
from leitmotif.separation.spleeter import BINS, FRAME, RATE_HZ, SEGMENT, SpleeterSeparator
from leitmotif.separation.spleeter_network import WIDTHS, SpleeterNetwork
from leitmotif.weights.load import read_arrays
from tests.separation.spleeter_weights import write_arrays, write_weights


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Path]:
    """Files of two narrow networks with random weights, where the separator looks for them."""
    return write_weights(monkeypatch, tmp_path / "models")


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal((2, samples)).astype(np.float32)


def sine(hz: float, samples: int = RATE_HZ) -> np.ndarray:
    wave = 0.1 * np.sin(2 * np.pi * hz * np.arange(samples) / RATE_HZ)
    return np.stack([wave, 0.5 * wave]).astype(np.float32)


def answer_always(file: Path, share: float) -> None:
    """Give a network weights by which its stem has the same share of every magnitude."""
    arrays = read_arrays(file)
    arrays["up7.0.weight"][:] = 0
    arrays["up7.0.bias"][:] = np.log(share / (1 - share))
    write_arrays(file, arrays)


def test_the_networks_have_the_layers_of_the_published_weights():
    layout = SpleeterNetwork().state_dict()
    assert len(layout) == 74
    assert sum(tensor.numel() for tensor in layout.values()) == 9_826_759
    assert layout["down6_conv.1.weight"].shape == (512, 256, 5, 5)
    assert layout["up2.0.weight"].shape == (512, 128, 5, 5)
    # Both sides of what they read can be halved once a layer.
    assert SEGMENT % 2 ** len(WIDTHS) == BINS % 2 ** len(WIDTHS) == 0


@pytest.mark.parametrize("samples", [1, FRAME, 50_001, 523_264, 600_000])
def test_voice_and_instrumental_are_as_long_as_the_mix_and_add_up_to_it(files, samples):
    mix = noise(samples)
    (stems,) = make("spleeter").load().separate(mix[None], RATE_HZ)
    assert stems.shape == (2, 2, samples) and stems.dtype == np.float32
    np.testing.assert_allclose(stems.sum(axis=0), mix, atol=1e-6)
    assert samples == 1 or np.abs(stems).max() > 0


def test_the_voice_has_its_share_of_the_energy_at_every_frequency(files):
    answer_always(files["vocals"], 0.9)
    answer_always(files["instrumental"], 0.3)
    mix = noise(RATE_HZ)
    (stems,) = SpleeterSeparator().load().separate(mix[None], RATE_HZ)
    expected = 0.9**2 / (0.9**2 + 0.3**2) * mix
    inner = slice(FRAME, -FRAME)
    np.testing.assert_allclose(stems[1][:, inner], expected[:, inner], atol=1e-3)


def test_bins_that_the_networks_do_not_read_have_the_mean_share_of_the_frame(files):
    separator = SpleeterSeparator().load()
    shares = torch.linspace(0, 1, BINS)
    separator._share = lambda magnitudes: shares.expand_as(magnitudes)
    (stems,) = separator.separate(sine(18_000)[None], RATE_HZ)
    inner = slice(FRAME, -FRAME)
    np.testing.assert_allclose(stems[1][:, inner], 0.5 * sine(18_000)[:, inner], atol=1e-3)


def test_silence_stays_silence(files):
    assert not SpleeterSeparator().load().separate(np.zeros((1, 2, RATE_HZ), np.float32), RATE_HZ).any()


def test_a_mix_has_the_same_bits_alone_and_among_others(files):
    mixes = np.stack([noise(30_000, seed) for seed in range(3)])
    separator = SpleeterSeparator().load()
    together = separator.separate(mixes, RATE_HZ)
    for mix, stems in zip(mixes, together, strict=True):
        np.testing.assert_array_equal(separator.separate(mix[None], RATE_HZ)[0], stems)


def test_a_long_recording_comes_out_in_place_and_as_long(files):
    mix = noise(25 * RATE_HZ)
    blocks = np.array_split(mix, 7, axis=1)
    stems = np.concatenate(list(separate_blocks(blocks, SpleeterSeparator().load(), RATE_HZ)), axis=-1)
    np.testing.assert_allclose(stems.sum(axis=0), mix, atol=1e-5)


def test_sound_of_another_rate_comes_out_at_that_rate(files):
    answer_always(files["vocals"], 0.5)
    answer_always(files["instrumental"], 0.5)
    wave = np.sin(2 * np.pi * 300 * np.arange(16_000) / 16_000).astype(np.float32)
    mix = np.stack([wave, wave])
    (stems,) = SpleeterSeparator().load().separate(mix[None], 16_000)
    inner = slice(2_000, -2_000)
    np.testing.assert_allclose(stems[1][:, inner], 0.5 * mix[:, inner], atol=1e-3)


def test_without_weights_nothing_is_separated():
    with pytest.raises(RuntimeError, match="load"):
        SpleeterSeparator().separate(noise(10)[None], RATE_HZ)


def refusal(match: str) -> None:
    with pytest.raises(BadWeights, match=match) as caught:
        SpleeterSeparator().load()
    assert "\n" not in str(caught.value)


def test_missing_weights_name_the_file_and_the_command(files):
    files["vocals"].unlink()
    refusal(r"vocals\.ckpt.*leitmotif fetch-models --only spleeter`.*separation\.backend=repet")


def without(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array for name, array in arrays.items() if name != "up1.0.bias"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without, "1 weights missing, up1.0.bias first"),
        (lambda arrays: arrays | {"up9.0.bias": np.zeros(2, np.float32)}, "1 weights unexpected, up9.0.bias"),
        (lambda arrays: arrays | {"up1.0.bias": np.zeros(99, np.float32)}, "of another shape, up1.0.bias"),
        (lambda arrays: arrays | {"up1.0.bias": "none"}, "without arrays by name"),
        (lambda arrays: arrays | {"up1.0.bias": Path("x")}, "does not open as a checkpoint"),
        (lambda arrays: [*arrays], "without arrays by name"),
    ],
    ids=["missing", "unknown", "shape", "text", "code", "list"],
)
def test_weights_of_another_layout_are_refused_in_one_line(files, change, said):
    write_arrays(files["vocals"], change(read_arrays(files["vocals"])))
    refusal(rf"vocals\.ckpt.*{said}")


def test_a_truncated_file_is_refused_in_one_line(files):
    files["instrumental"].write_bytes(files["instrumental"].read_bytes()[:-100])
    refusal(r"accompaniment\.ckpt.*does not open")


def test_an_impossible_device_is_named(files):
    with pytest.raises(ValueError, match="'nonsense'"):
        SpleeterSeparator().load("nonsense")


def test_the_published_networks_find_the_accompaniment_of_a_song(fetched_models, real_media):
    folder = real_media / "bytedance_music_source_separation"
    mix, music = (
        soundfile.read(folder / f"{name}.mp3", dtype="float32")[0].T
        for name in ("vocals_accompaniment_10s", "resunet_accompaniment")
    )
    (stems,) = SpleeterSeparator().load().separate(mix[None], RATE_HZ)
    assert sdr_db(music, mix) < 0
    assert sdr_db(music, stems[0]) > 8.5  # 8.7 by the package's own code


def sdr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    return float(10 * np.log10((reference**2).sum() / ((estimate - reference) ** 2).sum()))
