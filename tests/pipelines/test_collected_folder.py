"""A collected folder on its way to a dataset: what is known of a file comes along."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from leitmotif.collection.folder import find_media
from leitmotif.collection.guard import Guard
from leitmotif.collection.run import collect, enrich
from leitmotif.collection.settings import Settings
from leitmotif.demo.corpus import render_corpus
from leitmotif.pipelines.catalog import enter
from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.reports.write import write_reports
from leitmotif.shards.validate import validate
from leitmotif.storage.errors import OutsideError, UserError
from tests.collection.folder_server import serve_folder

SETTINGS = Settings(pause_s=0.0, backoff_s=0.0, guard=Guard(frozenset({"127.0.0.1"})))


def tone(seconds: float) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sin(np.arange(round(seconds * 8000)) / 3), 8000, format="WAV")
    return file.getvalue()


def test_a_catalog_holds_what_was_known_of_collected_windows(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "a.wav").write_bytes(tone(4.0))
    with serve_folder(tmp_path / "web") as url:
        table = tmp_path / "ids.csv"
        table.write_text(
            f"url,start_s,end_s,artist,title\n{url}/a.wav,0,1,Ann,Air\n{url}/a.wav,1.5,3,Ann,Air\n"
        )
        tally = collect([str(table)], tmp_path / "out", SETTINGS)
    assert tally.fetched == 2
    for sidecar in (tmp_path / "out" / "media").rglob("*.info.json"):
        info = json.loads(sidecar.read_text())
        known = {
            "shazam": {"found": True, "isrc": "GBAYE0601498"},
            "musicbrainz": {"recording_id": "b9ad642e"},
        }
        sidecar.write_text(
            json.dumps(info | {"uploader": "AnnVEVO", "license": "CC-BY", "enrichments": known})
        )
    catalog = Workspace(tmp_path / "ws").catalog()
    assert enter(catalog, find_media([tmp_path / "out"])) == 2
    names = ["start_s", "end_s", "artist", "title", "uploader", "license", "isrc", "recording_id"]
    names += ["source_url", "source_id", "retrieved_at"]
    first, second = sorted(catalog.read(names).to_pylist(), key=lambda row: row["start_s"])
    assert [(row["start_s"], row["end_s"]) for row in (first, second)] == [(0.0, 1.0), (1.5, 3.0)]
    for row in (first, second):
        assert {name: row[name] for name in names[2:9]} == {
            "artist": "Ann",
            "title": "Air",
            "uploader": "AnnVEVO",
            "license": "CC-BY",
            "isrc": "GBAYE0601498",
            "recording_id": "b9ad642e",
            "source_url": f"{url}/a.wav",
        }
        assert timedelta() <= datetime.now(UTC) - row["retrieved_at"] < timedelta(minutes=5)
    assert first["source_id"] == second["source_id"]
    assert enter(catalog, find_media([tmp_path / "out"])) == 0


def test_a_catalog_of_before_is_read_with_what_it_lacks_empty(tmp_path: Path) -> None:
    catalog = Workspace(tmp_path / "ws").catalog()
    catalog.folder.mkdir(parents=True)
    old = pa.table({"clip_id": ["a"], "path": ["a.mp4"], "error": pa.nulls(1, pa.string())})
    pq.write_table(old.append_column("message", old["error"]), catalog.folder / "part-0.parquet")
    assert catalog.read(["path", "uploader", "start_s"]).to_pylist() == [
        {"clip_id": "a", "path": "a.mp4", "uploader": None, "start_s": None, "error": None, "message": None}
    ]


def test_what_cannot_be_asked_is_said_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEITMOTIF_CONTACT", raising=False)
    with pytest.raises(UserError, match="known are shazam, musicbrainz"):
        collect(["http://10.0.0.1/a.wav"], tmp_path / "out", SETTINGS, enrichers=["discogs"])
    with pytest.raises(UserError, match="LEITMOTIF_CONTACT"):
        collect(["http://10.0.0.1/a.wav"], tmp_path / "out", SETTINGS, enrichers=["musicbrainz"])
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="discogs"):
        enrich(tmp_path / "out", ["discogs"], SETTINGS)


def test_a_chart_that_cannot_be_had_for_now_is_the_outside_s_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTIPY_CLIENT_ID", "an-app")
    monkeypatch.setenv("SPOTIPY_CLIENT_SECRET", "a-secret")
    nowhere = Settings(pause_s=0.0, backoff_s=0.0, attempts=1, guard=Guard(proxy="http://127.0.0.1:1"))
    with pytest.raises(OutsideError, match=r"[Ss]potify.*run again later"):
        collect(["spotify:tracks:tide"], tmp_path / "out", nowhere)


@pytest.mark.slow
def test_a_collected_folder_becomes_a_valid_dataset_with_its_provenance(tmp_path: Path) -> None:
    web = tmp_path / "web"
    render_corpus(web, clips=8, seed=3, duration_s=6.0, size=(240, 136))
    videos = sorted(path for path in web.rglob("*") if path.suffix in (".mp4", ".mkv", ".webm", ".mov"))
    with serve_folder(web) as url:
        table = tmp_path / "ids.csv"
        rows = [
            f"{url}/{path.relative_to(web).as_posix()},Artist {number},Song {number}"
            for number, path in enumerate(videos)
        ]
        table.write_text("url,artist,title\n" + "\n".join(rows) + "\n")
        tally = collect([str(table)], tmp_path / "out", SETTINGS)
    assert tally.fetched >= 5
    for sidecar in (tmp_path / "out" / "media").rglob("*.info.json"):
        info = json.loads(sidecar.read_text())
        sidecar.write_text(json.dumps(info | {"license": "CC-BY-4.0"}))
    workspace, plan = Workspace(tmp_path / "ws"), make_plan("music-video", "embedded")
    summary = curate([tmp_path / "out"], workspace, plan)
    assert summary.catalogued == tally.fetched
    assert summary.kept >= 1
    published = publish(workspace, tmp_path / "dataset", plan, finish=write_reports)
    assert validate(tmp_path / "dataset") == []
    clips = pa.concat_tables(pq.read_table(path) for path in (tmp_path / "dataset").glob("data/*.parquet"))
    assert len(clips) == published.kept == summary.kept
    for row in clips.select(
        ["source_url", "license", "artist", "title", "retrieved_at", "start_s"]
    ).to_pylist():
        assert row["source_url"].startswith(url)
        assert row["license"] == "CC-BY-4.0"
        number = row["artist"].removeprefix("Artist ")
        assert (row["title"], row["start_s"]) == (f"Song {number}", 0.0)
        assert row["source_url"].endswith(videos[int(number)].name)
        assert datetime.now(UTC) - row["retrieved_at"] < timedelta(hours=1)
