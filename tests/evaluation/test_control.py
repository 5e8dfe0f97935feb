"""Figures of controllability, of numbers that are known."""

import numpy as np
import pytest

from leitmotif.evaluation.control import clap_change, mean_over_songs


def test_the_change_is_in_hundredths_and_positive_where_asking_helps() -> None:
    direction = np.array([1.0, 0.0])
    asked, not_asked = np.array([[[0.8, 0.6]]]), np.array([[[0.6, 0.8]]])
    assert clap_change(asked, not_asked, direction) == pytest.approx(np.array([[20.0]]))
    assert clap_change(not_asked, asked, direction) == pytest.approx(np.array([[-20.0]]))
    assert clap_change(asked, asked, direction) == 0.0


def test_songs_are_drawn_and_not_their_variations() -> None:
    songs = np.random.default_rng(0).normal(3.0, 1.0, (40, 1))
    once, often = mean_over_songs(songs), mean_over_songs(np.repeat(songs, 50, axis=1))
    assert once is not None and often is not None
    assert often.value == pytest.approx(once.value)
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    error = float(songs.std(ddof=0)) / np.sqrt(40)
    assert once.high - once.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_what_could_not_be_measured_is_left_out_and_one_song_has_no_interval() -> None:
    nan = np.nan
    found = mean_over_songs(np.array([[1.0, 3.0], [nan, 6.0], [nan, nan]]))
    assert found is not None and found.value == 4.0 and found.clips == 2
    alone = mean_over_songs(np.array([[1.0, 3.0]]))
    assert alone is not None and alone.value == 2.0 and alone.low is None
    assert mean_over_songs(np.array([[nan]])) is None
