"""All four reports appear, whole, and say the same."""

import json

import pytest

import reports.write
from reports.published import NotPublishedError
from reports.statistics import statistics
from reports.write import write_reports


def test_the_four_files_appear_and_nothing_else_stays(publish):
    folder = publish()
    before = {path.name for path in folder.iterdir()}
    paths = write_reports(folder)
    assert [path.name for path in paths] == ["stats.json", "report.html", "README.md", "croissant.json"]
    assert {path.name for path in folder.iterdir()} - before == {path.name for path in paths}
    assert json.loads((folder / "stats.json").read_text(encoding="utf-8")) == statistics(folder)


def test_writing_again_gives_the_same_bytes(publish):
    folder = publish()
    first = [path.read_bytes() for path in write_reports(folder)]
    assert [path.read_bytes() for path in write_reports(folder)] == first


def test_a_failure_leaves_the_old_file_and_no_part(publish, monkeypatch):
    folder = publish()
    write_reports(folder)
    old = (folder / "README.md").read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(reports.write, "compose_card", fail)
    with pytest.raises(OSError, match="disk full"):
        write_reports(folder, name="other")
    assert (folder / "README.md").read_bytes() == old
    assert not list(folder.glob(".*.part"))


def test_a_folder_that_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(NotPublishedError):
        write_reports(tmp_path)
