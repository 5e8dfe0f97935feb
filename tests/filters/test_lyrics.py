import cv2
import numpy as np
import pyarrow as pa
import pytest

from leitmotif.filters.lyrics import RULES, measure_text

(RULE,) = RULES
SIZE = (320, 180)


class Told:
    """Finds the lines that it was told, picture by picture: left, top, right and bottom, as shares."""

    def __init__(self, *lines: list[tuple[float, float, float, float]]) -> None:
        self._lines = iter(lines)

    def load(self, device: str = "cpu") -> "Told":
        return self

    def find_lines(self, picture: np.ndarray) -> list[np.ndarray]:
        return [
            np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
            for left, top, right, bottom in next(self._lines)
        ]


BOX = (0.2, 0.7, 0.8, 0.85)


def _written(text: str, seed: int, box: tuple[float, float, float, float] = BOX) -> np.ndarray:
    """Text over a ground that is another one for each seed."""
    coarse = np.random.default_rng(seed).integers(40, 120, (9, 16)).astype(np.uint8)
    ground = cv2.cvtColor(cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)
    place = round(box[0] * SIZE[0]), round(box[3] * SIZE[1]) - 6
    return np.asarray(cv2.putText(ground, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2))


WORDS = ("river of light", "every street", "hold the night", "letters, rain", "sing along")


def judged(**columns: float | None) -> float | None:
    """What the rule compares with its threshold."""
    return RULE.judge([], lambda name: pa.array([columns[name]], pa.float32())).numbers[0].as_py()


def test_other_lines_at_the_same_place_are_new_and_the_same_ones_are_not() -> None:
    changing = [_written(text, seed) for seed, text in enumerate(WORDS)]
    text = measure_text(changing, Told(*[[BOX]] * 5))
    assert text.text_share == text.text_at_one_place == 1.0 and text.new_text_share > 0.7
    assert text.text_area == pytest.approx(0.6 * 0.15) and text.text_off_middle == pytest.approx(0.0)
    standing = [_written(WORDS[0], seed) for seed in range(5)]
    assert measure_text(standing, Told(*[[BOX]] * 5)).new_text_share == 0.0


def test_small_round_and_thick_things_are_no_text() -> None:
    pictures = [_written("", seed) for seed in range(3)]
    small, round_one, thick = (0.1, 0.1, 0.2, 0.15), (0.4, 0.4, 0.55, 0.6), (0.1, 0.2, 0.9, 0.8)
    found = measure_text(pictures, Told([small], [round_one], [thick]))
    assert found.text_share == 0.0 and found.new_text_share == 0.0


def test_a_size_that_changes_between_frames_makes_lines_new() -> None:
    pictures = [_written(WORDS[0], 1), cv2.resize(_written(WORDS[0], 1), (200, 180))]
    assert measure_text(pictures, Told([BOX], [BOX])).new_text_share == 1.0


def test_the_rule_wants_text_most_of_the_time_that_changes_and_is_set() -> None:
    lyrics = {"text_share": 0.9, "new_text_share": 0.8, "text_off_middle": 0.02, "text_at_one_place": 0.6}
    assert judged(**lyrics) == pytest.approx(0.8)
    assert judged(**lyrics | {"text_share": 0.5}) == 0.0, "subtitles of some scenes"
    assert judged(**lyrics | {"text_off_middle": 0.3}) == 0.0, "signs that pass by"
    assert judged(**lyrics | {"text_off_middle": 0.3, "text_at_one_place": 1.0}) == pytest.approx(0.8)
    assert judged(**dict.fromkeys(lyrics)) is None
    assert RULE.passes(pa.array([0.8, 0.2, None])).to_pylist() == [False, True, True]
