"""`leitmotif.load_generator`: what the command does, from Python."""

import gc
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import leitmotif
from tests.generators.bridges.conftest import Room
from tests.generators.bridges.random_music import RATE_HZ, write_film


@pytest.fixture(scope="module")
def generator(room: Room) -> leitmotif.MusicGenerator:
    return leitmotif.load_generator(room.run, dataset=leitmotif.Dataset(room.dataset), device="cpu")


def test_bridges_are_found_changed_made_and_saved(
    room: Room, generator: leitmotif.MusicGenerator, tmp_path: Path
) -> None:
    bridges = generator.find(video=room.film, genre="jazz", steps=2, seed=4)
    assert (bridges.steps, bridges.seed, bridges.attributes) == (2, 4, {"genre": "jazz"})
    music = generator.make(bridges.changed(text="Slow strings."), progress=False)
    saved = music.save(tmp_path / "music.wav", mux=tmp_path / "film.mp4")
    heard, rate_hz = soundfile.read(saved, dtype="float32", always_2d=True)
    assert rate_hz == music.rate_hz == RATE_HZ
    assert np.abs(heard.T - music.samples).max() <= 2**-15
    assert json.loads((tmp_path / "music.json").read_text())["text"] == "Slow strings."
    assert {path.name for path in tmp_path.iterdir()} == {"music.wav", "music.json", "film.mp4"}
    again = generator.make(tmp_path / "music.json", progress=False)
    assert np.array_equal(again.samples, music.samples) and "seed 4" in repr(again)


def test_a_piece_outlives_its_generator_and_what_is_to_be_known_is_logged(
    room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film = write_film(tmp_path / "long.mp4", 1.5)
    music = leitmotif.load_generator(room.run, device="cpu").generate(
        video=film, text="Calm.", progress=False
    )
    assert "the music is for its beginning" in caplog.text
    gc.collect()
    worker = music._maker.worker
    music.save(tmp_path / "music.wav", mux=tmp_path / "film.mp4")
    child = worker._process
    assert child is not None and child.poll() is None
    del music, worker
    gc.collect()
    assert child.wait(10) is not None  # no child is left behind


def test_what_cannot_be_made_is_one_line(
    room: Room, generator: leitmotif.MusicGenerator, tmp_path: Path
) -> None:
    music = generator.generate(text="Calm.", seconds=0.1, steps=1, progress=False)
    for call in (
        lambda: leitmotif.load_generator(room.dataset),
        lambda: generator.generate(),
        lambda: generator.find(text="Calm.", genre="jaz"),
        lambda: generator.find(video=room.film, image=room.picture),
        lambda: generator.find(text="Calm.", seed=-1),
        lambda: generator.make(tmp_path / "nowhere.json"),
        lambda: music.save(tmp_path / "music.mp3"),
        lambda: music.save(tmp_path / "music.wav", mux=tmp_path / "film.mp4"),
    ):
        with pytest.raises(leitmotif.UserError) as raised:
            call()
        assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())
