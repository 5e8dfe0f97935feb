"""The caption stage behind a server: what is asked, stored, lost and repeated when things go wrong."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leitmotif.captioning import connection
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.cli.main import main
from leitmotif.pipelines.curate import Summary, curate
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import Clip
from leitmotif.pipelines.stages.caption import CaptionStage
from leitmotif.pipelines.workspace import Stores, Workspace
from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.taxonomy import labels
from tests.captioning.fake_server import GOOD, MODEL, Answer, FakeServer

Catalogue = Callable[..., list[str]]
Measure = Callable[..., Stores]

LABELS = labels.load()
SCORES = [1.0 if label.id in ("piano", "calm") else -1.0 for label in LABELS.all_tags()]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(connection, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(CaptionStage, "BATCH", 8)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


def plan_for(server: FakeServer, *settings: str, recipe: str = "music-track") -> Plan:
    ours = ("caption.backend=vllm-server", f"caption.url={server.url}", "caption.patience_s=0.3")
    return make_plan(recipe, "embedded", [*ours, *settings])


@pytest.fixture
def measured(catalogue: Catalogue, measure: Measure) -> Callable[[Plan, int], list[str]]:
    """Catalogue clips and measure all but their captions."""

    def measured(plan: Plan, count: int = 30) -> list[str]:
        ids = sorted(catalogue(**{f"clip{n}": str(n) for n in range(count)}))
        measure(
            ids,
            plan,
            tagging={clip: {"scores": SCORES} for clip in ids},
            vocals={clip: {"vocal_score": 0.0, "singing": 0.0, "speech": 0.0} for clip in ids},
            caption=dict.fromkeys(ids),
        )
        return ids

    return measured


def captions(workspace: Workspace, plan: Plan) -> dict[str, dict]:
    store = workspace.stores(plan).store("caption")
    rows = store.read(CaptionStage.COLUMNS.names).to_pylist()
    in_parts = sum(len(pq.read_table(part)) for part in store.parts())
    assert in_parts == len(rows), "a clip was stored twice"
    return {row["clip_id"]: row for row in rows}


def test_a_caption_is_stored_with_its_backend_prompt_and_seed(workspace, server, measured):
    plan = plan_for(server, "caption.seed=3")
    (clip,) = measured(plan, 1)
    assert curate([], workspace, plan).kept == 1
    row = captions(workspace, plan)[clip]
    assert row["caption"].endswith("tempo.") and row["error"] is None
    assert (row["caption_backend"], row["caption_prompt"]) == ("vllm-server", "music-sentence-v1")
    assert row["seed"] == server.requests[0]["seed"]
    assert server.requests[0]["messages"][1]["content"] == "piano, calm"
    assert workspace.stores(plan).models["caption"].startswith(f"{MODEL}@0e9e39f")


def test_a_recipe_of_videos_has_the_prompt_with_context(workspace, server, measured):
    plan = plan_for(server, recipe="music-video")
    measured(plan, 1)
    curate([], workspace, plan)
    system, user = (message["content"] for message in server.requests[0]["messages"])
    assert "<page>" in system and "Tempo: fast, 120 BPM\nKey: C major\nVocals: none, instrumental" in user


def facts_of(
    plan: Plan,
    score: float | None = None,
    singing: float | None = 0.0,
    speech: float | None = 0.0,
    removed_db: float | None = 0.0,
) -> CaptionFacts:
    stage = CaptionStage(plan)
    stage.taxonomy = LABELS
    rhythm = {"tempo_bpm": None, "tempo_class": None, "key": None}
    vocals = {"vocal_score": score, "singing": singing, "speech": speech}
    inputs = {"tagging": {"scores": SCORES}, "rhythm": rhythm, "vocals": vocals}
    inputs |= {"separation": {"removed_db": removed_db}} if plan.track == "separation" else {}
    metadata = {"title": "The Sea", "artist": "A", "description": "rain", "comments": ["ah"]}
    return stage._facts(Clip("a", Path("a.wav"), metadata=metadata, inputs=inputs))


@pytest.mark.parametrize("recipe", ["music-track", "music-video"])
@pytest.mark.parametrize(
    ("score", "singing", "speech", "said"),
    [
        (None, 0.9, 0.0, None),
        (0.9, None, None, None),
        (0.0, None, None, None),
        (0.5, 0.9, 0.0, True),
        (0.9, 0.02, 0.0, None),
        (0.9, 0.02, 0.9, None),
        (0.49, 0.9, 0.0, None),
        (0.1, 0.02, 0.05, False),
        (0.1, 0.9, 0.0, None),
        (0.1, 0.0, 0.9, None),
        (0.11, 0.0, 0.0, None),
    ],
)
def test_a_track_is_said_to_have_a_voice_or_none_where_score_and_singing_agree(
    recipe, score, singing, speech, said
):
    found = facts_of(make_plan(recipe, "embedded", []), score, singing, speech).has_vocals
    assert found is (None if said and recipe == "music-video" else said)  # a separator left no voice in it


@pytest.mark.parametrize("removed_db", [0.0, 4.1, None])
def test_what_a_separator_left_is_never_said_to_have_a_voice(removed_db):
    plan = make_plan("music-video", "embedded", [])
    assert facts_of(plan, 0.9, 0.9, removed_db=removed_db).has_vocals is None
    assert facts_of(plan, 0.05, 0.0, removed_db=removed_db).has_vocals is False


def test_captions_may_be_of_the_sound_alone():
    plan = make_plan("music-track", "embedded", [])
    without = make_plan("music-track", "embedded", ["caption.metadata=false"])
    told, untold = facts_of(plan), facts_of(without)
    assert (told.title, told.description, told.comments) == ("The Sea", "rain", ("ah",))
    assert replace(told, title=None, artist=None, description=None, comments=()) == untold
    assert CaptionStage(plan).identity() != CaptionStage(without).identity()


def test_a_bad_caption_quarantines_its_clip_with_the_reason(workspace, server, measured):
    plan = plan_for(server)
    ids = measured(plan)
    stage = workspace.stores(plan).stages["caption"]
    bad = {stage.captioner.task.seed(ids[5], attempt) for attempt in range(3)}
    server.script = lambda request: Answer("I'm sorry, no." if request["seed"] in bad else GOOD)
    summary = curate([], workspace, plan)
    assert (summary.kept, summary.quarantined) == (29, 1)
    row = captions(workspace, plan)[ids[5]]
    assert row["error"] == "BadCaption" and "it is a refusal" in row["message"] and row["caption"] is None


def test_a_run_whose_server_dies_keeps_what_it_has_and_goes_on_later(workspace, server, measured):
    plan = plan_for(server, "caption.concurrency=1")
    ids = measured(plan)

    def die_at_20(request: dict) -> Answer:
        if len(server.answered) == 20:
            threading.Thread(target=server.stop).start()
            return Answer(cut=True)
        return Answer()

    server.script = die_at_20
    with pytest.raises(OutsideError, match="has not answered for"):
        curate([], workspace, plan)
    # Two batches of 8 are stored; of the third, 4 captions wait in a journal.
    assert len(captions(workspace, plan)) == 16
    journals = workspace.stores(plan).folder("caption") / "files"
    assert [len(path.read_text().splitlines()) for path in journals.iterdir()] == [4]
    server.script = lambda request: Answer()
    server.start()
    summary = curate([], workspace, plan)
    assert (summary.kept, summary.computed) == (30, {"caption": 14})
    assert set(captions(workspace, plan)) == set(ids)
    assert len(server.answered) == len(set(server.answered)) == 30
    assert list(journals.iterdir()) == []


def test_a_server_that_refuses_every_request_quarantines_nothing_and_once_mended_is_asked_again(
    workspace, server, measured
):
    plan = plan_for(server)
    ids = measured(plan)
    server.script = lambda request: Answer("you must provide a chat template", status=400)
    with pytest.raises(UserError, match=r"takes no request.*you must provide a chat template"):
        curate([], workspace, plan)
    assert captions(workspace, plan) == {}
    server.script = lambda request: Answer()
    summary = curate([], workspace, plan)
    assert (summary.kept, summary.quarantined, set(captions(workspace, plan))) == (30, 0, set(ids))


def test_rows_say_that_a_server_knew_no_system_role(workspace, server, measured):
    plan = plan_for(server)
    (clip,) = measured(plan, 1)
    server.script = lambda request: (
        Answer() if len(request["messages"]) == 1 else Answer("System role not supported", status=400)
    )
    curate([], workspace, plan)
    assert captions(workspace, plan)[clip]["caption_prompt"] == "music-sentence-v1:user"


def test_a_restart_within_the_patience_ends_nothing(workspace, server, measured):
    plan = plan_for(server, "caption.patience_s=20", "caption.concurrency=4")
    ids = measured(plan)

    def stop_for_a_while() -> None:
        server.stop()
        threading.Timer(0.3, server.start).start()

    def script(request: dict) -> Answer:
        if len(server.requests) == 15:
            threading.Thread(target=stop_for_a_while).start()
        return Answer(delay_s=0.01)

    server.script = script
    summary = curate([], workspace, plan)
    assert (summary.kept, summary.computed) == (30, {"caption": 30})
    assert set(captions(workspace, plan)) == set(ids)
    assert len(server.requests) <= 30 + 4


@pytest.mark.parametrize(
    ("setting", "again"),
    [
        ("caption.concurrency=3", False),
        ("caption.patience_s=99", False),
        ("caption.timeout_s=99", False),
        ("caption.tries=9", False),
        ("caption.url=http://127.0.0.1:9/v1", False),
        ("caption.temperature=0.1", True),
        ("caption.seed=1", True),
        ("caption.max_tokens=64", True),
        ("caption.prompt=music-context-v1", True),
        ("caption.model=other/model", True),
        ("caption.revision=abc", True),
        ("moods.top=1", True),
    ],
)
def test_only_what_changes_the_words_makes_them_be_written_again(workspace, server, setting, again):
    before = workspace.stores(plan_for(server)).fingerprints
    after = workspace.stores(plan_for(server, setting)).fingerprints
    assert (before["caption"] != after["caption"]) is again
    assert {name: after[name] for name in before if name != "caption"} == {
        name: before[name] for name in before if name != "caption"
    }


def test_settings_of_models_do_not_touch_a_grammar(workspace):
    plans = [make_plan("music-video", "embedded", settings) for settings in ([], ["caption.temperature=0"])]
    first, second = (workspace.stores(plan).fingerprints["caption"] for plan in plans)
    assert first == second


def test_a_server_with_another_model_is_the_user_s_to_mend(workspace, server, measured):
    plan = plan_for(server)
    measured(plan, 2)
    server.models = ("tiny",)
    with pytest.raises(UserError, match=r"serves tiny; expected meta-llama"):
        curate([], workspace, plan)
    assert server.requests == []


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("caption.url=localhost:8000", "such as http://host:8000/v1"),
        ("caption.url=http://me:secret@host/v1", "put it into LEITMOTIF_API_KEY"),
        ("caption.url=http://host/v1?key=secret", "put it into LEITMOTIF_API_KEY"),
        ("caption.temperature=3", "caption.temperature: got 3, expected less than or equal to 2"),
        ("caption.tries=0", "caption.tries: got 0, expected greater than or equal to 1"),
        ("caption.backend=vlm", "'grammar', 'vllm' or 'vllm-server'"),
    ],
)
def test_a_wrong_setting_is_one_line(server, setting, said):
    with pytest.raises(UserError, match=said):
        plan_for(server, setting)


@pytest.mark.parametrize("backend", ["grammar", "vllm-server"])
def test_an_unknown_prompt_is_one_line_before_anything_runs(workspace, server, backend):
    plan = plan_for(server, "caption.prompt=haiku-v3", f"caption.backend={backend}")
    with pytest.raises(UserError, match=r"caption: got prompt 'haiku-v3'; expected one of"):
        workspace.stores(plan)


def test_the_command_line_ends_with_3_when_the_server_is_dead(
    workspace, server, measured, monkeypatch, capsys
):
    plan = plan_for(server)
    measured(plan, 2)
    server.stop()

    def run_here(*arguments: object, **options: object) -> Summary:
        return curate([], workspace, plan)

    monkeypatch.setattr("leitmotif.pipelines.flow.run_flow", run_here)
    assert main(["curate", "--out", str(workspace.root)]) == 3
    error = capsys.readouterr().err
    assert "has not answered for" in error and "Traceback" not in error
