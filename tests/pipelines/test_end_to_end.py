"""The main job on rendered videos: curate, publish, validate, and everything that may come between."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leitmotif.demo.corpus import render_corpus
from leitmotif.pipelines.curate import Summary, curate
from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.runner import Batch, run_batch
from leitmotif.pipelines.settings import change_thresholds, make_plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.reports.write import write_reports
from leitmotif.shards.validate import validate
from leitmotif.storage.errors import UserError

PLAN = make_plan("music-video", "embedded")


@dataclass(frozen=True)
class Curated:
    videos: Path
    workspace: Workspace
    summary: Summary


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    render_corpus(folder, clips=12, seed=7, duration_s=3.0, size=(160, 90), fps=12.5)
    return folder


@pytest.fixture(scope="module")
def curated(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Curated:
    workspace = Workspace(tmp_path_factory.mktemp("curated") / "ws")
    return Curated(videos, workspace, curate([videos], workspace, PLAN))


def shards_of(dataset: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(dataset.glob("data/*.parquet"))
    }


def test_every_clip_ends_as_kept_rejected_or_quarantined(curated: Curated) -> None:
    summary = curated.summary
    assert summary.catalogued == 12
    assert summary.kept + summary.rejected + summary.quarantined == 12
    assert summary.kept >= 3 and summary.rejected >= 3 and summary.quarantined >= 1
    assert summary.computed["probe"] == 11  # one file is a byte copy of another


def test_a_second_run_computes_nothing(curated: Curated) -> None:
    again = curate([curated.videos], curated.workspace, PLAN)
    assert again.computed == {}
    assert (again.kept, again.rejected, again.quarantined) == (
        curated.summary.kept,
        curated.summary.rejected,
        curated.summary.quarantined,
    )


def test_a_published_dataset_is_valid_and_complete(curated: Curated, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    published = publish(curated.workspace, dataset, PLAN, finish=write_reports)
    assert validate(dataset) == []
    assert sum(published.rows.values()) == published.kept == curated.summary.kept
    names = {path.name for path in dataset.iterdir()}
    assert names >= {
        *("data", "README.md", "report.html", "stats.json", "croissant.json", "manifest.json"),
        *("rejected.parquet", "quarantine.parquet", "taxonomy.yaml", "recipe.yaml"),
    }
    rejected = pq.read_table(dataset / "rejected.parquet").to_pylist()
    assert all(row["rule"] and row["threshold"] is not None and row["value"] is not None for row in rejected)
    quarantined = pq.read_table(dataset / "quarantine.parquet").to_pylist()
    assert all(row["stage"] and row["error"] and row["message"] for row in quarantined)
    rows = pq.read_table(dataset / "data").to_pylist()
    for row in rows:
        assert row["caption"] and row["license"] and len(row["frames"]) == 10
        assert row["audio"]["bytes"][:4] == b"fLaC"
        assert {pair["backend"] for pair in row["models"]} == {
            *("separation", "tagging", "vocals", "quality", "vision", "caption")
        }
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_file_that_was_damaged_later_is_found(curated: Curated, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    publish(curated.workspace, dataset, PLAN)
    shard = next(dataset.glob("data/*.parquet"))
    damaged = bytearray(shard.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    shard.write_bytes(damaged)
    (dataset / "taxonomy.yaml").unlink()
    assert len(validate(dataset)) == 2


def test_publishing_again_replaces_the_dataset_and_gives_the_same_shards(
    curated: Curated, tmp_path: Path
) -> None:
    dataset = tmp_path / "dataset"
    publish(curated.workspace, dataset, PLAN)
    first = shards_of(dataset)
    publish(curated.workspace, dataset, PLAN)
    assert shards_of(dataset) == first


def test_anything_else_at_the_place_is_left_alone(curated: Curated, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep me")
    with pytest.raises(ValueError, match="is no dataset of ours"):
        publish(curated.workspace, tmp_path, PLAN)
    assert (tmp_path / "precious.txt").read_text() == "keep me"


def test_a_failing_report_leaves_no_dataset(curated: Curated, tmp_path: Path) -> None:
    def fail(folder: Path, ledger: object) -> None:
        raise RuntimeError("no report")

    with pytest.raises(RuntimeError, match="no report"):
        publish(curated.workspace, tmp_path / "dataset", PLAN, finish=fail)
    assert list(tmp_path.iterdir()) == []


def test_a_changed_threshold_changes_the_dataset_and_measures_nothing(
    curated: Curated, tmp_path: Path
) -> None:
    stricter = change_thresholds(PLAN, ["motion.threshold=0.9", "moods.top=1"])
    before = sorted((curated.workspace.root / "stages").rglob("part-*.parquet"))
    published = publish(curated.workspace, tmp_path / "dataset", stricter, finish=write_reports)
    assert published.kept == 0 and published.rejected > curated.summary.rejected
    assert validate(tmp_path / "dataset") == []
    assert sorted((curated.workspace.root / "stages").rglob("part-*.parquet")) == before


def test_another_tag_threshold_asks_for_new_captions(curated: Curated, tmp_path: Path) -> None:
    other = change_thresholds(PLAN, ["instruments.threshold=0.9"])
    with pytest.raises(UserError, match=r"need captions for these tags .* --set instruments.threshold=0.9"):
        publish(curated.workspace, tmp_path / "dataset", other)
    assert not (tmp_path / "dataset").exists()


def test_one_more_file_computes_one_file(curated: Curated, tmp_path: Path) -> None:
    more = tmp_path / "more"
    render_corpus(more, clips=1, seed=99, duration_s=3.0, size=(160, 90), fps=12.5)
    workspace = Workspace(tmp_path / "ws")
    shutil.copytree(curated.workspace.root, workspace.root)
    summary = curate([curated.videos, more], workspace, PLAN)
    assert summary.catalogued == 13
    assert set(summary.computed.values()) == {1}


class Killed(BaseException):
    """Stands for a machine that dies between two batches."""


def test_a_run_that_dies_anywhere_goes_on_and_ends_in_the_same_shards(
    curated: Curated, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "ws")
    rng = random.Random(5)
    computed = 0
    for _ in range(10):
        left = rng.randrange(1, 6)

        def dying(batches: Iterator[Batch]) -> Iterator[tuple[int, int]]:
            nonlocal left, computed
            for batch in batches:
                if left == 0:
                    raise Killed
                left -= 1
                computed += len(batch.clips)
                yield run_batch(batch)

        try:
            curate([curated.videos], workspace, PLAN, run=dying, workers=4)
        except Killed:
            continue
    final = curate([curated.videos], workspace, PLAN)
    assert computed + sum(final.computed.values()) == sum(curated.summary.computed.values())
    publish(curated.workspace, tmp_path / "whole", PLAN)
    publish(workspace, tmp_path / "patched", PLAN)
    assert shards_of(tmp_path / "patched") == shards_of(tmp_path / "whole")


@pytest.mark.slow
def test_kill_9_at_random_moments_ends_in_the_same_shards(curated: Curated, tmp_path: Path) -> None:
    run = (
        "import sys; from pathlib import Path; from leitmotif.pipelines.curate import curate; "
        "from leitmotif.pipelines.settings import make_plan; "
        "from leitmotif.pipelines.workspace import Workspace; "
        "curate([Path(sys.argv[1])], Workspace(Path(sys.argv[2])), make_plan('music-video', 'embedded'))"
    )
    command = [sys.executable, "-c", run, str(curated.videos), str(tmp_path / "ws")]
    rng = random.Random(11)
    for _ in range(10):
        process = subprocess.Popen(command, start_new_session=True)
        time.sleep(rng.uniform(3.0, 12.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True)
    publish(curated.workspace, tmp_path / "whole", PLAN)
    publish(Workspace(tmp_path / "ws"), tmp_path / "patched", PLAN)
    assert shards_of(tmp_path / "patched") == shards_of(tmp_path / "whole")


@pytest.mark.slow
def test_the_flow_on_two_workers_gives_the_same_rows_as_on_one(curated: Curated, tmp_path: Path) -> None:
    from leitmotif.pipelines.flow import run_flow

    workspace = Workspace(tmp_path / "ws")
    summary = run_flow([curated.videos], workspace, PLAN, workers=2)
    assert summary.computed == curated.summary.computed
    publish(curated.workspace, tmp_path / "one", PLAN)
    publish(workspace, tmp_path / "two", PLAN)
    assert shards_of(tmp_path / "two") == shards_of(tmp_path / "one")
