"""What a rule found, as people write it."""

import pytest

from leitmotif.filters.rule import discover
from leitmotif.filters.sentence import explain, in_words, limit_text

RULES = discover()


@pytest.mark.parametrize(
    ("rule", "value", "threshold", "sentence"),
    [
        ("spread", 0.003, 0.02, "0.3 % of the picture changes; the rule wants at least 2 %"),
        ("zoom", 0.5, 0.3, "one camera move explains 50 % of the moments; the rule wants at most 30 %"),
        ("silence", -120.0, -60.0, "the level of the sound is −120 dB; the rule wants at least −60 dB"),
        ("too-long", 5400.0, 1200.0, "it lasts 5,400 s; the rule wants at most 1,200 s"),
        ("vocal", 0.62, 0.1, "the voice score is 0.62; the rule wants at most 0.1"),
        ("audio-stream", 0.0, 1.0, "no sound that can be decoded"),
        ("pam", None, 0.95, RULES["pam"].why),
    ],
)  # fmt: skip
def test_a_finding_is_a_sentence_with_the_unit(rule, value, threshold, sentence):
    assert explain(RULES[rule], value, threshold) == sentence


def test_a_value_just_beyond_the_threshold_does_not_read_like_it():
    assert "0.94998; the rule wants at least 0.95" in explain(RULES["pam"], 0.94998, 0.95)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_says_what_it_found_or_needs_no_number(name):
    rule = RULES[name]
    assert (rule.unit == "0 or 1") is (not rule.finding)
    assert rule.finding.count("{}") == (rule.unit != "0 or 1")


def test_numbers_are_written_out():
    assert in_words(1e-7, "share of x") == "0.00001 %"
    assert in_words(0.0, "s") == "0 s" and in_words(float("-inf"), "dB") == "−inf dB"
    assert limit_text("at least", 1.0, "0 or 1") == "required"
    assert limit_text("at most", 0.5, "share of moments") == "≤ 50 %"
