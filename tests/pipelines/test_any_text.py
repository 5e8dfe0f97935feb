"""Whatever text a record takes in, from whomever, it gives back: every field of every record."""

import itertools
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leitmotif.captioning.captioner import Caption
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.journal import Journal
from leitmotif.collection.archive import COLUMNS, Archive
from leitmotif.collection.request import Request
from leitmotif.pipelines.catalog_row import CATALOG_COLUMNS
from leitmotif.pipelines.given import read_given
from leitmotif.pipelines.runs.log import BatchResult, Failure, Reason, RunLog, SlowClip
from leitmotif.pipelines.runs.read import LoggedRun
from leitmotif.pipelines.saved_plan import load_plan
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stated import state
from leitmotif.pipelines.workspace import Workspace
from leitmotif.shards.takedown import Removal, read_record, write_record
from leitmotif.shards.texts import encodable
from leitmotif.storage.json_lines import line_of
from leitmotif.storage.table import AppendOnlyTable
from leitmotif.training.logs import whole_records

# What Unicode, Python, JSON, YAML, CSV or a terminal takes for more than a letter.
SIGNS = "\"'\\,:#{}[]-"
SIGNS += (
    "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\0\x07\x1b\x7f\x9b\ufeff\ufffe\uffff\ud83d\udfff\udcff\u202e\u200b"
)
TEXT = (
    st.text(st.sampled_from(SIGNS) | st.characters(exclude_categories=()), max_size=12)
    | st.sampled_from(SIGNS).flatmap(
        lambda sign: st.integers(0, 9000).map(lambda length: sign + "é" * length)
    )
).map(lambda text: text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"))
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
ANY_TEXT = settings(max_examples=40)
_numbers = itertools.count()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Give a folder that is new."""
    root = tmp_path_factory.mktemp("records")

    def place() -> Path:
        folder = root / str(next(_numbers))
        folder.mkdir()
        return folder

    return place


REMOVALS = st.builds(Removal, **{f.name: TEXT if f.default == "" else TEXTS for f in fields(Removal)})


@given(removals=st.lists(REMOVALS, max_size=3, unique=True))
@ANY_TEXT
def test_the_takedown_record(place: Callable[[], Path], removals: list[Removal]) -> None:
    folder = place()
    for removal in removals:
        write_record(folder, [removal])
    assert read_record(folder) == [removal for removal in removals if removal.names_anything]


@given(clip_id=TEXT, text=TEXT, seed=st.none() | st.integers(), system=st.booleans(), metadata=TEXTS)
@ANY_TEXT
def test_the_journal_of_captions(
    place: Callable[[], Path],
    clip_id: str,
    text: str,
    seed: int | None,
    system: bool,
    metadata: tuple[str, ...],
) -> None:
    folder, caption = place(), Caption(text, seed, system, metadata)
    with pytest.raises(KeyboardInterrupt), Journal(folder, [clip_id]) as journal:
        journal.add(CaptionFacts(clip_id), caption)
        raise KeyboardInterrupt
    with Journal(folder, [clip_id]) as journal:
        assert journal.captions == {clip_id: caption}


REASONS = st.builds(
    Reason, message=TEXT, count=st.integers(0, 9), files=st.lists(TEXT, min_size=1, max_size=2).map(tuple)
)
FAILURES = st.builds(
    Failure,
    **dict.fromkeys(("stage", "error", "message", "source"), TEXT),
    count=st.integers(0, 9),
    others=TEXTS,
    reasons=st.lists(REASONS, min_size=1, max_size=2).map(tuple),
)


@given(failure=FAILURES, names=st.lists(TEXT, min_size=6, max_size=6))
@ANY_TEXT
def test_the_log_of_a_run(place: Callable[[], Path], failure: Failure, names: list[str]) -> None:
    path = place() / "1.jsonl"
    host, recipe, stage, clip_id, source, reason = names
    slow = SlowClip(stage, clip_id, source, 1.5)
    with path.open("wb") as file:
        log = RunLog(file)
        log.write("run", pid=1, host=host, workers=1, recipe=recipe, profile=host, stages=[stage])
        log.stage(stage, 3, 2, {stage: (1, 2)}, {"catalogued": 3}, {source: 1}, [failure])
        log.batch(BatchResult(stage, 1, 0, [], [slow]))
        log.write("stopped", reason=reason)
    run = LoggedRun(path)
    run.read_on()
    assert (run.facts["host"], run.facts["recipe"], run.facts["stages"]) == (host, recipe, [stage])
    assert run.failures == {(failure.stage, failure.error): failure}
    assert (run.slowest, run.stopped, run.rejected_by) == ([slow], reason, {source: 1})
    assert run.stages[stage].ahead == {stage: (1, 2)} and run.stages[stage].done == 1


@given(step=st.integers(0, 9), answer=TEXT, truth=TEXT)
@ANY_TEXT
def test_the_log_and_the_samples_of_a_training(
    place: Callable[[], Path], step: int, answer: str, truth: str
) -> None:
    path, line = place() / "samples.jsonl", {"step": step, "answer": answer, "truth": truth}
    path.write_bytes(line_of(line) * 2)
    assert whole_records(path) == [line, line]


@given(words=st.lists(TEXT, min_size=5, max_size=5), reasons=st.lists(TEXT, max_size=2))
@ANY_TEXT
def test_the_record_of_a_collected_folder(
    place: Callable[[], Path], words: list[str], reasons: list[str]
) -> None:
    url, source, outcome, message, address = words
    archive = Archive(place())
    with archive.held():
        archive.note(
            Request(url=url or "x", source=source),
            outcome,
            message=message,
            facts={"url": address, "reasons": reasons},
        )
    store = AppendOnlyTable(archive.root / "record", COLUMNS, scratch=archive.partial)
    (row,) = store.read(COLUMNS.names).to_pylist()
    found = (row["wanted"], row["source"], row["outcome"], row["message"], row["url"], row["reasons"])
    assert found == encodable((url or "x", source, outcome, message, address, reasons))


TEXT_COLUMNS = [field.name for field in CATALOG_COLUMNS if pa.types.is_string(field.type)]


@given(
    texts=st.lists(TEXT, min_size=len(TEXT_COLUMNS), max_size=len(TEXT_COLUMNS)),
    comments=st.lists(TEXT, max_size=2),
)
@ANY_TEXT
def test_the_catalog(place: Callable[[], Path], texts: list[str], comments: list[str]) -> None:
    catalog = Workspace(place()).catalog()
    row: dict[str, Any] = encodable(dict(zip(TEXT_COLUMNS, texts, strict=True)) | {"comments": comments})
    catalog.append([{"clip_id": "a", "error": None, **row}])
    (found,) = catalog.read([*TEXT_COLUMNS, "comments"]).to_pylist()
    assert {name: found[name] for name in row} == row


PLAN = make_plan("music-video", "embedded")


@given(license=TEXT, name=TEXT)
@ANY_TEXT
def test_what_is_stated_of_a_workspace_and_its_plan(
    place: Callable[[], Path], license: str, name: str
) -> None:
    folder = place()
    for source in ((), [folder / "in"]):
        state(folder, source, license=license)
        words = " ".join(license.split())
        assert read_given(folder).texts("license") == ([words] if words else [])
    plan = PLAN.model_copy(update={"recipe": name, "settings": (license,)})
    assert load_plan(plan.save()) == plan
