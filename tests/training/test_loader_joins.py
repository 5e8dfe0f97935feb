"""Windows of audio, and side tables of features beside the rows."""

import io
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from leitmotif.shards.errors import DatasetError
from leitmotif.storage.errors import UserError
from leitmotif.training.loader.decode import decode_audio, decode_blocks, decode_window
from leitmotif.training.loader.loader import ShardLoader

RATE_HZ = 8000


def ramp(seconds: float) -> bytes:
    """A FLAC file whose samples say their number."""
    file = io.BytesIO()
    steps = np.arange(round(seconds * RATE_HZ), dtype=np.int16)
    soundfile.write(file, np.stack([steps, -steps], 1), RATE_HZ, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def test_a_window_is_a_part_of_the_whole_and_says_where_it_lies():
    data, starts = ramp(3.0), set()
    whole = decode_audio(data).samples
    for seed in range(20):
        window = decode_window(data, 0.5, seed)
        start = round(window.start_s * RATE_HZ)
        assert window.rate_hz == RATE_HZ and window.samples.shape == (2, RATE_HZ // 2)
        assert np.array_equal(window.samples, whole[:, start : start + RATE_HZ // 2])
        starts.add(start)
    assert len(starts) > 15 and max(starts) <= 2.5 * RATE_HZ


@pytest.mark.parametrize("length_s", [3.0, 7.0])
def test_a_clip_that_is_no_longer_than_the_window_comes_whole(length_s):
    window = decode_window(ramp(3.0), length_s, 1)
    assert window.start_s == 0 and window.samples.shape == (2, 3 * RATE_HZ)


@pytest.mark.parametrize(("length_s", "samples"), [(None, 24_000), (9.0, 24_000), (1.00001, 8001), (0.0, 0)])
def test_blocks_are_the_beginning_of_the_whole_one_behind_the_other(length_s, samples):
    blocks = [*decode_blocks(ramp(3.0), length_s, block_s=0.4)]
    assert all(block.rate_hz == RATE_HZ and block.samples.shape[1] <= 3200 for block in blocks)
    found = np.concatenate([np.zeros((2, 0)), *(block.samples for block in blocks)], axis=1)
    assert np.array_equal(found, decode_audio(ramp(3.0)).samples[:, :samples])


def test_a_file_that_is_cut_off_is_refused():
    data = ramp(3.0)
    with pytest.raises(ValueError, match="FLAC"):
        [*decode_blocks(data[: len(data) // 3], block_s=0.4)]
    with pytest.raises(ValueError, match="FLAC"):
        decode_window(data[: len(data) // 3], 2.9, 0)


def test_windows_follow_from_seed_epoch_and_row_alone(make_dataset):
    folder = make_dataset(train=[[6, 6]])
    given = {
        workers: [
            [
                (row["clip_id"], row["audio"].start_s, row["audio"].samples.shape)
                for batch in loader
                for row in batch
            ]
            for loader in [
                ShardLoader(
                    folder, "train", columns=["clip_id", "audio"], batch_size=2, audio_s=0.01, workers=workers
                )
            ]
            for _ in range(2)
        ]
        for workers in (0, 2)
    }
    assert given[0] == given[2]
    assert {shape for epoch in given[0] for _, _, shape in epoch} == {(2, 80)}
    assert sorted(given[0][0]) != sorted(given[0][1])


def test_a_window_of_no_length_is_refused(make_dataset):
    folder = make_dataset(train=[[2]])
    with pytest.raises(UserError, match="got audio_s 0; expected seconds above 0"):
        ShardLoader(folder, "train", columns=["audio"], batch_size=1, audio_s=0)


@pytest.fixture(scope="module")
def with_features(make_dataset, tmp_path_factory):
    """A dataset of six clips, four of which have a sequence of two numbers and a name."""
    folder = tmp_path_factory.mktemp("features") / "dataset"
    shutil.copytree(make_dataset(train=[[3], [3]]), folder)
    (clips,) = [
        [
            row["clip_id"]
            for batch in ShardLoader(folder, "train", columns=["clip_id"], batch_size=6)
            for row in batch
        ]
    ]
    clips.sort()
    states = [[[float(number), step] for step in range(number + 1)] for number in range(4)]
    table = pa.table(
        {
            "clip_id": clips[:4][::-1],
            "states": pa.array(states[::-1], pa.list_(pa.list_(pa.float32(), 2))),
            "name": [f"clip {number}" for number in range(4)][::-1],
        }
    )
    (folder / "features" / "motion-abc").mkdir(parents=True)
    pq.write_table(table, folder / "features" / "motion-abc" / "0.parquet", row_group_size=2)
    return folder, clips


@pytest.mark.parametrize("workers", [0, 2])
def test_features_come_beside_the_columns_of_their_clip(with_features, workers):
    folder, clips = with_features
    loader = ShardLoader(
        folder, "train", columns=["clip_id"], batch_size=2, features=["motion"], workers=workers
    )
    found = {row["clip_id"]: row["motion"] for batch in loader for row in batch}
    assert sorted(found) == clips
    for number, clip_id in enumerate(clips):
        if number >= 4:
            assert found[clip_id] is None
            continue
        states = found[clip_id]["states"]
        assert states.dtype == np.float32 and states.shape == (number + 1, 2)
        assert states.tolist() == [[number, step] for step in range(number + 1)]
        assert found[clip_id]["name"] == f"clip {number}"


def test_features_that_are_not_there_are_named(with_features):
    with pytest.raises(DatasetError, match="has no features 'pose'; it has motion-abc"):
        ShardLoader(with_features[0], "train", columns=["clip_id"], batch_size=2, features=["pose"])
