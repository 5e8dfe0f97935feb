"""Scores: form, harmony, tunes and players follow from what is wanted."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from leitmotif.generators.arranger.attributes import Attributes
from leitmotif.generators.arranger.form import fit_length, lay_out
from leitmotif.generators.arranger.harmony import lay_chords, voice
from leitmotif.generators.arranger.plan import make_plan
from leitmotif.generators.arranger.score import Score
from leitmotif.generators.arranger.writing import write_score
from leitmotif.music.sounds import SOUNDS
from leitmotif.music.styles import STYLES
from leitmotif.storage.errors import UserError


def _score(seconds: float = 60.0, seed: int = 0, **wanted: object) -> Score:
    return write_score(make_plan(Attributes(**wanted), seconds, seed))  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [3.0, 4.5, 7.0, 13.0, 31.0, 64.0, 183.0, 700.0])
@pytest.mark.parametrize("tempo_bpm", [46.0, 97.0, 166.0])
def test_every_piece_ends_on_a_chord_at_home_that_rings_to_its_end(seconds: float, tempo_bpm: float) -> None:
    score = _score(seconds, tempo_bpm=tempo_bpm)
    starts = score.timeline.starts_s
    assert starts[-1] == score.seconds == seconds
    assert np.all(np.diff(starts) > 0)
    assert 0.5 <= seconds - starts[-2] <= 2.6 + 60 / tempo_bpm * 4
    assert score.chords[-1][0] == score.tonic
    assert sum(section.bars for section in score.sections) == len(score.chords) == len(starts) - 1
    last = [note for part in score.parts for note in part.notes if note.bar == len(score.chords) - 1]
    assert last and all(note.beat == 0.0 for note in last)


def test_a_tempo_that_was_asked_for_gives_half_a_percent_at_most() -> None:
    for seconds in np.linspace(5, 90, 40):
        fit = fit_length(float(seconds), 103.0, 4, asked=True)
        assert abs(fit.tempo_bpm / 103.0 - 1) <= 0.0051


@pytest.mark.parametrize("phrase", [8, 12])
def test_forms_have_the_bars_they_are_asked_for(phrase: int) -> None:
    for bars in [*range(1, 200), 3333]:
        sections = lay_out(bars, phrase)
        assert sum(section.bars for section in sections) == bars
        assert min(section.bars for section in sections) > 0
        kinds = [section.kind for section in sections]
        assert not any(one == other == "bridge" for one, other in pairwise(kinds))
        if bars >= 12:
            assert {"intro", "verse", "bridge"} <= set(kinds)


def test_sections_of_a_kind_have_the_same_harmony_and_the_end_is_a_cadence() -> None:
    rng = np.random.default_rng(3)
    sections = lay_out(60)
    chords = lay_chords(rng, sections, tonic=2, minor=False, arousal=0.5, sevenths=False)
    assert len(chords) == 61
    starts = np.cumsum([0, *(section.bars for section in sections)])
    verses = [
        chords[at : at + 7] for at, section in zip(starts, sections, strict=False) if section.kind == "verse"
    ]
    assert len(verses) > 1 and all(verse == verses[0] for verse in verses)
    assert [chord[0] for chord in chords[-3:]] == [7, 9, 2]  # IV, V, I of D


def test_voices_move_less_than_chords_in_root_position() -> None:
    rng = np.random.default_rng(0)
    chords = lay_chords(rng, lay_out(32), tonic=7, minor=True, arousal=-0.5, sevenths=True)
    led = voice(chords, 52, 71)
    assert all(52 <= pitch <= 71 for pitches in led for pitch in pitches)
    plain = [[52 + (tone - 52) % 12 for tone in chord] for chord in chords]
    moved = np.mean([abs(two[-1] - one[-1]) for one, two in pairwise(led)])
    assert moved < np.mean([abs(two[-1] - one[-1]) for one, two in pairwise(plain)])
    assert moved < 3


def test_unpleasant_is_minor_and_pleasant_is_major() -> None:
    for seed in range(20):
        assert _score(10, seed, valence=-0.6, arousal=0.2).minor
        assert not _score(10, seed, valence=0.6, arousal=0.2).minor


def test_excited_music_is_faster_and_has_more_notes() -> None:
    pace, count = [], []
    for arousal in (-0.7, 0.7):
        scores = [_score(30, seed, arousal=arousal) for seed in range(12)]
        pace.append(np.mean([60 / score.timeline.beat_s(0) for score in scores]))
        count.append(np.mean([sum(len(part.notes) for part in score.parts) for score in scores]))
    assert pace[1] > 1.3 * pace[0]
    assert count[1] > 2 * count[0]


def test_every_instrument_that_is_asked_for_plays_in_its_range() -> None:
    for label, sound in SOUNDS.items():
        score = _score(40, instruments=(label,))
        own = [part for part in score.parts if part.label == label]
        assert own and all(part.asked for part in own)
        assert sum(len(part.notes) for part in own) >= 8
        if not sound.drums and "bass" not in {part.role for part in own}:
            pitches = [note.pitch for part in own for note in part.notes]
            assert sound.low <= min(pitches) and max(pitches) <= sound.high + 12


def test_a_soloist_has_no_company_and_is_never_silent_for_long() -> None:
    score = _score(60, instruments=("cello",), alone=True)
    assert [part.label for part in score.parts] == ["cello"]
    starts = [note.start_s for note in score.notes(score.parts[0])]
    assert max(np.diff([0.0, *starts])) < 5


def test_no_drums_means_nobody_beats() -> None:
    score = _score(30, genre="funk", arousal=0.9, without=("drums",))
    assert not any(part.drums for part in score.parts)


@pytest.mark.parametrize("genre", STYLES)
def test_every_genre_has_harmony_a_bass_and_a_tune(genre: str) -> None:
    score = _score(50, genre=genre)
    roles = {part.role for part in score.parts}
    assert {"chords", "bass", "melody"} <= roles
    assert all(part.notes for part in score.parts)
    assert len({part.name for part in score.parts}) == len(score.parts)


@pytest.mark.parametrize("genre", STYLES)
def test_every_piece_begins_on_its_first_beat(genre: str) -> None:
    for seed in range(4):
        score = _score(30, seed, genre=genre, arousal=0.6)
        for bar in range(score.sections[0].bars):
            begun = [
                note for part in score.parts for note in part.notes if note.bar <= bar and note.beat == 0
            ]
            assert any(note.bar + note.beats / 4 > bar for note in begun)


def test_the_chorus_comes_back() -> None:
    score = _score(150, seed=4, genre="pop", tempo_bpm=120.0)
    (tune,) = [part for part in score.parts if part.role == "melody"]
    starts = [bar for section, bar in score.section_starts() if section.kind == "chorus"]
    assert len(starts) >= 2

    def heard(first: int) -> list[tuple[int, float, int]]:
        return [
            (note.bar - first, note.beat, note.pitch) for note in tune.notes if first <= note.bar < first + 4
        ]

    assert heard(starts[0]) == heard(starts[1])


def test_a_seed_gives_the_same_score_and_another_gives_another() -> None:
    assert _score(30, 5, genre="jazz") == _score(30, 5, genre="jazz")
    assert _score(30, 5, genre="jazz") != _score(30, 6, genre="jazz")


def test_a_grid_can_be_imposed_bar_by_bar() -> None:
    score = _score(30, tempo_bpm=100.0)
    starts = np.array(score.timeline.starts_s)
    moved = score.retimed([*(starts[:-1] * 1.03 + 0.1), score.seconds])
    tune = score.parts[0]
    before, after = score.notes(tune), moved.notes(tune)
    assert after[-1].start_s == pytest.approx(before[-1].start_s * 1.03 + 0.1, abs=0.02)
    assert moved.timeline.beats_s()[3][0] == pytest.approx(starts[3] * 1.03 + 0.1)
    with pytest.raises(UserError, match="expected"):
        score.retimed([0.0, 1.0])


def test_one_part_can_be_written_again_without_the_others_changing() -> None:
    plan = make_plan(Attributes(genre="pop", instruments=("piano",)), 40, 1)
    fewer = replace(plan, players=plan.players[:2])
    assert write_score(fewer).parts == write_score(plan).parts[:2]
    with pytest.raises(UserError, match=r"expected one of piano"):
        write_score(plan).only(["tuba"])
