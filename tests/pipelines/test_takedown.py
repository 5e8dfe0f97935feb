"""Takedowns from a workspace and its dataset, filled by hand, and from a collected folder."""

import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image

from leitmotif.collection.archive import COLUMNS, FETCHED, Archive
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.takedown.run import describe, plan_takedown, take_down
from leitmotif.pipelines.takedown.targets import Targets, open_targets
from leitmotif.pipelines.workspace import Workspace
from leitmotif.reports.write import write_reports
from leitmotif.shards.clip_ids import hash_media
from leitmotif.shards.schema import REJECTED
from leitmotif.shards.takedown import ASIDE, RECORD, read_record
from leitmotif.shards.validate import validate
from leitmotif.storage import parquet
from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.storage.json_lines import line_of
from leitmotif.storage.table import AppendOnlyTable
from leitmotif.taxonomy import labels
from tests.retrieval.known_rows import a_row, write_dataset

URL = "https://video.example/watch?v={}&l=é"


@dataclass(frozen=True)
class Made:
    source: Path
    workspace: Workspace
    dataset: Path
    plan: Plan
    ids: dict[str, str]

    @property
    def targets(self) -> Targets:
        return Targets(self.workspace.root, self.dataset)

    def take_down(self, *words: str, targets: Targets | None = None, **options: Any) -> Any:
        targets = targets or self.targets
        finish = options.pop("finish", lambda folder: None)
        return take_down(plan_takedown(words, targets, **options), targets, finish=finish)


def fill(workspace: Workspace, plan: Plan, ids: list[str], *, dim: int = 2, clip_dim: int = 2) -> None:
    """Store numbers and files of clips that pass every rule; the first `dim` of them sound unlike."""
    stores = workspace.stores(plan)
    sound, mix, picture, frames = io.BytesIO(), io.BytesIO(), io.BytesIO(), io.BytesIO()
    soundfile.write(sound, np.zeros((441, 2)), 44100, format="FLAC", subtype="PCM_16")
    soundfile.write(mix, np.full((441, 2), 0.5), 44100, format="FLAC", subtype="PCM_16")
    Image.new("RGB", (32, 24)).save(picture, "JPEG")
    with zipfile.ZipFile(frames, "w") as pack:
        pack.writestr("00.jpg", picture.getvalue())
    tags = len(labels.load().all_tags())
    good: dict[str, dict[str, Any]] = {
        "probe": {"duration_s": 20.0, "has_video": 1, "has_audio": 1, "width": 32, "height": 24, "fps": 25.0},
        "motion": {"mean": 0.1},
        "frames": {"count": 1},
        "overlay-text": {"text_share": 0.0, "new_text_share": 0.0},
        "audio": {"audio_s": 0.01, "level_db": -20.0, "peak": 0.5},
        "events": {"music": 1.0},
        "separation": {"voice_db": 3.0, "removed_db": 4.5, "instrumental_db": -24.5},
        "tagging": {"scores": [0.0] * tags, "windows": [[1.0, 0.0]]},
        "rhythm": {"beat_confidence": 0.9, "tempo_bpm": 120.0, "tempo_class": "fast", "key": "C major"},
        "vocals": {"vocal_score": 0.0},
        "quality": {"pam_score": 1.0},
        "fingerprint": {"audio_print": b""},
        "vision": {"clip_embedding": [1.0] + [0.0] * (clip_dim - 1)},
        "caption": {"caption": "Music.", "caption_backend": "grammar", "caption_prompt": "p-v1"},
    }
    files = {"frames": (".zip", frames), "audio": (".flac", mix), "separation": (".flac", sound)}
    for stage in plan.stages:
        values, rows = good[stage], []
        for number, clip_id in enumerate(ids):
            row = {"clip_id": clip_id, **values}
            if stage == "tagging":
                row["clap_embedding"] = np.eye(dim)[number % dim].tolist()
            if stage in files:
                suffix, content = files[stage]
                path = stores.folder(stage) / "files" / f"{clip_id}{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.getvalue())
                row |= {
                    "file": path.relative_to(workspace.root).as_posix(),
                    "size_bytes": path.stat().st_size,
                }
            rows.append(row)
        stores.describe(stage)
        stores.store(stage).append(rows)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Six clips, of which d has the bytes of a, e stands still and f is empty."""
    root = tmp_path_factory.mktemp("takedown")
    source = root / "source"
    source.mkdir()
    for name, content in {"a": "1", "b": "2", "c": "3", "d": "1", "e": "5", "f": ""}.items():
        (source / f"{name}.mp4").write_text(content)
        info = {"webpage_url": URL.format(name), "title": f"Song {name}", "artist": f"Artist {name}"}
        info["description"] = f"better than {URL.format('a')}!" if name == "c" else ""
        (source / f"{name}.info.json").write_text(json.dumps(info))
    workspace, plan = Workspace(root / "ws"), make_plan("music-video", "embedded")
    catalogue(workspace, source)
    rows = workspace.catalog().read(["source_id", "media_id"]).to_pylist()
    ids = {row["source_id"][0]: row["media_id"] or row["clip_id"] for row in rows}
    fill(workspace, plan, sorted({ids[name] for name in "abce"}))
    workspace.stores(plan).store("motion").append([{"clip_id": ids["e"], "mean": 0.0}])
    workspace.save_plan(plan)
    publish(workspace, root / "dataset", plan, finish=write_reports)
    return Made(source, workspace, root / "dataset", plan, ids)


def catalogue(workspace: Workspace, source: Path) -> None:
    from leitmotif.collection.folder import find_media
    from leitmotif.pipelines.catalog import enter

    enter(workspace.catalog(), find_media([source]))


@pytest.fixture
def made(published: Made, tmp_path: Path) -> Made:
    workspace = Workspace(tmp_path / "ws")
    shutil.copytree(published.workspace.root, workspace.root)
    shutil.copytree(published.dataset, tmp_path / "dataset")
    return Made(published.source, workspace, tmp_path / "dataset", published.plan, published.ids)


def holding(folder: Path, *words: str) -> list[str]:
    """Search as a suspicious person would: every byte of every file, and every value of every table."""
    found = []
    for path in folder.rglob("*"):
        texts = [str(path.relative_to(folder))]
        if path.is_file():
            texts.append(path.read_bytes().decode("latin-1"))
            texts.append(path.read_bytes().decode(errors="replace"))
        if path.suffix == ".parquet":
            texts.append(str(pq.read_table(path, partitioning=None).to_pylist()))
        if any(word in text for word in words for text in texts):
            found.append(path.relative_to(folder).as_posix())
    return sorted(found)


def rows_of(dataset: Path) -> set[str]:
    return {row["source_id"] for row in pq.read_table(dataset / "data").to_pylist()}


def test_nothing_is_left_of_a_source_but_the_record(made: Made) -> None:
    word = made.ids["b"]
    names = (made.ids["b"], URL.format("b"), "b.mp4", "Song b", "Artist b")
    assert len(holding(made.dataset, *names)) >= 3 and len(holding(made.workspace.root, *names)) >= 10
    before = pq.read_table(made.dataset / "data").to_pylist()
    done = made.take_down(word, reason="asked by the label", finish=write_reports)
    for folder in (made.dataset, made.workspace.root):
        assert holding(folder, *names) == [RECORD]
        (removal,) = read_record(folder)
        assert (removal.asked, removal.reason) == (word, "asked by the label")
        assert removal.urls == (URL.format("b"),) and removal.media_ids == (made.ids["b"],)
    assert done.clips == [made.ids["b"]] and done.searched > 20
    assert validate(made.dataset) == []
    after = pq.read_table(made.dataset / "data").to_pylist()
    assert after == [row for row in before if row["clip_id"] != made.ids["b"]]
    counts = json.loads((made.dataset / "manifest.json").read_text())["counts"]
    assert (counts["catalogued"], counts["kept"], counts["rejected"], counts["quarantined"]) == (5, 2, 2, 1)
    assert json.loads((made.dataset / "stats.json").read_text())["counts"]["kept"] == 2


@pytest.mark.parametrize("word", [URL.format("b"), "http://www.video.example/watch?l=é&v=b&t=12s#x", "b.mp4"])
def test_an_address_in_any_spelling_and_a_name_mean_the_same(made: Made, word: str) -> None:
    (removal,) = plan_takedown([word], made.targets)
    assert (removal.clip_ids, removal.urls) == ((made.ids["b"],), (URL.format("b"),))


def test_copies_go_with_their_bytes_and_mentions_by_others_are_blanked(made: Made) -> None:
    done = made.take_down(made.ids["a"])
    names = (made.ids["a"], URL.format("a"), URL.format("d"), "a.mp4", "d.mp4")
    assert holding(made.dataset, *names) == holding(made.workspace.root, *names) == [RECORD]
    assert done.sources == [URL.format("a"), URL.format("d")]
    (row,) = (row for row in pq.read_table(made.dataset / "data").to_pylist() if row["source_id"] == "c.mp4")
    assert row["description"] == "better than [taken down]!"
    assert validate(made.dataset) == []


def test_other_sources_of_the_same_recording_are_named(made: Made) -> None:
    # By their prints, which are empty, no two are one; the record says so of e.
    rejected = pq.read_table(made.dataset / "rejected.parquet").to_pylist()
    for row in rejected:
        if row["source_id"] == "e.mp4":
            row |= {"rule": "near-duplicate", "detail": "the same recording as b.mp4"}
    schema = pq.read_schema(made.dataset / "rejected.parquet")
    pq.write_table(pa.Table.from_pylist(rejected, schema=schema), made.dataset / "rejected.parquet")
    assert made.take_down("b.mp4").same_recording == ["e.mp4"]
    (row,) = (
        row
        for row in pq.read_table(made.dataset / "rejected.parquet").to_pylist()
        if row["source_id"] == "e.mp4"
    )
    assert row["detail"] == "the same recording as [taken down]"


def test_a_takedown_goes_on_over_damage_and_does_not_make_it_right(
    made: Made, caplog: pytest.LogCaptureFixture
) -> None:
    table = made.dataset / "measured.parquet"
    content = bytearray(table.read_bytes())
    content[content.rindex(b"LMFOOTER")] ^= 1  # the mark without which a footer is not checked
    table.write_bytes(content)
    (made.dataset / "taxonomy.yaml").unlink()
    (made.dataset / "data" / "more.parquet").write_bytes((made.dataset / "rejected.parquet").read_bytes())
    made.take_down(made.ids["b"])
    assert holding(made.dataset, made.ids["b"]) == [RECORD]
    assert "measured.parquet: its contents changed" in caplog.text and "taxonomy.yaml: missing" in caplog.text
    named = {problem.split(":")[0] for problem in validate(made.dataset)}
    assert named == {"measured.parquet", "taxonomy.yaml", "data/more.parquet"}


def test_a_takedown_from_a_table_that_cannot_be_read_is_refused_by_its_name(made: Made) -> None:
    table = made.dataset / "measured.parquet"
    table.write_bytes(table.read_bytes()[:-30])
    before = {path: path.read_bytes() for path in made.dataset.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"measured\.parquet cannot be read"):
        made.take_down(made.ids["b"], targets=Targets(None, made.dataset))
    assert {path: path.read_bytes() for path in made.dataset.rglob("*") if path.is_file()} == before


def test_rejected_and_quarantined_sources_go_as_well(made: Made) -> None:
    made.take_down("e.mp4", made.ids["f"])
    assert holding(made.dataset, made.ids["e"], "e.mp4", made.ids["f"], "f.mp4", URL.format("f")) == [RECORD]
    counts = json.loads((made.dataset / "manifest.json").read_text())["counts"]
    assert (counts["catalogued"], counts["rejected"], counts["quarantined"]) == (4, 1, 0)


def test_a_dataset_alone_says_that_it_lacks_the_addresses_of_what_it_left_out(made: Made) -> None:
    alone = Targets(dataset=made.dataset)
    said = r"; a dataset does not hold the addresses of what it left out \(3 clips here\): --workspace WS"
    with pytest.raises(UserError, match=said):
        plan_takedown([URL.format("e")], alone)
    made.take_down(URL.format("e"))
    assert holding(made.dataset, made.ids["e"], "e.mp4") == [RECORD]


def test_an_address_that_a_dataset_has_tells_of_what_it_left_out(made: Made) -> None:
    alone = Targets(dataset=made.dataset)
    assert describe(plan_takedown([URL.format("b")], alone), alone).without_address == 3
    assert describe(plan_takedown(["b.mp4"], alone), alone).without_address == 0
    assert describe(plan_takedown([URL.format("b")], made.targets), made.targets).without_address == 0


def test_what_a_dataset_left_out_goes_by_its_file(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "ds", [a_row(0)])
    row = {"clip_id": f"{1:032x}", "source_id": "youtube:1", "source": "deep/song.mp4", "rule": "static"}
    parquet.write_table(pa.Table.from_pylist([row], schema=REJECTED), dataset / "rejected.parquet")
    targets = Targets(dataset=dataset)
    take_down(plan_takedown(["deep/song.mp4"], targets), targets)
    assert holding(dataset, row["clip_id"], "youtube:1", "deep/song.mp4") == [RECORD]


def test_later_runs_leave_it_out(made: Made, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made.take_down(made.ids["b"])
    shutil.copyfile(made.source / "b.mp4", tmp_path / "again.mp4")  # the same bytes under another name
    for source in (made.source, tmp_path / "again.mp4"):
        catalogue(made.workspace, source)
    assert "1 file is not catalogued: takedown.jsonl names" in caplog.text
    assert holding(made.workspace.root, made.ids["b"], URL.format("b")) == [RECORD]
    publish(made.workspace, made.dataset, made.plan)
    assert rows_of(made.dataset) == {"a.mp4", "c.mp4"}
    assert holding(made.dataset, made.ids["b"], URL.format("b")) == [RECORD]
    assert validate(made.dataset) == []


def test_another_file_from_the_same_address_stays_out(made: Made, tmp_path: Path) -> None:
    made.take_down(URL.format("b"))
    (tmp_path / "b2.mp4").write_text("another quality")
    (tmp_path / "b2.info.json").write_text(json.dumps({"webpage_url": URL.format("b") + "&t=9"}))
    catalogue(made.workspace, tmp_path / "b2.mp4")
    assert len(made.workspace.catalog().read([])) == 5


def test_a_dataset_remembers_by_itself(made: Made) -> None:
    """The workspace was not named: it still has the clip, but the dataset does not get it again."""
    made.take_down(made.ids["b"], targets=Targets(dataset=made.dataset))
    assert made.ids["b"] in {entry.clip_id for entry in _decided(made)}
    publish(made.workspace, made.dataset, made.plan)
    assert rows_of(made.dataset) == {"a.mp4", "c.mp4"} and len(read_record(made.dataset)) == 1
    assert validate(made.dataset) == []


def _decided(made: Made) -> list[Any]:
    ledger = Ledger(made.workspace.stores(made.plan))
    ledger.decide()
    return ledger.kept()


def test_a_record_holds_before_anything_is_removed(made: Made) -> None:
    """As after a crash: the record is written, the rows are all there."""
    shutil.copytree(made.workspace.root, made.workspace.root.with_name("copy"))
    made.take_down(made.ids["b"])
    shutil.copyfile(made.workspace.root / RECORD, made.workspace.root.with_name("copy") / RECORD)
    ledger = Ledger(Workspace(made.workspace.root.with_name("copy")).stores(made.plan))
    ledger.decide()
    assert made.ids["b"] not in {entry.clip_id for entry in ledger.entries}
    assert ledger.counts()["catalogued"] == 5


class Killed(BaseException):
    """Stands for kill -9."""


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("operation", ["unlink", "replace", "rename"])
def test_a_takedown_that_dies_at_any_moment_is_finished_by_the_next(
    published: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, step: int
) -> None:
    original: Callable[..., Any] = getattr(Path, operation)
    names = (published.ids["a"], URL.format("a"), "a.mp4")
    for moment in range(0, 200, step):
        folder = tmp_path / str(moment)
        shutil.copytree(published.workspace.root, folder / "ws")
        shutil.copytree(published.dataset, folder / "dataset")
        targets = Targets(folder / "ws", folder / "dataset")
        left = moment

        def dying(self: Path, *args: Any, **options: Any) -> Any:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return original(self, *args, **options)

        monkeypatch.setattr(Path, operation, dying)
        try:
            take_down(plan_takedown(["a.mp4"], targets), targets)
        except Killed:
            died = True
        else:
            died = False
        monkeypatch.setattr(Path, operation, original)
        assert open_targets(folder / "dataset", workspace=folder / "ws") == targets
        take_down(plan_takedown(["a.mp4"], targets), targets)
        assert holding(folder, *names) == [f"dataset/{RECORD}", f"ws/{RECORD}"]
        assert validate(folder / "dataset") == []
        shutil.rmtree(folder)
        if not died:
            assert moment > 0
            return
    pytest.fail("it never came to an end")


@pytest.mark.slow
def test_kill_9_at_random_moments_is_finished_by_the_next(published: Made, tmp_path: Path) -> None:
    run = (
        "import sys; from pathlib import Path; "
        "from leitmotif.pipelines.takedown.run import plan_takedown, take_down; "
        "from leitmotif.pipelines.takedown.targets import open_targets; "
        "from leitmotif.reports.write import write_reports; "
        "targets = open_targets(Path(sys.argv[1], 'dataset'), workspace=Path(sys.argv[1], 'ws')); "
        "print(1, flush=True); "
        "take_down(plan_takedown(['a.mp4'], targets), targets, finish=write_reports)"
    )
    rng = random.Random(3)
    for number in range(8):
        folder = tmp_path / str(number)
        shutil.copytree(published.workspace.root, folder / "ws")
        shutil.copytree(published.dataset, folder / "dataset")
        command = [sys.executable, "-c", run, str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        assert process.stdout and process.stdout.readline()
        time.sleep(rng.uniform(0.0, 1.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        names = (published.ids["a"], URL.format("a"), "a.mp4")
        assert holding(folder, *names) == [f"dataset/{RECORD}", f"ws/{RECORD}"]
        assert sorted(path.name for path in folder.iterdir()) == ["dataset", "ws"]
        assert validate(folder / "dataset") == []


def test_what_a_killed_publication_left_beside_the_dataset_goes(made: Made) -> None:
    beside = made.dataset.with_name(".dataset.0123abcd")
    shutil.copytree(made.dataset, beside)
    shutil.copytree(made.dataset, beside.with_name(".dataset.0123abcd.former"))
    shutil.rmtree(made.dataset)  # killed between the two renames
    assert open_targets(made.dataset) == Targets(dataset=made.dataset)
    assert sorted(path.name for path in made.dataset.parent.iterdir()) == ["dataset", "ws"]
    assert validate(made.dataset) == []


def test_windows_of_every_length_go(made: Made) -> None:
    for window_s in (8.0, 6.5):
        plan = make_plan("music-video", "embedded", window_s=window_s)
        ledger = Ledger(made.workspace.stores(plan))
        ledger.decide()
        windows = [e.clip_id for e in ledger.entries if e.source.source_id == "b.mp4"]
        fill(made.workspace, plan, windows)
    assert len(windows) == 4
    made.workspace.save_plan(plan)
    done = made.take_down(windows[1])
    assert len(done.clips) == 1 + 3 + 4
    assert holding(made.workspace.root, *done.clips) == [RECORD]
    assert len(list(made.workspace.root.glob("stages/audio-*/files/*"))) == 3


def test_the_only_clip_of_a_split_goes_with_its_shard(made: Made) -> None:
    (test,) = pq.read_table(next(made.dataset.glob("data/test-*"))).to_pylist()
    assert made.take_down(test["clip_id"]).emptied == ["test"]
    assert not list(made.dataset.glob("data/test-*"))
    assert "test" not in json.loads((made.dataset / "manifest.json").read_text())["counts"]["rows"]
    assert validate(made.dataset) == []
    made.take_down(*rows_of(made.dataset))
    assert rows_of(made.dataset) == set()
    assert validate(made.dataset) == []


def test_other_tables_and_lists_of_the_workspace_are_cleaned(made: Made) -> None:
    root = made.workspace.root
    (root / "journal").mkdir()
    lines = [{"clip_id": made.ids[name], "caption": f"{name}!"} for name in "bc"]
    (root / "journal/x.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    pq.write_table(pa.table({"clip_id": [made.ids["b"], made.ids["c"]], "s": [1, 2]}), root / "times.parquet")
    made.take_down("b.mp4")
    assert [json.loads(line)["caption"] for line in (root / "journal/x.jsonl").read_text().splitlines()] == [
        "c!"
    ]
    assert pq.read_table(root / "times.parquet").to_pylist() == [{"clip_id": made.ids["c"], "s": 2}]


def test_reports_which_show_pictures_and_sound_are_made_anew(made: Made) -> None:
    for folder in (made.workspace.root, made.dataset):
        (folder / "report.html").write_text("a picture of it, in base64")
    (made.dataset / "figures").mkdir(exist_ok=True)
    (made.dataset / "figures" / "artists.png").write_bytes(b"its artist, in pixels")
    told: list[Path] = []
    made.take_down("b.mp4", finish=told.append)
    assert told[0] == made.workspace.root and told[1].parent == made.dataset.parent
    assert holding(made.dataset, "a picture of it", "its artist") == []
    assert holding(made.workspace.root, "a picture of it") == []


def test_what_cannot_be_cleaned_is_named(made: Made) -> None:
    (made.workspace.root / "index.bin").write_bytes(b"\x00" + made.ids["b"].encode())
    with pytest.raises(OutsideError, match=r"1 name is left, such as .* in .*index\.bin"):
        made.take_down("b.mp4")
    (made.workspace.root / "index.bin").unlink()
    made.take_down("b.mp4")


def test_names_that_contain_the_name_of_another_source_stay(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("1", "11"):
        (source / f"{name}.mp4").write_text(name)
        (source / f"{name}.info.json").write_text(
            json.dumps({"webpage_url": f"https://video.example/{name}"})
        )
    workspace = Workspace(tmp_path / "ws")
    catalogue(workspace, source)
    targets = open_targets(workspace.root)
    take_down(plan_takedown(["1.mp4"], targets), targets)
    (row,) = workspace.catalog().read(["source_id", "source_url", "path"]).to_pylist()
    assert (row["source_id"], row["source_url"]) == ("11.mp4", "https://video.example/11")
    assert row["path"] == str(source / "11.mp4")


def test_a_name_that_several_sources_have_is_refused(tmp_path: Path) -> None:
    for number in ("1", "2"):
        (tmp_path / number).mkdir()
        (tmp_path / number / "a.mp4").write_text(number)
        (tmp_path / number / "a.info.json").write_text(
            json.dumps({"webpage_url": f"https://a.example/{number}"})
        )
    workspace = Workspace(tmp_path / "ws")
    catalogue(workspace, tmp_path / "1")
    catalogue(workspace, tmp_path / "2")
    with pytest.raises(
        UserError, match=r"'a.mp4' names 2 sources \(https://a.example/1, https://a.example/2\)"
    ):
        plan_takedown(["a.mp4"], open_targets(workspace.root))


def test_an_id_that_nothing_has_changes_nothing_unless_it_is_to_be_kept_out(made: Made) -> None:
    with pytest.raises(UserError, match="is called 'c0ffee', 'http://x'; give clip ids"):
        plan_takedown([made.ids["b"], "c0ffee", "http://x"], made.targets)
    with pytest.raises(UserError, match="is called 'c0ffee'; give clip ids"):
        plan_takedown(["c0ffee"], made.targets, keep_out=True)
    made.take_down(URL.format("new"), keep_out=True)
    assert rows_of(made.dataset) == {"a.mp4", "b.mp4", "c.mp4"}
    assert read_record(made.workspace.root)[0].urls == (URL.format("new"),)
    assert validate(made.dataset) == []


def test_the_record_of_a_workspace_is_applied_to_a_dataset_without_ids(made: Made) -> None:
    made.take_down("b.mp4", targets=Targets(made.workspace.root))
    made.take_down()
    assert rows_of(made.dataset) == {"a.mp4", "c.mp4"}
    assert read_record(made.dataset) == read_record(made.workspace.root)


def test_a_folder_of_another_kind_is_refused(tmp_path: Path, made: Made) -> None:
    with pytest.raises(UserError, match=r"is no dataset .*, workspace .* or collected folder"):
        open_targets(tmp_path)
    with pytest.raises(UserError, match=r"there is no such folder; did you mean dataset\?"):
        open_targets(tmp_path / "datasets")
    with pytest.raises(UserError, match="is no workspace"):
        open_targets(made.dataset, workspace=tmp_path)
    with pytest.raises(UserError, match="is no collected folder"):
        open_targets(made.dataset, collected=tmp_path)


def test_a_damaged_record_is_set_aside_and_what_is_readable_of_it_holds(made: Made) -> None:
    made.take_down("b.mp4")
    root, torn = (
        made.workspace.root,
        b'{"at": "2026-01-01", "urls": ["' + URL.format("c").encode() + b'", "htt',
    )
    damaged = (root / RECORD).read_bytes() + torn
    (root / RECORD).write_bytes(damaged)
    Ledger(made.workspace.stores(made.plan))
    publish(made.workspace, made.dataset, made.plan)
    assert rows_of(made.dataset) & {"b.mp4", "c.mp4"} == set()
    with made.workspace.held():
        pass
    (aside,) = root.glob(f"{ASIDE}*")
    assert aside.read_bytes() == damaged
    assert [removal.urls for removal in read_record(root)] == [(URL.format("b"),), (URL.format("c"),)]
    made.take_down("a.mp4")
    assert aside.read_bytes() == damaged and len(read_record(root)) == 3
    assert holding(made.dataset, URL.format("b")) == [RECORD]


def test_a_source_whose_address_holds_a_separator_of_lines_is_taken_down(tmp_path: Path) -> None:
    url = "https://video.example/\u2028?v={}\x85é"
    source = tmp_path / "source"
    source.mkdir()
    for name in "ab":
        (source / f"{name}\u2029.mp4").write_text(name)
        (source / f"{name}\u2029.info.json").write_text(json.dumps({"webpage_url": url.format(name)}))
    workspace = Workspace(tmp_path / "ws")
    catalogue(workspace, source)
    (workspace.root / "runs").mkdir()
    told = {"event": "batch", "source": "a\u2029.mp4", "url": url.format("a")}
    (workspace.root / "runs" / "log.jsonl").write_bytes(line_of(told) + line_of({"event": "end"}))
    targets = open_targets(workspace.root)
    for word in (url.format("a"), "b\u2029.mp4"):
        take_down(plan_takedown([word], targets), targets)
    names = [removal.source_ids for removal in read_record(workspace.root)]
    assert names == [("a\u2029.mp4",), ("b\u2029.mp4",)]
    assert (workspace.root / "runs" / "log.jsonl").read_bytes() == line_of({"event": "end"})
    assert len(workspace.catalog().read([])) == 0


def test_a_collected_folder_loses_file_metadata_and_row(made: Made, tmp_path: Path) -> None:
    root = tmp_path / "collected"
    keys = {"b": "b" * 32, "z": "c" * 32, "copy": "d" * 32}
    rows = []
    for name, content in {"b": "other bytes", "z": "zzz", "copy": "2"}.items():
        path = root / "media" / keys[name][:2] / f"{keys[name]}.mp4"
        path.parent.mkdir(parents=True)
        path.write_text(content)
        path.with_suffix(".info.json").write_text(json.dumps({"webpage_url": URL.format(name)}))
        rows.append(
            {
                "clip_id": keys[name],
                "outcome": FETCHED,
                "wanted": URL.format(name),
                "url": URL.format(name),
                "path": path.relative_to(root).as_posix(),
                "size_bytes": len(content),
            }
        )
    (root / "partial").mkdir()
    (root / "partial" / "half.part").write_text("half a file")
    AppendOnlyTable(root / "record", COLUMNS, scratch=root / "partial").append(rows)
    targets = open_targets(made.dataset, workspace=made.workspace.root, collected=root)
    done = made.take_down(made.ids["b"], targets=targets)
    # By its address, and by its bytes: the copy came from elsewhere.
    assert done.sources == [URL.format("b"), URL.format("copy")]
    words = (keys["b"], keys["copy"], URL.format("b"), URL.format("copy"))
    assert holding(root, *words) == [RECORD]
    assert not list((root / "partial").iterdir())
    assert set(Archive(root).known()) == {keys["z"]}
    assert hash_media(root / "media/cc" / f"{keys['z']}.mp4")
