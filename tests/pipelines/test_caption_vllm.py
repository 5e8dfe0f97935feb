"""Captions by a real vLLM on a tiny random Llama; `make vllm` makes the environment that it runs in."""

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leitmotif.captioning.captioner import Caption
from leitmotif.captioning.chat import ChatTask, Completion, Sampling
from leitmotif.captioning.connection import Connection
from leitmotif.captioning.errors import BadCaption
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.vllm_server import ServerCaptioner
from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stages.caption import CaptionStage
from leitmotif.storage.errors import UserError
from leitmotif.taxonomy import labels
from tests.captioning.real_server import MODEL, PYTHON, REPOSITORY, RealServer, environment, write_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.is_file(), reason="no .venv-vllm; run `make vllm`"),
]

CLIPS = 500
TASK = ChatTask("music-context-v1")
FACTS = [CaptionFacts(f"clip{n}", title=f"Song {n}", genres=("rock",), moods=("calm",)) for n in range(24)]

# Run in .venv-vllm: captions of the same clips, all at once and one by one.
OFFLINE = """
import json, sys
from leitmotif.captioning.chat import ChatTask
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.vllm import OfflineCaptioner
if __name__ == "__main__":
    known = {"genres": ("rock",), "moods": ("calm",)}
    facts = [CaptionFacts(f"clip{n}", title=f"Song {n}", **known) for n in range(24)]
    captioner = OfflineCaptioner(ChatTask("music-context-v1"), model=sys.argv[1], max_model_len=2048).load()
    runs = [captioner.caption(facts), [captioner.caption([each])[0] for each in facts]]
    texts = [[[getattr(c, "text", None), getattr(c, "seed", None)] for c in captions] for captions in runs]
    with open(sys.argv[2], "w") as file:
        json.dump(texts, file)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tiny") / "llama")


@pytest.fixture(scope="module")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    server = RealServer(model, tmp_path_factory.mktemp("server") / "log.txt")
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.kill()


def test_a_real_server_captions_in_order_with_the_seeds_that_are_recorded(server):
    captioner = ServerCaptioner(TASK, url=server.url, timeout_s=300).load()
    first, again = captioner.caption(FACTS), captioner.caption(FACTS[::-1])[::-1]
    assert sum(isinstance(each, Caption) for each in first) >= 12
    for facts, caption in zip(FACTS, first, strict=True):
        if isinstance(caption, Caption):
            assert caption.seed in [TASK.seed(facts.clip_id, attempt) for attempt in TASK.attempts]
    assert [str(each) for each in first] == [str(each) for each in again]


def test_a_real_server_with_another_model_is_one_line(server):
    with pytest.raises(UserError, match=rf"serves {MODEL}; expected other/model"):
        ServerCaptioner(TASK, url=server.url, model="other/model").load()


def test_what_a_real_server_refuses_is_the_clip_s_failure(server):
    task = ChatTask("music-context-v1", Sampling(max_tokens=9999))
    (result,) = ServerCaptioner(task, url=server.url).caption(FACTS[:1])
    assert isinstance(result, BadCaption) and "refuses the request" in str(result)


def test_a_server_killed_and_restarted_in_the_middle_of_500_clips_loses_and_repeats_nothing(
    server, workspace, catalogue, measure, monkeypatch
):
    settings = ("backend=vllm-server", f"url={server.url}", "patience_s=1200", "timeout_s=300")
    plan = make_plan("music-track", "embedded", [f"caption.{setting}" for setting in settings])
    ids = catalogue(**{f"clip{n}": str(n) for n in range(CLIPS)})
    scores = [1.0 if label.id in ("piano", "calm") else -1.0 for label in labels.load().all_tags()]
    measure(ids, plan, tagging={clip: {"scores": scores} for clip in ids}, caption=dict.fromkeys(ids))
    monkeypatch.setattr(CaptionStage, "BATCH", 200)
    answered: list[int] = []
    killed_at: list[int] = []
    ask, halfway = Connection.ask, threading.Event()

    async def logged(self: Connection, *arguments: object) -> Completion:
        draft = await ask(self, *arguments)
        answered.append(arguments[-1])
        if len(answered) == CLIPS // 2:
            halfway.set()
        return draft

    def kill_and_restart() -> None:
        if halfway.wait(1800):
            server.kill()
            killed_at.append(len(answered))
            server.start()

    monkeypatch.setattr(Connection, "ask", logged)
    killer = threading.Thread(target=kill_and_restart)
    killer.start()
    summary = curate([], workspace, plan)
    halfway.set()
    killer.join()
    assert CLIPS // 2 <= killed_at[0] < len(answered)
    assert summary.computed == {"caption": CLIPS}
    assert summary.kept + summary.quarantined == CLIPS and summary.kept > CLIPS // 2
    store = workspace.stores(plan).store("caption")
    rows = store.read(CaptionStage.COLUMNS.names).to_pylist()
    assert sorted(row["clip_id"] for row in rows) == sorted(ids)
    assert sum(len(pq.read_table(part)) for part in store.parts()) == CLIPS
    assert len(answered) == len(set(answered)), "a clip was captioned twice with one seed"
    assert {row["seed"] for row in rows if row["error"] is None} <= set(answered)
    assert all(row["error"] in (None, "BadCaption") for row in rows)
    print(f"{summary}; {len(answered)} answers, killed after {killed_at[0]}")
    assert curate([], workspace, plan).computed == {}


def test_vllm_in_process_captions_the_same_all_at_once_and_one_by_one(server, model, tmp_path):
    server.kill()  # two engines at a time are too much for a small machine
    script, out = tmp_path / "offline.py", tmp_path / "captions.json"
    script.write_text(OFFLINE)
    command = [PYTHON, script, model, out]
    done = subprocess.run(command, env=environment(), cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    at_once, one_by_one = json.loads(out.read_text())
    assert at_once == one_by_one
    seeds = [[TASK.seed(facts.clip_id, attempt) for attempt in TASK.attempts] for facts in FACTS]
    assert all(seed is None or seed in seeds[n] for n, (_, seed) in enumerate(at_once))
    assert sum(text is not None for text, _ in at_once) >= 12
