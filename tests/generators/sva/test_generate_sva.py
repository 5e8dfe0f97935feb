"""`leitmotif generate --backend sva`: a silent film in, a scored film out, by stubs and a fake server."""

import errno
import json
import resource
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import av
import numpy as np
import pytest
import soundfile

from leitmotif.cli.main import main
from leitmotif.generators.generator import Request
from leitmotif.generators.mixing.level import measure
from leitmotif.generators.mixing.safe import CEILING_DB
from leitmotif.generators.mixing.sounds import Source
from leitmotif.generators.sva import output
from leitmotif.generators.sva.record import SvaRecord
from leitmotif.generators.sva.scheme import Scheme
from leitmotif.generators.sva.sounds import Voice, make_sounds, planned
from leitmotif.media.audio import iter_audio
from leitmotif.media.mux import write_video
from leitmotif.media.probe import probe
from leitmotif.pipelines import sva
from leitmotif.storage.errors import UserError
from leitmotif.train_mmdm.answer import Answer as Answered
from leitmotif.training.loader.decode import Audio
from tests.captioning.fake_server import Answer, FakeServer
from tests.generators.bridges.random_music import write_film
from tests.generators.sva.test_writer import GOOD, MODEL, SCHEME, task_of

SECONDS = 2.0
WORDS = ("--describe", "slow strings, rain and distant thunder")


class Stub:
    """A backend: a tone whose pitch follows from prompt and seed; noise where that is asked for."""

    rate_hz, channels = 16_000, 1
    opened: ClassVar[list[str]] = []

    def __init__(self, name: str, longest_s: float = 30.0) -> None:
        self.name, self.longest_s = name, longest_s

    def generate(self, requests: Sequence[Request], on_step: Any = None) -> list[Audio]:
        return [self._sound(request) for request in requests]

    def _sound(self, request: Request) -> Audio:
        prompt = str(request.prompt)
        if "unheard-of" in prompt:
            raise UserError(f"got {prompt!r}, which names no sound effect")
        size = round(request.seconds * self.rate_hz)
        rng = np.random.default_rng([request.seed, *prompt.encode()])
        if "noise" in prompt:
            return Audio(rng.uniform(-1, 1, (1, size)).astype(np.float32), self.rate_hz)
        time_s = np.arange(size) / self.rate_hz
        wave = 0.2 * np.sin(2 * np.pi * rng.uniform(300, 900) * time_s)
        return Audio(wave[None].astype(np.float32), self.rate_hz)


def opened(name: str, *, model: str | None = None, device: str = "cpu") -> Any:
    Stub.opened.append(name if model is None else f"{name}={model}")
    return Stub(name, 0.7 if model == "short" else 30.0)


@pytest.fixture(autouse=True)
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sva, "open_generator", opened)
    monkeypatch.setattr(Stub, "opened", [])


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film with a tone of 440 Hz."""
    return write_film(tmp_path_factory.mktemp("films") / "film.mp4", SECONDS)


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film whose sound is silence."""
    path = tmp_path_factory.mktemp("films") / "silent.mp4"
    rng = np.random.default_rng(3)
    frames = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(20)]
    write_video(path, frames, np.zeros((2, 88_200), np.float32), fps=10.0)
    return path


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(lambda request: Answer(GOOD[task_of(request)]), models=(MODEL,)) as server:
        yield server


class Typed:
    """Types `leitmotif generate --backend sva …`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def done(self, *words: object, code: int = 0) -> dict[str, Any]:
        """Return what it says of the first film in JSON."""
        typed = ["generate", "--backend", "sva", *map(str, words), "--device", "cpu", "--json"]
        assert main(typed) == code, self.capsys.readouterr().err
        out, self.said = self.capsys.readouterr()
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        self.failed = found["failed"]
        first: dict[str, Any] = found["films"][0]
        return first

    def refused(self, *words: object, code: int = 2) -> str:
        """Return the one line that it says."""
        assert main(["generate", "--backend", "sva", *map(str, words), "--device", "cpu"]) == code
        said = self.capsys.readouterr().err
        lines = [line for line in said.splitlines() if "leitmotif: error:" in line]
        assert len(lines) == 1 and "Traceback" not in said, said
        return lines[0]


@pytest.fixture
def generate(capsys: pytest.CaptureFixture[str]) -> Typed:
    return Typed(capsys)


def pictures(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.video[0]) if packet.size]


def heard(path: Path) -> np.ndarray:
    return np.concatenate(list(iter_audio(path)), axis=1)


def level_at(path: Path, hz: float) -> float:
    """Return how strong a tone is, of all that is heard."""
    sound = heard(path).mean(axis=0)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    at = round(hz * len(sound) / 44_100)
    return float(spectrum[at - 3 : at + 4].sum() / spectrum.sum())


def test_a_film_is_scored_by_a_server_s_scheme_and_the_record_says_how(
    film: Path, tmp_path: Path, generate: Typed, server: FakeServer
) -> None:
    out = tmp_path / "scored.mp4"
    words = ("--server", server.url, "--server-model", MODEL, "--seed", 5)
    said = generate.done("--video", film, *words, "--out", out)
    assert pictures(out) == pictures(film)
    assert probe(out).duration_s == pytest.approx(SECONDS, abs=0.05) and probe(out).audio_codec == "aac"
    level = measure(Source(lambda: iter_audio(out), 44_100, 2))
    assert level.loudness_lufs == pytest.approx(-16, abs=1.0) and level.true_peak_db <= -1
    record = json.loads((tmp_path / "scored.json").read_text())
    assert {name: said[name] for name in record} == record
    assert record["scheme"] == {"idea": SCHEME.idea, "effects": list(SCHEME.effects), "music": SCHEME.music}
    seen = record["seen"]
    assert seen["by"] == f"{MODEL} at {server.url}" and seen["choice"] == "random"
    assert seen["frames"][0]["of"] >= 1 and len(seen["frames"][0]["sha256"]) == 64
    assert [each["task"] for each in seen["questions"]] == ["describe", "scheme"]
    assert [(each["role"], each["seed"], each["kept"]) for each in record["sounds"]] == [
        ("effect", 5, True),
        ("effect", 6, True),
        ("music", 7, True),
    ]
    assert Stub.opened == ["sound-effects", "arranger"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_record_that_is_given_back_gives_the_same_bytes_and_an_edited_one_others(
    film: Path, tmp_path: Path, generate: Typed
) -> None:
    for suffix in (".mp4", ".mkv"):
        first = tmp_path / f"a{suffix}"
        generate.done("--video", film, *WORDS, "--out", first, "--bgm", "musicgen=mine")
        generate.done("--bridges", tmp_path / "a.json", "--out", tmp_path / f"b{suffix}")
        assert first.read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    record = json.loads((tmp_path / "b.json").read_text())
    assert Stub.opened[-2:] == ["sound-effects", "musicgen=mine"]
    record["sounds"][2]["prompt"] = "fast drums"
    (tmp_path / "c.json").write_text(json.dumps(record))
    generate.done("--bridges", tmp_path / "c.json", "--out", tmp_path / "d.mkv")
    assert (tmp_path / "d.mkv").read_bytes() != (tmp_path / "b.mkv").read_bytes()


def test_noise_and_what_cannot_be_made_are_left_out_with_the_reason(film: Path) -> None:
    scheme = Scheme(effects=("white noise", "an unheard-of thing"), music="calm")
    sounds = planned(scheme, Voice("sound-effects"), Voice("arranger"), 0)
    (noise, none), (strange, nothing), (music, audio) = make_sounds(sounds, 1.0, opens=opened)
    assert none is None and not noise.kept and noise.rms == pytest.approx(0.35, abs=0.01)
    assert "mean RMS is 0.346" in str(noise.reason)
    assert nothing is None and "names no sound effect" in str(strange.reason)
    assert audio is not None and music.kept and music.rms is None
    with pytest.raises(UserError, match="unheard-of"):
        make_sounds(planned(Scheme(music="unheard-of"), *[Voice("arranger")] * 2, 0), 1.0, opens=opened)


@pytest.mark.parametrize("mix", ["safe", "paper"])
def test_a_sound_that_is_shorter_than_the_film_goes_on_in_the_safe_mix_alone(
    film: Path, tmp_path: Path, generate: Typed, mix: str
) -> None:
    out = tmp_path / "out.mp4"
    said = generate.done(
        "--video", film, "--describe", "calm", "--bgm", "musicgen=short", "--mix", mix, "--out", out
    )
    assert said["sounds"][0]["seconds"] == 0.7
    later = heard(out)[:, 44_100 : 44_100 + 22_050]
    assert (np.abs(later).max(initial=0.0) > 0.05) == (mix == "safe")
    assert "amix=inputs=1" in said["made"]["graph"] or mix == "safe"


def test_the_film_s_own_sound_is_replaced_mixed_or_refused_as_asked(
    film: Path, silent: Path, tmp_path: Path, generate: Typed
) -> None:
    out = tmp_path / "out.mp4"
    for sound, low, high in (("replace", 0.0, 0.02), ("mix", 0.1, 0.9)):
        generate.done("--video", film, *WORDS, "--sound", sound, "--out", out)
        assert low <= level_at(out, 440) <= high
        assert ("has sound of its own" in generate.said) == (sound == "replace")
    line = generate.refused("--video", film, *WORDS, "--sound", "refuse", "--out", out)
    assert "has a sound of its own (-14 dB); give --sound replace" in line
    for sound in ("mix", "refuse"):  # silence is no sound
        said = generate.done("--video", silent, *WORDS, "--sound", sound, "--out", out)
        assert len(said["made"]["graph"].split("[2:a]")) == 2 and "[3:a]" not in said["made"]["graph"]
    said = generate.done("--video", film, *WORDS, "--sound", "mix", "--mix", "paper", "--out", out)
    assert "[3:a]anull" in said["made"]["graph"]


def test_words_a_style_and_shots_are_noted(
    film: Path, tmp_path: Path, generate: Typed, server: FakeServer
) -> None:
    said = generate.done(
        "--video", film, "--describe", "calm piano", "--style", "sad", "--out", tmp_path / "a.mp4"
    )
    assert said["scheme"] == {"idea": "", "effects": [], "music": "sad, calm piano"}
    words = ("--server", server.url, "--server-model", MODEL, "--style", "melancholic", "--frames", "shots")
    said = generate.done("--video", film, *words, "--out", tmp_path / "b.mkv")
    assert said["seen"]["style"] == "melancholic" and said["seen"]["key_words"] == "sad, grey"
    assert said["seen"]["choice"] == "shots" and said["seen"]["frames"][0]["number"] is None


def test_several_films_go_into_a_folder_and_one_that_fails_keeps_no_other(
    film: Path, silent: Path, tmp_path: Path, generate: Typed
) -> None:
    words = ("--video", film, "--video", tmp_path / "none.mp4", "--video", silent, *WORDS)
    generate.done(*words, "--out", tmp_path / "out", "--strict", code=1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "film.json", "film.mp4", "silent.json", "silent.mp4",
    ]  # fmt: skip
    assert "none.mp4" in generate.failed[0]["message"]


def test_what_cannot_be_scored_is_one_line(film: Path, tmp_path: Path, generate: Typed) -> None:
    out = ("--out", tmp_path / "out.mp4")
    soundfile.write(tmp_path / "sound.wav", np.zeros((8000, 1)), 8000)
    (tmp_path / "notes.json").write_text("{}")
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "folder.mp4").mkdir()
    video = ("--video", film)
    for words, said in (
        ((*WORDS, *out), "got no film to score"),
        ((*video, *out), "nothing says what the film is to sound like"),
        ((*video, "--server", "http://localhost:1/v1", *out), "--server-model"),
        ((*video, *WORDS, "--server", "http://localhost:1/v1", *out), "got --describe and --server"),
        ((*video, "--describe", " ", *out), "got no words"),
        ((*video, "--describe", tmp_path, *out), str(tmp_path)),
        ((*video, *WORDS, "--sfx", "wind-machine", *out), "expected one of"),
        ((*video, *WORDS, "--out", tmp_path / "out.wav"), "expected a film"),
        ((*video, *WORDS, "--out", tmp_path / "folder.mp4"), "it is a folder"),
        ((*video, *WORDS, "--out", tmp_path / "notes.mp4"), "is something else"),
        ((*video, *WORDS, "--out", tmp_path / "out.webm"), "do not go into .webm"),
        (("--video", tmp_path / "none.mp4", *WORDS, *out), "there is no such file"),
        (("--video", tmp_path, *WORDS, *out), "it is a folder"),
        (("--video", tmp_path / "text.mp4", *WORDS, *out), "text.mp4"),
        (("--video", tmp_path / "sound.wav", *WORDS, *out), "has no moving picture"),
        ((*video, *WORDS, "--seed", -1, *out), "seed"),
        ((*video, *WORDS, "--text", "a", *out), "got --text, which --backend sva does not know"),
        ((*video, *WORDS, "--count", 2, *out), "got --count"),
        (("--bridges", tmp_path / "notes.json", *out), "notes.json"),
        (("--bridges", tmp_path / "notes.json", "--mix", "paper", *out), "got --bridges and --mix"),
    ):
        assert said in generate.refused(*words), said
    assert not (tmp_path / "out.mp4").exists()
    mine = shutil.copyfile(film, tmp_path / "mine.mp4")
    assert "is what this is made of" in generate.refused("--video", mine, *WORDS, "--out", mine)
    line = generate.refused("--video", film, *WORDS, "--out", mine)
    assert "which is there already" in line and mine.read_bytes() == film.read_bytes()


def test_options_of_its_own_are_refused_by_the_other_backend(
    film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "--video", str(film), "--style", "sad", "--out", "x.wav"]) == 2
    assert "got --style, which --backend ecmg does not know" in capsys.readouterr().err
    assert main(["generate", "--backend", "svo", "--out", "x.wav"]) == 2
    assert "did you mean sva?" in capsys.readouterr().err


def test_a_server_that_never_answers_is_code_3_and_leaves_nothing(
    film: Path, tmp_path: Path, generate: Typed, server: FakeServer
) -> None:
    server.script = lambda request: Answer(delay_s=1.0)
    words = ("--server", server.url, "--server-model", MODEL)
    line = generate.refused("--video", film, *words, "--out", tmp_path / "out.mp4", code=3)
    assert "the server that writes schemes" in line and "no answer within" in line
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_is_one_line_and_leaves_none(
    film: Path, tmp_path: Path, generate: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--video", film, *WORDS, "--out", tmp_path / "out.mp4")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (8_000, film.stat().st_size):  # less than the mix; less than the film with another sound
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, former[1]))
        try:
            line = generate.refused(*words, code=3)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, former)
        assert "File too large" in line

    def full(record: SvaRecord) -> dict[str, Any]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SvaRecord, "facts", full)
    assert "No space left" in generate.refused(*words, code=3)
    assert list(tmp_path.iterdir()) == []


def test_a_mix_whose_peaks_are_too_high_once_they_are_encoded_is_made_lower(
    film: Path, tmp_path: Path, generate: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stub, "_sound", _clicks)
    highest_db = -7.0  # so that the usual ceiling is too high
    monkeypatch.setattr(output, "HIGHEST_DB", highest_db)
    out = tmp_path / "out.mp4"
    said = generate.done("--video", film, "--describe", "a clock", "--out", out)
    level = measure(Source(lambda: iter_audio(out), 44_100, 2))
    assert level.true_peak_db <= highest_db < CEILING_DB
    assert said["made"]["true_peak_db"] == pytest.approx(level.true_peak_db, abs=0.01)


def _clicks(self: Stub, request: Request) -> Audio:
    sound = np.zeros((1, round(request.seconds * 44_100)), np.float32)
    sound[:, ::5000] = 0.9
    return Audio(sound, 44_100)


def test_a_description_model_says_what_the_music_is_and_which_sounds_are_heard(
    film: Path, tmp_path: Path, generate: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def opened_describer(run: Path, **decoding: Any) -> Any:
        asked.update(decoding, run=run)
        answers = lambda inputs: [  # noqa: E731
            Answered("A calm piano piece.", visuals="waves at a beach, rain") for _ in inputs
        ]
        settings = SimpleNamespace(frames=2)
        return SimpleNamespace(
            model=SimpleNamespace(settings=settings), check=lambda shown: None, describe=answers
        )

    monkeypatch.setattr(sva, "open_describer", opened_describer)
    run = tmp_path / "run"
    run.mkdir()
    said = generate.done(
        "--video", film, "--describe", run, "--style", "sad", "--seed", 2, "--out", tmp_path / "a.mp4"
    )
    assert asked == {"run": run, "device": "cpu", "visuals": True, "seed": 2}
    assert said["scheme"] == {"idea": "", "effects": ["sea", "rain"], "music": "sad, A calm piano piece."}
    assert said["seen"]["by"] == f"the run {run}" and said["seen"]["description"] == "A calm piano piece."
