import numpy as np
import pytest
import soxr

from leitmotif.filters.duplicates import RULES, group_duplicates, similar_to_earlier
from leitmotif.filters.fingerprint.fingerprint import RATE_HZ, fingerprint
from leitmotif.filters.fingerprint.search import match_earlier, similarity_at

SONG_RATE_HZ = 22050
THRESHOLD = RULES[0].threshold


def song(seed: int, duration_s: float = 15.0) -> np.ndarray:
    """Chords that change on a grid of 120 BPM, with a little noise: one tempo and one scale for all."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(duration_s * SONG_RATE_HZ)) / SONG_RATE_HZ
    track = 0.003 * rng.standard_normal(len(time_s))
    for beat in range(int(duration_s * 2)):
        at = slice(beat * SONG_RATE_HZ // 2, (beat + 1) * SONG_RATE_HZ // 2)
        envelope = np.exp(-4 * (time_s[at] - time_s[at][0]))
        for _ in range(3):
            hz = 220.0 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12, 14, 16]) / 12)
            for harmonic in range(1, 6):
                track[at] += 0.05 / harmonic * envelope * np.sin(2 * np.pi * hz * harmonic * time_s[at])
    return track.astype(np.float32)


def printed(track: np.ndarray, rate_hz: int = SONG_RATE_HZ) -> bytes:
    return fingerprint(np.asarray(track, np.float32), rate_hz)


@pytest.fixture(scope="module")
def songs() -> list[bytes]:
    return [printed(song(seed)) for seed in range(12)]


def low_pass(track: np.ndarray) -> np.ndarray:
    return soxr.resample(soxr.resample(track, SONG_RATE_HZ, 8000), 8000, SONG_RATE_HZ)


def tilt(track: np.ndarray) -> np.ndarray:
    spectrum = np.fft.rfft(track)
    hz = np.fft.rfftfreq(len(track), 1 / SONG_RATE_HZ)
    return np.fft.irfft(spectrum * (np.maximum(hz, 50) / 1000) ** 0.4, len(track))


COPIES = {
    "softer": lambda track: 0.1 * track,
    "clipped": lambda track: np.clip(3 * track, -0.5, 0.5),
    "8 bits": lambda track: np.round(track * 127) / 127,
    "dull": low_pass,
    "brighter": tilt,
    "begins later": lambda track: track[round(2.06 * SONG_RATE_HZ) :],
    "begins earlier": lambda track: np.concatenate([np.zeros(30001), track]),
    "ends earlier": lambda track: track[: len(track) * 2 // 3],
    "noisy": lambda track: track + 0.003 * np.random.default_rng(9).standard_normal(len(track)),
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES.keys())
def test_a_changed_copy_is_found_among_other_songs(songs, change):
    ids = [*map(str, range(12)), "copy"]
    similarity, earlier = similar_to_earlier(ids, [*songs, printed(change(song(7)))])[-1]
    assert earlier == "7"
    assert similarity > THRESHOLD


def test_a_copy_at_another_sampling_rate_is_found(songs):
    copy = printed(soxr.resample(song(3), SONG_RATE_HZ, 48000), 48000)
    assert similar_to_earlier(["a", "b"], [songs[3], copy])[1] == (pytest.approx(1.0, abs=0.1), "a")


def test_different_songs_of_one_tempo_and_scale_are_not_copies(songs):
    found = similar_to_earlier([str(n) for n in range(12)], songs)
    assert max(similarity for similarity, _ in found) < THRESHOLD
    words = [np.frombuffer(each, "<u4") for each in songs[:6]]
    for a in range(6):
        for b in range(a):
            best = max(similarity_at(words[a], words[b], shift) for shift in range(-80, 81))
            assert best < THRESHOLD


def test_the_print_does_not_depend_on_the_sizes_of_the_blocks():
    track = song(1)
    cuts = np.sort(np.random.default_rng(0).integers(0, len(track), 40))
    assert fingerprint(iter(np.split(track, cuts)), SONG_RATE_HZ) == printed(track)


def test_there_are_eight_words_a_second():
    assert len(printed(song(0, 30.0))) == pytest.approx(4 * 8 * 30, abs=4 * 10)


def test_a_recording_too_short_to_judge_has_an_empty_print():
    assert printed(np.zeros(0)) == b""
    assert printed(song(0, 0.5)) == b""


TIME_S = np.arange(15 * RATE_HZ) / RATE_HZ
DULL = {
    "digital silence": np.zeros(15 * RATE_HZ),
    "dithered silence": 1e-5 * np.random.default_rng(0).standard_normal(15 * RATE_HZ),
    "a constant": np.full(15 * RATE_HZ, 0.5),
    "a tone": 0.1 * np.sin(2 * np.pi * 440 * TIME_S),
    "another tone": 0.1 * np.sin(2 * np.pi * 523.25 * TIME_S),
    "noise": 0.1 * np.random.default_rng(1).standard_normal(15 * RATE_HZ),
    "other noise": 0.1 * np.random.default_rng(2).standard_normal(15 * RATE_HZ),
}


def test_silence_tones_and_noises_are_no_copies_of_each_other():
    prints = [printed(track, RATE_HZ) for track in DULL.values()]
    silent = [printed(np.zeros(n * RATE_HZ), RATE_HZ) for n in (5, 20)]
    found = similar_to_earlier([str(n) for n in range(len(prints) + 2)], prints + silent)
    assert max(similarity for similarity, _ in found) < THRESHOLD


def test_every_clip_of_a_group_names_the_first():
    ids = ["b", "a", "c", "d"]
    prints = [printed(song(1)), printed(song(2)), printed(0.2 * song(1)), printed(low_pass(song(1)))]
    groups = group_duplicates(ids, prints)
    assert [owner for owner, _ in groups] == ["b", "a", "b", "b"]
    assert groups[0][1] == groups[1][1] == 1.0
    assert all(THRESHOLD < similarity <= 1.0 for _, similarity in groups)


def test_a_hundred_copies_of_one_recording_are_all_found(songs):
    copies = [songs[0]] * 100
    found = similar_to_earlier([str(n) for n in range(112)], [*songs, *copies])
    assert all(pair == (1.0, "0") for pair in found[12:])


def test_a_missing_print_is_no_copy_and_has_no_similarity(songs):
    assert similar_to_earlier(["a", "b", "c"], [None, songs[0], b""]) == [
        (None, None),
        (0.0, None),
        (0.0, None),
    ]
    assert similar_to_earlier([], []) == []


def test_one_fingerprint_for_each_clip_is_expected():
    with pytest.raises(ValueError, match="1 clip ids and 2 fingerprints"):
        group_duplicates(["a"], [b"", b""])


def test_stereo_is_refused():
    with pytest.raises(ValueError, match="mono"):
        fingerprint(np.zeros((2, 1000), np.float32), RATE_HZ)


def test_the_search_for_candidates_finds_what_comparing_all_pairs_finds():
    rng = np.random.default_rng(5)
    prints = [rng.integers(1, 2**32, 100, dtype=np.uint32) for _ in range(60)]
    for number in range(30, 60, 2):
        flips = (rng.random((100, 32)) < 0.05) @ (1 << np.arange(32, dtype=np.int64))
        prints[number] = prints[number - 30] ^ flips.astype(np.uint32)
    found = match_earlier(prints)
    for number in range(1, 60):
        best = max((similarity_at(prints[other], prints[number], 0), other) for other in range(number))
        assert (found[number][1] == best[1]) == (best[0] > 0.5)


def test_prints_that_hardly_overlap_are_not_judged():
    words = np.random.default_rng(6).integers(1, 2**32, 100, dtype=np.uint32)
    assert similarity_at(words, words[60:], 60) == 1.0
    assert similarity_at(words, words[80:], 80) == 0.0
