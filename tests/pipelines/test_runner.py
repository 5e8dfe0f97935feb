import os
from collections.abc import Callable
from pathlib import Path

import pytest

from leitmotif.media.errors import NotMedia
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.runner import missing_batches, run_batch
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import Clip, DecoderSettings, limit_of
from leitmotif.pipelines.stages import STAGES
from leitmotif.pipelines.workspace import Stores


def test_a_decoder_may_take_as_long_as_the_bytes_of_its_file_can_play(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(20_000))
    settings = DecoderSettings(limit_s=60.0)

    def limit_s(stated_s: float, *, window_s: float | None = None) -> float:
        inputs = {"probe": {"duration_s": stated_s}}
        return limit_of(settings, Clip("id", path, duration_s=window_s, inputs=inputs))

    assert limit_s(100.0) == 260.0
    assert limit_s(900_000.0) == limit_s(201.0) == 460.0
    assert limit_s(900_000.0, window_s=10.0) == 80.0
    os.truncate(path, 1 << 40)  # of which no block is written
    assert limit_s(900_000.0) == 60.0 + 2 * 24 * 3600


def test_a_clip_without_sound_is_asked_of_no_stage_that_reads_it(
    catalogue: Callable[..., list[str]], measure: Callable[..., Stores]
) -> None:
    ids = catalogue(a="1", b="2")
    stores = measure(
        ids,
        probe={ids[1]: {"has_audio": 0}},
        audio={ids[1]: {"error": "MissingStream", "message": "no audio"}},
        separation={ids[0]: None, ids[1]: None},
    )
    ledger = Ledger(stores)
    ledger.decide()
    batches = missing_batches(stores, "separation", ledger.entries)
    asked = [clip.clip_id for batch in batches for clip in batch.clips]
    assert asked == [ids[0]]


def test_a_stage_whose_rows_are_of_files_measures_each_file_once_and_whole(
    catalogue: Callable[..., list[str]], measure: Callable[..., Stores], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(STAGES["motion"], "KEYED_BY", "media_id", raising=False)
    ids = catalogue(a="1", b="2")
    windows = make_plan("music-video", "embedded", window_s=8.0)
    stores = measure(ids, windows, **{name: dict.fromkeys(ids) for name in windows.stages if name != "probe"})
    ledger = Ledger(stores)
    ledger.decide()
    assert len(ledger.entries) == 6  # of 20 s each
    (batch,) = missing_batches(stores, "motion", ledger.entries)
    assert sorted(clip.clip_id for clip in batch.clips) == sorted(ids)
    assert {(clip.start_s, clip.duration_s) for clip in batch.clips} == {(0.0, None)}
    stores.store("motion").append([{"clip_id": clip, "mean": 0.1} for clip in ids])
    assert len(missing_batches(stores, "frames", ledger.entries)[0].clips) == 6
    ledger = Ledger(stores)
    ledger.decide()
    assert {entry.outcome.pending for entry in ledger.entries} == {"frames"}


def test_an_error_that_quotes_a_name_which_is_no_text_is_stored(
    catalogue: Callable[..., list[str]], measure: Callable[..., Stores], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = NotMedia("no film in 'a\udcff\0\ud83d.mp4'")
    monkeypatch.setattr(STAGES["motion"], "open", lambda stage, context: None)
    monkeypatch.setattr(STAGES["motion"], "measure", lambda stage, clips: iter([said] * len(clips)))
    monkeypatch.setattr(STAGES["motion"], "close", lambda stage: None, raising=False)
    stores = measure(ids := catalogue(a="1"), motion=dict.fromkeys(ids))
    ledger = Ledger(stores)
    ledger.decide()
    (batch,) = missing_batches(stores, "motion", ledger.entries)
    assert run_batch(batch).failed == 1
    (row,) = stores.store("motion").read([]).to_pylist()
    assert (row["error"], row["message"]) == ("NotMedia", "no film in 'a\ufffd \ufffd.mp4'")
