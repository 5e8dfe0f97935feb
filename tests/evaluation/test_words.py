"""Metrics that count words do so in every script, and do not confuse keys."""

import random
import string

import numpy as np
import pytest

from leitmotif.evaluation.bleu import BleuMetric
from leitmotif.evaluation.clips import Clip
from leitmotif.evaluation.metric import Metric, Tools
from leitmotif.evaluation.rouge import RougeLMetric
from leitmotif.evaluation.words import spaced, words

SAME = {
    "Japanese": "静かなピアノと柔らかい弦楽器の、ゆっくりとした夢のような曲。",
    "Chinese": "一首安静的钢琴曲，伴有柔和的弦乐。",
    "Thai": "เพลงเปียโนที่สงบและช้า",
    "Korean": "부드러운 현악기와 함께하는 조용하고 느린 피아노 곡",
    "Russian": "Спокойная фортепианная пьеса с мягкими струнными.",
    "Hindi": "पियानो और तारों वाला एक शांत धीमा संगीत",
    "Greek": "Ένα ήρεμο κομμάτι για πιάνο με απαλά έγχορδα.",
    "Arabic": "مقطوعة بيانو هادئة وبطيئة مع أوتار ناعمة",
}
OTHER = {"Japanese": "激しいメタルギター", "Chinese": "激烈的金属吉他", "Russian": "Быстрый металл"}


def score(metric: type[Metric], text: str, caption: str) -> float:
    measured = metric(Tools())
    return measured.value(measured.measure([text], [Clip("a", caption)]).sum(axis=0), 1)


@pytest.mark.parametrize("metric", [RougeLMetric, BleuMetric])
@pytest.mark.parametrize("language", SAME)
def test_the_same_caption_scores_full_marks_in_every_language(metric: type[Metric], language: str) -> None:
    assert score(metric, SAME[language], SAME[language]) == pytest.approx(100.0)


@pytest.mark.parametrize("metric", [RougeLMetric, BleuMetric])
@pytest.mark.parametrize("language", OTHER)
def test_another_caption_scores_far_less(metric: type[Metric], language: str) -> None:
    assert score(metric, OTHER[language], SAME[language]) < 35.0


@pytest.mark.parametrize("metric", [RougeLMetric, BleuMetric])
@pytest.mark.parametrize(
    ("said", "meant"), [("F minor", "F# minor"), ("B major", "B♭ major"), ("C major", "C♯ major")]
)
def test_a_key_is_no_other_key_with_an_accidental(metric: type[Metric], said: str, meant: str) -> None:
    caption = "A calm, slow ambient piece for piano and strings in {}."
    assert score(metric, caption.format(said), caption.format(meant)) < 95.0
    assert score(metric, caption.format(meant), caption.format(meant)) == pytest.approx(100.0)


def test_spellings_of_one_key_are_one_word() -> None:
    assert words("F# minor") == words("F♯ minor") == words("f#-minor") == ["fsharp", "minor"]
    assert words("B♭ major") == words("Bb major") == ["bb", "major"]
    assert words("track #5, A #1 hit") == ["track", "5", "a", "1", "hit"]


def test_english_captions_have_the_words_of_rouge_and_bleu_as_ever() -> None:
    from rouge_score.tokenize import tokenize

    rng = random.Random(0)
    letters = string.ascii_letters + string.digits + " .,;:!?'\"()-_/&"
    for _ in range(200):
        text = "".join(rng.choices(letters, k=60))
        assert words(text) == tokenize(text, None)
        assert spaced(text) == text


def test_a_caption_without_a_word_is_not_counted() -> None:
    assert np.isnan(RougeLMetric(Tools()).measure(["A piece."], [Clip("a", "🎵 …")])).all()
