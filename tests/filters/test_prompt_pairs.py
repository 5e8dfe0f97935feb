from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from leitmotif.filters import quality, vocals
from leitmotif.filters.prompt_pairs import antonym_score
from leitmotif.filters.rule import discover

X, Y = np.eye(2)
SCALE = 5.0


class FakeEncoder:
    logit_scale = SCALE

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def embed_texts(self, texts: list[str]) -> np.ndarray:
        self.calls.append(list(texts))
        return np.stack([X if text.startswith("good") else Y for text in texts]).astype(np.float32)


def softmax_first(windows: np.ndarray) -> float:
    logits = SCALE * np.stack([windows @ X, windows @ Y], axis=1)
    return float(np.mean(np.exp(logits[:, 0]) / np.exp(logits).sum(axis=1)))


def test_the_score_is_the_mean_over_windows_of_the_softmax_over_the_pair():
    angles = np.linspace(0, np.pi / 2, 7)
    windows = np.stack([np.cos(angles), np.sin(angles)], axis=1)[:4]
    assert antonym_score(windows, X[None], Y[None], SCALE) == pytest.approx(softmax_first(windows))


def test_the_mean_is_over_probabilities_and_not_over_embeddings():
    assert antonym_score(np.stack([X, X, Y]), X[None], Y[None], 100.0) == pytest.approx(2 / 3, abs=1e-6)


def test_a_window_between_both_texts_scores_one_half():
    assert antonym_score(((X + Y) / 2**0.5)[None], X[None], Y[None], SCALE) == pytest.approx(0.5)


def test_pairs_count_alike():
    both = antonym_score(X[None], np.stack([X, Y]), np.stack([Y, X]), SCALE)
    assert both == pytest.approx(0.5)


def test_a_huge_scale_does_not_overflow():
    assert antonym_score(X[None], X[None], Y[None], 1e6) == 1.0
    assert antonym_score(X[None], Y[None], X[None], 1e6) == 0.0


@pytest.mark.parametrize(
    ("windows", "positive", "negative", "message"),
    [
        (np.zeros((0, 2)), X[None], Y[None], "at least one window"),
        (X, X[None], Y[None], "at least one window"),
        (X[None], np.zeros((0, 2)), np.zeros((0, 2)), "at least one pair"),
        (X[None], np.stack([X, X]), Y[None], "as many opposites"),
        (np.zeros((1, 3)), X[None], Y[None], "same encoder"),
    ],
)
def test_impossible_shapes_are_refused(windows, positive, negative, message):
    with pytest.raises(ValueError, match=message):
        antonym_score(windows, positive, negative, SCALE)


def test_quality_asks_the_pair_of_the_published_threshold_alone_and_embeds_it_once():
    encoder = FakeEncoder()
    texts = SimpleNamespace(quality=SimpleNamespace(positive=("good", "bad 2"), negative=("bad", "good 2")))
    score = quality.scorer(encoder, texts)
    assert score(X[None]) == score(X[None]) == pytest.approx(softmax_first(X[None]))
    assert encoder.calls == [["good"], ["bad"]]


def test_the_vocal_score_asks_every_pair():
    encoder = FakeEncoder()
    texts = SimpleNamespace(voice=SimpleNamespace(positive=("good", "good"), negative=("bad", "good")))
    expected = (softmax_first(X[None]) + 0.5) / 2
    assert vocals.scorer(encoder, texts)(X[None]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "values", "passed"),
    [("vocal", [0.0, 0.1, 0.2, None], [1, 1, 0, 1]), ("pam", [0.9, 0.95, 1.0, None], [0, 1, 1, 1])],
)
def test_the_rules_decide_at_their_published_thresholds(name, values, passed):
    rule = discover()[name]
    assert rule.passes(pa.array(values, pa.float64()), rule.threshold).to_pylist() == [
        bool(each) for each in passed
    ]
