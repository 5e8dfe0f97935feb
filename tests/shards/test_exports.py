"""What trainers of others read: written whole, and read back as their own code reads it.

Theirs is taken from checkouts of `CHECKOUTS` in the folder that LEITMOTIF_TRAINERS names; where it is missing
these tests skip. Only the functions that read a dataset are run, without their packages.
"""

import ast
import csv
import gc
import io
import json
import os
import types
import uuid
import warnings
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pytest
import soundfile
import webdataset

from leitmotif.cli import export_dataset as command
from leitmotif.cli.main import main
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.exports import webdataset as writer
from leitmotif.shards.exports.export import FACTS, TARGETS, export_dataset
from leitmotif.storage.errors import OutsideError, UserError
from tests.shards import small_dataset

# Repositories of GitHub; each lies in the folder under its last name.
CHECKOUTS = ("ace-step/ACE-Step-1.5", "Stability-AI/stable-audio-3", "Lightricks/LTX-2")


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Three clips of train and one of test: one with a voice, one without caption, one without tempo."""
    plain = small_dataset.row

    def row(number: int) -> dict[str, Any]:
        other: dict[int, dict[str, Any]] = {
            0: {"vocal_score": 0.9, "meter": "6/8"},
            1: {"caption": None},
            2: {"tempo_bpm": None, "key": None, "genres": [], "caption": "Ein stilles Stück für Klavier. 静"},
        }
        return plain(number) | other.get(number, {})

    monkeypatch.setattr(small_dataset, "row", row)
    return Dataset(small_dataset.write_small_dataset(tmp_path / "ds"))


def clip(number: int) -> str:
    return f"{number:032x}"


def theirs(name: str, *parts: str) -> Path:
    path = Path(os.environ.get("LEITMOTIF_TRAINERS", "/nowhere"), name, *parts)
    if not path.exists():
        checkout = next(each for each in CHECKOUTS if each.endswith(f"/{name}"))
        pytest.skip(f"no checkout of {checkout}; set LEITMOTIF_TRAINERS to the folder in which {name} lies")
    return path


def functions_of(source: Path, names: dict[str, Any], *wanted: str) -> dict[str, Any]:
    """Run the definitions of some functions or classes of a file, and nothing else of it."""
    tree = ast.parse(source.read_text())
    kept = [node for node in tree.body if getattr(node, "name", None) in wanted]
    assert len(kept) == len(wanted)
    space = dict(names)
    future = ast.parse("from __future__ import annotations").body
    exec(compile(ast.Module([*future, *kept], []), str(source), "exec"), space)
    return space


@pytest.mark.parametrize("target", TARGETS)
def test_every_clip_with_a_caption_is_written_and_its_source_named(
    dataset: Dataset, tmp_path: Path, target: str
) -> None:
    done = export_dataset(dataset, target, tmp_path / "out")
    assert (done.clips, done.left_out) == ({"train": 2, "test": 1}, 1)
    assert done.notes[-1] == "1 clip without a caption left out"
    facts = json.loads((tmp_path / "out" / FACTS).read_text())
    assert facts["dataset"] == dataset.fingerprint
    sources = [json.loads(line) for line in (tmp_path / "out" / "sources.jsonl").read_text().splitlines()]
    assert [source["clip_id"] for source in sources] == [clip(0), clip(2), clip(3)]
    assert all((tmp_path / "out" / source["file"]).is_file() for source in sources)
    assert sources[0]["license"] == "CC0-1.0"


@pytest.mark.parametrize("target", TARGETS)
def test_an_export_is_the_same_again(dataset: Dataset, tmp_path: Path, target: str) -> None:
    def written() -> dict[str, bytes]:
        export_dataset(dataset, target, tmp_path / "out")
        return {str(path): path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}

    assert written() == written()


def test_ace_step_is_told_tempo_key_metre_and_voice(dataset: Dataset, tmp_path: Path) -> None:
    done = export_dataset(dataset, "ace-step", tmp_path / "out")
    document = json.loads((tmp_path / "out" / "train.json").read_text())
    first, second = document["samples"]
    assert (first["bpm"], first["keyscale"], first["timesignature"]) == (100, "C major", "6")
    assert (first["genre"], first["is_instrumental"], first["lyrics"]) == ("classical", False, "")
    assert (second["bpm"], second["keyscale"], second["genre"]) == (None, "", "")
    assert second["is_instrumental"]
    assert document["metadata"]["all_instrumental"] is False
    assert soundfile.info(first["audio_path"]).samplerate == 44_100
    assert done.notes[0].startswith("1 clip with a voice and without lyrics")
    assert not list((tmp_path / "out").rglob("*.txt"))  # which would be lyrics


def test_ace_steps_own_code_reads_it(dataset: Dataset, tmp_path: Path) -> None:
    folder = theirs("ACE-Step-1.5", "acestep", "training", "dataset_builder_modules")
    names: dict[str, Any] = {"json": json, "os": os, "csv": csv, "logger": types.SimpleNamespace()}
    names |= {"asdict": asdict, "dataclass": dataclass, "datetime": datetime, "Optional": Optional}
    names |= {"uuid": uuid, "Any": Any, "Dict": dict, "List": list, "Tuple": tuple, "__name__": __name__}
    models = functions_of(folder / "models.py", names, "AudioSample", "DatasetMetadata")
    reader = functions_of(folder / "serialization.py", models, "SerializationMixin")["SerializationMixin"]()
    metas = functions_of(folder / "preprocess_utils.py", models, "build_metas_str")["build_metas_str"]
    export_dataset(dataset, "ace-step", tmp_path / "out")

    samples, said = reader.load_dataset(str(tmp_path / "out" / "train.json"))

    assert "Loaded 2 samples" in said
    assert all(sample.labeled for sample in samples)
    assert samples[0].get_training_prompt() == "A calm piano piece, number 0."
    assert "- bpm: 100\n- timesignature: 6\n- keyscale: C major\n" in metas(samples[0])
    assert "- bpm: N/A\n- timesignature: N/A\n- keyscale: N/A\n" in metas(samples[1])
    assert Path(samples[1].audio_path).is_file()
    # Every key is one of theirs: what is not, they drop without a word.
    document = json.loads((tmp_path / "out" / "train.json").read_text())
    assert document["samples"][0].keys() <= set(samples[0].to_dict())
    assert document["metadata"].keys() <= set(reader.metadata.to_dict())


def test_stable_audio_3_finds_a_text_beside_each_sound(dataset: Dataset, tmp_path: Path) -> None:
    export_dataset(dataset, "stable-audio-3", tmp_path / "out")
    names = {path.name for path in (tmp_path / "out" / "train").iterdir()}
    assert names == {f"{clip(number)}.{suffix}" for number in (0, 2) for suffix in ("flac", "txt")}
    said = (tmp_path / "out" / "train" / f"{clip(2)}.txt").read_text(encoding="utf-8")
    assert said == "Ein stilles Stück für Klavier. 静\n"


def test_stable_audio_3s_own_code_reads_it(dataset: Dataset, tmp_path: Path) -> None:
    root = theirs("stable-audio-3")
    find = functions_of(
        root / "stable_audio_3" / "data" / "dataset.py",
        {"os": os},
        "fast_scandir",
        "keyword_scandir",
        "get_audio_filenames",
    )["get_audio_filenames"]
    say = functions_of(root / "scripts" / "train_lora.py", {"Path": Path}, "caption_metadata_fn")[
        "caption_metadata_fn"
    ]
    export_dataset(dataset, "stable-audio-3", tmp_path / "out")
    found = sorted(find(str(tmp_path / "out" / "train")))
    assert [Path(name).stem for name in found] == [clip(0), clip(2)]
    assert say({"path": found[0]}, None) == {"prompt": "A calm piano piece, number 0."}


def test_ltx_2_has_wav_files_and_their_captions(dataset: Dataset, tmp_path: Path) -> None:
    done = export_dataset(dataset, "ltx-2", tmp_path / "out")
    entries = json.loads((tmp_path / "out" / "train.json").read_text())
    assert [entry["audio"] for entry in entries] == [f"train/{clip(0)}.wav", f"train/{clip(2)}.wav"]
    wav, rate_hz = soundfile.read(tmp_path / "out" / entries[0]["audio"], dtype="int16")
    flac, _ = soundfile.read(io.BytesIO(small_dataset.flac(0)), dtype="int16")
    assert rate_hz == 44_100
    assert np.array_equal(wav, flac)
    assert done.notes[0] == "the dataset holds no films: LTX-2 learns its sound alone"


def test_ltx_2s_own_code_reads_it(dataset: Dataset, tmp_path: Path) -> None:
    scripts = theirs("LTX-2", "packages", "ltx-trainer", "scripts")
    read = functions_of(
        scripts / "process_videos.py",
        {"json": json, "Path": Path},
        "_load_paths_from_dataset",
        "detect_dataset_columns",
    )
    captions = functions_of(
        scripts / "process_captions.py", {"json": json, "Path": Path, "Dataset": object}, "CaptionsDataset"
    )["CaptionsDataset"]
    export_dataset(dataset, "ltx-2", tmp_path / "out")
    file = tmp_path / "out" / "train.json"
    assert read["detect_dataset_columns"](file) == {"audio", "caption"}
    assert all(path.is_file() for path in read["_load_paths_from_dataset"](file, "audio"))
    told = captions(file, "caption", "audio")
    assert told.caption_data == {
        f"train/{clip(0)}.pt": "A calm piano piece, number 0.",
        f"train/{clip(2)}.pt": "Ein stilles Stück für Klavier. 静",
    }


def test_webdataset_reads_it(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SHARD_BYTES", 1)  # a tar file a clip
    export_dataset(dataset, "webdataset", tmp_path / "out")
    tars = str(tmp_path / "out" / "train-{000000..000001}.tar")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # webdataset leaves its files to be collected
        first, second = list(webdataset.WebDataset(tars, shardshuffle=False).decode("rgb8"))
        gc.collect()
    row = small_dataset.row(0)
    assert (first["__key__"], first["txt"]) == (clip(0), row["caption"])
    assert first["flac"] == row["audio"]["bytes"]
    assert first["00.jpg"].shape == first["01.jpg"].shape == (32, 48, 3)
    assert first["json"]["genres"][0]["tag"] == "classical"
    assert first["json"]["license"] == "CC0-1.0"
    assert second["txt"] == "Ein stilles Stück für Klavier. 静"
    assert second["json"]["tempo_bpm"] is None


def test_what_is_no_export_is_not_replaced(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is no export"):
        export_dataset(dataset, "ltx-2", tmp_path / "mine")
    with pytest.raises(UserError, match="lies in the dataset"):
        export_dataset(dataset, "ltx-2", dataset.path / "out")
    with pytest.raises(UserError, match="expected one of ace-step, "):
        export_dataset(dataset, "ltx2", tmp_path / "out")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_a_full_disk_leaves_the_former_export(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_dataset(dataset, "stable-audio-3", tmp_path / "out")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TARGETS["ltx-2"], "add", refuse)
    with pytest.raises(OutsideError, match=r"make room and export again"):
        export_dataset(dataset, "ltx-2", tmp_path / "out")
    assert json.loads((tmp_path / "out" / FACTS).read_text())["target"] == "stable-audio-3"
    assert {path.name for path in tmp_path.iterdir()} == {"ds", "out"}


def test_the_command_says_what_reads_it(
    dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tuple(TARGETS) == command.TARGETS
    out = str(tmp_path / "out")
    assert main(["export-dataset", str(dataset.path), "--for", "stable-audio-3", "--out", out]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{out}: 3 clips (train 2, test 1)\nread by stable-audio-3: ")
    assert f"--data_dir {out}/train" in said
    assert main(["export-dataset", str(dataset.path), "--for", "ltx", "--out", out]) == 2
    assert "did you mean ltx-2?" in capsys.readouterr().err
