"""What is stated of files: by a table, by what lies beside them, by tags, by one licence for all."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from leitmotif.collection.folder import find_media
from leitmotif.pipelines import catalog, curate
from leitmotif.pipelines.advice import copies_that_differ
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.runs.log import RunLog
from leitmotif.pipelines.saved_plan import load_plan
from leitmotif.pipelines.settings import change_settings, make_plan
from leitmotif.pipelines.stated import Stated, check_stated, state
from leitmotif.pipelines.takedown.run import plan_takedown, take_down
from leitmotif.pipelines.takedown.targets import Targets
from leitmotif.pipelines.workspace import Workspace
from leitmotif.shards.validate import validate
from leitmotif.storage.errors import UserError
from tests.media.media_clips import write_tone
from tests.pipelines.test_takedown import fill

FORMATS = {
    ".mp3": "libmp3lame",
    ".flac": "flac",
    ".m4a": "aac",
    ".ogg": "libopus",
    ".mkv": "aac",
    ".wav": "pcm_s16le",
}


def tagged(folder: Path, name: str, codec: str, **tags: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    frequency_hz = 200 + len(list(folder.iterdir())) * 10
    tone = np.sin(2 * np.pi * frequency_hz * np.arange(4800) / 48000).astype(np.float32)
    return write_tone(folder / name, np.stack([tone, tone]), rate_hz=48000, codec=codec, tags=tags)


def enter(workspace: Workspace, source: Path, **options: str) -> dict[str, dict[str, Any]]:
    """Catalogue a folder as `curate` does; return title, artist and licence by name."""
    workspace.root.mkdir(exist_ok=True)
    stated, _ = state(workspace.root, **options)
    catalog.enter(workspace.catalog(), find_media([source]), stated=stated)
    rows = workspace.catalog().read(["source_id", "title", "artist", "license", "isrc"]).to_pylist()
    return {row["source_id"]: row for row in rows}


@pytest.mark.parametrize(("suffix", "codec"), FORMATS.items())
def test_the_tags_of_ordinary_files_are_read(
    tmp_path: Path, workspace: Workspace, suffix: str, codec: str
) -> None:
    tagged(tmp_path / "in", f"a{suffix}", codec, title="Tïde", artist="Ann", copyright="CC BY 4.0")
    row = enter(workspace, tmp_path / "in")[f"a{suffix}"]
    assert (row["title"], row["artist"], row["license"]) == ("Tïde", "Ann", "CC BY 4.0")


def test_a_table_is_believed_before_a_sidecar_and_that_before_tags_field_by_field(
    tmp_path: Path, workspace: Workspace
) -> None:
    tagged(tmp_path / "in", "a.flac", "flac", title="tag", artist="tag", isrc="GBAYE0601498", license="tag")
    tagged(tmp_path / "in", "b.flac", "flac", artist="tag")
    (tmp_path / "in" / "a.info.json").write_text(json.dumps({"title": "beside", "artist": "beside"}))
    (tmp_path / "in" / "b.info.json").write_text(json.dumps({"uploader": "A channel"}))
    (tmp_path / "t.csv").write_text("path,title\na.flac,table\n")
    rows = enter(workspace, tmp_path / "in", metadata=str(tmp_path / "t.csv"), license="CC0-1.0")
    first = rows["a.flac"]
    assert (first["title"], first["artist"], first["license"]) == ("table", "beside", "tag")
    assert first["isrc"] == "GBAYE0601498"
    # A channel stands in for an artist only where nothing names one.
    assert (rows["b.flac"]["artist"], rows["b.flac"]["license"]) == ("tag", "CC0-1.0")


def test_a_broken_file_costs_its_tags_alone(tmp_path: Path, workspace: Workspace) -> None:
    tagged(tmp_path / "in", "b.mp3", "libmp3lame", title="Tide")
    (tmp_path / "in" / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 4)
    rows = enter(workspace, tmp_path / "in")
    assert (rows["a.mp4"]["title"], rows["b.mp3"]["title"]) == (None, "Tide")


def test_a_row_follows_the_table_and_its_bytes_are_not_read_again(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_text("1")
    table = tmp_path / "t.csv"
    table.write_text("path,title,license\na.mp4,first,CC0\n")
    assert enter(workspace, tmp_path / "in", metadata=str(table))["a.mp4"]["title"] == "first"
    monkeypatch.setattr(catalog, "hash_media", lambda path: pytest.fail("the bytes were read again"))
    parts = len(workspace.catalog().parts())
    assert enter(workspace, tmp_path / "in")["a.mp4"]["title"] == "first"
    assert len(workspace.catalog().parts()) == parts  # nothing changed, nothing is entered
    table.write_text("path,title,license\na.mp4,second,\n")
    row = enter(workspace, tmp_path / "in")["a.mp4"]
    assert (row["title"], row["license"]) == ("second", "unknown")
    assert enter(workspace, tmp_path / "in", metadata="")["a.mp4"]["title"] is None


def test_a_workspace_remembers_table_and_licence(tmp_path: Path, workspace: Workspace) -> None:
    workspace.root.mkdir()
    table = tmp_path / "t.csv"
    table.write_text("path,title\na.mp4,A\n")
    assert state(workspace.root) == (Stated(), False)
    state(workspace.root, metadata=str(table), license="CC0-1.0")
    again, before = state(workspace.root)
    assert list(again.tables) == [str(table)] and again.given.texts("license") == ["CC0-1.0"] and before
    assert state(workspace.root, license="")[0].given.texts("license") == []
    table.unlink()
    with pytest.raises(UserError, match=r"--metadata ''"):
        state(workspace.root)
    assert state(workspace.root, metadata="")[0] == Stated()


def test_what_the_table_says_of_a_file_that_is_gone_holds_for_one_with_the_same_bytes(
    tmp_path: Path, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    source, table = tmp_path / "in", tmp_path / "table.csv"
    for name in "abc":
        tagged(source, f"{name}.wav", "pcm_s16le")
    (source / "copy of b.wav").write_bytes((source / "b.wav").read_bytes())
    table.write_text("path,artist,license\na.wav,Ann,all rights reserved\nb.wav,Ben,CC-BY-4.0\n")
    workspace.root.mkdir()

    def enter() -> dict[str, tuple[str | None, str | None]]:
        stated, _ = state(workspace.root, metadata=str(table), license="CC0-1.0")
        curate._enter(find_media([source]), workspace, stated, RunLog(io.BytesIO()), lambda *_: None)
        rows = workspace.catalog().read(["source_id", "artist", "license", "gone"]).to_pylist()
        return {row["source_id"]: (row["artist"], row["license"]) for row in rows if not row["gone"]}

    assert enter()["a.wav"] == ("Ann", "all rights reserved")
    (source / "a.wav").rename(source / "new.wav")
    (source / "b.wav").unlink()
    for _ in range(2):
        assert enter() == {
            "new.wav": ("Ann", "all rights reserved"),
            "copy of b.wav": ("Ben", "CC-BY-4.0"),
            "c.wav": (None, "CC0-1.0"),
        }
    assert not [message for message in caplog.messages if "match no file" in message]


def test_without_a_source_what_is_catalogued_gets_the_new_metadata(
    tmp_path: Path, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        (tmp_path / "in" / f"{name}.mp4").write_text(name)
    plan = make_plan("music-video", "embedded")
    curate.curate([tmp_path / "in"], workspace, plan)
    (tmp_path / "t.csv").write_text("path,title\nb.mp4,B\nc.mp4,C\n")
    curate.curate([], workspace, plan, metadata=str(tmp_path / "t.csv"))
    rows = workspace.catalog().read(["source_id", "title"]).to_pylist()
    assert {row["source_id"]: row["title"] for row in rows} == {"a.mp4": None, "b.mp4": "B"}
    assert "of 2 rows 1 match no file of this workspace (first: c.mp4)" in caplog.text


def test_splits_keep_the_artists_of_tagged_files_apart(tmp_path: Path, workspace: Workspace) -> None:
    source = tmp_path / "in"
    for number, artist in enumerate(("Ann", "Bob", "Cid", "Dee")):
        for suffix, codec in FORMATS.items():
            tagged(source, f"{number}{suffix}", codec, artist=artist)
    enter(workspace, source)
    rows = workspace.catalog().read(["media_id"]).to_pylist()
    plan = make_plan("music-video", "embedded")
    fill(workspace, plan, [row["media_id"] for row in rows], dim=len(rows))
    workspace.save_plan(plan)
    published = publish(workspace, tmp_path / "dataset", change_settings(plan, ["splits.test=6"]))
    assert published.rows["test"] == len(FORMATS)
    assert validate(tmp_path / "dataset") == []


def test_the_recipe_of_a_dataset_says_which_licence_was_given_and_is_still_a_plan(
    tmp_path: Path, workspace: Workspace
) -> None:
    tagged(tmp_path / "in", "a.wav", "pcm_s16le")
    row = enter(workspace, tmp_path / "in", license=" CC-BY-4.0 ")["a.wav"]
    media_ids = workspace.catalog().read(["media_id"])["media_id"].to_pylist()
    plan = make_plan("music-video", "embedded")
    fill(workspace, plan, media_ids, dim=len(media_ids))
    workspace.save_plan(plan)
    publish(workspace, tmp_path / "dataset", plan)
    text = (tmp_path / "dataset" / "recipe.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["license"] == row["license"] == "CC-BY-4.0"
    assert load_plan(text) == plan
    state(workspace.root, license="")
    publish(workspace, tmp_path / "dataset", plan)
    assert "license" not in yaml.safe_load((tmp_path / "dataset" / "recipe.yaml").read_text(encoding="utf-8"))


def test_a_table_that_is_not_there_is_refused_in_a_line_before_anything_is_written(
    tmp_path: Path, workspace: Workspace
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_text("1")
    (tmp_path / "songs.csv").write_text("path,title\na.mp4,A\n")
    wrong = tmp_path / "in" / ".." / "song.csv"
    plan = make_plan("music-video", "embedded")
    with pytest.raises(UserError) as raised:
        curate.curate([tmp_path / "in"], workspace, plan, metadata=str(wrong))
    assert str(raised.value) == (
        f"metadata table '{tmp_path / 'song.csv'}' cannot be read (there is no such file; did you mean "
        "songs.csv?); give a CSV file or JSON Lines"
    )
    assert not workspace.root.exists()
    workspace.root.mkdir()
    state(workspace.root, metadata=str(tmp_path / "songs.csv"))
    (tmp_path / "songs.csv").rename(tmp_path / "song.csv")
    with pytest.raises(UserError, match=r"did you mean song\.csv\?\); give another with --metadata TABLE"):
        check_stated(workspace.root)
    check_stated(workspace.root, metadata="")


def test_warnings_of_a_table_say_its_path_without_detours(
    tmp_path: Path, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_text("1")
    (tmp_path / "t.csv").write_text("path,title,mood\na.mp4,A,calm\nc.mp4,C,calm\n")
    table = str(tmp_path / "in" / ".." / "t.csv")
    curate.curate([tmp_path / "in"], workspace, make_plan("music-video", "embedded"), metadata=table)
    for said in ("columns passed over: mood", "of 2 rows 1 match no file"):
        assert f"{tmp_path / 't.csv'}: {said}" in caplog.text
    caplog.clear()
    curate.curate([tmp_path / "in"], workspace, make_plan("music-video", "embedded"))
    assert "t.csv" not in caplog.text
    curate.curate([], workspace, make_plan("music-video", "embedded"), metadata=table)
    assert caplog.text.count("columns passed over: mood") == caplog.text.count("match no file") == 1


def test_a_table_that_is_about_no_file_is_refused_before_anything_is_written(
    tmp_path: Path, workspace: Workspace
) -> None:
    (tmp_path / "t.csv").write_text("title,year\nA,1999\n")
    with pytest.raises(UserError, match="says which file it is about"):
        check_stated(workspace.root, metadata=str(tmp_path / "t.csv"))
    assert not workspace.root.exists()


def test_a_row_of_the_table_about_a_file_that_was_taken_down_is_no_news(
    tmp_path: Path, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in").mkdir()
    for name in "ab":
        (tmp_path / "in" / f"{name}.mp4").write_text(name)
    (tmp_path / "t.csv").write_text("path,title\na.mp4,A\nb.mp4,B\n")
    plan = make_plan("music-video", "embedded")
    curate.curate([tmp_path / "in"], workspace, plan, metadata=str(tmp_path / "t.csv"))
    targets = Targets(workspace.root)
    take_down(plan_takedown(["b.mp4"], targets), targets)
    caplog.clear()
    curate.curate([], workspace, plan)
    assert "match no file" not in caplog.text


NC, FREE = "CC-BY-NC-4.0", "CC0-1.0"


def take_in(workspace: Workspace, *sources: Path, **options: str) -> dict[str, str]:
    """Catalogue sources as `curate` does; return the licence of each file by its name."""
    workspace.root.mkdir(exist_ok=True)
    stated, before = state(workspace.root, sources, **options)
    files = find_media(sources)
    if stated or before:
        files += catalog.catalogued_files(workspace.catalog(), but=files)
    curate._enter(files, workspace, stated, RunLog(io.BytesIO()), lambda *_: None)
    rows = workspace.catalog().read(["path", "license", "gone"]).to_pylist()
    return {Path(row["path"]).name: row["license"] for row in rows if not row["gone"]}


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Two folders, and one inside the second: media/nc/a, media/free/b, media/free/inner/c."""
    for number, name in enumerate(("nc/a", "free/b", "free/inner/c")):
        path = tmp_path / "media" / f"{name}.mp4"
        path.parent.mkdir(parents=True)
        path.write_text(str(number))
    return tmp_path / "media"


def test_a_licence_given_with_a_source_leaves_what_was_given_with_another(
    sources: Path, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    take_in(workspace, sources / "nc", license=NC)
    expected = {"a.mp4": NC, "b.mp4": FREE, "c.mp4": FREE}
    assert take_in(workspace, sources / "free", license=FREE) == expected
    (sources / "nc" / "later.mp4").write_text("later")
    assert take_in(workspace, sources / "nc") == expected | {"later.mp4": NC}
    assert take_in(workspace) == expected | {"later.mp4": NC}  # a run without sources
    assert "licence" not in caplog.text
    assert set(take_in(workspace, license="MIT").values()) == {"MIT"}
    assert caplog.messages == [
        f"the licence of 2 files changes from {NC} to MIT, of 2 files changes from {FREE} to MIT"
    ]
    assert set(take_in(workspace, license="").values()) == {"unknown"}


@pytest.mark.parametrize("inner_first", [True, False])
def test_a_folder_in_a_source_has_a_licence_of_its_own_in_whichever_order_they_are_given(
    sources: Path, workspace: Workspace, inner_first: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    given = [(sources / "free" / "inner", NC), (sources, FREE)]
    for source, license in given if inner_first else reversed(given):
        said = take_in(workspace, source, license=license)
    assert said == {"a.mp4": FREE, "b.mp4": FREE, "c.mp4": NC}
    line = f"{sources / 'free' / 'inner'} keeps its own --license {NC}; name it as SOURCE to change that"
    changed = f"the licence of 1 file changes from {FREE} to {NC}"
    assert caplog.messages == ([line] if inner_first else [changed])
    # Forgotten for the outer folder, and then for the inner one where the outer one has its own.
    assert take_in(workspace, sources, license="") == {"a.mp4": "unknown", "b.mp4": "unknown", "c.mp4": NC}
    take_in(workspace, sources, license=FREE)
    assert take_in(workspace, sources / "free" / "inner", license="")["c.mp4"] == "unknown"


def test_a_file_keeps_the_licence_of_its_source_under_another_name_and_in_another_folder(
    sources: Path, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    take_in(workspace, sources / "free", license=FREE)
    take_in(workspace, sources / "free" / "b.mp4", license=NC)
    (sources / "free" / "b.mp4").rename(sources / "free" / "new.mp4")
    assert take_in(workspace, sources / "free")["new.mp4"] == NC
    caplog.clear()
    # The whole source lies elsewhere: at once, not in the run after that.
    (sources / "free").rename(sources / "moved")
    assert take_in(workspace, sources / "moved") == {"new.mp4": NC, "c.mp4": FREE}
    assert "changes from" not in caplog.text
    # What is given for where it lies now holds, and is said.
    assert take_in(workspace, sources / "moved" / "new.mp4", license="MIT")["new.mp4"] == "MIT"
    assert f"the licence of 1 file changes from {NC} to MIT" in caplog.messages


def test_a_workspace_whose_licence_was_given_for_everything_goes_on_so(
    sources: Path, workspace: Workspace
) -> None:
    workspace.root.mkdir()
    (workspace.root / "stated.yaml").write_text(f"license: {NC}\n")
    assert take_in(workspace, sources / "nc") == {"a.mp4": NC}
    assert take_in(workspace, sources / "free" / "inner")["c.mp4"] == NC
    assert take_in(workspace, sources / "free", license=FREE) == {"a.mp4": NC, "b.mp4": FREE, "c.mp4": FREE}
    assert take_in(workspace, sources / "free", license="")["b.mp4"] == "unknown"


def test_a_table_given_with_a_source_holds_for_its_files(
    sources: Path, workspace: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, license in (("first", NC), ("second", FREE)):
        (tmp_path / f"{name}.csv").write_text(f"path,license\na.mp4,{license}\nb.mp4,{license}\n")
    take_in(workspace, sources / "nc", metadata=str(tmp_path / "first.csv"))
    said = take_in(workspace, sources / "free", metadata=str(tmp_path / "second.csv"))
    assert said == {"a.mp4": NC, "b.mp4": FREE, "c.mp4": "unknown"}
    assert f"1 match no file of {sources / 'free'} (first: a.mp4)" in caplog.messages[-1]
    (tmp_path / "first.csv").unlink()
    with pytest.raises(UserError, match=rf"another with {sources / 'nc'} --metadata TABLE, or go on without"):
        check_stated(workspace.root)
    assert set(take_in(workspace, metadata="").values()) == {"unknown"}


def test_a_row_about_a_file_that_is_gone_is_about_it_whether_or_not_its_new_name_is_known(
    sources: Path, workspace: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = tmp_path / "table.csv"
    table.write_text(f"path,license\nb.mp4,{NC}\ninner/c.mp4,{NC}\nno.mp4,{NC}\n")
    take_in(workspace, sources / "free", metadata=str(table))
    (sources / "free" / "b.mp4").rename(sources / "free" / "new.mp4")
    for given in ([], [sources / "free"]):
        caplog.clear()
        take_in(workspace, *given)
        assert "match no file" not in caplog.text  # which was said
        table.write_text(table.read_text() + "\n")
        take_in(workspace, *given)
        assert "of 3 rows 1 match no file" in caplog.text and "first: no.mp4" in caplog.text
    # The source is not there at all, as of a disk that is not mounted.
    (sources / "free").rename(tmp_path / "away")
    caplog.clear()
    table.write_text(table.read_text() + "\n")
    take_in(workspace)
    assert "of 3 rows 1 match no file" in caplog.text


def test_copies_whose_sources_were_given_other_licences_are_named(
    sources: Path, workspace: Workspace
) -> None:
    for folder in ("nc", "free"):
        (sources / folder / f"copy {folder}.mp4").write_text("the same")
    take_in(workspace, sources / "nc", license=NC)
    take_in(workspace, sources / "free", license=FREE)
    ledger = Ledger(*workspace.kinds(make_plan("music-video", "embedded")))
    ledger.decide()
    (line,) = copies_that_differ(ledger)
    assert line.startswith("1 copy has another licence or artist than the file with the same bytes")


def test_a_row_of_a_folder_fills_what_the_row_of_a_file_leaves_open(
    sources: Path, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    table = sources.parent / "t.csv"
    rows = f"media/free/,,{FREE}\nmedia/free/b.mp4,B,{NC}\nmedia/free/inner/c.mp4,C,\n"
    table.write_text(f"path,title,license\n{rows}")
    said = take_in(workspace, sources, metadata=str(table))
    assert said == {"a.mp4": "unknown", "b.mp4": NC, "c.mp4": FREE} and not caplog.messages
    # Under another name it is still the file that its own row is about.
    (sources / "free" / "b.mp4").rename(sources / "free" / "new.mp4")
    assert take_in(workspace)["c.mp4"] == FREE
    assert take_in(workspace, sources)["new.mp4"] == NC
