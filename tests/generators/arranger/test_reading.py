"""What is read out of descriptions, and out of attributes as users write them."""

import pytest

from leitmotif.generators.arranger.attributes import Attributes, attributes_of, key_name, key_of
from leitmotif.generators.arranger.reading import read_attributes
from leitmotif.storage.errors import UserError


def test_a_caption_says_instruments_mood_tempo_and_key() -> None:
    found = read_attributes("A calm jazz piece for grand piano and upright bass in Bb minor, about 72 BPM.")
    assert found.genre == "jazz"
    assert found.moods == ("calm",)
    assert found.instruments == ("piano", "strings")
    assert (found.tempo_bpm, found.key) == (72.0, "Bb minor")


def test_tempo_words_and_metres_are_read() -> None:
    assert read_attributes("An unhurried waltz").tempo == "slow"
    assert read_attributes("An unhurried waltz").beats == 3
    assert read_attributes("fast at first, then slow").tempo is None  # which of them, nobody can know


def test_what_is_not_wanted_does_not_play() -> None:
    found = read_attributes("Energetic funk with saxophone, without drums or organ.")
    assert found.instruments == ("saxophone",)
    assert set(found.without) == {"drums", "organ"}


def test_a_soloist_is_alone() -> None:
    assert read_attributes("A solo cello piece").alone
    assert not read_attributes("A cello piece").alone


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("in c sharp minor", "C# minor"),
        ("B flat major", "Bb major"),
        ("F♯ minor", "F# minor"),
        ("g maj", "G major"),
    ],
)
def test_keys_in_words_are_keys_of_the_product(words: str, name: str) -> None:
    found = key_of(words)
    assert found is not None
    assert key_name(*found) == name


def test_a_major_problem_is_no_key() -> None:
    assert key_of("a minor delay") is not None  # as in "a minor": nobody can tell
    assert key_of("the major chords") is None


def test_given_attributes_stand_over_those_of_a_text() -> None:
    text = read_attributes("A slow, sad piano piece in C major")
    found = attributes_of({"tempo": "140", "instrument": "fiddle, cello"}).over(text)
    assert (found.tempo_bpm, found.tempo) == (140.0, None)
    assert found.instruments == ("violin", "cello")
    assert (found.moods, found.key) == (("sad",), "C major")
    assert Attributes().over(text) == text


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"genre": "piano"}, "which is an instrument"),
        ({"tempo": "900"}, "from 40 to 220"),
        ({"key": "H moll"}, "such as 'D minor'"),
        ({"metre": "7/8"}, "expected 3/4 or 4/4"),
        ({"mood": "hapy"}, "'happy'"),
        ({"colour": "red"}, "expected one of genre"),
    ],
)
def test_what_is_of_no_use_is_one_line(wanted: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        attributes_of(wanted)
