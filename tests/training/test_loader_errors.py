import json
import logging
import os
import signal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from leitmotif.shards.errors import DatasetError
from leitmotif.shards.manifest import write_manifest
from leitmotif.shards.schema import shard_schema
from leitmotif.shards.writer import write_shard
from leitmotif.storage.errors import UserError
from leitmotif.training.loader.decode import decode_audio, decode_frame, decode_picture
from leitmotif.training.loader.loader import ShardLoader
from tests.training.conftest import MakeDataset, a_flac, a_jpeg, a_row

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")
SHARD = "train-00000-of-00001.parquet"


def a_loader(dataset: Path, split: str = "train", **changed: Any) -> ShardLoader[dict[str, Any]]:
    settings: dict[str, Any] = {"columns": ["clip_id", "audio", "frames"], "batch_size": 2, "shuffle": False}
    return ShardLoader(dataset, split, **settings | changed)


def one_line(error: pytest.ExceptionInfo[UserError]) -> str:
    said = str(error.value)
    assert "\n" not in said
    return said


def a_dataset_with(folder: Path, number: int, **changed: object) -> Path:
    """Six rows in one shard, of which row `number` is changed."""
    (folder / "data").mkdir(parents=True)
    rows = [(0, a_row(row) | (changed if row == number else {})) for row in range(6)]
    write_shard(folder / "data" / SHARD, shard_schema(clap_dim=1, clip_dim=1), iter(rows))
    write_manifest(folder, {})
    return folder


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    for folder, said in ((tmp_path, "holds neither data"), (tmp_path / "missing", "no such folder")):
        with pytest.raises(
            DatasetError, match=f"{said}.*; give the folder that `leitmotif publish` wr"
        ) as error:
            a_loader(folder)
        assert str(folder) in one_line(error)
    (tmp_path / "manifest.json").write_text('["no", "dataset"]')
    with pytest.raises(DatasetError, match=r"has no readable manifest\.json"):
        a_loader(tmp_path)


def test_an_unknown_split_lists_the_known_ones(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(train=[[3, 1]], test=[[0]])
    with pytest.raises(DatasetError) as error:
        a_loader(dataset, "valid")
    assert one_line(error).endswith("has no split 'valid'; expected train or test")


def test_a_split_without_rows_is_refused(make_dataset: MakeDataset) -> None:
    with pytest.raises(DatasetError, match=r"split 'test' of .* holds no rows") as error:
        a_loader(make_dataset(train=[[3]], test=[[0]]), "test")
    one_line(error)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (["clip_id", "frame"], "the dataset has no column 'frame'; did you mean frames?"),
        (["captions"], "the dataset has no column 'captions'; did you mean caption?"),
        (["zzz"], "the dataset has no column 'zzz'; it has clip_id, source_id"),
        ([], "got no columns"),
        ("audio", "got columns 'audio'; expected a list of names"),
    ],
)
def test_columns_that_are_not_there_are_refused(
    make_dataset: MakeDataset, columns: list[str], said: str
) -> None:
    with pytest.raises(UserError) as error:
        a_loader(make_dataset(train=[[3]]), columns=columns)
    assert one_line(error).startswith(said)


def test_a_dataset_without_a_column_is_refused(tmp_path: Path) -> None:
    dataset = a_dataset_with(tmp_path / "dataset", 0)
    path = dataset / "data" / SHARD
    pq.write_table(pq.read_table(path).drop_columns(["frames"]), path)
    write_manifest(dataset, {})
    with pytest.raises(UserError, match="the dataset has no column 'frames'; ") as error:
        a_loader(dataset)
    one_line(error)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ({"batch_size": 0}, "got batch_size 0; expected a whole number of at least 1"),
        ({"batch_size": 2.0}, "got batch_size 2.0; expected a whole number"),
        ({"seed": -1}, "got seed -1; expected a whole number of at least 0"),
        ({"buffer": 0}, "got buffer 0"),
        ({"workers": -1}, "got workers -1"),
        ({"rank": 2, "world_size": 2}, "got rank 2 of 2 ranks; expected 0 to 1"),
        ({"world_size": 4}, "split 'train' has 3 rows for 4 ranks; use fewer ranks"),
        ({"on_error": "ignore"}, "got on_error 'ignore'; expected 'raise' or 'skip'"),
        ({"frames": "torch"}, "got frames 'torch'; expected 'numpy' or 'pil'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    make_dataset: MakeDataset, argument: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError) as error:
        a_loader(make_dataset(train=[[3]]), **argument)
    assert one_line(error).startswith(said)


BROKEN = [
    ("audio", {"audio": {"bytes": a_flac(4)[:60]}}, "audio: "),
    ("audio", {"audio": {"bytes": b"not a flac"}}, "audio: no readable FLAC file ("),
    ("audio", {"audio": {"bytes": b""}}, "audio: no readable FLAC file ("),
    ("audio", {"audio": {"bytes": None, "path": "x"}}, "audio: no readable FLAC file ("),
    ("frames", {"frames": [{"bytes": a_jpeg(4)}, {"bytes": a_jpeg(4)[:-20]}]}, "frame 1: no readable JPEG"),
    ("frames", {"frames": [{"bytes": b"\xff\xd8\xff rubbish \xff\xd9"}]}, "frame 0: no readable JPEG"),
    ("frames", {"frames": [{"bytes": None}]}, "frame 0: no readable JPEG"),
]


def a_flac_that_promises_too_much() -> bytes:
    data = bytearray(a_flac(4))
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    return bytes(data)


BROKEN.append(
    ("audio", {"audio": {"bytes": a_flac_that_promises_too_much()}}, "audio: the FLAC file says that")
)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(("column", "changed", "said"), BROKEN)
def test_a_row_that_cannot_be_decoded_is_named(
    tmp_path: Path, workers: int, column: str, changed: dict[str, object], said: str
) -> None:
    dataset = a_dataset_with(tmp_path / "dataset", 3, **changed)
    loader = a_loader(dataset, columns=[column], workers=workers)
    given = []
    with pytest.raises(UserError) as error:
        given.extend(loader)
    assert one_line(error).startswith(f"{SHARD} row 3 (clip_id clip-0003): {said}")
    assert "on_error='skip'" in str(error.value)
    assert len(given) == 1 and loader.state_dict()["rows"] == 2


@pytest.mark.parametrize("workers", [0, 1])
def test_rows_are_skipped_only_on_demand_and_are_counted_and_logged(
    tmp_path: Path, workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = a_dataset_with(tmp_path / "dataset", 3, audio={"bytes": b"fLaC"})
    loader = a_loader(dataset, on_error="skip", workers=workers)
    with caplog.at_level(logging.WARNING):
        given = [[row["clip_id"] for row in batch] for batch in loader]
    assert given == [["clip-0000", "clip-0001"], ["clip-0002"], ["clip-0004", "clip-0005"]]
    assert loader.skipped == 1
    assert [record.getMessage()[:49] for record in caplog.records] == [f"left out {SHARD} row 3 (clip"]


def test_a_batch_of_which_nothing_is_left_is_skipped_unless_other_ranks_wait(tmp_path: Path) -> None:
    dataset = a_dataset_with(tmp_path / "dataset", 3, audio={"bytes": b"fLaC"})
    alone = a_loader(dataset, on_error="skip", batch_size=1)
    assert [batch[0]["clip_id"][-1] for batch in alone] == ["0", "1", "2", "4", "5"]
    with pytest.raises(UserError, match="no row of a batch of rank 1 can be decoded, and other ranks wait"):
        list(a_loader(dataset, on_error="skip", batch_size=1, rank=1, world_size=2))


def test_a_row_without_media_has_none(tmp_path: Path) -> None:
    dataset = a_dataset_with(tmp_path / "dataset", 3, audio=None, frames=None)
    rows = [row for batch in a_loader(dataset) for row in batch]
    assert [row["clip_id"] for row in rows if row["audio"] is None and row["frames"] is None] == ["clip-0003"]


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_a_transform_says_where_it_was(tmp_path: Path, workers: int) -> None:
    def fail(row: dict[str, Any]) -> None:
        raise KeyError("mine")

    dataset = a_dataset_with(tmp_path / "dataset", 0)
    with pytest.raises(KeyError) as error:
        list(a_loader(dataset, transform=fail, workers=workers))
    told = "\n".join([str(error.value), *getattr(error.value, "__notes__", [])])
    assert f"in the transform of {SHARD} row 0 (clip_id clip-0000)" in told


def test_a_shard_that_is_missing_or_cut_off_is_named_at_once(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(train=[[3], [3]])
    path = dataset / "data" / "train-00001-of-00002.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(
        DatasetError, match=f"shard {path.name} has {len(whole) - 100} bytes, expected"
    ) as error:
        a_loader(dataset)
    assert "leitmotif validate /" in one_line(error)
    path.write_bytes(bytes(len(whole)))
    with pytest.raises(DatasetError, match=f"shard {path.name} cannot be read .*not a parquet file"):
        a_loader(dataset)
    path.unlink()
    with pytest.raises(DatasetError, match=f"shard {path.name} cannot be read .No such file"):
        a_loader(dataset)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_shard_that_vanishes_while_reading_is_named(make_dataset: MakeDataset, workers: int) -> None:
    dataset = make_dataset(train=[[2, 2], [2, 2]])
    loader = a_loader(dataset, workers=workers)
    (dataset / "data" / "train-00001-of-00002.parquet").unlink()
    given = []
    with pytest.raises(
        UserError, match=r"shard train-00001-of-00002\.parquet, row group 0 cannot be"
    ) as error:
        given.extend(loader)
    one_line(error)
    assert len(given) == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_damaged_pages_are_named(make_dataset: MakeDataset, workers: int) -> None:
    dataset = make_dataset(train=[[4]])
    path = dataset / "data" / SHARD
    column = next(
        found
        for number in range(pq.read_metadata(path).num_columns)
        if (found := pq.read_metadata(path).row_group(0).column(number)).path_in_schema == "audio.bytes"
    )
    data = bytearray(path.read_bytes())
    data[column.data_page_offset : column.data_page_offset + 40] = b"\xff" * 40
    path.write_bytes(data)
    with pytest.raises(UserError, match=f"shard {SHARD}, row group 0 cannot be read") as error:
        list(a_loader(dataset, workers=workers))
    one_line(error)
    unharmed = a_loader(dataset, workers=workers, columns=["clip_id", "frames"])
    assert sum(len(batch) for batch in unharmed) == 4, "only the columns asked for are read"


def test_a_state_that_is_none_is_refused(make_dataset: MakeDataset) -> None:
    loader = a_loader(make_dataset(train=[[4]]))
    good = loader.state_dict()
    for name in good:
        with pytest.raises(UserError, match=f"the loader's state has no '{name}'") as error:
            loader.load_state_dict({key: value for key, value in good.items() if key != name})
        one_line(error)
    for wrong in (
        {"epoch": -1},
        {"epoch": "1"},
        {"step_size": 0},
        {"rows": 4},
        {"rows": None},
        {"batch_size": "2"},
        {"rows": -1},
    ):
        with pytest.raises(UserError, match="the loader's state is damaged") as error:
            loader.load_state_dict(good | wrong)
        one_line(error)
    assert loader.state_dict() == good


def test_too_many_ranks_for_what_is_left_are_refused(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(train=[[5]])
    loader = a_loader(dataset)
    for _ in zip(range(2), loader, strict=False):
        pass
    with pytest.raises(
        UserError, match="1 rows are left of epoch 0, for 2 ranks; resume with 1 ranks"
    ) as error:
        a_loader(dataset, rank=1, world_size=2).load_state_dict(loader.state_dict())
    one_line(error)


def test_a_worker_that_is_killed_ends_the_epoch_with_one_line(make_dataset: MakeDataset) -> None:
    def die(row: dict[str, Any]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(UserError, match="a worker of the loader died") as error:
        list(a_loader(make_dataset(train=[[4]]), transform=die, workers=1))
    one_line(error)


def test_a_picture_that_only_pil_can_judge_is_still_read() -> None:
    """Some writers leave bytes behind the end of the picture."""
    assert decode_frame(a_jpeg(9) + b"\0\0").shape == decode_frame(a_jpeg(9)).shape
    assert (decode_frame(a_jpeg(9)) == decode_picture(a_jpeg(9))).all()


def test_a_flac_file_that_ends_early_is_no_shorter_clip() -> None:
    import io

    import numpy as np
    import soundfile

    file = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (40_000, 2))
    soundfile.write(file, noise, 8000, format="FLAC")
    whole = file.getvalue()
    assert decode_audio(whole).samples.shape == (2, 40_000)
    for share in (0.2, 0.5, 0.9, 0.999):
        with pytest.raises(ValueError, match="FLAC file"):
            decode_audio(whole[: int(len(whole) * share)])


def test_the_manifest_of_a_hand_made_folder_may_lie(tmp_path: Path) -> None:
    dataset = a_dataset_with(tmp_path / "dataset", 0)
    manifest = json.loads((dataset / "manifest.json").read_text())
    del manifest["files"][f"data/{SHARD}"]["sha256"]
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DatasetError, match=r"has no readable manifest\.json"):
        a_loader(dataset)
