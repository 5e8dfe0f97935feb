"""Edits of recordings whose stems are known: levels, borders, additions, and all or nothing."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pytest
import soundfile

from leitmotif.cli.exits import Exit
from leitmotif.cli.main import main
from leitmotif.generators.editing import editor as editing
from leitmotif.generators.editing.editor import Editor, Tools
from leitmotif.generators.editing.grammar import read_instruction
from leitmotif.generators.editing.levels import FADE_S
from leitmotif.generators.generator import Request
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.music.sampler import general_midi
from leitmotif.storage.errors import UserError
from leitmotif.training.loader.decode import Audio

RATE_HZ = 22_050
SECONDS = 12.0


class Halves:
    """A separator that knows: the voice is what both channels have, the rest what they differ in."""

    stems: ClassVar[tuple[str, ...]] = ("instrumental", "vocals")
    chunk_s: ClassVar[float] = 2.0
    overlap_s: ClassVar[float] = 0.5
    batch: ClassVar[int] = 1

    def model(self) -> str:
        return "halves@1"

    def load(self, device: str = "cpu") -> Self:
        return self

    def separate(self, mixes: np.ndarray, rate_hz: int) -> np.ndarray:
        voice = np.repeat(mixes.mean(axis=1, keepdims=True), 2, axis=1)
        return np.stack([mixes - voice, voice], axis=1)


class Hum:
    """A backend that makes a tone of whatever it is asked for, and remembers that."""

    rate_hz, channels, longest_s = 32_000, 1, 60.0

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def load(self, device: str = "cpu") -> Self:
        return self

    def steps(self, request: Request) -> int:
        return 1

    def generate(self, requests: Sequence[Request], on_step: object = None) -> list[Audio]:
        self.asked += requests
        return [Audio(tone(330, request.seconds, self.rate_hz)[None], self.rate_hz) for request in requests]


def tone(hz: float, seconds: float = SECONDS, rate_hz: int = RATE_HZ, level: float = 0.1) -> np.ndarray:
    wave = level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)
    return wave.astype(np.float32)


VOICE = np.stack([tone(440), tone(440)])
MUSIC = np.stack([tone(150), -tone(150)])


@pytest.fixture(scope="module")
def worker() -> Iterator[SandboxedWorker]:
    """One process for all, which takes longer to start than the rest."""
    with SandboxedWorker() as worker:
        yield worker


@pytest.fixture(autouse=True)
def halves(monkeypatch: pytest.MonkeyPatch, worker: SandboxedWorker) -> None:
    monkeypatch.setattr(editing, "open_separator", lambda *_: Halves())
    monkeypatch.setattr(editing, "SandboxedWorker", lambda: worker)
    monkeypatch.setattr(Editor, "__exit__", lambda *_: None)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, (VOICE + MUSIC).T, RATE_HZ, subtype="PCM_16")
    return path


def edited(song: Path, text: str, *, name: str = "out.flac", **tools: object) -> np.ndarray:
    """Return an edited song, (2, n)."""
    with Editor(Tools(**tools), opens=lambda _: Hum()) as editor:  # type: ignore[arg-type]
        editor.edit(song, read_instruction(text), song.with_name(name), instruction=text)
    return soundfile.read(song.with_name(name), dtype="float32")[0].T


def source(song: Path) -> np.ndarray:
    return soundfile.read(song, dtype="float32")[0].T


def gains_db(sound: np.ndarray, part: slice) -> tuple[float, float]:
    """Return by how much voice and music are louder in a part."""
    stems = np.stack([VOICE[:, part].ravel(), MUSIC[:, part].ravel()], axis=1)
    factors = np.linalg.lstsq(stems, sound[:, part].ravel(), rcond=None)[0]
    return tuple(20 * np.log10(np.maximum(np.abs(factors), 1e-4)))


ALL = slice(round(0.1 * RATE_HZ), round((SECONDS - 0.1) * RATE_HZ))


@pytest.mark.parametrize(
    ("text", "voice_db", "music_db"),
    [
        ("remove the vocals", -80, 0),
        ("make the vocals louder by 6 dB", 6, 0),
        ("turn the accompaniment down by 4 dB", 0, -4),
        ("keep only the vocals", 0, -80),
        ("make everything 3 dB softer", -3, -3),
        ("make the vocals louder by 6 dB and make everything softer by 2 dB", 4, -2),
    ],
)
def test_a_stem_is_as_loud_as_it_was_asked_for(
    song: Path, text: str, voice_db: float, music_db: float
) -> None:
    found = gains_db(edited(song, text), ALL)
    assert found[0] <= -60 if voice_db == -80 else found[0] == pytest.approx(voice_db, abs=0.05)
    assert found[1] <= -60 if music_db == -80 else found[1] == pytest.approx(music_db, abs=0.05)


@pytest.mark.parametrize("name", ["out.flac", "out.wav"])
def test_outside_its_section_not_a_bit_changes(song: Path, name: str) -> None:
    sound = edited(song, "remove the vocals from 0:04 to 0:06", name=name)
    start, end = 4 * RATE_HZ, 6 * RATE_HZ
    assert np.array_equal(sound[:, :start], source(song)[:, :start])
    assert np.array_equal(sound[:, end:], source(song)[:, end:])
    fade = round(FADE_S * RATE_HZ)
    assert gains_db(sound, slice(start + fade, end - fade))[0] < -60


def test_a_border_does_not_click(song: Path) -> None:
    sound = edited(song, "mute everything from 0:04 to 0:06")
    steps = np.abs(np.diff(sound, axis=1)).max()
    assert steps <= 1.05 * np.abs(np.diff(source(song), axis=1)).max()


def test_a_recording_without_the_section_that_is_asked_for_is_refused(song: Path) -> None:
    with pytest.raises(UserError, match=r"the recording lasts 12\.0 s"):
        edited(song, "remove the vocals from 1:00 to 1:10")
    assert sorted(path.name for path in song.parent.iterdir()) == ["song.wav"]


def test_a_stem_that_the_separator_has_not_is_refused_with_those_that_there_are(song: Path) -> None:
    with pytest.raises(UserError, match=r"no stem of it, but accompaniment, vocals; --separator demucs"):
        edited(song, "make the drums louder")


def test_a_style_is_refused(song: Path) -> None:
    with pytest.raises(UserError, match="cannot make everything sound like jazz"):
        edited(song, "make it sound like jazz")


def test_what_is_added_is_heard_in_its_section_alone(song: Path) -> None:
    sound = edited(song, "add a violin from 0:04 to 0:06")
    added = sound - source(song)
    assert not added[:, : 4 * RATE_HZ].any()
    assert not added[:, 6 * RATE_HZ :].any()
    inside = slice(4 * RATE_HZ, 6 * RATE_HZ)
    under_db = 20 * np.log10(added[:, inside].std() / source(song)[:, inside].std())
    assert under_db == pytest.approx(-6, abs=0.3)


def test_what_replaces_a_stem_is_as_loud_as_that_was(song: Path) -> None:
    sound = edited(song, "replace the vocals with a flute")
    added = (sound - MUSIC)[:, ALL]
    assert gains_db(sound, ALL)[0] < -40
    assert added.std() == pytest.approx(VOICE[:, ALL].std(), rel=0.03)


def test_an_instrument_is_asked_for_in_the_tempo_and_key_of_the_recording(tmp_path: Path) -> None:
    song = tmp_path / "beat.wav"
    clicks = np.zeros((2, 20 * RATE_HZ), np.float32)
    for beat in range(40):  # 120 beats a minute
        at = round((0.25 + beat / 2) * RATE_HZ)
        clicks[:, at : at + 2000] += tone(220, 2000 / RATE_HZ, level=0.4) * np.exp(-np.arange(2000) / 300)
    soundfile.write(song, clicks.T, RATE_HZ)
    hum = Hum()
    with Editor(Tools(), opens=lambda _: hum) as editor:
        record = editor.edit(
            song, read_instruction("add a violin from 0:10 to 0:20"), tmp_path / "out.wav", instruction="-"
        )
    (added,) = record["added"]
    assert added["heard"]["tempo_bpm"] == pytest.approx(120, rel=0.01)
    beats = (added["start_s"] - 0.25) / 0.5
    assert beats == pytest.approx(round(beats), abs=0.1)
    assert hum.asked[0].prompt is not None
    assert "solo violin, 1" in hum.asked[0].prompt
    assert "BPM" in hum.asked[0].prompt


def test_what_is_beyond_full_scale_is_held_and_said(song: Path) -> None:
    sound = edited(song, "make the vocals louder by 30 dB")
    assert np.abs(sound).max() <= 1
    record = json.loads(song.with_name("out.json").read_text())
    assert record["limited_db"] > 6


def test_the_record_says_what_was_understood_and_done(song: Path) -> None:
    edited(song, "make the vocals softer by 3 dB in the first half")
    record = json.loads(song.with_name("out.json").read_text())
    (edit,) = record["edits"]
    assert (edit["action"], edit["target"], edit["amount_db"]) == ("softer", "vocals", 3.0)
    assert (edit["start_s"], edit["end_s"]) == (0.0, 6.0)
    assert record["separator"] == "halves@1"


def test_the_same_edit_gives_the_same_bytes(song: Path) -> None:
    text = "add a violin and remove the vocals in the ending"
    edited(song, text, name="one.flac")
    edited(song, text, name="two.flac")
    assert song.with_name("one.flac").read_bytes() == song.with_name("two.flac").read_bytes()


@pytest.mark.parametrize("name", ["song.wav", "out.mp3", "taken.wav", "folder.wav", "mine.flac"])
def test_a_place_that_is_taken_or_cannot_be_written_is_refused(song: Path, name: str) -> None:
    song.with_name("taken.json").write_text('{"mine": 1}')
    song.with_name("folder.wav").mkdir()
    song.with_name("mine.flac").write_bytes(b"mine")
    before = song.read_bytes()
    with pytest.raises(UserError):
        edited(song, "louder by 1 dB", name=name)
    assert song.read_bytes() == before and song.with_name("mine.flac").read_bytes() == b"mine"


def test_its_own_file_is_replaced_until_somebody_has_changed_it(song: Path) -> None:
    edited(song, "louder by 1 dB")
    edited(song, "louder by 2 dB")
    song.with_name("out.flac").write_bytes(b"mine")
    with pytest.raises(UserError, match="choose another name, or move the file"):
        edited(song, "louder by 3 dB")


def test_what_is_no_recording_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.mp3").write_text("no sound")
    for name in ("text.mp3", "missing.wav", "."):
        given = ["edit", str(tmp_path / name), "louder", "--out", str(tmp_path / "out.wav")]
        assert main(given) == Exit.USER
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "out.wav").exists()


def test_the_command_says_what_it_understood(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = song.with_name("out.wav")
    given = ["edit", str(song), "Remove the vocals in the second half, please", "--out", str(out)]
    assert main([*given, "--dry-run"]) == Exit.DONE
    assert capsys.readouterr().out == "  remove the vocals in the second half\n"
    assert not out.exists()
    assert main([*given, "--json"]) == Exit.DONE
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["edits"][0]["start_s"] == 6.0
    assert soundfile.info(out).subtype == "PCM_24"


def test_an_instruction_that_cannot_be_followed_is_one_line(
    song: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = song.with_name("out.wav")
    assert main(["edit", str(song), "sing it backwards", "--out", str(out)]) == Exit.USER
    (line,) = capsys.readouterr().err.splitlines()
    assert "it can: add X" in line
    assert not out.exists()


@pytest.mark.slow
def test_the_arranger_adds_a_violin_and_effects_rain(song: Path) -> None:
    general_midi.cache_clear()
    with Editor(Tools()) as editor:
        text = "add a violin in the second half and add rain in the first half"
        record = editor.edit(song, read_instruction(text), song.with_name("out.wav"), instruction=text)
    assert [each["backend"] for each in record["added"]] == ["arranger", "sound-effects"]
