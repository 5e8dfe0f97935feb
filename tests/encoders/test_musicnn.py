"""The musicnn adapter, on random weights of the true architecture and format."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from leitmotif.encoders.musicnn import LABELS, REVISION, MusicnnTagger
from leitmotif.encoders.musicnn_network import SAMPLES, LogMel, Musicnn, mel_filters
from leitmotif.weights.resolve import BadModel
from tests.encoders.musicnn_files import write_tiny_musicnn


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEITMOTIF_MODELS", str(tmp_path))
    write_tiny_musicnn(tmp_path / REVISION)
    return tmp_path / REVISION


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=0.1, size=samples).astype(np.float32)


def test_windows_become_probabilities_of_both_vocabularies(weights: Path) -> None:
    tagger = MusicnnTagger().load()
    scores = tagger.score_windows([noise(SAMPLES), noise(SAMPLES, 1)])
    assert scores.shape == (2, len(LABELS)) == (2, 100) and scores.dtype == np.float32
    assert scores.min() >= 0 and scores.max() <= 1 and np.ptp(scores) > 0.01
    assert len(set(LABELS)) == 100 and {"mtt:guitar", "msd:Hip-Hop", "mtt:choral", "msd:happy"} <= {*LABELS}


def test_a_window_has_the_same_bits_alone_and_among_others(weights: Path) -> None:
    tagger = MusicnnTagger().load()
    windows = [noise(SAMPLES, seed) for seed in range(3)]
    together = tagger.score_windows(windows)
    apart = np.concatenate([tagger.score_windows([window]) for window in windows])
    assert np.array_equal(together, apart)
    np.testing.assert_allclose(MusicnnTagger(batch=3).load().score_windows(windows), together, atol=1e-6)
    assert tagger.score_windows([]).shape == (0, 100)


def test_a_long_window_counts_as_its_beginning_and_a_short_one_is_repeated(weights: Path) -> None:
    tagger = MusicnnTagger().load()
    long, short = noise(2 * SAMPLES), noise(20_000)
    assert np.array_equal(tagger.score_windows([long]), tagger.score_windows([long[:SAMPLES]]))
    repeated = np.resize(short, SAMPLES)
    assert np.array_equal(tagger.score_windows([short]), tagger.score_windows([repeated]))
    with pytest.raises(ValueError, match="NaN"):
        tagger.score_windows([np.array([0.0, np.nan], np.float32)])


def test_the_network_keeps_the_frames_and_repeats_no_weight() -> None:
    net = Musicnn(7).eval()
    seen: list[tuple[int, ...]] = []
    for block in (*net.front, *net.middle):
        block.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape)))
    assert net(torch.rand(2, 187, 96)).shape == (2, 7)
    assert seen == [
        (2, 204, 187, 59), (2, 204, 187, 30), (2, 51, 187, 96), (2, 51, 187, 96), (2, 51, 187, 96),
        (2, 64, 187, 1), (2, 64, 187, 1), (2, 64, 187, 1),
    ]  # fmt: skip


def test_the_spectrogram_shows_a_tone_in_its_band() -> None:
    time = torch.arange(SAMPLES) / 16_000
    mel = LogMel()(torch.sin(2 * torch.pi * 1000 * time)[None])
    assert mel.shape == (1, 187, 96)
    band = int(mel_filters()[32].argmax())  # 32 bins of 31.25 Hz are 1 kHz
    assert (mel.argmax(dim=2) == band).all()
    assert LogMel()(torch.zeros(1, SAMPLES)).abs().max() == 0


def test_settings_travel_to_a_worker_before_loading() -> None:
    tagger = pickle.loads(pickle.dumps(MusicnnTagger(batch=4)))
    with pytest.raises(RuntimeError, match="load"):
        tagger.score_windows([])


def test_what_is_missing_or_damaged_is_said_in_one_line(weights: Path) -> None:
    data = weights / "msd.data"
    whole = bytearray(data.read_bytes())
    whole[len(whole) // 2] ^= 1
    data.write_bytes(whole)
    with pytest.raises(
        BadModel, match=r"do not load as musicnn .*damaged.*delete that folder and run .*--only musicnn"
    ):
        MusicnnTagger().load()
    write_tiny_musicnn(weights, tags=49)
    with pytest.raises(BadModel, match="got 49 tags"):
        MusicnnTagger().load()
    (weights / "mtt.index").unlink()
    with pytest.raises(BadModel, match="fetch-models --only musicnn"):
        MusicnnTagger().load()


def test_the_published_networks_say_of_silence_what_they_say_in_tensorflow(fetched_models: Path) -> None:
    (scores,) = MusicnnTagger().load().score_windows([np.zeros(SAMPLES, np.float32)])
    found = dict(zip(LABELS, scores, strict=True))
    said = {"mtt:guitar": 0.31, "mtt:quiet": 0.26, "mtt:classical": 0.20, "msd:rock": 0.20, "msd:indie": 0.13}
    assert {label: found[label] for label in said} == pytest.approx(said, abs=0.006)
