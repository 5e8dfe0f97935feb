from pathlib import Path

import pytest

from leitmotif.pipelines import placing
from leitmotif.pipelines.placing import clear_leftovers, folder_beside, put_in_place


def folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "file").write_text(text)
    return path


@pytest.mark.parametrize("exchange", [True, False])
def test_a_new_folder_takes_the_place_of_an_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    if not exchange:
        monkeypatch.setattr(placing, "_exchange", lambda one, other: False)
    out = tmp_path / "out"
    put_in_place(folder(folder_beside(out), "first"), out)
    put_in_place(folder(folder_beside(out), "second"), out)
    assert (out / "file").read_text() == "second"
    assert list(tmp_path.iterdir()) == [out]


def test_there_is_a_whole_folder_at_the_place_at_every_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, new = folder(tmp_path / "out", "first"), folder(tmp_path / ".out.00000000", "second")
    if not placing._exchange(new, out):
        pytest.skip("this file system cannot exchange two folders")
    assert ((out / "file").read_text(), (new / "file").read_text()) == ("second", "first")


def test_a_refusing_disk_leaves_the_former_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "_exchange", lambda one, other: False)
    out = folder(tmp_path / "out", "first")
    with pytest.raises(OSError):
        put_in_place(tmp_path / ".out.missing", out)
    assert (out / "file").read_text() == "first"


def test_what_killed_runs_left_is_cleared_and_a_former_folder_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder(tmp_path / ".out.0123abcd", "half")
    folder(tmp_path / ".out.4567abcd.former", "former")
    folder(tmp_path / ".outer.0123abcd", "of another")
    clear_leftovers(out)
    assert (out / "file").read_text() == "former"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".outer.0123abcd", "out"]
