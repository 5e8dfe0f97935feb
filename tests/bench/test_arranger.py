"""The judgement of arranged music, on answers that are known."""

import numpy as np

from bench.quality.arranger import Heard, draw_requests, judge, summarise
from leitmotif.generators.arranger.attributes import attributes_of
from leitmotif.generators.generator import Request

ASKED = Request(
    20.0,
    attributes={
        "genre": "jazz",
        "mood": "happy",
        "tempo": "100",
        "key": "D major",
        "instrument": "flute,piano",
    },
)
FAMILY = {"flute": "winds", "piano": "keyboards"}


def _heard(bpm: float, key: str, families: set[str], mood: tuple[float, float], lively: float) -> Heard:
    return Heard(bpm, key, frozenset(families), mood, lively)


def test_what_is_right_is_right_and_an_octave_is_not() -> None:
    right = judge(ASKED, _heard(101.0, "B minor", {"winds"}, (0.4, 0.2), 1.0), FAMILY)
    assert right["tempo_right"] and right["key_right"]
    assert right["families_found"] == [True, False]
    wrong = judge(ASKED, _heard(200.0, "A major", set(), (-0.4, 0.2), -1.0), FAMILY)
    assert not wrong["tempo_right"] and not wrong["key_right"]
    figures = summarise([right, wrong])
    assert figures["tempo within 2 %"] == 50.0
    assert figures["family of an instrument"] == 25.0
    assert figures["mood quadrant, clap"] == 50.0


def test_requests_are_taken_by_the_arranger_and_are_the_same_every_time() -> None:
    drawn = list(draw_requests(30, 20.0, ["piano", "flute", "drums"], 4))
    assert drawn == list(draw_requests(30, 20.0, ["piano", "flute", "drums"], 4))
    wanted = [attributes_of(request.attributes) for request in drawn]
    assert len({each.genre for each in wanted}) > 8
    assert all(each.tempo_bpm and each.key and each.instruments and each.moods for each in wanted)
    assert np.std([each.tempo_bpm for each in wanted]) > 10  # type: ignore[arg-type]
