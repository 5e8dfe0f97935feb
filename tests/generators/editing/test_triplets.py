"""(Source, instruction, target) of clips: what the words say is what differs, in the split of the clip."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from leitmotif.cli.exits import Exit
from leitmotif.cli.main import main
from leitmotif.generators.editing.edit import VOCALS, Edit, edit_of
from leitmotif.generators.editing.edit_shards import write_edits
from leitmotif.generators.editing.grammar import read_instruction
from leitmotif.generators.editing.phrasing import phrase
from leitmotif.generators.editing.triplets import Window, draw_edit, open_window, understands
from leitmotif.music.sampler import general_midi
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.manifest import write_manifest
from leitmotif.shards.schema import edits_schema, shard_schema
from leitmotif.shards.validate import validate
from leitmotif.storage import parquet
from leitmotif.storage.errors import UserError
from tests.shards.small_dataset import counts, flac, row, write_small_dataset

SECONDS = 8.0
PER_CLIP = 4


def clip(number: int, *, mixed: bool = False) -> dict[str, Any]:
    """A row whose sound lasts, with or without the voice that was taken out of it."""
    made = row(number)
    made |= {"audio": {"bytes": flac(number, seconds=SECONDS), "path": f"{made['clip_id']}.flac"}}
    made |= {"duration_s": SECONDS, "meter": "4/4", "beats_s": [0.3, 0.9], "downbeats_s": [0.3]}
    if mixed:
        both = sum(soundfile.read(io.BytesIO(flac(each, seconds=SECONDS)))[0] for each in (number, 9))
        buffer = io.BytesIO()
        soundfile.write(buffer, 0.9 * both, 44_100, format="FLAC", subtype="PCM_16")
        made |= {"mix": {"bytes": buffer.getvalue(), "path": f"{made['clip_id']}.flac"}, "removed_db": 3.0}
    return made


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("clips") / "dataset"
    write_small_dataset(folder)
    schema = shard_schema(clap_dim=4, clip_dim=4, mix=True)
    for path in (folder / "data").iterdir():
        path.unlink()
    short = clip(5) | {"audio": {"bytes": flac(5, seconds=3.0), "path": f"{5:032x}.flac"}, "duration_s": 3.0}
    rows = {"train": [clip(1), clip(2, mixed=True), short], "test": [clip(3)]}
    for split, made in rows.items():
        path = folder / "data" / f"{split}-00000-of-00001.parquet"
        parquet.write_table(pa.Table.from_pylist(made, schema=schema), path)
    write_manifest(folder, counts(3, 1))
    return Dataset(folder)


@pytest.fixture(scope="module")
def edits(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    general_midi.cache_clear()
    out = tmp_path_factory.mktemp("edits") / "edits"
    written = write_edits(dataset, out, per_clip=PER_CLIP, seed=1)
    assert (written.rows, written.too_short) == ({"train": 2 * PER_CLIP, "test": PER_CLIP}, 1)
    return out


def sound(file: dict[str, Any]) -> np.ndarray:
    return soundfile.read(io.BytesIO(file["bytes"]), dtype="float32")[0].T


def test_edits_are_a_valid_dataset(edits: Path) -> None:
    assert validate(edits) == []
    schema = Dataset(edits).schema
    assert schema is not None
    assert schema.equals(edits_schema(), check_metadata=True)


def test_an_edit_is_in_the_split_of_its_clip(dataset: Dataset, edits: Path) -> None:
    splits = {row["clip_id"]: split for split in dataset.splits for row in dataset.rows(split, ["clip_id"])}
    for split in Dataset(edits).splits:
        for made in Dataset(edits).rows(split, ["of_clip", "source_id", "license"]):
            assert splits[made["of_clip"]] == split
            assert (made["source_id"], made["license"]) == (f"source-{int(made['of_clip'], 16)}", "CC0-1.0")


def test_source_and_target_differ_in_the_section_alone(edits: Path) -> None:
    for made in Dataset(edits).rows():
        source, target = sound(made["source_audio"]), sound(made["target_audio"])
        assert source.shape == target.shape
        assert np.abs(source).max() <= 1
        (facts,) = json.loads(made["edits"])
        start_s, end_s = edit_of(facts).section.bounds(made["duration_s"])
        rate_hz = 44_100
        outside = np.ones(source.shape[1], bool)
        outside[round(start_s * rate_hz) : round(end_s * rate_hz)] = False
        assert np.abs(source - target)[:, outside].max(initial=0.0) <= 1.1 / 32768, made["instruction"]
        assert np.abs(source - target)[:, ~outside].max() > 0.001, made["instruction"]


def test_a_voice_that_was_kept_is_a_stem(dataset: Dataset) -> None:
    windows = {row["clip_id"]: open_window(row) for row in dataset.rows("train")}
    with_voice = windows[f"{2:032x}"]
    without = windows[f"{1:032x}"]
    assert isinstance(with_voice, Window)
    assert isinstance(without, Window)
    assert without.voice is None
    assert with_voice.voice is not None
    drawn = [draw_edit(with_voice, np.random.default_rng(seed)).target for seed in range(100)]
    assert VOCALS in drawn
    assert VOCALS not in [draw_edit(without, np.random.default_rng(seed)).target for seed in range(100)]


def test_what_plays_already_is_not_added(dataset: Dataset) -> None:
    window = open_window(next(dataset.rows("test")))
    assert window is not None
    drawn = {draw_edit(window, np.random.default_rng(seed)).target for seed in range(300)}
    assert "piano" not in drawn


def test_two_hundred_instructions_are_understood(dataset: Dataset) -> None:
    window = open_window(next(row for row in dataset.rows("train") if row["mix"]))
    assert window is not None
    understood = 0
    for seed in range(200):
        rng = np.random.default_rng([7, seed])
        edit = draw_edit(window, rng)
        understood += understands(phrase(edit, rng), edit)
    assert understood >= 196


def test_what_is_not_understood_as_it_is_meant_is_told() -> None:
    edit = Edit(action="remove", target="vocals")
    assert understands("Take out the vocals.", edit)
    assert not understands("Take out the drums.", edit)
    assert not understands("Sing it backwards.", edit)
    assert read_instruction("In the outro, make it without the trombone.")[0].target == "trombone"


def test_the_same_seed_gives_the_same_edits_and_another_one_others(
    dataset: Dataset, edits: Path, tmp_path: Path
) -> None:
    write_edits(dataset, tmp_path / "again", per_clip=PER_CLIP, seed=1)
    write_edits(dataset, tmp_path / "other", per_clip=1, seed=2)
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (edits / "manifest.json").read_bytes()
    said = [next(Dataset(folder).rows())["instruction"] for folder in (edits, tmp_path / "other")]
    assert said[0] != said[1]


def test_a_changed_sound_is_found(edits: Path, tmp_path: Path) -> None:
    folder = tmp_path / "edits"
    shutil.copytree(edits, folder)
    path = next((folder / "data").glob("test-*"))
    rows = list(Dataset(edits).rows("test"))
    rows[0]["target_audio"] = rows[1]["target_audio"]
    rows[1]["source_audio"] = None
    parquet.write_table(pa.Table.from_pylist(rows, schema=edits_schema()), path)
    write_manifest(folder, json.loads((folder / "manifest.json").read_text())["counts"])
    problems = validate(folder)
    assert len(problems) == 2
    assert "that of another clip" in problems[0]
    assert "source_audio holds no FLAC file" in problems[1]


def test_a_folder_that_is_there_is_left_alone(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match="is there already"):
        write_edits(dataset, tmp_path / "mine")
    with pytest.raises(UserError, match="--per-clip 0"):
        write_edits(dataset, tmp_path / "new", per_clip=0)
    assert not (tmp_path / "new").exists()


def test_the_command_says_how_many_are_understood(
    dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "edits"
    assert main(["edits", str(dataset.path), "--out", str(out), "--per-clip", "1", "--json"]) == Exit.DONE
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["edits"], told["understood"], told["too_short"]) == (3, 3, 1)
