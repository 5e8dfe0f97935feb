import dataclasses

import pyarrow as pa
import pytest

from leitmotif.filters.motion import Motion
from leitmotif.filters.rule import Rule, discover

RULES = discover()


def _rule(**changes: object) -> Rule:
    rule = Rule(
        name="loud",
        stage="audio",
        column="level_db",
        keep="at least",
        threshold=-60.0,
        unit="dB",
        why="quiet",
    )
    return dataclasses.replace(rule, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", RULES)
def test_every_rule_says_what_it_measures_and_why(name: str) -> None:
    rule = RULES[name]
    assert rule.name == name and name == name.lower() and " " not in name
    assert rule.stage and rule.column and rule.unit
    assert rule.why and "\n" not in rule.why


@pytest.mark.parametrize("name", RULES)
def test_every_rule_keeps_its_threshold_and_what_is_missing(name: str) -> None:
    rule = RULES[name]
    better = rule.threshold + 1 if rule.keep == "at least" else rule.threshold - 1
    worse = rule.threshold - 1 if rule.keep == "at least" else rule.threshold + 1
    assert rule.passes(pa.array([rule.threshold, better, worse, None])).to_pylist() == [
        True,
        True,
        False,
        True,
    ]


def test_the_rules_of_this_room_are_found() -> None:
    expected = {"too-short", "too-long", "audio-stream", "video-stream", "silence"}
    expected |= {"motion", "still-frames", "spread", "zoom", "text"}
    assert expected <= set(RULES)


def test_motion_rules_read_numbers_that_are_measured() -> None:
    columns = {field.name for field in dataclasses.fields(Motion)}
    assert {rule.column for rule in RULES.values() if rule.stage == "motion"} <= columns


def test_a_threshold_can_be_moved_for_one_decision() -> None:
    levels = pa.array([-70.0, -50.0])
    assert _rule().passes(levels).to_pylist() == [False, True]
    assert _rule().passes(levels, -40.0).to_pylist() == [False, False]
    assert _rule(keep="at most").passes(levels, -60).to_pylist() == [True, False]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([True, False, None]),
        pa.array([1, 0, None], pa.int8()),
        pa.chunked_array([pa.array([1.0], pa.float32()), pa.array([0.0, None], pa.float32())]),
        pa.array([1, 0, None], pa.float16()),
    ],
)
def test_numbers_of_every_type_and_in_chunks_pass(values: pa.Array) -> None:
    kept = _rule(threshold=1.0).passes(values)
    assert isinstance(kept, pa.BooleanArray)
    assert kept.to_pylist() == [True, False, True]


def test_an_empty_store_gives_an_empty_answer() -> None:
    assert len(_rule().passes(pa.array([], pa.float64()))) == 0
    assert len(_rule().passes(pa.chunked_array([], pa.float64()))) == 0
    assert _rule().passes(pa.nulls(2)).to_pylist() == [True, True]


def test_a_rule_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="'at least' or 'at most'"):
        _rule(keep="above")
    with pytest.raises(ValueError, match="not a number"):
        _rule(threshold=float("nan"))
