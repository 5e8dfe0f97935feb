"""Prints moved by bits and words, as a change of pitch and speed moves them, and songs that are changed."""

import numpy as np
import pytest
import soxr

from bench.quality.duplicates import measure
from leitmotif.filters.fingerprint.altered import SAME_RECORDING, SEMITONES, SPEEDS, AlteredFingerprint
from leitmotif.filters.fingerprint.fingerprint import fingerprint
from tests.filters.test_duplicates import SONG_RATE_HZ, song


def words_of(track: np.ndarray) -> np.ndarray:
    return np.frombuffer(fingerprint(np.asarray(track, np.float32), SONG_RATE_HZ), "<u4")


def random_words(seed: int, count: int = 400) -> np.ndarray:
    """Words as a print has them: each band keeps its sign for a few frames."""
    rng = np.random.default_rng(seed)
    signs = np.repeat(rng.integers(0, 2, (count // 3 + 1, 32)), 3, axis=0)[:count]
    return ((signs << np.arange(32)).sum(axis=1)).astype(np.uint32)


def agreement(a: np.ndarray, b: np.ndarray):
    return AlteredFingerprint(a).agreement(AlteredFingerprint(b))


def test_a_print_agrees_with_itself_wholly() -> None:
    found = agreement(random_words(0), random_words(0))
    assert (found.similarity, found.speed, found.semitones) == (pytest.approx(1.0, abs=0.01), 1.0, 0)


@pytest.mark.parametrize("semitones", [-3, -1, 2])
def test_bits_that_moved_are_a_change_of_pitch(semitones: int) -> None:
    words = random_words(1)
    moved = words << np.uint32(semitones) if semitones > 0 else words >> np.uint32(-semitones)
    found = agreement(words, moved.astype(np.uint32))
    assert (found.speed, found.semitones) == (1.0, semitones)
    assert found.similarity > 0.95


@pytest.mark.parametrize("speed", [0.93, 0.97, 1.03, 1.08])
def test_words_closer_together_are_a_change_of_speed(speed: float) -> None:
    words = random_words(2)
    faster = words[(np.arange(int(len(words) / speed)) * speed).astype(int)]
    found = agreement(words, faster)
    assert (found.speed, found.semitones) == (pytest.approx(speed, abs=0.011), 0)
    assert found.similarity > 0.7


def test_a_part_from_elsewhere_in_the_middle_agrees() -> None:
    words = random_words(3, 700)
    assert agreement(words, words[100:300]).similarity > 0.95
    assert agreement(words[100:300], words).similarity > 0.95


def test_different_prints_do_not_agree() -> None:
    prints = [AlteredFingerprint(random_words(seed)) for seed in range(12)]
    found = [prints[a].agreement(prints[b]).similarity for a in range(12) for b in range(a)]
    assert max(found) < 0.8 * SAME_RECORDING


@pytest.mark.parametrize("words", [np.zeros(0, np.uint32), np.zeros(300, np.uint32), random_words(4, 30)])
def test_silence_and_next_to_nothing_agree_with_nothing(words: np.ndarray) -> None:
    assert agreement(words, random_words(4)).similarity == 0.0
    assert agreement(random_words(4), words).similarity == 0.0
    assert agreement(words, words).similarity == 0.0


def test_a_song_played_faster_is_the_same_and_other_songs_are_not() -> None:
    songs = [words_of(song(seed)) for seed in range(5)]
    faster = soxr.resample(song(2), SONG_RATE_HZ * 1.03, SONG_RATE_HZ)
    found = [agreement(own, words_of(faster)).similarity for own in songs]
    assert int(np.argmax(found)) == 2
    assert found[2] > SAME_RECORDING > max(found[:2] + found[3:])


def test_the_grid_covers_what_uploaders_do() -> None:
    assert {0.97, 1.0, 1.03} <= set(SPEEDS.tolist()) and {-1, 0, 1} <= set(SEMITONES.tolist())


@pytest.mark.slow
def test_copies_of_rendered_music_are_found_and_different_music_is_not() -> None:
    from bench.quality.duplicates import clap_embedder, rendered

    figures = measure(rendered(12), clap_embedder())
    recall = {name: found["found"] for name, found in figures["recall"].items()}
    assert figures["different recordings taken for one"]["found"] == 0
    assert recall["re-encoded"] == recall["trimmed"] == 1.0
    assert np.mean(list(recall.values())) > 0.9
