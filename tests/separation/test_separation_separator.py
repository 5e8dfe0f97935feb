import numpy as np
import pytest

from separation.repet import RepetSeparator
from separation.separator import backends, make, model_of, separate_blocks

RATE_HZ = 100


class Recorder:
    """Gives back its input, times a factor that grows by one with every call."""

    def __init__(self, growing: bool = False) -> None:
        self.sizes: list[int] = []
        self.growing = growing

    def load(self, device: str = "cpu") -> "Recorder":
        return self

    def separate(self, mix: np.ndarray, rate_hz: int) -> np.ndarray:
        self.sizes.append(mix.shape[1])
        return mix * len(self.sizes) if self.growing else mix


def run(mix: np.ndarray, separator, blocks: list[int] | None = None, **settings) -> np.ndarray:
    parts = np.split(mix, np.cumsum(blocks), axis=1) if blocks else [mix]
    settings = {"chunk_s": 3.0, "overlap_s": 1.0} | settings
    return np.concatenate(
        [np.zeros((2, 0)), *separate_blocks(iter(parts), separator, RATE_HZ, **settings)], axis=1
    )


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((2, samples)).astype(np.float32)


@pytest.mark.parametrize("samples", [0, 1, 99, 299, 300, 301, 399, 400, 401, 500, 501, 699, 700, 701, 1234])
@pytest.mark.parametrize("overlap_s", [0.0, 1.0, 1.5])
def test_every_sample_comes_out_once_and_in_place(samples, overlap_s):
    mix = noise(samples)
    np.testing.assert_allclose(run(mix, Recorder(), overlap_s=overlap_s), mix, atol=1e-6)


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


def test_no_more_than_two_chunks_are_read_ahead():
    read = 0

    def blocks():
        nonlocal read
        for _ in range(100):
            read += 10
            yield np.zeros((2, 10), np.float32)

    stream = separate_blocks(blocks(), Recorder(), RATE_HZ, chunk_s=3.0, overlap_s=1.0)
    next(stream)
    assert read == 300


def test_a_long_recording_through_repet_keeps_its_length_and_its_seams_do_not_click():
    time_s = np.arange(75 * 8000) / 8000
    tone = 0.1 * np.sin(2 * np.pi * 60 * time_s).astype(np.float32)
    parts = np.array_split(np.stack([tone, tone]), 11, axis=1)
    out = np.concatenate(list(separate_blocks(parts, RepetSeparator(), 8000)), axis=1)
    assert out.shape == (2, 75 * 8000)
    assert np.abs(np.diff(out[0])).max() < 1.1 * np.abs(np.diff(tone)).max()


def test_mono_blocks_are_refused():
    with pytest.raises(ValueError, match="stereo"):
        run(np.zeros((1, 10), np.float32), Recorder())


def test_settings_that_do_not_fit_are_refused():
    for settings in ({"chunk_s": 0.0}, {"overlap_s": 2.0}, {"overlap_s": -1.0}):
        with pytest.raises(ValueError, match="overlap"):
            run(noise(10), Recorder(), **settings)


def test_a_separator_that_changes_the_length_is_named():
    class Short(Recorder):
        def separate(self, mix: np.ndarray, rate_hz: int) -> np.ndarray:
            return mix[:, 1:]

    with pytest.raises(ValueError, match="Short"):
        run(noise(10), Short())


def test_backends_are_the_files_of_the_room():
    assert "repet" in backends()
    assert isinstance(make("repet"), RepetSeparator)
    assert model_of("repet") == "repet-sim@1"


def test_an_unknown_backend_lists_the_known_ones():
    for function in (make, model_of):
        with pytest.raises(LookupError, match=r"'demcus'.*repet"):
            function("demcus")
