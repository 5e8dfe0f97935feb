"""Tags by two models: each label by its speaker."""

import numpy as np
import pytest

from leitmotif.pipelines.documents import read_document
from leitmotif.tagging.joined import JoinedScores
from leitmotif.tagging.select import TagSettings, select_by_kind
from leitmotif.taxonomy.labels import load
from leitmotif.taxonomy.speakers import Speakers

LABELS = load().all_tags() + load().vocals
IDS = [label.id for label in LABELS]
TAGS = ("guitar", "drums", "beat", "rock", "punk")
SPEAKERS = Speakers(
    words={
        "acoustic guitar": ("guitar",),
        "electric guitar": ("guitar",),
        "drums": ("drums", "beat"),
        "rock": ("rock", "punk"),
    },
    clap=frozenset({"clarinet", "speech", "cinematic"}),
)


def scored(tags: list[float], **cosines: float) -> dict[str, float | None]:
    cosine = np.array([cosines.get(label.replace(" ", "_"), 0.0) for label in IDS], np.float32)
    scores = JoinedScores(LABELS, SPEAKERS, TAGS).score(cosine, np.array(tags))
    return dict(zip(IDS, scores, strict=True))


def test_each_label_has_the_score_of_its_speaker() -> None:
    found = scored([0.0, 0.5, 0.2, 0.3, 0.4], clarinet=0.25, speech=-0.2, timpani=0.9, drums=0.9, rock=0.9)
    assert found["drums"] == pytest.approx(1 - 0.5 * 0.8)  # either word will do
    assert found["rock"] == pytest.approx(0.4)  # the likeliest of its styles
    assert (found["clarinet"], found["speech"]) == (0.25, 0.0)
    assert found["timpani"] is found["violin"] is None


def test_a_cosine_at_claps_threshold_of_genres_counts_as_much_as_is_asked_of_the_tagger() -> None:
    profile = read_document("profile", "embedded")
    alone = profile["stand_ins"]["tagging"]["tags"]["genres"]["threshold"]
    assert scored([0.0] * 5, cinematic=alone)["cinematic"] == pytest.approx(
        profile["tags"]["genres"]["threshold"]
    )


@pytest.mark.parametrize(
    ("near", "far"), [("acoustic guitar", "electric guitar"), ("electric guitar", "acoustic guitar")]
)
def test_a_word_that_labels_share_is_that_which_clap_finds_nearer(near: str, far: str) -> None:
    found = scored([0.7, 0, 0, 0, 0], **{near.replace(" ", "_"): 0.1, far.replace(" ", "_"): -0.1})
    assert (found[near], found[far]) == (pytest.approx(0.7), 0.0)


def test_what_nobody_speaks_for_is_never_chosen() -> None:
    scores = list(scored([0.0, 0.9, 0.0, 0.6, 0.0], timpani=0.9).values())[: len(load().all_tags())]
    every = {kind: TagSettings(threshold=-1, top=40) for kind in ("instruments", "genres", "moods")}
    chosen = select_by_kind(scores, load(), every)
    assert [tag["tag"] for tag in chosen["instruments"]][:1] == ["drums"]
    assert {tag["tag"] for tag in chosen["instruments"]} == {
        "drums", "acoustic guitar", "electric guitar", "clarinet"
    }  # fmt: skip
    assert {tag["tag"] for tag in chosen["genres"]} == {"rock", "cinematic"} and chosen["moods"] == []


def test_of_music_between_two_genres_the_profile_says_the_likelier_one() -> None:
    profile = read_document("profile", "embedded")
    settings = {kind: TagSettings(**stated) for kind, stated in profile["tags"].items()}
    scores = list(scored([0.0, 0.0, 0.0, 0.3, 0.0], cinematic=0.4).values())[: len(load().all_tags())]
    assert [tag["tag"] for tag in select_by_kind(scores, load(), settings)["genres"]] == ["cinematic"]


def test_a_word_that_the_tagger_lacks_is_named() -> None:
    with pytest.raises(LookupError, match="without the word 'punk'"):
        JoinedScores(LABELS, SPEAKERS, TAGS[:-1])
