"""One recording, many files: groups of a workspace that is filled by hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leitmotif.pipelines import recordings
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.recordings import recording_ids
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Stores, Workspace

Catalogue = Callable[..., list[str]]
Measure = Callable[..., Stores]


def words(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    signs = np.repeat(rng.integers(0, 2, (60, 32)), 3, axis=0)
    return ((signs << np.arange(32)).sum(axis=1)).astype(np.uint32)


def found(stores: Stores) -> dict[str, str]:
    ledger = Ledger(stores)
    ledger.decide()
    return recording_ids(ledger.kinds, ledger.entries)


def prints(*values: np.ndarray) -> list[dict[str, object]]:
    return [{"audio_print": value.tobytes()} for value in values]


def embedded(*vectors: list[float]) -> list[dict[str, object]]:
    return [{"clap_embedding": list(np.array(vector) / np.linalg.norm(vector))} for vector in vectors]


@pytest.fixture
def four(catalogue: Catalogue, measure: Measure) -> Callable[[], tuple[list[str], Stores]]:
    """a; b is a, a semitone up; c is a, a semitone down, but sounds otherwise; d sounds like a."""

    def make() -> tuple[list[str], Stores]:
        ids = catalogue(a="1", b="2", c="3", d="4")
        sounds = prints(words(0), words(0) << np.uint32(1), words(0) >> np.uint32(1), words(1))
        vectors = embedded([1, 0.1], [1, 0.15], [-1, 0], [1, 0.1])
        rows = dict(zip(ids, sounds, strict=True))
        return ids, measure(ids, fingerprint=rows, tagging=dict(zip(ids, vectors, strict=True)))

    return make


def test_files_that_sound_alike_and_whose_prints_agree_are_one_recording(four: Callable) -> None:
    (a, b, c, d), stores = four()
    groups = found(stores)
    assert groups[a] == groups[b]
    assert len({groups[a], groups[c], groups[d]}) == 3
    assert not {a, b, c, d} & set(groups.values())


def test_what_was_compared_is_not_compared_again(
    four: Callable, monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    _, stores = four()
    first = found(stores)
    monkeypatch.setattr(recordings, "AlteredFingerprint", None)
    assert found(stores) == first
    table = recordings.pair_store([stores]).read(["similarity", "speed", "semitones"]).to_pylist()
    # Of the three pairs of a, b and d, which sound alike.
    assert sorted(row["similarity"] > 0.9 for row in table) == [False, False, True]


def test_copies_that_a_rule_lets_pass_are_one_recording(catalogue: Catalogue, measure: Measure) -> None:
    ids = catalogue(a="1", b="2")
    plan = make_plan("music-video", "embedded", ["near-duplicate.threshold=1"])
    same = dict(zip(ids, prints(words(3), words(3)), strict=True))
    apart = dict(zip(ids, embedded([1, 0], [0, 1]), strict=True))
    assert len(set(found(measure(ids, plan, fingerprint=same, tagging=apart)).values())) == 1


def test_metadata_that_name_one_recording_join_files(
    workspace: Workspace, tmp_path: Path, measure: Measure
) -> None:
    from leitmotif.collection.folder import find_media
    from leitmotif.pipelines.catalog import enter

    source = tmp_path / "source"
    source.mkdir()
    for name, isrc in {"a": "GBAYE0601498", "b": "GBAYE0601498", "c": "USQX91300108"}.items():
        (source / f"{name}.mp4").write_text(name)
        (source / f"{name}.info.json").write_text(f'{{"isrc": "{isrc}"}}')
    enter(workspace.catalog(), find_media([source]))
    rows = workspace.catalog().read(["media_id", "source_id"]).to_pylist()
    a, b, c = [row["media_id"] for row in sorted(rows, key=lambda row: row["source_id"])]
    apart = dict(zip((a, b, c), embedded([1, 0], [0, 1], [-1, 0]), strict=True))
    groups = found(measure([a, b, c], tagging=apart))
    assert groups[a] == groups[b] != groups[c]


def test_windows_of_a_file_speak_for_it_together(catalogue: Catalogue, measure: Measure) -> None:
    ids = catalogue(a="1", b="2")
    plan = make_plan("music-video", "embedded", ["near-duplicate.threshold=1"], window_s=10.0)
    ledger = Ledger(measure(ids, plan, tagging={key: {"clap_embedding": [1.0, 0.0]} for key in ids}))
    ledger.decide()
    sound = {ids[0]: words(5), ids[1]: words(5) << np.uint32(1)}
    rows, vectors = {}, {}
    for entry in ledger.entries:
        at = round(entry.start_s * 8)
        rows[entry.clip_id] = {"audio_print": sound[entry.media_id][at : at + 80].tobytes()}
        vectors[entry.clip_id] = {"clap_embedding": [1.0, 0.0]}
    stores = measure(list(rows), plan, fingerprint=rows, tagging=vectors)
    assert len(rows) == 4
    assert len(set(found(stores).values())) == 1


def test_thresholds_do_not_change_what_is_one_recording(four: Callable, workspace: Workspace) -> None:
    from leitmotif.pipelines.settings import change_thresholds

    (_, b, _, _), stores = four()
    before = found(stores)
    stricter = workspace.stores(change_thresholds(stores.plan, ["too-short.threshold=5"]))
    assert found(stricter)[b] == before[b]


def test_no_clips_are_no_recordings(catalogue: Catalogue, measure: Measure) -> None:
    ids = catalogue(a="1")
    assert found(measure(ids, motion={ids[0]: {"mean": 0.0}})) == {}
