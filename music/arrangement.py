"""From a line-up to sound: what every instrument plays in a genre, and how its part is rendered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import oaconvolve

from leitmotif.music import note_patterns
from leitmotif.music.drumming import DRUM_PATTERNS, drum_notes
from leitmotif.music.effects import active_level, random_curve, vibrato
from leitmotif.music.percussion import play_percussion
from leitmotif.music.sampler import play_samples
from leitmotif.music.score import Grid, Note
from leitmotif.music.sounds import SOUNDS
from leitmotif.music.styles import STYLES
from leitmotif.music.synths import SYNTHS

# Drum kits of the soundfont that a genre would not use at random.
KITS = {
    "jazz": (40, 32, 40, 0),
    "blues": (0, 8, 32),
    "metal": (16, 8),
    "rock": (0, 8, 16),
    "cinematic": (48, 16),
}
REPEATERS = (
    "violin",
    "strings",
    "banjo",
    "mallet percussion",
    "acoustic guitar",
    "sitar",
    "cello",
    "electric guitar",
)


@dataclass(frozen=True)
class Feel:
    """The mood as numbers a part can use: density and loudness from arousal, brightness from both."""

    valence: float
    arousal: float

    @property
    def velocity(self) -> int:
        """Mean velocity."""
        return int(84 + 26 * self.arousal)

    @property
    def brightness(self) -> float:
        """0..1."""
        return float(np.clip(0.5 + 0.3 * self.arousal + 0.15 * self.valence, 0.05, 0.95))

    def density(self, rng: np.random.Generator) -> str:
        """Draw the rhythmic density of a melody."""
        value = self.arousal + rng.normal(0, 0.35)
        return "sparse" if value < -0.5 else "medium" if value < 0.3 else "dense" if value < 0.85 else "fast"


def choose_role(rng: np.random.Generator, label: str, genre: str, taken: Sequence[str]) -> str:
    """Draw a role of the label that is not taken yet, if it has one."""
    roles = SOUNDS[label].roles
    if genre == "jazz" and label == "strings" and "bass" not in taken:
        return "bass"
    free = [role for role in roles if role not in taken]
    return str(rng.choice(free or list(roles)))


def compose(
    rng: np.random.Generator, label: str, role: str, genre: str, grid: Grid, feel: Feel
) -> list[Note]:
    """Compose the notes of one instrument of a piece."""
    sound, style = SOUNDS[label], STYLES[genre]
    loud = int(np.clip(feel.velocity + rng.normal(0, 6), 35, 118))
    centre = int(
        (sound.high - sound.low) * np.clip(0.45 + 0.12 * feel.arousal + rng.normal(0, 0.12), 0.1, 0.8)
    )
    low = int(np.clip(sound.low + centre - 8, sound.low, max(sound.low, sound.high - 16)))
    high = min(sound.high, low + int(rng.integers(14, 22)))
    if role == "drums":
        names = style.drums or tuple(DRUM_PATTERNS)
        name = str(rng.choice(names))
        return drum_notes(rng, grid, name, velocity=loud, density=0.5 + 0.5 * feel.arousal)
    if role == "hand":
        return drum_notes(rng, grid, "hand", velocity=loud, density=0.5 + 0.5 * feel.arousal)
    if role == "bass":
        pattern = str(rng.choice(style.bass)) if rng.random() < 0.9 else "held"
        return note_patterns.bass(
            grid, min(sound.low + int(rng.integers(0, 5)), sound.high - 16), pattern=pattern, velocity=loud
        )
    if role == "pad":
        return note_patterns.chords(rng, grid, low, high, pattern="held", velocity=loud)
    if role == "chords":
        patterns = style.comping
        if feel.arousal < -0.4 and rng.random() < 0.6:
            patterns = ("held", "halves")
        power = label == "electric guitar" and genre in ("rock", "metal") and rng.random() < 0.85
        low = sound.low if power else int(np.clip(low, 45, 62))
        pattern = str(rng.choice(patterns))
        return note_patterns.chords(
            rng, grid, low, max(low + 12, high), pattern=pattern, velocity=loud, power=power
        )
    if role == "arpeggio":
        steps = (1.0, 0.5) if feel.arousal < -0.3 else (0.5, 0.25) if feel.arousal > 0.3 else (0.5,)
        ring = rng.choice((0.9, 2.0, 4.0))
        return note_patterns.arpeggio(
            rng, grid, low, high, step=float(rng.choice(steps)), velocity=loud, ring=float(ring)
        )
    legato = float(rng.choice((0.35, 0.8, 0.97, 1.0)))
    tune = note_patterns.melody(rng, grid, low, high, density=feel.density(rng), velocity=loud, legato=legato)
    if label in REPEATERS and rng.random() < 0.15:
        return note_patterns.repeat(tune, grid.beat_s / 4)
    return tune


def single_notes(rng: np.random.Generator, label: str, duration_s: float) -> list[Note]:
    """Draw one to five unhurried notes or strokes of an instrument with silence around, not on any grid."""
    sound = SOUNDS[label]
    count = int(rng.choice((1, 1, 1, 2, 3, 5)))
    keys = {
        "hand percussion": (60, 61, 62, 63, 64, 65, 66, 54, 69, 70, 75, 82, 85),
        "drums": (36, 38, 42, 46, 49, 51, 45, 47, 50, 40),
        "drum machine": (36, 38, 39, 42, 46, 45, 56),
    }.get(label, tuple(range(sound.low, sound.high + 1)))
    pitch = int(rng.choice(keys))
    starts = np.sort(rng.uniform(0, max(0.3, duration_s * 0.6), count))
    starts[0] = min(starts[0], rng.choice((0.0, 0.05, 1.0)))
    notes = []
    for i, start in enumerate(starts):
        room_s = (starts[i + 1] if i + 1 < count else duration_s) - start
        last = float(
            np.clip(rng.choice((0.15, 0.6, 1.5, 4.0)) * rng.uniform(0.6, 1.5), 0.08, max(0.1, room_s))
        )
        notes.append(Note(float(start), last, pitch, int(rng.integers(50, 120))))
        if rng.random() < 0.6:
            pitch = int(rng.choice(keys))
    return notes


def render_part(
    label: str,
    notes: Sequence[Note],
    rng: np.random.Generator,
    *,
    samples: int,
    rate_hz: int,
    cents: float,
    gloss: float,
    genre: str = "",
    layered: bool = False,
) -> np.ndarray:
    """Render the part of one instrument, at an active level of 0.1.

    Args:
        label: Instrument label, a key of `SOUNDS`.
        notes: Notes that it plays.
        rng: Source of every choice.
        samples: Length.
        rate_hz: Sample rate.
        cents: Tuning of the whole piece.
        gloss: 0..1, brightness and drive.
        genre: Decides which drum kits are usual.
        layered: Whether it is one of two layers of a part.

    Returns:
        float32 (2, samples).
    """
    sound = SOUNDS[label]
    synthetic = rng.random() < sound.synth_share
    if rng.random() < 0.1 and not sound.drums and not layered:
        pair = [
            render_part(
                label, notes, rng, samples=samples, rate_hz=rate_hz, cents=cents, gloss=gloss, layered=True
            )
            for _ in range(2)
        ]
        return (pair[0] + np.float32(rng.uniform(0.3, 0.9)) * pair[1]).astype(np.float32)
    tuning = 2 ** ((cents + rng.normal(0, 4)) / 1200)
    if sound.drums:
        if synthetic:
            part = play_percussion(notes, samples, rate_hz, rng, electronic=label == "drum machine")
        else:
            usual = KITS.get(genre, ()) if label == "drums" and rng.random() < 0.75 else ()
            program = int(rng.choice(usual or sound.programs))
            ratio = tuning * 2 ** (rng.normal(0, 1.5) / 12)
            part = play_samples(
                notes, program=program, drums=True, samples=samples, rate_hz=rate_hz, ratio=ratio
            )
    elif synthetic:
        # The synthesisers take a sample rate: rendering at a moved one and playing at ours moves the pitch.
        inner_hz = round(rate_hz / tuning)
        moved = [Note(n.start_s * tuning, n.duration_s * tuning, n.pitch, n.velocity) for n in notes]
        mono = SYNTHS[sound.synth](moved, samples, inner_hz, rng, gloss)
        part = np.stack([mono, mono])
    else:
        program = int(rng.choice(sound.programs))
        if label == "strings" and notes and np.median([n.pitch for n in notes]) < 52:
            program = int(rng.choice((32, 43, 43)))
        shift = int(rng.choice((-2, -1, 0, 0, 0, 1, 2)))
        ratio = tuning * 2 ** (shift / 12)
        moved = [Note(n.start_s, n.duration_s, n.pitch - shift, n.velocity) for n in notes]
        part = play_samples(
            moved, program=program, drums=False, samples=samples, rate_hz=rate_hz, ratio=ratio
        )
        if label == "electric guitar" and program < 29 and rng.random() < gloss * 0.6:
            part = np.tanh(
                part / max(1e-6, float(np.abs(part).max())) * np.float32(10 ** rng.uniform(0.2, 1.4))
            )
    if sound.sustained and notes and rng.random() < 0.5:
        part = part * swells(notes, rng, samples, rate_hz)
    part = colour(part, label, rng, rate_hz, synthetic)
    loud = active_level(part, rate_hz)
    return (part * np.float32(0.1 / loud)).astype(np.float32) if loud > 1e-7 else part


def swells(notes: Sequence[Note], rng: np.random.Generator, samples: int, rate_hz: int) -> np.ndarray:
    """Draw a gain curve that grows or fades inside every long note, all alike.

    Returns:
        float32 (samples,), gains of 0.2..1.
    """
    kind = int(rng.integers(3))
    depth = rng.uniform(0.2, 0.8)
    times, gains = [0.0], [1.0]
    for note in sorted(notes):
        if note.start_s <= times[-1] or note.duration_s < 0.25:
            continue
        levels = ((1 - depth, 1.0, 1.0), (1.0, 1.0, 1 - depth), (1 - depth, 1.0, 1 - depth))[kind]
        for share, value in zip((0.02, 0.5, 0.97), levels, strict=True):
            times.append(note.start_s + share * note.duration_s)
            gains.append(value)
    order = np.argsort(times, kind="stable")
    return np.interp(np.arange(samples) / rate_hz, np.array(times)[order], np.array(gains)[order]).astype(
        np.float32
    )


def colour(
    part: np.ndarray, label: str, rng: np.random.Generator, rate_hz: int, synthetic: bool
) -> np.ndarray:
    """Give a part vibrato or chorus, its own equaliser now and then, and a place between left and right.

    Args:
        part: float (2, n).
        label: Instrument label, a key of `SOUNDS`.
        rng: Source of every choice.
        rate_hz: Sample rate.
        synthetic: Whether it comes from a synthesiser; then vibrato is more likely.

    Returns:
        float (2, n).
    """
    sound = SOUNDS[label]
    chance = rng.random()
    if sound.sustained and chance < (0.7 if synthetic else 0.3) and sound.roles[0] == "melody":
        part = vibrato(part, rng, rate_hz, rng.uniform(4.5, 6.5), rng.uniform(8, 40))
    elif label in ("electric guitar", "electric piano", "synthesizer", "synth pad", "organ") and chance < 0.3:
        part = (
            part
            + np.float32(0.7) * vibrato(part, rng, rate_hz, rng.uniform(0.3, 2.0), rng.uniform(5, 15))[::-1]
        )
    if rng.random() < 0.55:
        size = 1024
        curve = random_curve(rng, np.fft.rfftfreq(size, 1 / rate_hz), 0.8, brightness=0.85)
        taps = np.fft.fftshift(np.fft.irfft(curve, size)).astype(np.float32) * np.hanning(size).astype(
            np.float32
        )
        part = oaconvolve(part, taps[None], mode="same", axes=1)
    place = np.clip(rng.normal(0.5, 0.15), 0.1, 0.9) if not sound.drums and label != "bass guitar" else 0.5
    pan = np.array([[np.cos(place * np.pi / 2)], [np.sin(place * np.pi / 2)]], np.float32) * np.float32(
        np.sqrt(2)
    )
    return part * pan
