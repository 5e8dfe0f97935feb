import pickle
import sys

import numpy as np
import pytest

from leitmotif.separation.demucs import DemucsSeparator
from leitmotif.separation.repet import RepetSeparator
from leitmotif.separation.separator import instrumental, make, model_of, resample, separate_blocks
from leitmotif.weights.adapters import adapters

RATE_HZ = 100


class Recorder:
    """Gives back its input as one stem, times a factor that grows by one with every chunk."""

    stems = ("instrumental",)

    def __init__(self, growing: bool = False, *, overlap_s: float = 1.0, batch: int = 1) -> None:
        self.chunk_s, self.overlap_s, self.batch = 3.0, overlap_s, batch
        self.sizes: list[int] = []
        self.calls = 0
        self.growing = growing

    def model(self) -> str:
        return "recorder@1"

    def load(self, device: str = "cpu") -> "Recorder":
        return self

    def separate(self, mixes: np.ndarray, rate_hz: int) -> np.ndarray:
        self.calls += 1
        results = []
        for mix in mixes:
            self.sizes.append(mix.shape[1])
            results.append(mix[None] * (len(self.sizes) if self.growing else 1))
        return np.stack(results)


def run(mix: np.ndarray, separator, blocks: list[int] | None = None) -> np.ndarray:
    parts = np.split(mix, np.cumsum(blocks), axis=1) if blocks else [mix]
    found = list(separate_blocks(iter(parts), separator, RATE_HZ))
    return np.concatenate([np.zeros((1, 2, 0)), *found], axis=-1)[0]


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((2, samples)).astype(np.float32)


@pytest.mark.parametrize("samples", [0, 1, 99, 299, 300, 301, 399, 400, 401, 500, 501, 699, 700, 701, 1234])
@pytest.mark.parametrize("overlap_s", [0.0, 1.0, 1.5])
def test_every_sample_comes_out_once_and_in_place(samples, overlap_s):
    mix = noise(samples)
    np.testing.assert_allclose(run(mix, Recorder(overlap_s=overlap_s)), mix, atol=1e-6)


@pytest.mark.parametrize("blocks", [[1] * 900, [7] * 130, [250, 1, 0, 500], [899]])
def test_the_sizes_of_the_blocks_change_nothing(blocks):
    mix = noise(950)
    np.testing.assert_array_equal(run(mix, Recorder(growing=True), blocks), run(mix, Recorder(growing=True)))


def test_the_last_chunk_is_as_long_as_the_others():
    recorder = Recorder()
    run(noise(750), recorder)
    assert recorder.sizes == [300, 300, 300, 300]


def test_one_chunk_fades_into_the_next():
    out = run(np.ones((2, 500), np.float32), Recorder(growing=True))[0]
    np.testing.assert_allclose(out[:200], 1)
    assert (np.diff(out[200:300]) > 0).all()
    np.testing.assert_allclose(out[300:], 2)


@pytest.mark.parametrize("samples", [150, 300, 750, 1900])
def test_chunks_given_at_once_come_out_as_one_by_one(samples):
    mix = noise(samples)
    together, alone = Recorder(growing=True, batch=3), Recorder(growing=True)
    np.testing.assert_array_equal(run(mix, together, [70] * 30), run(mix, alone))
    assert together.sizes == alone.sizes
    assert together.calls == -(-len(alone.sizes) // 3)


def test_stems_stay_apart_and_the_instrumental_is_their_sum_without_the_vocals():
    class Doubler(Recorder):
        stems = ("drums", "vocals", "bass")

        def separate(self, mixes: np.ndarray, rate_hz: int) -> np.ndarray:
            return np.stack([mixes, 2 * mixes, 4 * mixes], axis=1)

    mix = noise(750)
    (first, *rest) = separate_blocks([mix], Doubler(), RATE_HZ)
    stems = np.concatenate([first, *rest], axis=-1)
    np.testing.assert_allclose(stems, [mix, 2 * mix, 4 * mix], atol=1e-5)
    np.testing.assert_allclose(instrumental(stems, Doubler.stems), 5 * mix, atol=1e-5)


def test_no_more_than_one_chunk_is_read_ahead():
    read = 0

    def blocks():
        nonlocal read
        for _ in range(100):
            read += 10
            yield np.zeros((2, 10), np.float32)

    stream = separate_blocks(blocks(), Recorder(), RATE_HZ)
    next(stream)
    assert read == 300


def test_a_long_recording_through_repet_keeps_its_length_and_its_seams_do_not_click():
    time_s = np.arange(75 * 8000) / 8000
    tone = 0.1 * np.sin(2 * np.pi * 60 * time_s).astype(np.float32)
    parts = np.array_split(np.stack([tone, tone]), 11, axis=1)
    out = np.concatenate(list(separate_blocks(parts, RepetSeparator(), 8000)), axis=-1)
    assert out.shape == (2, 2, 75 * 8000)
    assert np.abs(np.diff(out[0, 0])).max() < 1.1 * np.abs(np.diff(tone)).max()


def test_mono_blocks_are_refused():
    with pytest.raises(ValueError, match="stereo"):
        run(np.zeros((1, 10), np.float32), Recorder())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(value):
    mix = noise(10)
    mix[1, 3] = value
    with pytest.raises(ValueError, match="NaN or infinite"):
        run(mix, Recorder())


@pytest.mark.parametrize("overlap_s", [2.0, -1.0])
def test_an_overlap_that_does_not_fit_is_refused(overlap_s):
    with pytest.raises(ValueError, match="overlap"):
        run(noise(10), Recorder(overlap_s=overlap_s))


@pytest.mark.parametrize(
    ("result", "match"),
    [(lambda mixes: mixes[:, None, :, 1:], "shape"), (lambda m: m[:, None] * np.nan, "NaN")],
)
def test_a_separator_that_changes_the_length_or_gives_no_numbers_is_named(result, match):
    class Broken(Recorder):
        def separate(self, mixes: np.ndarray, rate_hz: int) -> np.ndarray:
            return result(mixes)

    with pytest.raises(ValueError, match=f"{match}.*Broken"):
        run(noise(10), Broken())


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44100, 8000), (8000, 44100), (44100, 44100)])
def test_a_resampled_tone_is_the_tone_at_the_other_rate(from_hz, to_hz):
    def tone(rate_hz: int) -> np.ndarray:
        return np.sin(2 * np.pi * 300 * np.arange(rate_hz) / rate_hz).astype(np.float32)

    sound = np.stack([tone(from_hz), 0.5 * tone(from_hz)])[None]
    found = resample(sound, from_hz, to_hz, to_hz)
    expected = np.stack([tone(to_hz), 0.5 * tone(to_hz)])[None]
    inner = slice(to_hz // 50, -to_hz // 50)
    np.testing.assert_allclose(found[..., inner], expected[..., inner], atol=1e-3)


@pytest.mark.parametrize("samples", [0, 1, 5, 400])
def test_resampling_gives_exactly_the_samples_that_were_asked_for(samples):
    assert resample(noise(100), 44100, 8000, samples).shape == (2, samples)
    assert resample(noise(1), 44100, 8000, samples).shape == (2, samples)


@pytest.mark.parametrize("backend", [*adapters("separation")])
def test_every_backend_states_what_it_is_and_pickles_its_settings(backend, monkeypatch):
    monkeypatch.setattr(
        "leitmotif.separation.spleeter.check_wheel", lambda wheel: None
    )  # as if it were fetched
    separator = make(backend)
    module = sys.modules[type(separator).__module__]
    assert module.LICENSE and module.REFERENCE
    assert separator.model() == model_of(backend) == f"{module.MODEL_ID}@{module.REVISION}"
    assert pickle.loads(pickle.dumps(separator)).model() == separator.model()


def test_backends_are_the_files_of_the_room():
    assert isinstance(make("repet"), RepetSeparator)
    assert isinstance(make("demucs"), DemucsSeparator)


def test_settings_reach_the_backend_and_unknown_ones_are_named():
    assert make("repet", neighbours=3).neighbours == 3
    assert model_of("demucs", model="htdemucs_ft").startswith("htdemucs_ft@")
    for function in (make, model_of):
        with pytest.raises(ValueError, match=r"got model, shifts for separation backend 'repet'.*demucs"):
            function("repet", shifts=1, model="x")


def test_a_package_that_is_not_installed_is_named_with_its_command(monkeypatch):
    monkeypatch.delitem(sys.modules, "leitmotif.separation.demucs")
    monkeypatch.setitem(sys.modules, "demucs.api", None)
    with pytest.raises(LookupError, match=r"'demucs'.*pip install 'leitmotif-av\[paper\]'"):
        model_of("demucs")


def test_an_unknown_backend_lists_the_known_ones():
    for function in (make, model_of):
        with pytest.raises(LookupError, match=r"'demcus'.*repet"):
            function("demcus")
