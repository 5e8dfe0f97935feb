"""All reports appear, whole, and say the same; a failure leaves the old ones."""

import json

import pytest
import yaml
from PIL import Image

from leitmotif.reports import write
from leitmotif.reports.statistics.measure import statistics
from leitmotif.reports.write import write_reports
from leitmotif.shards.errors import DatasetError
from leitmotif.storage.atomic import write_files


def test_the_reports_appear_and_nothing_else_stays(publish):
    folder = publish(clips=4)
    before = {path.name for path in folder.iterdir()}
    paths = write_reports(folder)
    names = [path.relative_to(folder).as_posix() for path in paths]
    assert names[:3] == ["stats.json", "report.html", "figures/funnel.png"]
    assert names[-2:] == ["README.md", "croissant.json"]
    assert {path.name for path in folder.iterdir()} - before == {name.partition("/")[0] for name in names}
    assert json.loads((folder / "stats.json").read_text(encoding="utf-8")) == statistics(folder)
    for path in (folder / "figures").iterdir():
        with Image.open(path) as picture:
            assert picture.format == "PNG" and picture.width in (720, 1440)


def test_writing_again_gives_the_same_bytes(publish):
    folder = publish(clips=2)
    first = [path.read_bytes() for path in write_reports(folder)]
    assert [path.read_bytes() for path in write_reports(folder)] == first


def test_a_figure_that_has_no_values_any_more_goes(publish):
    folder = publish(clips=0)
    write_reports(folder)
    (folder / "figures" / "former.png").write_bytes(b"former")
    (folder / "figures" / "notes.txt").write_text("of somebody else")
    write_reports(folder)
    assert not (folder / "figures" / "former.png").exists() and (folder / "figures" / "notes.txt").exists()


@pytest.mark.parametrize("fails", ["compose_page", "compose_card", "compose_croissant", "check_stats"])
def test_a_failure_leaves_every_old_file_and_no_part(publish, monkeypatch, fails):
    folder = publish(clips=0)
    old = {path: path.read_bytes() for path in write_reports(folder)}

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(write, fails, fail)
    with pytest.raises(OSError, match="disk full"):
        write_reports(folder, name="other")
    assert {path: path.read_bytes() for path in old} == old
    assert not list(folder.rglob(".*.part"))


def test_files_are_all_written_before_the_first_is_put_in_place(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").write_bytes(b"a file, no folder")
    with pytest.raises(OSError):
        write_files(tmp_path, {"a": b"new", "b/c": b"cannot be"})
    assert (tmp_path / "a").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b"]


def test_a_folder_that_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(DatasetError):
        write_reports(tmp_path)


def test_a_name_that_ends_in_markup_stays_a_name(publish):
    folder = publish(clips=0)
    write_reports(folder, name="a: [b] <c>")
    head = (folder / "README.md").read_text(encoding="utf-8").split("\n---\n")[0]
    assert yaml.safe_load(head.removeprefix("---\n"))["pretty_name"] == "a: [b] <c>"
    assert "a: [b] &lt;c&gt;" in (folder / "report.html").read_text(encoding="utf-8")
