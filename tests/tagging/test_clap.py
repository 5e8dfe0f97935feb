from dataclasses import dataclass

import numpy as np
import pytest

from leitmotif.tagging.clap import label_embeddings, select_many, select_tags, tag_scores


@dataclass(frozen=True)
class FakeLabel:
    id: str
    texts: tuple[str, ...]

    def prompts(self, *templates: str) -> list[str]:
        return [template.format(label=self.id) for template in templates] or list(self.texts)


@dataclass(frozen=True)
class FakeTaxonomy:
    labels: tuple[FakeLabel, ...]

    def all_tags(self) -> tuple[FakeLabel, ...]:
        return self.labels


class FakeEncoder:
    """Gives every text a direction of its own choice."""

    def __init__(self, directions: dict[str, tuple[float, ...]]) -> None:
        self.directions = directions
        self.calls: list[list[str]] = []

    def embed_texts(self, texts: list[str]) -> np.ndarray:
        self.calls.append(list(texts))
        rows = np.array([self.directions[text] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


DIRECTIONS = {"x": (1, 0, 0), "also x": (0, 1, 0), "z": (0, 0, 1), "not z": (0, 0, -1), "the z": (0, 1, 0)}


def test_a_label_is_the_mean_of_its_prompts_on_the_unit_sphere():
    encoder = FakeEncoder(DIRECTIONS)
    labels = FakeTaxonomy((FakeLabel("x", ("x", "also x")), FakeLabel("z", ("z",))))
    found = label_embeddings(encoder, labels)
    np.testing.assert_allclose(found, [[0.5**0.5, 0.5**0.5, 0], [0, 0, 1]], atol=1e-6)
    assert found.dtype == np.float32
    assert encoder.calls == [["x", "also x", "z"]]


def test_templates_can_be_given():
    found = label_embeddings(FakeEncoder(DIRECTIONS), FakeTaxonomy((FakeLabel("z", ("z",)),)), "the {label}")
    np.testing.assert_allclose(found, [[0, 1, 0]])


def test_a_label_without_prompts_or_with_contradicting_ones_is_an_error():
    with pytest.raises(ValueError, match="no prompt for mute"):
        label_embeddings(FakeEncoder(DIRECTIONS), FakeTaxonomy((FakeLabel("mute", ()),)))
    with pytest.raises(ValueError, match="torn"):
        label_embeddings(FakeEncoder(DIRECTIONS), FakeTaxonomy((FakeLabel("torn", ("z", "not z")),)))


def test_scores_are_cosines_of_one_clip_or_many():
    labels = np.eye(3, dtype=np.float32)[:2]
    clip = np.array([0.6, 0.0, 0.8], np.float32)
    np.testing.assert_allclose(tag_scores(clip, labels), [0.6, 0.0])
    assert tag_scores(np.stack([clip, clip]), labels).shape == (2, 2)


def test_embeddings_of_another_encoder_are_refused():
    with pytest.raises(ValueError, match="same encoder"):
        tag_scores(np.zeros(4, np.float32), np.zeros((2, 3), np.float32))


def test_tags_at_or_above_the_threshold_come_best_first():
    ids = ["a", "b", "c", "d"]
    scores = np.array([0.1, 0.5, 0.3, 0.5], np.float32)
    assert select_tags(scores, ids, 0.3) == [("b", 0.5), ("d", 0.5), ("c", pytest.approx(0.3))]
    assert [tag for tag, _ in select_tags(scores, ids, 0.3, top=2)] == ["b", "d"]
    assert select_tags(scores, ids, 0.9) == []


def test_many_clips_are_chosen_for_like_each_alone():
    rng = np.random.default_rng(3)
    ids = [f"tag {number}" for number in range(20)]
    scores = rng.uniform(-1, 1, (30, 20)).astype(np.float32)
    assert select_many(scores, ids, 0.2, top=4) == [select_tags(row, ids, 0.2, top=4) for row in scores]


def test_a_score_that_is_not_a_number_is_never_chosen():
    assert select_tags(np.array([np.nan, 0.4], np.float32), ["a", "b"], -1.0) == [("b", pytest.approx(0.4))]


def test_as_many_scores_as_labels_are_expected():
    with pytest.raises(ValueError, match="for 3 labels"):
        select_tags(np.zeros(2, np.float32), ["a", "b", "c"], 0.0)
