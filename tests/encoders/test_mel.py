"""The spectrograms against those of transformers' extractor."""

import numpy as np
import pytest
import torch
from transformers import ClapFeatureExtractor

from leitmotif.encoders.mel import MelSpectrogram

RATE_HZ = 48_000
TIME_S = np.arange(2 * RATE_HZ) / RATE_HZ
SOUNDS = {
    "noise": 0.1 * np.random.default_rng(0).standard_normal(len(TIME_S)),
    "a loud tone": 0.9 * np.sin(2 * np.pi * 440 * TIME_S),
    "a tone that stops": np.where(TIME_S < 1, np.sin(2 * np.pi * 200 * TIME_S), 0),
    "a click": np.eye(1, len(TIME_S), 1000)[0],
    "silence": np.zeros(len(TIME_S)),
}


@pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])
@pytest.mark.parametrize(
    "settings",
    [
        {"frequency_min": 50},
        {"frequency_min": 50, "frequency_max": 16_000, "fft_window_size": 4096, "hop_length": 1920},
    ],
    ids=["published", "coarse"],
)
def test_spectrograms_are_those_of_the_extractor(settings, fused):
    truncation = "fusion" if fused else "rand_trunc"
    extractor = ClapFeatureExtractor(max_length_s=2, truncation=truncation, **settings)
    waves = [sound.astype(np.float32) for sound in SOUNDS.values()]
    expected = extractor(waves, sampling_rate=RATE_HZ, return_tensors="pt")["input_features"].float()[:, :1]
    mel = MelSpectrogram(extractor, fused=fused)(torch.from_numpy(np.stack(waves)))
    assert mel.shape == expected.shape
    assert mel.dtype == torch.float32
    np.testing.assert_allclose(mel, expected, atol=1e-4)


def test_nothing_is_minus_a_hundred_decibels():
    mel = MelSpectrogram(ClapFeatureExtractor(), fused=False)(torch.zeros(1, RATE_HZ))
    assert mel.shape == (1, 1, 101, 64)
    assert torch.equal(mel, torch.full_like(mel, -100.0))


def test_a_window_has_the_same_bits_alone_and_among_others():
    waves = torch.from_numpy(np.stack(list(SOUNDS.values()))).float()
    spectrogram = MelSpectrogram(ClapFeatureExtractor(), fused=False)
    assert torch.equal(spectrogram(waves)[2:3], spectrogram(waves[2:3]))
