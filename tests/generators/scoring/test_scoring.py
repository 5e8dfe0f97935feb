"""`leitmotif score`: films, pictures and words get music, with a record, or one line and nothing at all."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import soundfile
from PIL import Image

from leitmotif.cli.exits import Exit
from leitmotif.cli.main import main
from leitmotif.generators import loudness
from leitmotif.generators.arranger.mastering import true_peaks
from leitmotif.media.audio import extract_flac
from leitmotif.media.mux import write_video
from leitmotif.media.probe import probe

RATE_HZ = 44_100


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of a bright square that moves, with a tone."""
    path = tmp_path_factory.mktemp("film") / "square.mp4"
    frames = []
    for number in range(6 * 12):
        frame = np.full((72, 128, 3), (250, 210, 60), np.uint8)
        at = 4 + 3 * (number % 30)
        frame[20:50, at : at + 24] = (30, 80, 220)
        frames.append(frame)
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(6 * RATE_HZ) / RATE_HZ)
    write_video(path, frames, np.stack([tone, tone]).astype(np.float32), fps=12)
    return path


def _heard(path: Path, scratch: Path) -> np.ndarray:
    extract_flac(path, scratch / "heard.flac")
    samples, _ = soundfile.read(scratch / "heard.flac", dtype="float32", always_2d=True)
    return samples.T


def test_a_film_gets_music_of_its_length_and_keeps_its_pictures(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, midi = tmp_path / "scored.mp4", tmp_path / "scored.mid"
    assert main(["score", str(film), "--out", str(out), "--midi", str(midi), "--json"]) == Exit.DONE
    facts = probe(out)
    assert (facts.video_codec, facts.audio_codec) == ("h264", "aac")
    assert facts.duration_s == pytest.approx(probe(film).duration_s, abs=0.1)
    heard = _heard(out, tmp_path)
    level = loudness.measure(heard, RATE_HZ)
    assert level is not None and abs(level + 16) < 1
    assert 20 * np.log10(true_peaks(heard).max()) <= -1
    record = json.loads(out.with_suffix(".json").read_text())
    assert record["seen"]["moods"] and record["seen"]["motion"] > 0 and record["film_sound"] == "replace"
    assert record["backend"] == "arranger" and record["made"]["midi"] == midi.name
    assert "no description model was given" in record["description"]["from"]
    assert pretty_midi.PrettyMIDI(str(midi)).get_end_time() == pytest.approx(6.0, abs=0.6)
    said = capsys.readouterr()
    assert "--sound mix has both" in said.err
    assert json.loads(said.out.splitlines()[-1])["made"]["file"] == "scored.mp4"


def test_words_overrule_what_is_seen_and_attributes_overrule_words(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.wav"
    words = "A sad waltz for violin in E minor, 90 BPM"
    assert main(["score", str(film), "--describe", words, "--tempo", "100", "--out", str(out)]) == Exit.DONE
    record = json.loads(out.with_suffix(".json").read_text())
    assert record["description"] == {"text": words, "from": "the user"}
    plan = record["plan"]
    assert (plan["key"], plan["metre"], plan["moods"][0]) == ("E minor", "3/4", "sad")
    assert plan["tempo_bpm"] == pytest.approx(100, rel=0.006)
    assert plan["players"][0] == {"label": "violin", "role": "melody", "program": 40, "asked": True}
    assert soundfile.info(out).frames == round(probe(film).duration_s * RATE_HZ)


def test_the_film_s_own_sound_is_mixed_in_where_both_are_wanted(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "both.mkv"
    assert main(["score", str(film), "--sound", "mix", "--out", str(out)]) == Exit.DONE
    heard = _heard(out, tmp_path)
    level = loudness.measure(heard, RATE_HZ)
    assert level is not None and abs(level + 16) < 1
    spectrum = np.abs(np.fft.rfft(heard.mean(axis=0)))
    hz = np.fft.rfftfreq(heard.shape[1], 1 / RATE_HZ)
    around = spectrum[(hz > 430) & (hz < 450)]
    assert hz[(hz > 430) & (hz < 450)][np.argmax(around)] == pytest.approx(440, abs=0.5)
    assert around.max() > 20 * np.median(around)


def test_a_picture_and_words_get_music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((60, 90, 3), (20, 20, 40), np.uint8)).save("night.png")
    assert main(["score", "night.png", "--seconds", "4"]) == Exit.DONE
    assert soundfile.info("night-scored.wav").duration == 4.0
    assert main(["score", "rain on a window", "--seconds", "4", "--out", "rain.flac"]) == Exit.DONE
    assert soundfile.info("rain.flac").duration == 4.0
    assert json.loads(Path("night-scored.json").read_text())["seen"]["valence"] < 0


def test_the_same_is_the_same_and_another_seed_is_another(tmp_path: Path) -> None:
    def made(name: str, seed: int) -> str:
        out = tmp_path / name
        assert main(["score", "calm piano", "--seconds", "4", "--seed", str(seed), "--out", str(out)]) == 0
        return str(json.loads(out.with_suffix(".json").read_text())["made"]["sha256"])

    assert made("a.wav", 1) == made("b.wav", 1) != made("c.wav", 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["FILM", "--sound", "refuse"], "has sound already; say --sound replace"),
        (["FILM", "--out", "FILM"], "is what this is made of, and is kept"),
        (["FILM", "--out", "out.avi"], "expected one of .mp4"),
        (["FILM", "--genre", "violin"], "which is an instrument"),
        (["FILM", "--describe", "runs/none"], "expected words, or a folder"),
        (["FILM", "--backend", "musicgan"], "got backend 'musicgan'; expected one of"),
        (["nowhere.mp4"], "expected a film, a picture, or words in quotes"),
        (["calm piano", "--out", "x.mp4"], "since there is no film"),
        (["calm piano", "--seconds", "99999", "--out", "x.wav"], "makes up to 10800 s"),
        (["  "], "got nothing to score"),
        ([".."], "it is a folder; expected one film"),
        (["calm piano", "--out", "x.wav", "--midi", "r.wav"], "expected a name ending in .mid or .midi"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    arguments: list[str],
    said: str,
    film: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [str(film) if word == "FILM" else word for word in arguments]
    assert main(["score", *given]) == Exit.USER
    lines = [line for line in capsys.readouterr().err.splitlines() if "leitmotif: error" in line]
    assert len(lines) == 1 and said in lines[0]
    assert not list(tmp_path.iterdir())


def test_a_disk_without_room_is_one_line_before_anything_is_made(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = shutil._ntuple_diskusage(10, 9, 1_000_000)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert main(["score", "calm", "--seconds", "10800", "--out", str(tmp_path / "x.wav")]) == Exit.OUTSIDE
    lines = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(lines) == 1 and "180 minutes of music take up to 7.6 GB" in lines[0]
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_leaves_nothing_half_written(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leitmotif.generators.scoring import soundtrack

    def refuse(*given: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(soundtrack, "_copy_sound", refuse)
    assert main(["score", "calm piano", "--seconds", "4", "--out", str(tmp_path / "x.wav")]) == Exit.OUTSIDE
    assert not list(tmp_path.iterdir())


def test_without_its_extra_it_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pretty_midi", None)
    assert main(["score", "calm", "--out", str(tmp_path / "x.wav")]) == Exit.USER
    assert "leitmotif-av[generate]" in capsys.readouterr().err


def test_a_record_of_something_else_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_text('{"mine": 1}')
    assert main(["score", "calm", "--seconds", "4", "--out", str(tmp_path / "x.wav")]) == Exit.USER
    assert "is something else" in capsys.readouterr().err
    assert (tmp_path / "x.json").read_text() == '{"mine": 1}'


def test_files_of_the_user_s_are_kept_and_what_was_made_here_is_replaced(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    own, out, midi = Path("own.mp4"), Path("own-scored.mp4"), Path("notes.mid")
    shutil.copyfile(film, own)
    words = ["score", str(own), "--seconds", "4", "--midi", str(midi)]
    for mine in (out, midi):
        mine.write_bytes(b"mine")
        assert main(words) == Exit.USER
        assert f"got {str(mine)!r} to write, which is there already" in capsys.readouterr().err
        assert mine.read_bytes() == b"mine"
        mine.unlink()
    for seed in ("1", "2"):
        assert main([*words, "--seed", seed]) == Exit.DONE
    out.with_suffix(".json").unlink()
    assert main(words) == Exit.USER
