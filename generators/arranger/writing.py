"""Writes the score of a plan; a part depends on the plan alone, and on no other part's draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leitmotif.generators.arranger import accompaniment, beating
from leitmotif.generators.arranger.form import Section
from leitmotif.generators.arranger.harmony import Chord, lay_chords, voice
from leitmotif.generators.arranger.line_up import Player
from leitmotif.generators.arranger.melody import Theme, answered, draw_theme, play_theme, turned
from leitmotif.generators.arranger.plan import Plan
from leitmotif.generators.arranger.score import Part, Score, ScoreNote, Timeline
from leitmotif.music.note_patterns import ARPEGGIOS, CHORD_PATTERNS
from leitmotif.music.score import MAJOR_SCALE, MINOR_SCALE
from leitmotif.music.sounds import SOUNDS
from leitmotif.music.styles import STYLES

_END = "end"
# Who is silent in which section; where a piece has one section alone, everybody plays.
_SILENT = {
    "melody": ("intro",),
    "answer": ("intro", "verse", "outro"),
    "bass": ("intro",),
    "drums": ("intro",),
    "hand": ("intro",),
}
_GROUND = ("chords", "arpeggio", "pad")
# Standard deviations of a player's freedom.
_LATE_S, _LOUDER = 0.004, 3.0
_MACHINES = ("drum machine", "synthesizer", "synth pad")
_POWER_GENRES = ("rock", "metal")
_HEARD = 0.75  # energy of drums that were asked for, at least
_SEVENTHS_FROM = 0.5  # of a style's share


def write_score(plan: Plan) -> Score:
    """Return the score of a plan: the same plan, the same score."""
    short = (Section("verse", 1, 0.6),) if plan.short_beats else ()
    sections = plan.sections or short
    style = STYLES[plan.genre]
    chords = lay_chords(
        plan.rng("harmony"),
        sections,
        tonic=plan.tonic,
        minor=plan.minor,
        arousal=plan.arousal,
        sevenths=style.sevenths >= _SEVENTHS_FROM,
        twelve=plan.genre == "blues" and plan.beats == 4,
    )
    score = Score(
        timeline=_timeline(plan, len(chords)),
        sections=(*sections, Section(_END, 1, 0.7, sections[-1].movement if sections else 0)),
        chords=chords,
        tonic=plan.tonic,
        minor=plan.minor,
        parts=(),
        seconds=plan.seconds,
    )
    tunes = _Tunes(plan, score)
    return replace(score, parts=tuple(_part(plan, score, player, tunes) for player in plan.players))


def _timeline(plan: Plan, bars: int) -> Timeline:
    """Return steady bars, the last of which rings to the end."""
    counts = [plan.short_beats or plan.beats] * (bars - 1) + [plan.beats]
    steady = Timeline.steady(plan.tempo_bpm, counts, swing=plan.swing)
    return replace(steady, starts_s=(*steady.starts_s[:-1], plan.seconds))


class _Tunes:
    """The tune of the piece, which several players share: themes by kind of section and movement."""

    def __init__(self, plan: Plan, score: Score) -> None:
        self.plan, self.score = plan, score
        self._themes: dict[tuple[str, int], Theme] = {}

    def theme(self, section: Section) -> Theme:
        """Return the theme of a section; a bridge has that of the verse upside down."""
        kind = "chorus" if section.kind == "chorus" else "verse"
        key = (kind, section.movement)
        if key not in self._themes:
            plan = self.plan
            lift = 0.25 if kind == "chorus" else 0.0
            self._themes[key] = draw_theme(
                plan.rng("theme", *map(str, key)), plan.beats, plan.arousal + lift, plan.valence + lift
            )
        theme = self._themes[key]
        return turned(theme) if section.kind == "bridge" else theme

    def notes(self, player: Player) -> list[ScoreNote]:
        """Return the tune in the range of a player."""
        plan, score = self.plan, self.score
        low, high = _range(player, plan)
        rng = plan.rng("tune")
        legato = 0.97 if SOUNDS[player.label].sustained else 0.9
        found = []
        for section, bar in score.section_starts():
            if section.kind == _END or _rests(plan, player, section, score):
                continue
            chords = score.chords[bar : bar + section.bars]
            beats = score.timeline.beats[bar]
            following = score.section_starts()[-1][1] == bar + section.bars
            found += play_theme(
                rng, self.theme(section), chords, _scale(plan), plan.tonic,
                low=low, high=high, first_bar=bar, beats=beats, velocity=_velocity(plan, section) + 6,
                ends=section.kind == "chorus" and not following, legato=legato, varied=0.15,
            )  # fmt: skip
        return found


def _part(plan: Plan, score: Score, player: Player, tunes: _Tunes) -> Part:
    """Return what a player plays, with his freedom; each draws from his own name."""
    rng = plan.rng("part", player.name)
    if player.role == "melody":
        notes = tunes.notes(player)
    elif player.role == "answer":
        low, high = _range(player, plan)
        ladder = [pitch for pitch in range(low, high + 1) if pitch % 12 in _scale(plan)]
        notes = answered(tunes.notes(player), ladder, score.chords)
    elif player.role in ("drums", "hand"):
        notes = _beats(rng, plan, score, player)
    else:
        notes = _accompaniment(rng, plan, score, player)
    notes = [*_freed(rng, notes, player), *_last(plan, score, player)]
    return Part(
        player.name,
        player.label,
        player.role,
        player.program,
        SOUNDS[player.label].drums,
        tuple(notes),
        player.asked,
    )


def _accompaniment(rng: np.random.Generator, plan: Plan, score: Score, player: Player) -> list[ScoreNote]:
    style, (low, high) = STYLES[plan.genre], _range(player, plan)
    patterns: dict[str, str] = {}
    shape = str(rng.choice(sorted(ARPEGGIOS)))
    found: list[ScoreNote] = []
    for section, bar in score.section_starts():
        if section.kind == _END or _rests(plan, player, section, score):
            continue
        chords, after = score.chords[bar : bar + section.bars], score.chords[bar + section.bars]
        energy, beats = _energy(plan, section), score.timeline.beats[bar]
        loud = _velocity(plan, section)
        where = {"first_bar": bar, "beats": beats}
        choices = style.bass if player.role == "bass" else style.comping
        if beats == 3 and player.role == "chords":
            choices = ("pum-pah",)
        drawn = accompaniment.choose_pattern(rng, choices, energy)
        pattern = patterns.setdefault(f"{section.kind} {energy < accompaniment.QUIET}", drawn)
        if player.role == "chords" and section.kind == "intro" and CHORD_PATTERNS[pattern][0][0] > 0:
            pattern = "quarters"  # while no bass has the downbeat, there would be a hole
        if player.role == "bass":
            found += accompaniment.bass(
                chords, after, _scale(plan), low, pattern=pattern, velocity=loud + 4, **where
            )
        elif player.role == "arpeggio":
            step = 1.0 if plan.arousal < -0.55 or plan.tempo_bpm > 170 else 0.5
            found += accompaniment.arpeggio(
                chords, low, high, shape=shape, step=step, velocity=loud - 8, **where
            )
        elif player.role == "pad":
            found += accompaniment.pad(chords, low, high, velocity=loud - 4, **where)
        else:
            power = player.label == "electric guitar" and plan.genre in _POWER_GENRES and energy > 0.5
            found += accompaniment.chords(
                chords, 40 if power else low, high, pattern=pattern, velocity=loud - 6, power=power, **where
            )
    return found


def _beats(rng: np.random.Generator, plan: Plan, score: Score, player: Player) -> list[ScoreNote]:
    style = STYLES[plan.genre]
    names = ("hand",) if player.role == "hand" else style.drums or ("pop",)
    name = str(rng.choice(names))
    main = beating.choose_beat(rng, name, plan.beats)
    starts = score.section_starts()
    found: list[ScoreNote] = []
    for place, (section, bar) in enumerate(starts):
        if section.kind == _END or _rests(plan, player, section, score):
            continue
        found += beating.beat(
            main,
            bars=section.bars,
            first_bar=bar,
            beats=score.timeline.beats[bar],
            velocity=_velocity(plan, section) + 8,
            energy=max(_energy(plan, section), _HEARD if player.asked else 0.0),
            tempo_bpm=plan.tempo_bpm,
            fill=player.role == "drums" and section.bars > 2 and starts[place + 1][0].kind != "bridge",
            crash=player.role == "drums" and section.kind == "chorus",
        )
    return found


def _last(plan: Plan, score: Score, player: Player) -> list[ScoreNote]:
    """Return what a player has on the last chord, which rings to the end."""
    bar = len(score.chords) - 1
    section = score.sections[-1]
    loud = _velocity(plan, section) - 4
    beats = float(score.timeline.beats[bar])
    if player.role in ("drums", "hand"):
        return beating.last_stroke(bar, loud, hand=player.role == "hand")
    low, high = _range(player, plan)
    chord: Chord = score.chords[bar]
    if player.role == "bass":
        pitches: tuple[int, ...] = (low + (chord[0] - low) % 12,)
    elif player.role in ("melody", "answer"):
        middle = (low + high) // 2
        tone = chord[0] if player.role == "melody" else chord[1]
        pitches = (middle - 6 + (tone - middle + 6) % 12,)
    else:
        pitches = voice([chord], low, high)[0]
    roll_s = 0.03 if player.role == "arpeggio" else 0.0
    return [ScoreNote(bar, 0.0, beats, pitch, loud, number * roll_s) for number, pitch in enumerate(pitches)]


def _freed(rng: np.random.Generator, notes: list[ScoreNote], player: Player) -> list[ScoreNote]:
    """Return notes as somebody plays them: up to 10 ms off the grid, not all as loud; machines are exact."""
    if player.label in _MACHINES:
        return notes
    late = np.clip(rng.normal(0.0, _LATE_S, len(notes)), -0.01, 0.01)
    louder = rng.normal(0.0, _LOUDER, len(notes))
    return [
        note._replace(late_s=note.late_s + float(off), velocity=int(np.clip(note.velocity + more, 8, 127)))
        for note, off, more in zip(notes, late, louder, strict=True)
    ]


def _rests(plan: Plan, player: Player, section: Section, score: Score) -> bool:
    """Tell whether a player is silent in a section: never where nobody else would play."""
    if len(score.sections) <= 2 or not any(each.role in _GROUND for each in plan.players):
        return False  # there is one section and the last chord, or there are only tunes and drums
    silent = _SILENT.get(player.role, ())
    return section.kind in silent and not player.asked


def _range(player: Player, plan: Plan) -> tuple[int, int]:
    """Return the lowest and the highest pitch that a player's role uses of his instrument."""
    sound = SOUNDS[player.label]
    if player.role == "bass":
        low = max(sound.low, 28) if player.label != "strings" else 28
        return low, low + 24
    span = sound.high - sound.low
    if player.role in ("melody", "answer"):
        lift = round(4 * plan.valence + 2 * plan.arousal) - (7 if player.role == "answer" else 0)
        low = int(np.clip(max(sound.low + span // 5, 57) + lift, sound.low, max(sound.low, sound.high - 19)))
        return low, min(sound.high, low + 22)
    lift = round(3 * plan.valence)
    low = int(np.clip(52 + lift, sound.low, max(sound.low, sound.high - 16)))
    return low, min(sound.high, low + (28 if player.role == "arpeggio" else 19))


def _scale(plan: Plan) -> tuple[int, ...]:
    return tuple((plan.tonic + step) % 12 for step in (MINOR_SCALE if plan.minor else MAJOR_SCALE))


def _energy(plan: Plan, section: Section) -> float:
    return float(np.clip(section.energy + 0.35 * plan.arousal, 0.0, 1.0))


def _velocity(plan: Plan, section: Section) -> int:
    return int(np.clip(64 + 14 * plan.arousal + 26 * section.energy, 30, 112))
