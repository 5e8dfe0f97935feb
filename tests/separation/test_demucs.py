import hashlib
import pickle

import demucs.api
import numpy as np
import pytest
import torch

from leitmotif.separation.demucs import MAX_OVERLAP, DemucsSeparator
from leitmotif.separation.separator import instrumental, separate_blocks
from tests.separation.demucs_models import PUBLISHED, SOURCES, save_model

RATE_HZ = 8000


def noise(samples: int, mixes: int = 1, seed: int = 0) -> np.ndarray:
    """Stereo noise without an offset in any segment, its channels partly alike, shape (mixes, 2, samples)."""
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal((mixes, 2, samples)) + rng.standard_normal((mixes, 1, samples))
    step = RATE_HZ // 4  # segments are four of it, three apart
    for start in range(0, samples - step + 1, step):
        sound[..., start : start + step] -= sound[..., start : start + step].mean(axis=-1, keepdims=True)
    return (0.1 * sound).astype(np.float32)


def stream(separator, mix: np.ndarray, rate_hz: int = RATE_HZ, block: int = 3000) -> np.ndarray:
    blocks = (mix[:, start : start + block] for start in range(0, mix.shape[1], block))
    return np.concatenate(list(separate_blocks(blocks, separator, rate_hz)), axis=-1)


def by_api(model: str, repo, mix: np.ndarray, rate_hz: int = RATE_HZ, split: bool = True) -> np.ndarray:
    """The stems by demucs' own interface, shape (stems, 2, n)."""
    api = demucs.api.Separator(model=model, repo=repo, device="cpu", shifts=0, overlap=0.25, split=split)
    stems = api.separate_tensor(torch.from_numpy(mix), rate_hz)[1]
    return np.stack([stems[name].numpy() for name in SOURCES])


def assert_alike(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


@pytest.fixture(scope="module")
def tiny(repo) -> DemucsSeparator:
    return DemucsSeparator(model="tiny", repo=repo).load()


def test_a_local_model_says_what_it_is(tiny):
    assert tiny.stems == SOURCES
    assert (tiny.rate_hz, tiny.chunk_s, tiny.overlap_s, tiny.batch) == (RATE_HZ, 1.0, 0.25, 1)


def test_a_segment_is_separated_as_by_demucs(tiny, repo):
    mix = noise(RATE_HZ)
    found = tiny.separate(mix, RATE_HZ)
    assert (found.shape, found.dtype) == ((1, 4, 2, RATE_HZ), np.float32)
    assert np.abs(found).max() > 1e-3
    assert_alike(found[0], by_api("tiny", repo, mix[0], split=False))


@pytest.mark.parametrize("model", ["tiny", "both", "tuned"])
def test_a_stream_is_separated_as_a_whole_file_by_demucs(model, repo):
    separator = DemucsSeparator(model=model, repo=repo).load()
    mix = noise(5 * RATE_HZ)[0]
    found, expected = stream(separator, mix), by_api(model, repo, mix)
    assert found.shape == expected.shape
    # The last segment reaches back where demucs pads it with silence.
    assert_alike(found[..., : 4 * RATE_HZ], expected[..., : 4 * RATE_HZ])


@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("rate_hz", [RATE_HZ, 11025, 8001])
def test_any_overlap_at_any_rate_gives_every_sample(repo, overlap, rate_hz):
    separator = DemucsSeparator(model="tiny", repo=repo, overlap=overlap).load()
    assert stream(separator, noise(2 * rate_hz + 5)[0], rate_hz).shape == (4, 2, 2 * rate_hz + 5)


def test_a_long_mix_given_at_once_is_separated_as_its_stream(tiny):
    mix = noise(4 * RATE_HZ + 17)
    whole, streamed = tiny.separate(mix, RATE_HZ)[0], stream(tiny, mix[0])
    assert_alike(streamed[..., : 3 * RATE_HZ], whole[..., : 3 * RATE_HZ])


def test_a_bag_may_take_each_stem_from_another_model(repo):
    mix = noise(RATE_HZ)
    tiny, other, tuned = (
        DemucsSeparator(model=name, repo=repo).load().separate(mix, RATE_HZ)[0]
        for name in ("tiny", "other", "tuned")
    )
    assert_alike(tuned, np.concatenate([tiny[:3], other[3:]]))
    assert np.abs(tiny - other).max() > 1e-3


def test_the_instrumental_is_drums_bass_and_other(tiny):
    stems = tiny.separate(noise(RATE_HZ), RATE_HZ)[0]
    np.testing.assert_array_equal(instrumental(stems, tiny.stems), stems[0] + stems[1] + stems[2])


@pytest.mark.parametrize("samples", [1, 2, 100, RATE_HZ - 1])
@pytest.mark.parametrize("rate_hz", [RATE_HZ, 44100, 11025])
def test_short_mixes_of_any_rate_come_out_as_long(tiny, samples, rate_hz):
    found = tiny.separate(noise(samples), rate_hz)
    assert found.shape == (1, 4, 2, samples)
    assert np.isfinite(found).all()


def test_sound_of_another_rate_goes_through_the_models_own(tiny):
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * 44100) / 44100)
    mix = (0.1 * np.stack([tone, 0.5 * tone])).astype(np.float32)
    found = stream(tiny, mix, 44100, block=10_000)
    assert found.shape == (4, 2, 2 * 44100)
    spectrum = np.abs(np.fft.rfft(found))
    beyond = spectrum[..., 4100 * 2 :]  # above half of the model's rate there is nothing left
    assert (beyond**2).sum() < 1e-4 * (spectrum**2).sum()


def test_a_mix_gets_the_same_stems_alone_and_in_a_batch_and_every_time(tiny):
    mixes = noise(RATE_HZ, mixes=3)
    together = tiny.separate(mixes, RATE_HZ)
    np.testing.assert_array_equal(tiny.separate(mixes, RATE_HZ), together)
    for mix, stems in zip(mixes, together, strict=True):
        np.testing.assert_allclose(tiny.separate(mix[None], RATE_HZ)[0], stems, atol=1e-5)


def test_a_track_is_separated_in_batches_as_segment_by_segment(tiny, repo):
    mix = noise(5 * RATE_HZ + 3)[0]
    batched = DemucsSeparator(model="tiny", repo=repo, batch=4).load()
    assert batched.batch == 4
    np.testing.assert_allclose(stream(batched, mix), stream(tiny, mix), atol=1e-5)


def test_what_follows_a_track_does_not_change_it(tiny):
    before = stream(tiny, noise(3 * RATE_HZ)[0])
    stream(tiny, noise(2 * RATE_HZ, seed=5)[0])
    np.testing.assert_array_equal(stream(tiny, noise(3 * RATE_HZ)[0]), before)


def test_silence_and_a_constant_offset_give_silence(tiny):
    mixes = np.concatenate([np.zeros((1, 2, RATE_HZ)), np.full((1, 2, RATE_HZ), 0.1), noise(RATE_HZ)])
    found = tiny.separate(mixes.astype(np.float32), RATE_HZ)
    assert not found[:2].any()
    assert_alike(found[2], tiny.separate(noise(RATE_HZ), RATE_HZ)[0])


def test_an_offset_is_not_added_to_every_stem(tiny):
    mix = noise(RATE_HZ)
    assert_alike(tiny.separate(mix + np.float32(0.2), RATE_HZ), tiny.separate(mix, RATE_HZ))


@pytest.mark.parametrize("gain", [1e-4, 30.0])
def test_the_level_of_a_mix_is_that_of_its_stems(tiny, gain):
    mix = noise(RATE_HZ)
    assert_alike(tiny.separate(mix * np.float32(gain), RATE_HZ) / gain, tiny.separate(mix, RATE_HZ))


def test_channels_of_opposite_sign_are_separated_too(tiny):
    left = noise(RATE_HZ)[:, :1]
    found = tiny.separate(np.concatenate([left, -left], axis=1), RATE_HZ)
    assert np.isfinite(found).all() and np.abs(found).max() > 1e-3


def test_nan_is_refused_in_a_stream(tiny):
    mix = noise(2 * RATE_HZ)[0]
    mix[1, 9000] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        stream(tiny, mix)


def test_too_little_memory_on_the_device_says_what_to_set(repo, monkeypatch):
    def refuse(*arguments, **settings):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("leitmotif.separation.demucs.apply_model", refuse)
    with pytest.raises(MemoryError, match=r"3 segments.*separation\.batch"):
        DemucsSeparator(model="tiny", repo=repo).load().separate(noise(RATE_HZ, mixes=3), RATE_HZ)


def test_settings_travel_and_weights_do_not(repo):
    separator = pickle.loads(pickle.dumps(DemucsSeparator(model="tiny", repo=str(repo), overlap=0.1)))
    assert len(pickle.dumps(separator)) < 1000
    assert separator.load().overlap_s == pytest.approx(0.1)


@pytest.mark.parametrize("settings", [{"overlap": MAX_OVERLAP + 0.01}, {"overlap": -0.1}, {"batch": 0}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError, match=f"got {next(iter(settings))}="):
        DemucsSeparator(**settings)


def test_a_model_is_known_by_the_checksums_of_its_files(repo, tmp_path):
    tiny, other = (next(repo.glob(f"{name}-*.th")).stem.split("-")[1] for name in ("tiny", "other"))
    bag = hashlib.sha256((repo / "both.yaml").read_bytes()).hexdigest()[:8]
    assert DemucsSeparator(model="tiny", repo=repo).model() == f"tiny@{tiny}"
    assert DemucsSeparator(model="both", repo=repo).model() == f"both@{bag}+{tiny}+{other}"
    save_model(tmp_path, "plain").rename(tmp_path / "plain.th")
    assert DemucsSeparator(model="plain", repo=tmp_path).model() == f"plain@{tiny}"


@pytest.mark.slow
def test_the_true_architecture_is_separated_as_by_demucs(tmp_path):
    save_model(tmp_path, "htdemucs", **PUBLISHED)
    separator = DemucsSeparator(repo=tmp_path).load()
    assert separator.rate_hz == 44100 and separator.chunk_s == pytest.approx(7.8)
    assert sum(weight.numel() for weight in separator._net.parameters()) == pytest.approx(42e6, rel=0.02)
    mix = noise(10 * 44100)[0]
    found, expected = stream(separator, mix, 44100, block=441_000), by_api("htdemucs", tmp_path, mix, 44100)
    assert found.shape == expected.shape == (4, 2, 441_000)
    first = round((7.8 - 1.95) * 44100)
    assert_alike(found[..., :first], expected[..., :first])
