"""The recipe of codec-mini, and what the shipped weights promise."""

from pathlib import Path

import numpy as np
import pytest
import torch

from leitmotif.generators.codecs.open import open_codec
from leitmotif.generators.codecs.spectral import SpectralAutoencoder, SpectralConfig, read_spectral
from leitmotif.music.render import render_music
from leitmotif.train_mini import codec_recipe
from leitmotif.train_mini.codec_recipe import (
    BATCH,
    RATE_HZ,
    draw_crops,
    fit_codec,
    measure_codec,
    render_sounds,
    scale_latents,
    train_codec,
)
from leitmotif.train_mini.corpus import TEST_SEEDS, TRAIN_SEEDS
from leitmotif.train_mini.make import parse
from leitmotif.weights.resolve import SHIPPED_DIR


def some_sounds(clips: int = 3) -> np.ndarray:
    """Tones in noise, int16 (clips, samples)."""
    rng = np.random.default_rng(0)
    time = np.arange(4 * RATE_HZ) / RATE_HZ
    sounds = [0.3 * np.sin(2 * np.pi * 220 * (number + 1) * time) for number in range(clips)]
    return ((np.stack(sounds) + rng.normal(0, 0.01, (clips, len(time)))) * 32767).astype(np.int16)


def test_a_few_steps_bring_the_loss_down() -> None:
    torch.manual_seed(0)
    losses = fit_codec(SpectralAutoencoder(SpectralConfig(width=32)), some_sounds(), 40)
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_crops_are_of_the_clips_at_a_level_that_is_drawn() -> None:
    crops = draw_crops(some_sounds(), np.random.default_rng(0))
    assert crops.shape == (BATCH, round(2.048 * RATE_HZ)) and crops.dtype == torch.float32
    peaks = crops.abs().amax(dim=1)
    assert 0.1 <= float(peaks.min()) < 0.3 and 0.6 < float(peaks.max()) <= 1.0 + 1e-6


def test_latents_leave_with_zero_mean_and_unit_variance() -> None:
    torch.manual_seed(0)
    net, sounds = SpectralAutoencoder(SpectralConfig(width=16)), some_sounds()
    scale_latents(net, sounds)
    latents = net.encode(torch.from_numpy(sounds.astype(np.float32) / 32767)[:, : 64 * net.hop]).detach()
    assert torch.allclose(latents.mean(dim=(0, 2)), torch.zeros(32), atol=0.3)
    assert float(latents.std()) == pytest.approx(1.0, abs=0.2)


def test_it_is_judged_on_clips_that_it_was_never_trained_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[set[int]] = []

    def note(first: int, clips: int, cache_dir: Path, *, workers: int) -> np.ndarray:
        asked.append(set(range(first, first + clips)))
        return some_sounds()

    monkeypatch.setattr(codec_recipe, "render_sounds", note)
    train_codec(tmp_path, tmp_path / "codec", clips=parse(["codec"]).sounds, steps=1, workers=1)
    measure_codec(tmp_path / "codec", tmp_path, workers=1)
    train, test = asked
    assert min(train) == TRAIN_SEEDS and min(test) == TEST_SEEDS and not train & test
    assert read_spectral(tmp_path / "codec").config == SpectralConfig()


@pytest.mark.slow
def test_rendered_sounds_are_kept(tmp_path: Path) -> None:
    one = render_sounds(5, 3, tmp_path, workers=1)
    made = sorted(tmp_path.iterdir())
    assert one.shape == (3, 10 * RATE_HZ) and one.dtype == np.int16 and len(made) == 1
    times = [path.stat().st_mtime_ns for path in made]
    assert np.array_equal(render_sounds(5, 3, tmp_path, workers=1), one)
    assert [path.stat().st_mtime_ns for path in made] == times


def test_the_codec_that_ships_gives_music_back() -> None:
    folder = SHIPPED_DIR / "codec-mini"
    assert (folder / "model.safetensors").stat().st_size < 2 << 20
    codec, net = open_codec("codec-mini"), read_spectral(folder)
    assert (codec.rate_hz, codec.channels, codec.hop, codec.latent_dim) == (16_000, 1, 512, 32)
    mono = render_music(7, duration_s=4.0, rate_hz=codec.rate_hz, degraded=False).mix.mean(axis=0)
    sound = torch.from_numpy(mono[: 120 * codec.hop].astype(np.float32))[None]
    latents = codec.encode(sound[None])
    assert 0.4 < float(latents.std()) < 1.6  # of one clip; over all of them it is 1
    levels, again = net.levels(sound), net.levels(codec.decode(latents)[0])
    heard = levels > 0  # above -40 dB
    assert float((levels - again).abs()[heard].mean()) * 40 < 8.0  # dB
    shuffled = codec.decode(latents[..., torch.randperm(120, generator=torch.Generator().manual_seed(0))])
    assert float((levels - net.levels(shuffled[0])).abs()[heard].mean()) * 40 > 8.0
