"""Windows of a track: exact, whatever the blocks; spread evenly; never more than asked for in memory."""

from collections.abc import Iterator

import numpy as np
import pytest

from leitmotif.encoders.windows import track_windows

RATE_HZ = 100


def blocks_of(samples: int, size: int) -> Iterator[np.ndarray]:
    track = np.arange(samples, dtype=np.float32)
    for start in range(0, samples, size):
        yield track[start : start + size]


@pytest.mark.parametrize("size", [1, 7, 250, 1000, 5000])
def test_windows_are_the_same_whatever_the_blocks_are(size):
    windows = track_windows(blocks_of(3250, size), RATE_HZ, 10.0)
    assert [len(window) for window in windows] == [1000, 1000, 1000, 250]
    assert np.array_equal(np.concatenate(windows), np.arange(3250, dtype=np.float32))


def test_a_last_window_below_one_second_is_left_out():
    assert [len(w) for w in track_windows(blocks_of(2099, 64), RATE_HZ, 10.0)] == [1000, 1000]
    assert [len(w) for w in track_windows(blocks_of(2100, 64), RATE_HZ, 10.0)] == [1000, 1000, 100]


def test_the_only_window_is_kept_however_short():
    (window,) = track_windows(blocks_of(3, 2), RATE_HZ, 10.0)
    assert window.tolist() == [0.0, 1.0, 2.0]


def test_a_track_without_samples_has_no_windows():
    assert track_windows(iter([]), RATE_HZ, 10.0) == []
    assert track_windows(iter([np.zeros(0, np.float32)]), RATE_HZ, 10.0, 4, total_s=0.0) == []


def test_windows_are_spread_evenly_when_there_are_more_than_wanted():
    windows = track_windows(blocks_of(10_000, 333), RATE_HZ, 10.0, 4)
    assert [int(window[0]) for window in windows] == [1000, 3000, 6000, 8000]


def test_a_known_length_gives_the_same_windows_as_reading_everything():
    for samples in (500, 1000, 4321, 10_000, 10_050, 10_100):
        read = track_windows(blocks_of(samples, 77), RATE_HZ, 10.0, 3)
        streamed = track_windows(blocks_of(samples, 77), RATE_HZ, 10.0, 3, total_s=samples / RATE_HZ)
        assert [w.tolist() for w in streamed] == [w.tolist() for w in read]


def test_a_wrong_length_still_gives_a_window():
    assert len(track_windows(blocks_of(1000, 77), RATE_HZ, 10.0, 3, total_s=1e6)) == 1
    assert len(track_windows(blocks_of(100_000, 77), RATE_HZ, 10.0, 3, total_s=30.0)) == 3


def test_a_long_track_of_known_length_is_never_held():
    alive, most = 0, 0

    class Counted(np.ndarray):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def counted() -> Iterator[np.ndarray]:
        nonlocal alive, most
        for _ in range(3 * 360):  # three hours of 10 s blocks
            alive += 1
            most = max(most, alive)
            yield np.zeros(1000, np.float32).view(Counted)

    windows = track_windows(counted(), RATE_HZ, 10.0, 8, total_s=3 * 3600.0)
    assert len(windows) == 8
    assert most <= 3  # blocks in flight; only the chosen windows are copied


@pytest.mark.parametrize(("rate_hz", "window_s", "most"), [(0, 10.0, None), (100, 0.0, None), (100, 10.0, 0)])
def test_settings_that_are_not_positive_are_refused(rate_hz, window_s, most):
    with pytest.raises(ValueError, match="expected numbers > 0"):
        track_windows(iter([]), rate_hz, window_s, most)
