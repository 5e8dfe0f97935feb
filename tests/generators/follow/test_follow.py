"""Music that follows a film: its cuts are seen, and beats meet them within what a tempo may give."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import soundfile

from leitmotif.cli.exits import Exit
from leitmotif.cli.main import main
from leitmotif.generators.arranger.arranger import Arranger
from leitmotif.generators.arranger.midi import write_midi
from leitmotif.generators.follow.arranging import arrange_to
from leitmotif.generators.follow.fit import CUTS, MOTION, fit_grid
from leitmotif.generators.follow.grid import NEAR_S, BeatGrid
from leitmotif.generators.follow.motion import watch_motion
from leitmotif.generators.follow.rhythm import Event, watch_cuts
from leitmotif.generators.generator import Request
from leitmotif.media.mux import write_video
from leitmotif.storage.errors import UserError

FPS, SECONDS = 25, 12.0
TRUE_CUTS_S = (2.2, 4.4, 5.52, 8.8)


def _picture(number: int, place: int) -> np.ndarray:
    """Return a frame of a scene: big blocks of its own, and a small one that moves."""
    rng = np.random.default_rng(number)
    frame = np.kron(rng.integers(30, 220, (4, 6, 3), np.uint8), np.ones((18, 21, 1), np.uint8))
    frame[30:42, place % 100 : place % 100 + 12] = 128
    return np.ascontiguousarray(frame[:, :126])


def _write(
    path: Path, cuts_s: tuple[float, ...], seconds: float = SECONDS, flash_s: float | None = None
) -> Path:
    frames = []
    for index in range(round(seconds * FPS)):
        shot = sum(index >= round(cut * FPS) for cut in cuts_s)
        frame = _picture(shot, index)
        if flash_s is not None and 0 <= index - round(flash_s * FPS) < 2:
            frame = (frame // 4 + 180).astype(np.uint8)
        frames.append(frame)
    write_video(path, frames, np.zeros((2, round(seconds * 44_100)), np.float32), fps=FPS)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(tmp_path_factory.mktemp("film") / "cut.mp4", TRUE_CUTS_S, flash_s=7.0)


def _cuts(*times_s: float) -> list[Event]:
    return [Event(time_s, "cut", 1.0) for time_s in times_s]


def _irregular(seconds: float, seed: int) -> list[Event]:
    rng = np.random.default_rng(seed)
    gaps = 4.0 * np.clip(rng.lognormal(-0.12, 0.5, round(seconds)), 0.2, 2.2)
    times_s = np.cumsum(gaps)
    return _cuts(*times_s[times_s < seconds - 1.5])


def _fit(events: list[Event], seconds: float, tempo_bpm: float = 100.0, free: bool = True) -> BeatGrid | None:
    span = (40.0, 220.0) if free else None
    return fit_grid(events, seconds, tempo_bpm=tempo_bpm, beats=4, span_bpm=span, manner=CUTS)


def test_cuts_are_seen_to_the_frame_and_a_flash_is_none(film: Path) -> None:
    events = watch_cuts(film)
    assert [event.time_s for event in events if event.kind == "cut"] == pytest.approx(TRUE_CUTS_S, abs=1e-3)
    (flash,) = [event for event in events if event.kind == "flash"]
    assert flash.time_s == pytest.approx(7.0, abs=1.01 / FPS)


def test_most_cuts_of_an_irregular_film_meet_a_beat_and_tempi_stay_within_bounds() -> None:
    met: list[str | None] = []
    for seed in range(3):
        grid = _fit(_irregular(40, seed), 40.0)
        assert grid is not None
        off = grid.bar_tempi_bpm() / grid.tempo_bpm
        assert np.abs(off - 1).max() < 0.0401
        assert np.abs(off[1:] / off[:-1] - 1).max() < 0.0401
        assert 1.2 <= 40.0 - grid.starts_s[-2] < 5
        met += [event["met"] for event in grid.facts()["events"]]
    assert sum(each is not None for each in met) >= 0.8 * len(met)
    assert met.count("downbeat") >= 0.6 * len(met)


def test_cuts_on_beats_of_a_tempo_get_that_tempo_or_one_that_fits_it() -> None:
    beat_s = 60 / 92.0
    grid = _fit(_cuts(*(beat_s * count for count in (4, 12, 20, 24, 32, 40, 52))), 40.0)
    assert grid is not None and all(event["met"] == "downbeat" for event in grid.facts()["events"])


def test_a_tempo_that_was_asked_for_is_kept() -> None:
    grid = _fit(_irregular(40, 5), 40.0, tempo_bpm=120.0, free=False)
    assert grid is not None and grid.tempo_bpm == 120.0
    request = Request(40.0, seed=1, attributes={"tempo": "120"})
    piece, grid = arrange_to(_irregular(40, 5), CUTS, Arranger(), request)
    assert grid is not None and piece.plan.tempo_bpm == 120.0
    class_of = Request(40.0, seed=1, attributes={"tempo": "slow"})
    _, grid = arrange_to(_irregular(40, 5), CUTS, Arranger(), class_of)
    assert grid is not None and grid.tempo_bpm <= 86.0


def test_the_facts_of_a_grid_are_plain_and_say_what_met_what() -> None:
    grid = _fit(_irregular(30, 2), 30.0)
    assert grid is not None
    facts = json.loads(json.dumps(grid.facts()))
    assert set(facts["downbeats_s"]) <= set(facts["beats_s"]) and facts["end_s"] == 30.0
    assert len(facts["beats_s"]) == sum(bar["beats"] for bar in facts["bars"][:-1]) + 1
    for event in facts["events"]:
        if event["met"]:
            assert facts["beats_s"][event["beat"]] - event["time_s"] == pytest.approx(
                event["off_s"], abs=2e-4
            )
            assert abs(event["off_s"]) <= NEAR_S


def test_a_piece_on_a_grid_has_its_bars_and_no_note_beyond_a_shortened_one(tmp_path: Path) -> None:
    events = _irregular(40, 3)
    piece, grid = arrange_to(events, CUTS, Arranger(), Request(40.0, seed=4))
    assert grid is not None
    timeline = piece.score.timeline
    assert timeline.starts_s == grid.starts_s and timeline.beats == grid.beats
    assert min(grid.beats) < 4 and piece.score.seconds == 40.0
    assert sum(section.bars for section in piece.score.sections) == len(grid.beats)
    for part in piece.score.parts:
        assert all(note.beat < timeline.beats[note.bar] for note in part.notes)
    write_midi(tmp_path / "a.mid", piece.score)
    midi = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid"))
    first = [note.start for each in midi.instruments for note in each.notes]
    assert min(first) == pytest.approx(
        min(note.start_s for part in piece.score.parts for note in piece.score.notes(part)), abs=0.01
    )
    downs = midi.get_downbeats()
    assert all(np.abs(downs - start).min() < 0.01 for start in grid.starts_s[:-2])


def test_bars_cannot_grow(tmp_path: Path) -> None:
    score = Arranger().arrange(Request(20.0)).score
    beats = list(score.timeline.beats)
    beats[0] += 1
    with pytest.raises(UserError, match="got beats"):
        score.retimed(score.timeline.starts_s, beats)


def test_films_without_anything_to_follow_have_no_grid() -> None:
    assert _fit([], 30.0) is None
    assert _fit(_cuts(0.3), 1.0) is None
    assert _fit(_cuts(29.5), 30.0) is None


@pytest.mark.parametrize("every_s", [0.04, 0.1, 0.5])
def test_a_film_with_a_cut_at_every_turn_has_a_steady_grid(every_s: float) -> None:
    grid = _fit(_cuts(*np.arange(every_s, 20.0, every_s)), 20.0)
    assert grid is not None and np.ptp(grid.bar_tempi_bpm() / grid.tempo_bpm) < 0.085
    assert grid.bars >= 5


def test_a_dance_of_a_known_tempo_gets_its_beats(tmp_path: Path) -> None:
    """A figure that jumps on each beat and then rests, with a cut between, which is no motion."""
    beat_s, frames = 60 / 105.0, []
    for index in range(round(14 * FPS)):
        beat, part = divmod(index / FPS / beat_s, 1.0)
        place = 12 * (beat % 2 + min(2.5 * part, 1.0) * (1 if beat % 2 == 0 else -1))
        frame = _picture(int(index > 7.3 * FPS), 0)
        frame[:, 40 + round(place) : 70 + round(place)] = (240, 30, 30)
        frames.append(frame)
    path = tmp_path / "dance.mp4"
    write_video(path, frames, np.zeros((2, 14 * 44_100), np.float32), fps=FPS)
    events = watch_motion(path)
    true_s = np.arange(1, 24) * beat_s
    near = [np.abs(true_s - event.time_s).min() for event in events]
    assert len(events) >= 20 and np.median(near) < 0.05
    grid = fit_grid(events, 14.0, tempo_bpm=90.0, beats=4, span_bpm=(40.0, 220.0), manner=MOTION)
    assert grid is not None and grid.tempo_bpm == pytest.approx(105.0, rel=0.04)
    assert set(grid.beats[1:]) == {4}
    assert np.mean([np.abs(true_s - beat).min() < 0.07 for beat in grid.beats_s()[1:-1]]) > 0.9


def test_a_still_film_has_no_motion_to_follow(tmp_path: Path) -> None:
    path = tmp_path / "still.mp4"
    write_video(path, [_picture(1, 0)] * 100, np.zeros((2, 4 * 44_100), np.float32), fps=FPS)
    assert watch_motion(path) == []


@pytest.mark.slow
def test_three_hours_have_a_grid() -> None:
    grid = _fit(_irregular(10_800, 1), 10_800.0)
    assert grid is not None
    met = [event["met"] for event in grid.facts()["events"]]
    assert sum(each is not None for each in met) >= 0.8 * len(met)


def test_score_follows_a_film_and_says_so(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.wav"
    given = ["generate", "--backend", "arranger", "--video", str(film), "--follow", "cuts", "--out", str(out)]
    assert main(given) == Exit.DONE
    assert "moments in cut.mp4 meet a beat" in capsys.readouterr().err
    record = json.loads(out.with_suffix(".json").read_text())
    assert record["grid"]["follow"] == "cuts" and len(record["grid"]["events"]) == 5
    assert soundfile.info(out).duration == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize(
    ("cuts_s", "seconds", "said"),
    [((), 4.0, "has no cuts to follow"), ((0.4,), 1.0, "is too short to follow")],
)
def test_what_cannot_be_followed_gets_music_of_its_own_beat(
    cuts_s: tuple[float, ...], seconds: float, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path / "film.mp4", cuts_s, seconds)
    out = tmp_path / "a.wav"
    assert main(["score", str(path), "--follow", "cuts", "--out", str(out)]) == Exit.DONE
    assert said in capsys.readouterr().err
    assert json.loads(out.with_suffix(".json").read_text())["grid"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["score", "calm piano", "--follow", "cuts"], "and no film"),
        (["score", "FILM", "--follow", "cuts", "--backend", "sound-effects"], "--backend arranger follows"),
        (
            ["generate", "--backend", "musicgen", "--text", "a", "--follow", "cuts", "--out", "x.wav"],
            "got --follow",
        ),
        (["generate", "--backend", "arranger", "--follow", "cuts", "--out", "x.wav"], "give one --video"),
    ],
)
def test_what_follows_nothing_is_one_line(
    arguments: list[str],
    said: str,
    film: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(film) if word == "FILM" else word for word in arguments]) == Exit.USER
    lines = [line for line in capsys.readouterr().err.splitlines() if "leitmotif: error" in line]
    assert len(lines) == 1 and said in lines[0]
    assert not list(tmp_path.iterdir())
