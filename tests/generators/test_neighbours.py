"""The music bridge in training never leads a clip to itself."""

import numpy as np
import pytest

from leitmotif.generators.ecmg import neighbours
from leitmotif.generators.ecmg.neighbours import Clips, nearest, read_clips
from leitmotif.shards.dataset import Dataset

MOODS = [("moods", "calm"), ("moods", "tense"), ("tempo_class", "fast")]


def some_clips(count: int, seed: int = 0, recordings: int = 7) -> Clips:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 8)).astype(np.float32)
    return Clips(
        tuple(f"{seed}-{number}" for number in range(count)),
        rng.integers(recordings, size=count),
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        tuple(frozenset(each for each in MOODS if rng.random() < 0.4) for _ in range(count)),
    )


def by_hand(queries: Clips, base: Clips, number: int, wanted: tuple[str, str] | None) -> str | None:
    best, best_score = None, -np.inf
    for other in range(len(base.ids)):
        fits = base.recordings[other] != queries.recordings[number]
        fits &= wanted is None or wanted in base.attributes[other]
        score = float(queries.vectors[number] @ base.vectors[other])
        if fits and score > best_score:
            best, best_score = base.ids[other], score
    return best


@pytest.mark.parametrize("block", [4, 1024])
def test_what_is_found_is_the_nearest_clip_of_another_recording(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    clips, queries = some_clips(30), some_clips(9, seed=1)
    for asking in (clips, queries):
        found = nearest(asking, clips)
        assert found == [by_hand(asking, clips, number, None) for number in range(len(asking.ids))]
    place = {clip_id: number for number, clip_id in enumerate(clips.ids)}
    for number, clip_id in enumerate(nearest(clips, clips)):
        assert clip_id is not None and clips.recordings[place[clip_id]] != clips.recordings[number]


def test_what_is_targeted_has_the_attribute_and_one_that_wants_none_finds_none() -> None:
    clips = some_clips(30)
    wanted = [None, *MOODS][0:1] + [MOODS[number % 3] for number in range(1, 30)]
    found = nearest(clips, clips, wanted)
    assert found[0] is None
    assert found[1:] == [by_hand(clips, clips, number, wanted[number]) for number in range(1, 30)]


def test_where_there_is_no_other_recording_nothing_is_found() -> None:
    assert nearest(some_clips(5, recordings=1), some_clips(5, recordings=1)) == [None] * 5
    assert nearest(some_clips(2), some_clips(30), [("moods", "unknown")] * 2) == [None] * 2


def test_clips_of_a_dataset_are_read_with_what_they_have(encoded: Dataset) -> None:
    clips = read_clips(encoded, "train")
    assert len(clips.ids) == 10 and len(set(clips.recordings)) == 10
    assert np.allclose(np.linalg.norm(clips.vectors, axis=1), 1, atol=1e-5)
    table = encoded.table("train").to_pylist()
    for row, found in zip(table, clips.attributes, strict=True):
        assert ("tempo_class", row["tempo_class"]) in found
        assert {tag for column, tag in found if column == "moods"} == {tag["tag"] for tag in row["moods"]}
