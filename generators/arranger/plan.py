"""What a piece will be before a note of it is written: everything that was asked for, and what was chosen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from leitmotif.generators.arranger.attributes import (
    FASTEST_BPM,
    SLOWEST_BPM,
    Attributes,
    key_name,
    key_of,
)
from leitmotif.generators.arranger.form import Section, fit_length, lay_out
from leitmotif.generators.arranger.harmony import choose_minor
from leitmotif.generators.arranger.line_up import Player, choose_players
from leitmotif.music.moods import moods_near
from leitmotif.music.styles import STYLES, Style
from leitmotif.taxonomy.labels import load

# Beats a minute of each class, within what `leitmotif.taxonomy.tempo` calls so: clear of its borders.
TEMPO_CLASSES = {"slow": (58.0, 86.0), "medium": (94.0, 116.0), "fast": (124.0, 166.0)}
_MARGIN = 0.15  # by which a mood may lie beside those of a genre
_SWUNG = 0.62
_TWELVE = 12  # bars of a blues
LONGEST_S = 3 * 3600.0


@dataclass(frozen=True)
class Plan:
    """A piece in outline.

    Attributes:
        seconds: Length.
        seed: Another one gives another piece.
        salt: So does this, which stands for words that say nothing of music.
        genre: A key of `STYLES`.
        valence: Unpleasant to pleasant, -1 to 1.
        arousal: Still to excited, -1 to 1.
        tempo_bpm: Beats a minute, fitted to the length.
        beats: Beats a bar.
        swing: See `leitmotif.generators.arranger.score.Timeline`.
        tonic: Pitch class of the key.
        minor: Mode of the key.
        short_beats: Beats before the last chord, of a piece that is too short for a bar; else 0.
        sections: The form, without the last chord.
        players: Who plays.
    """

    seconds: float
    seed: int
    salt: int
    genre: str
    valence: float
    arousal: float
    tempo_bpm: float
    beats: int
    swing: float
    tonic: int
    minor: bool
    short_beats: int
    sections: tuple[Section, ...]
    players: tuple[Player, ...]

    @property
    def key(self) -> str:
        """Name of the key."""
        return key_name(self.tonic, self.minor)

    def rng(self, *of: int | str) -> np.random.Generator:
        """Return a source of choices for one thing alone, so that nothing else of the piece depends on it."""
        name = "/".join(map(str, of)).encode()
        return np.random.default_rng([self.seed, self.salt, *name])

    def in_bars(self, bars: int, tempo_bpm: float) -> Plan:
        """Return the piece with so many bars before the last chord, at another tempo; it is as long."""
        form = _form(self.genre, self.beats, bars)
        return replace(self, tempo_bpm=tempo_bpm, short_beats=0, sections=form)

    def facts(self) -> dict[str, Any]:
        """Return the outline as JSON has it, keys and moods by name."""
        return {
            "seconds": round(self.seconds, 3),
            "seed": self.seed,
            "genre": self.genre,
            "moods": list(moods_near(self.valence, self.arousal)),
            "valence": round(self.valence, 2),
            "arousal": round(self.arousal, 2),
            "tempo_bpm": round(self.tempo_bpm, 2),
            "key": self.key,
            "metre": f"{self.beats}/4",
            "form": [f"{section.kind} {section.bars}" for section in self.sections],
            "players": [asdict(player) for player in self.players],
        }


def make_plan(wanted: Attributes, seconds: float, seed: int, salt: int = 0) -> Plan:
    """Return the outline of a piece; what is not wanted otherwise is drawn.

    Args:
        wanted: What was asked for.
        seconds: Length, to `LONGEST_S`; from 3 s on there is more than a chord.
        seed: Source of every choice.
        salt: Likewise.
    """
    rng = np.random.default_rng([seed, salt])
    valence, arousal = _mood(wanted)
    genre = wanted.genre or _draw_genre(rng, wanted, valence, arousal)
    style = STYLES[genre]
    valence, arousal = (
        float(rng.uniform(*span)) if value is None else value
        for value, span in ((valence, style.valence), (arousal, _spans(style, wanted.tempo_bpm)))
    )
    beats = wanted.beats or (3 if rng.random() < style.waltz else 4)
    asked = wanted.tempo_bpm is not None
    tempo_bpm = (
        wanted.tempo_bpm if wanted.tempo_bpm is not None else _draw_tempo(rng, style, wanted.tempo, arousal)
    )
    fit = fit_length(seconds, tempo_bpm, beats, asked=asked)
    key = None if wanted.key is None else key_of(wanted.key)
    drawn = int(rng.integers(12)), choose_minor(rng, valence)
    tonic, minor = key or drawn
    return Plan(
        seconds=seconds,
        seed=seed,
        salt=salt,
        genre=genre,
        valence=valence,
        arousal=arousal,
        tempo_bpm=fit.tempo_bpm,
        beats=beats,
        swing=_SWUNG if rng.random() < style.swing and fit.tempo_bpm < 200 else 0.5,
        tonic=tonic,
        minor=minor,
        short_beats=fit.beats,
        sections=_form(genre, beats, fit.bars),
        players=choose_players(
            rng, genre, wanted.instruments, arousal=arousal, alone=wanted.alone, without=wanted.without
        ),
    )


def _form(genre: str, beats: int, bars: int) -> tuple[Section, ...]:
    return lay_out(bars, _TWELVE if genre == "blues" and beats == 4 else 8)


def _mood(wanted: Attributes) -> tuple[float | None, float | None]:
    """Return where the wanted mood lies: what was given in numbers, or the middle of the moods."""
    known = {label.id: label for label in load().moods}
    points = [(known[mood].valence, known[mood].arousal) for mood in wanted.moods]
    valence, arousal = (None, None) if not points else map(float, np.mean(np.array(points, float), axis=0))
    return (
        valence if wanted.valence is None else wanted.valence,
        arousal if wanted.arousal is None else wanted.arousal,
    )


def _spans(style: Style, tempo_bpm: float | None) -> tuple[float, float]:
    """Return which arousals a style has at a tempo: its faster half is its more excited one."""
    low, high = style.arousal
    if tempo_bpm is None:
        return low, high
    slow, fast = style.tempo_bpm
    pace = float(np.clip((tempo_bpm - slow) / (fast - slow), 0, 1))
    return (low, (low + high) / 2) if pace < 0.5 else ((low + high) / 2, high)


def _draw_genre(
    rng: np.random.Generator, wanted: Attributes, valence: float | None, arousal: float | None
) -> str:
    """Draw a genre that suits what is wanted; each thing that does not counts against it."""

    def strange(style: Style) -> float:
        off = 0.0
        for value, (low, high) in ((valence, style.valence), (arousal, style.arousal)):
            if value is not None:
                off += max(0.0, low - _MARGIN - value, value - high - _MARGIN)
        slow, fast = style.tempo_bpm
        low, high = (
            (wanted.tempo_bpm,) * 2
            if wanted.tempo_bpm
            else TEMPO_CLASSES.get(wanted.tempo or "", (slow, fast))
        )
        off += 2 * max(0.0, np.log2(slow / high), np.log2(low / fast))
        usual = {label for choice in style.core for label in choice} | set(style.colours)
        return off + 0.3 * sum(label not in usual for label in wanted.instruments)

    scores = {name: strange(style) for name, style in STYLES.items()}
    best = min(scores.values())
    return str(rng.choice([name for name, score in scores.items() if score <= best + 0.05]))


def _draw_tempo(rng: np.random.Generator, style: Style, tempo: str | None, arousal: float) -> float:
    """Return a tempo of a style, the faster the more excited; of a class, one that is clearly in it."""
    slow, fast = style.tempo_bpm
    if tempo is not None:
        low, high = TEMPO_CLASSES[tempo]
        inner = max(slow, low), min(fast, high)
        slow, fast = inner if inner[1] - inner[0] > 4 else (low, high)
    pace = np.clip(0.5 + 0.45 * arousal + rng.normal(0, 0.08), 0, 1)
    return float(np.clip(np.round(slow + (fast - slow) * pace, 1), SLOWEST_BPM, FASTEST_BPM))
