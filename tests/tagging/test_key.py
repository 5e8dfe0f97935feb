import numpy as np
import pytest

from leitmotif.music import score
from leitmotif.tagging.key import KEYS, estimate_key, key_of_chroma, pitch_classes

RATE_HZ = 22050


def chords(
    degrees: list[tuple[int, ...]], *, tonic: int = 62, cents: float = 0.0, duration_s: float = 8.0
) -> np.ndarray:
    time_s = np.arange(round(duration_s / len(degrees) * RATE_HZ)) / RATE_HZ
    parts = []
    for chord in degrees:
        sound = np.zeros_like(time_s)
        for semitone in chord:
            hz = 440.0 * 2.0 ** ((tonic + semitone - 69 + cents / 100) / 12)
            sound += sum(np.sin(2 * np.pi * hz * h * time_s) / h**1.5 for h in range(1, 6))
        parts.append(sound * np.exp(-time_s))
    return (0.05 * np.concatenate(parts)).astype(np.float32)


MAJOR = [(-12, 0, 4, 7), (-7, 0, 5, 9), (-5, 2, 7, 11), (-12, 0, 4, 7)]
MINOR = [(-12, 0, 3, 7), (-7, 0, 5, 8), (-5, 2, 7, 11), (-12, 0, 3, 7)]


@pytest.mark.parametrize(
    ("degrees", "tonic", "key"),
    [
        (MAJOR, 62, "D major"),
        (MAJOR, 66, "F# major"),
        (MAJOR, 61, "Db major"),
        (MAJOR, 63, "Eb major"),
        (MAJOR, 68, "Ab major"),
        (MAJOR, 58, "Bb major"),
        (MINOR, 57, "A minor"),
        (MINOR, 61, "C# minor"),
        (MINOR, 63, "Eb minor"),
        (MINOR, 58, "Bb minor"),
    ],
)
def test_a_cadence_has_its_key(degrees, tonic, key):
    assert estimate_key(chords(degrees, tonic=tonic), RATE_HZ) == key


@pytest.mark.parametrize("cents", [-40.0, 35.0])
def test_a_band_that_is_out_of_tune_plays_in_the_same_key(cents):
    assert estimate_key(chords(MAJOR, cents=cents), RATE_HZ) == "D major"


@pytest.mark.parametrize(
    "track",
    [
        np.zeros(8 * RATE_HZ, np.float32),
        np.zeros(10, np.float32),
        0.1 * np.random.default_rng(2).standard_normal(8 * RATE_HZ).astype(np.float32),
    ],
    ids=["silence", "too short", "noise"],
)
def test_where_nothing_has_a_pitch_there_is_no_key(track):
    assert estimate_key(track, RATE_HZ) is None


def test_pitch_classes_are_shares_with_the_played_ones_on_top():
    shares = pitch_classes(chords([(0, 4, 7)], tonic=60), RATE_HZ)
    assert shares.sum() == pytest.approx(1.0)
    assert set(np.argsort(shares)[-3:]) == {0, 4, 7}


def test_a_single_note_has_no_key():
    seconds = np.arange(8 * RATE_HZ) / RATE_HZ
    note = sum(np.sin(2 * np.pi * 130.8 * k * seconds) / k for k in range(1, 9))
    assert estimate_key((0.05 * note).astype(np.float32), RATE_HZ) is None


def test_even_shares_have_no_key():
    assert key_of_chroma(np.full(12, 1 / 12)) is None


SCALES = {
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
# The chords that tell a mode from major and minor, by degree, around its tonic.
TELLING = {
    "dorian": (0, 3, 0, 3),
    "phrygian": (0, 1, 0, 1),
    "lydian": (0, 1, 0, 1),
    "mixolydian": (0, 6, 3, 0),
}


@pytest.mark.parametrize("tonic", [57, 62, 64])
@pytest.mark.parametrize("mode", SCALES)
def test_music_in_another_mode_has_no_key_of_another_tonic(mode, tonic):
    scale = SCALES[mode]
    step = [scale[degree % 7] + 12 * (degree // 7) for degree in range(14)]
    triads = [(step[d] - 12, step[d], step[d + 2], step[d + 4]) for d in TELLING[mode]]
    melody = [(step[d] - 12, step[0] + 12, step[4] + 12) for d in (0, 0)]
    names = {f"{KEYS[kind][tonic % 12]} {kind}" for kind in KEYS}
    assert estimate_key(chords([*triads, *melody], tonic=tonic, duration_s=12.0), RATE_HZ) in {*names, None}


def test_the_demo_names_its_keys_alike():
    assert {"major": score.MAJOR_KEYS, "minor": score.MINOR_KEYS} == KEYS


def test_no_key_has_more_than_six_sharps_or_flats():
    # Around the circle of fifths from F: how many sharps (or, below 0, flats) a major key has.
    order = ["Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#"]
    for mode, tonics in KEYS.items():
        signs = [order.index(tonic) - order.index("C" if mode == "major" else "A") for tonic in tonics]
        assert max(map(abs, signs)) <= 6
