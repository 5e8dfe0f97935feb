"""`leitmotif generate`, as it is typed: what it writes, what it writes again, and what it refuses."""

import errno
import hashlib
import json
import os
import resource
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from leitmotif.cli.main import main
from leitmotif.generators.bridges.bridges import Bridges
from leitmotif.generators.bridges.sounds import Library
from leitmotif.generators.ecmg.run import MusicModel, open_model
from leitmotif.media.probe import probe
from leitmotif.shards.dataset import Dataset
from tests.generators.bridges.conftest import Room
from tests.generators.bridges.random_music import (
    FRAME_S,
    LONGEST_S,
    RATE_HZ,
    write_film,
    write_library,
    write_run,
)
from tests.retrieval.known_rows import write_dataset


class Typed:
    """Types `leitmotif generate …` in a folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def done(self, *words: object, code: int = 0) -> dict[str, Any]:
        """Return what it says in JSON."""
        assert main(["generate", *map(str, words), "--device", "cpu", "--json"]) == code
        said = self.capsys.readouterr()
        self.notes = [line for line in said.err.splitlines() if line.startswith("note: ")]
        found: dict[str, Any] = json.loads(said.out.splitlines()[-1])
        return found

    def refused(self, *words: object, code: int = 2) -> str:
        """Return the one line with which it is refused; nothing is left of it."""
        before = sorted(self.folder.rglob("*"))
        assert main(["generate", *map(str, words), "--device", "cpu"]) == code
        lines = [
            line
            for line in self.capsys.readouterr().err.splitlines()
            if not line.startswith(("note: ", "generate: "))
        ]
        assert len(lines) == 1, lines
        assert sorted(self.folder.rglob("*")) == before
        return lines[0]


@cache
def opened_once(run: Path, digest: bytes, device: str) -> MusicModel:
    return open_model(run, device)


@pytest.fixture
def generate(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Models are opened once for all that is typed here, as long as their run is the same."""

    def opened(run: Path, device: str) -> MusicModel:
        weights = b"".join(path.read_bytes() for path in sorted(run.rglob("*.safetensors")))
        return opened_once(run, hashlib.sha256(weights).digest(), device)

    monkeypatch.setattr("leitmotif.generators.ecmg.generate.open_model", opened)
    return Typed(tmp_path, capsys)


def samples(path: Path) -> np.ndarray:
    found, rate_hz = soundfile.read(path, always_2d=True)
    assert rate_hz == RATE_HZ
    return found


def pictures(path: Path) -> list[bytes]:
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(video=0) if packet.size]


def test_a_film_gets_music_of_its_length_and_everything_it_follows_from_stands_beside(
    room: Room, tmp_path: Path, generate: Typed
) -> None:
    out = tmp_path / "music.wav"
    words = ("--model", room.run, "--dataset", room.dataset, "--genre", "jazz")
    said = generate.done("--video", room.film, *words, "--out", out, "--mux", tmp_path / "with.mp4")
    film = probe(room.film)
    assert len(samples(out)) / RATE_HZ == pytest.approx(film.duration_s, abs=FRAME_S)
    assert 0.01 < np.abs(samples(out)).max() < 0.99
    assert pictures(tmp_path / "with.mp4") == pictures(room.film)
    assert probe(tmp_path / "with.mp4").duration_s == pytest.approx(film.duration_s, abs=0.02)
    record = json.loads((tmp_path / "music.json").read_text())
    (piece,) = said["pieces"]
    assert {name: piece[name] for name in record} == record
    assert record["text"] == record["broad"]["caption"].strip()
    assert record["attributes"] == {"genre": "jazz"}
    assert record["targeted"]["clip_id"] in (f"{1:032x}", f"{2:032x}")
    assert record["broad"]["reasons"][0].startswith("looks like the video")
    assert record["made"]["film"] == "with.mp4" and record["model"]["checkpoint"] == "step-00000001"
    assert record["seed"] == 0 and record["steps"] == 3 and record["guidance"] == 2.0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_bridges_that_are_given_back_give_the_same_bytes_and_edited_ones_others(
    room: Room, tmp_path: Path, generate: Typed
) -> None:
    words = ("--model", room.run, "--dataset", room.dataset, "--tempo", "medium", "--seed", 3)
    generate.done("--image", room.picture, *words, "--out", tmp_path / "a.flac")
    generate.done("--bridges", tmp_path / "a.json", "--out", tmp_path / "b.flac")
    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()
    record = json.loads((tmp_path / "b.json").read_text())
    assert record == json.loads((tmp_path / "a.json").read_text()) | {"made": record["made"]}
    (tmp_path / "c.json").write_text(json.dumps(record | {"text": "Loud drums."}))
    generate.done("--bridges", tmp_path / "c.json", "--out", tmp_path / "c.flac")
    assert (tmp_path / "a.flac").read_bytes() != (tmp_path / "c.flac").read_bytes()
    assert json.loads((tmp_path / "c.json").read_text())["text"] == "Loud drums."


def test_bridges_alone_are_written_edited_and_made_into_music(
    room: Room, tmp_path: Path, generate: Typed
) -> None:
    words = ("--video", room.film, "--model", room.run, "--dataset", room.dataset)
    said = generate.done(*words, "--bridges-only", "--out", tmp_path / "found.json")
    assert [path.name for path in tmp_path.iterdir()] == ["found.json"]
    assert said["pieces"][0]["made"] is None
    generate.done(*words, "--out", tmp_path / "whole.wav")
    generate.done("--bridges", tmp_path / "found.json", "--out", tmp_path / "later.wav")
    assert (tmp_path / "whole.wav").read_bytes() == (tmp_path / "later.wav").read_bytes()


def test_a_text_that_says_another_tempo_than_the_one_that_is_wanted_is_told(
    room: Room, tmp_path: Path, generate: Typed
) -> None:
    words = ("--model", room.run, "--bridges-only", "--out", tmp_path / "found.json")
    for text, tempo, told in (
        (
            "Calm jazz at a moderate tempo.",
            "fast",
            "fast music is wanted, and the text, of the user, speaks of",
        ),
        ("Calm jazz at about 170 BPM.", "slow", "of a fast tempo: 'Calm jazz at about 170 BPM.'"),
        ("Calm jazz at a moderate tempo.", "medium", None),
        ("Calm jazz.", "fast", None),
    ):
        generate.done(*words, "--text", text, "--tempo", tempo)
        assert told in generate.notes[0] if told else not generate.notes
    library = write_library(tmp_path / "dataset", caption="An unhurried piece.")
    generate.done(*words, "--video", room.film, "--dataset", library.path, "--tempo", "medium")
    assert "speaks of a slow tempo: 'An unhurried piece.'" in generate.notes[-1]
    generate.done(*words, "--video", room.film, "--dataset", library.path)
    assert not generate.notes


def test_a_batch_gives_what_each_gives_alone(room: Room, tmp_path: Path, generate: Typed) -> None:
    words = ("--model", room.run, "--dataset", room.dataset)
    shown = ("--video", room.film, "--image", room.picture)
    said = generate.done(*shown, *words, "--count", 2, "--out", tmp_path / "all", "--seed", 5)
    names = ["film-1", "film-2", "photo-1", "photo-2"]
    assert [Path(piece["file"]).stem for piece in said["pieces"]] == names
    assert [piece["seed"] for piece in said["pieces"]] == [5, 6, 5, 6]
    assert len({(tmp_path / "all" / f"{name}.wav").read_bytes() for name in names}) == 4
    generate.done("--image", room.picture, *words, "--seed", 6, "--out", tmp_path / "alone.wav")
    assert (tmp_path / "alone.wav").read_bytes() == (tmp_path / "all" / "photo-2.wav").read_bytes()


def test_every_bridge_is_heard(room: Room, tmp_path: Path, generate: Typed) -> None:
    words = ("--model", room.run, "--text", "A calm piano piece.", "--seconds", 0.3)
    ways: dict[str, tuple[object, ...]] = {
        "text": (),
        "again": (),
        "genre": ("--genre", "jazz"),
        "style": ("--genre", "jazz", "--dataset", room.dataset, "--reference", room.reference),
        "reference": ("--reference", room.reference),
        "weaker": ("--reference", room.reference, "--strength", 0.5),
        "not": ("--reference", room.reference, "--strength", 0),
        "steps": ("--steps", 4),
        "cfg": ("--cfg", 5),
        "seed": ("--seed", 1),
    }
    made = {}
    for name, way in ways.items():
        generate.done(*words, *way, "--out", tmp_path / f"{name}.wav")
        made[name] = (tmp_path / f"{name}.wav").read_bytes()
        assert len(samples(tmp_path / f"{name}.wav")) == round(0.3 * RATE_HZ)
    assert made.pop("again") == made["text"] and made.pop("not") == made["text"]
    assert len(set(made.values())) == len(made)


def test_a_film_that_is_too_long_is_told_and_its_beginning_gets_music(
    room: Room, tmp_path: Path, generate: Typed
) -> None:
    film = write_film(tmp_path / "long.mp4", 3.0)
    words = ("--text", "Calm.", "--model", room.run, "--out", tmp_path / "music.wav")
    generate.done("--video", film, *words, "--mux", tmp_path / "with.mkv")
    assert len(samples(tmp_path / "music.wav")) / RATE_HZ == pytest.approx(LONGEST_S, abs=FRAME_S)
    assert len(generate.notes) == 1 and "lasts 3.0 s, and this model makes 1.02 s" in generate.notes[0]
    assert probe(tmp_path / "with.mkv").duration_s == pytest.approx(3.0, abs=0.05)


def test_of_a_long_clip_that_is_followed_no_more_is_decoded_than_a_model_hears(room: Room) -> None:
    library = Library(Dataset(room.dataset))
    (clip_id, *_) = library.dataset.table(columns=["clip_id"])["clip_id"].to_pylist()
    whole, digest = library.sound(clip_id, 10_800.0)
    assert whole.samples.shape == (2, round(1.5 * 44_100))
    begun, same = library.sound(clip_id, 1.02401)
    assert begun.samples.shape == (2, 45_159) and same == digest == library.digest(clip_id)
    assert np.array_equal(begun.samples, whole.samples[:, :45_159])


def test_one_of_several_that_cannot_be_used_costs_itself_alone(
    room: Room, tmp_path: Path, generate: Typed
) -> None:
    words = ("--text", "Calm.", "--model", room.run, "--out", tmp_path / "all", "--strict")
    said = generate.done("--video", room.film, "--video", tmp_path / "nowhere.mp4", *words, code=1)
    assert [Path(piece["file"]).name for piece in said["pieces"]] == ["film.wav"]
    assert "there is no such file" in said["failed"][0]["message"]


def test_what_is_asked_for_wrongly_is_one_line_and_writes_nothing(
    room: Room, tmp_path: Path, generate: Typed
) -> None:
    out = ("--out", tmp_path / "music.wav")
    model = ("--model", room.run)
    text = ("--text", "Calm.")
    (tmp_path / "notes.json").write_text('{"mine": 1}')
    (tmp_path / "text.mp4").write_text("no film")
    for words, said in (
        ((*text, *out), "got no --model"),
        ((*model, *out), "got nothing to make music for"),
        (("--video", room.film, *model, *out), "nothing says what the music for the film is to be like"),
        ((*text, *model, *out, "--genre", "jaz"), "near: jazz"),
        ((*text, *model, *out, "--tempo", "quick"), "expected one of slow, medium, fast"),
        ((*text, *model, *out, "--reference", room.silence), "are silent (-120 dB)"),
        ((*text, *model, *out, "--reference", room.picture), "reference"),
        ((*text, *model, *out, "--reference", tmp_path / "no.wav"), "there is no such file"),
        ((*text, *model, *out, "--seconds", 10_800), "this model makes up to 1.02 s at a time"),
        ((*text, *model, *out, "--count", 0), "--count is 0"),
        ((*text, *model, *out, "--seed", -1), "seed"),
        ((*text, *model, *out, "--steps", 0), "steps"),
        ((*text, *model, *out, "--cfg", 0.5), "guidance"),
        ((*text, *model, *out, "--mux", tmp_path / "f.mp4"), "no film for 'text'"),
        ((*text, *model, "--out", tmp_path / "music.mp3"), "expected a .wav or .flac file, or a folder"),
        ((*text, *model, "--out", tmp_path / "notes.wav"), "is something else"),
        ((*text, *model, "--out", tmp_path / "notes.json" / "music.wav"), "is no folder"),
        ((*text, "--model", room.dataset, *out), "is no run"),
        ((*text, *model, *out, "--dataset", room.run), "give the folder that `leitmotif publish` wrote"),
        ((*text, "--video", tmp_path / "text.mp4", *model, *out), "text.mp4"),
        (("--video", room.reference, *text, *model, *out), "has no moving picture"),
        (("--bridges", tmp_path / "notes.json", *out), "notes.json"),
        (("--bridges", tmp_path / "notes.json", *text, *out), "got --bridges and --text"),
        ((*text, "--describe", room.run, *model, *out), "got --text and --describe"),
        (
            ("--video", room.film, "--describe", room.run, *model, *out),
            "was trained by `leitmotif train ecmg`",
        ),
    ):
        assert said in generate.refused(*words), said
    film = shutil.copyfile(room.film, tmp_path / "film.mp4")
    line = generate.refused("--video", film, *text, *model, *out, "--mux", film)
    assert "is what this is made of" in line
    line = generate.refused("--video", film, *text, *model, *out, "--mux", tmp_path / "f.webm")
    assert "(h264) do not go into .webm" in line


def test_a_sound_or_film_of_the_user_s_is_kept_and_one_made_here_is_replaced(
    room: Room, tmp_path: Path, generate: Typed
) -> None:
    out, film = tmp_path / "music.wav", tmp_path / "with.mp4"
    words = ("--video", room.film, "--text", "Calm.", "--model", room.run, "--out", out, "--mux", film)
    for mine in (out, film):
        mine.write_bytes(b"mine")
        assert f"got {str(mine)!r} to write, which is there already" in generate.refused(*words)
        assert mine.read_bytes() == b"mine"
        mine.unlink()
    generate.done(*words)
    generate.done(*words, "--seed", 1)
    film.write_bytes(b"mine")
    assert "which is there already" in generate.refused(*words)


def test_a_disk_that_refuses_any_of_the_files_is_one_line_and_leaves_none(
    room: Room, tmp_path: Path, generate: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--text", "Calm.", "--model", room.run, "--seconds", 0.5, "--out", tmp_path / "music.wav")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, former[1]))  # less than the sound
    try:
        line = generate.refused(*words, code=3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert "File too large" in line

    def full(bridges: Bridges) -> dict[str, Any]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Bridges, "facts", full)
    assert "No space left" in generate.refused(*words, code=3)


def test_a_film_whose_name_is_no_text_gets_a_record_that_is_read_again(
    room: Room, tmp_path: Path, generate: Typed
) -> None:
    film = shutil.copyfile(room.film, os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4"))
    words = ("--video", film, "--text", "Calm.", "--model", room.run, "--seconds", 0.1)
    generate.done(*words, "--out", tmp_path / "music.wav")
    generate.done("--bridges", tmp_path / "music.json", "--out", tmp_path / "again.wav")
    assert (tmp_path / "music.wav").read_bytes() == (tmp_path / "again.wav").read_bytes()


def test_bridges_whose_model_or_reference_is_another_now_are_refused(
    room: Room, tmp_path: Path, generate: Typed
) -> None:
    run = shutil.copytree(room.run, tmp_path / "run")
    reference = shutil.copyfile(room.reference, tmp_path / "mine.wav")
    record, out = tmp_path / "a.json", ("--out", tmp_path / "b.wav")
    words = ("--text", "Calm.", "--reference", reference, "--model", run, "--seconds", 0.2)
    generate.done(*words, "--out", tmp_path / "a.wav")
    soundfile.write(reference, np.ones((44_100, 2)) * np.linspace(-1, 1, 44_100)[:, None], 44_100)
    assert "is another than when these bridges were found" in generate.refused("--bridges", record, *out)
    shutil.copyfile(room.reference, reference)
    shutil.rmtree(run)
    write_run(run, seed=7)
    assert "the music would be another" in generate.refused("--bridges", record, *out)
    generate.done("--bridges", record, "--model", run, *out)


def test_a_description_model_says_the_text_and_one_that_says_nothing_is_one_line(
    room: Room, tmp_path: Path, generate: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Path] = []
    monkeypatch.setattr(
        "leitmotif.pipelines.generating.MusicMaker._said_of",
        lambda self, path: shown.append(path) or "Slow strings.",
    )
    words = ("--video", room.film, "--model", room.run, "--describe", "described/", "--bridges-only")
    (piece,) = generate.done(*words, "--out", tmp_path / "a.json")["pieces"]
    assert shown == [room.film] and piece["text"] == "Slow strings."
    assert piece["text_from"] == "the description model described"
    monkeypatch.setattr("leitmotif.pipelines.generating.MusicMaker._said_of", lambda self, path: "")
    assert "said nothing of film.mp4" in generate.refused(*words, "--out", tmp_path / "b.json")


def test_a_dataset_without_an_index_or_without_clips_is_one_line(
    room: Room, tmp_path: Path, generate: Typed
) -> None:
    bare = shutil.copytree(room.dataset, tmp_path / "bare")
    shutil.rmtree(bare / "index")
    empty = write_dataset(tmp_path / "empty", [])
    words = ("--video", room.film, "--model", room.run, "--out", tmp_path / "music.wav")
    assert "leitmotif index" in generate.refused(*words, "--dataset", bare)
    assert main(["index", str(empty)]) == 0
    generate.capsys.readouterr()
    assert "holds no clip" in generate.refused(*words, "--dataset", empty)
