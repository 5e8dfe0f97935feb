"""What is measured of real tracks is that of the music, not of its encoding."""

import random
from pathlib import Path

import pytest

from bench.quality.reencoding import LOSSY, compare, read_rows, scores_move, write_encodings
from bench.real_media import read_index
from leitmotif.api.workspace import curate

SECONDS, TRACKS = 30.0, 6
WHAT = ("length", "level", "tempo", "key", "genres", "first genre")


def said(**scores: float) -> dict[str, list[dict[str, object]]]:
    return {"genres": [{"tag": tag, "score": score} for tag, score in scores.items()]}


def test_genres_are_compared_alone_where_nothing_else_was_measured() -> None:
    rows = {
        "a.flac": said(rock=0.5), "a.opus": said(rock=0.4), "a.mp3": said(),
        "b.flac": said(jazz=0.3), "b.opus": said(rock=0.3, jazz=0.2), "b.mp3": said(jazz=0.3),
    }  # fmt: skip
    told = compare(rows, ["a", "b"])
    assert told["opus"] == {"tracks": 2, "genres": 0.5, "first genre": 0.5}
    assert told["opus differs"] == ["b: genres jazz 0.30, then rock 0.30+jazz 0.20"]
    assert told["mp3 differs"] == ["a: genres rock 0.50, then none"]


def test_how_far_scores_move_is_a_share_of_those_that_could_be_said() -> None:
    scores = {"flac": (0.5, 0.01), "opus": (0.4, 0.09), "mp3": (0.5, 0.0)}
    rows = {f"a.{suffix}": {"scores": {"rock": rock, "pop": pop}} for suffix, (rock, pop) in scores.items()}
    assert scores_move(rows, ["a"]) == {"opus": 0.2, "mp3": 0.0}


@pytest.mark.slow
def test_length_level_tempo_key_and_genres_outlive_opus_and_mp3(
    real_tracks: Path, fetched_models: Path, tmp_path: Path
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    names = []
    for number, track in enumerate(random.Random(1).sample(read_index(real_tracks), TRACKS)):
        names.append(f"{number}-{Path(track.file).stem}")
        start_s = max(0.0, (track.duration_s - SECONDS) / 2)
        write_encodings(real_tracks / track.file, files, names[-1], start_s, SECONDS)
    curate(files, tmp_path / "workspace", recipe="music-track", profile="embedded", measure_all=True)
    rows, failed = read_rows(tmp_path / "workspace")
    assert not failed
    told = compare(rows, names)
    # Of 72 comparisons 67 were equal; a tempo or a genre near its threshold may fall on either side.
    same = sum(round(told[suffix][what] * TRACKS) for suffix in LOSSY for what in WHAT)
    assert same >= 0.9 * len(LOSSY) * len(WHAT) * TRACKS, told
