"""The form of a piece: which sections it has, and how many bars each, so that it ends where it is to end."""

from __future__ import annotations

from dataclasses import dataclass

# What a last chord rings at least, and how long it is wished for, in seconds.
LEAST_RING_S, RING_S = 1.2, 2.6
# A tempo that somebody asked for may give so much, one that was chosen so much.
ASKED_GIVES, CHOSEN_GIVES = 0.005, 0.03
_PHRASE = 4  # bars
_LONG = 24  # bars from which a piece has a chorus
_TURNS = (("verse", 0.5), ("chorus", 0.85), ("verse", 0.6), ("chorus", 0.9), ("bridge", 0.4))
MOVEMENT_BARS = 96  # of a long piece: then other instruments lead


@dataclass(frozen=True)
class Section:
    """A part of the form.

    Attributes:
        kind: "intro", "verse", "chorus", "bridge", "outro" or "end", which is the last chord.
        bars: How many.
        energy: How full it is, 0 to 1, beside the arousal of the piece.
        movement: Which of the movements of a long piece it is in, from 0.
    """

    kind: str
    bars: int
    energy: float
    movement: int = 0


@dataclass(frozen=True)
class Fit:
    """A tempo and a number of bars that end in time.

    Attributes:
        tempo_bpm: Beats a minute.
        bars: Whole bars before the last chord; 0 of a piece of a few beats.
        beats: Beats of the one short bar of such a piece, if it has one; else 0.
    """

    tempo_bpm: float
    bars: int
    beats: int = 0


def fit_length(seconds: float, tempo_bpm: float, beats: int, *, asked: bool) -> Fit:
    """Return the tempo near another, and the bars, with which the last chord rings as long as it should.

    Args:
        seconds: Length of the piece; in less than 2 there is the last chord alone.
        tempo_bpm: The tempo that is wanted.
        beats: Beats a bar.
        asked: Whether somebody asked for that tempo, so that it gives less.
    """
    give = ASKED_GIVES if asked else CHOSEN_GIVES
    bar_s = 60.0 / tempo_bpm * beats
    wished = (seconds - min(RING_S, 0.4 * seconds)) / bar_s  # bars
    bars = round(wished)
    if bars < 1:
        count = max(0, int((seconds - LEAST_RING_S) * tempo_bpm / 60.0))
        return Fit(tempo_bpm, 0, min(count, beats - 1))
    factor = min(max(bars / wished, 1 - give), 1 + give)
    if seconds - bars * bar_s / factor < LEAST_RING_S:
        bars -= 1
        if bars < 1:
            return Fit(tempo_bpm, 0, beats - 1)
        factor = min(max(bars / wished, 1 - give), 1 + give)
    return Fit(tempo_bpm * factor, bars)


def lay_out(bars: int, phrase: int = 8) -> tuple[Section, ...]:
    """Return the sections of a piece, the last chord not among them.

    Args:
        bars: Whole bars, 0 or more.
        phrase: Bars of a verse, 8, or 12 of a blues.
    """
    if bars < 1:
        return ()
    if bars < 6:
        return (Section("verse", bars, 0.6),)
    if bars < 12:
        return (Section("intro", 2, 0.35), Section("verse", bars - 2, 0.65))
    if bars < _LONG:
        intro = 2 + bars % 2
        rest = bars - intro
        first, last = (4, 4) if rest < 14 else (4, 8) if rest < 18 else (8, 8)
        return (
            Section("intro", intro, 0.3),
            Section("verse", first, 0.55),
            Section("bridge", rest - first - last, 0.45),
            Section("chorus", last, 0.85),
        )
    return _long(bars, phrase)


def _long(bars: int, phrase: int) -> tuple[Section, ...]:
    """Return verses and choruses in turn; every `MOVEMENT_BARS` bars a bridge leads to the next movement."""
    intro, outro = 4, 4
    found = [Section("intro", intro, 0.3)]
    left, movement, within, turn = bars - intro - outro, 0, 0, 0
    while left >= phrase:
        kind, energy = _TURNS[turn]
        found.append(Section(kind, phrase, energy, movement))
        left, within, turn = left - phrase, within + phrase, (turn + 1) % len(_TURNS)
        if within >= MOVEMENT_BARS and kind == "bridge":
            movement, within = movement + 1, 0
    if len(found) > 2 and found[-1].kind == "bridge":  # nothing ends on a bridge
        found[-1] = Section("chorus", phrase, 0.9, found[-1].movement)
    whole, rest = divmod(left, _PHRASE)
    found[0] = Section("intro", intro + rest + whole * _PHRASE if len(found) == 1 else intro + rest, 0.3)
    if whole and len(found) > 1:  # before the last chorus or verse, and never beside another bridge
        place = len(found) - 1
        kind = "verse" if place > 1 and found[place - 1].kind == "bridge" else "bridge"
        found.insert(place, Section(kind, whole * _PHRASE, 0.45, found[-1].movement))
    if any(section.kind == "bridge" for section in found):
        return (*found, Section("outro", outro, 0.45, found[-1].movement))
    # A short one has a bridge to its last chorus rather than an outro.
    return (*found[:-1], Section("bridge", outro, 0.4), Section("chorus", found[-1].bars, 0.9))
