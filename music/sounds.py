"""The instruments of the demo music: General MIDI programs, ranges and roles of every label."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sound:
    """How one instrument label can sound.

    Attributes:
        programs: General MIDI programs; for percussion the numbers of drum kits.
        low: Lowest written pitch.
        high: Highest written pitch.
        roles: What it can play: melody, chords, arpeggio, bass, pad, drums, hand.
        sustained: Whether a held note keeps its level, so that vibrato and swells make sense.
        synth: Name of the synthesiser in `leitmotif.music.synths` that can replace the samples.
        synth_share: Probability of the synthesiser.
        drums: Whether its notes are General MIDI percussion keys.
    """

    programs: tuple[int, ...]
    low: int
    high: int
    roles: tuple[str, ...]
    sustained: bool
    synth: str
    synth_share: float
    drums: bool = False


SOUNDS: dict[str, Sound] = {
    "violin": Sound((40, 40, 110), 55, 93, ("melody",), True, "violin", 0.2),
    "cello": Sound((42,), 36, 69, ("melody", "bass"), True, "cello", 0.45),
    "strings": Sound(
        (48, 49, 48, 49, 44, 45, 41, 43), 43, 86, ("pad", "chords", "melody"), True, "ensemble", 0.2
    ),
    "harp": Sound((46,), 36, 91, ("arpeggio", "melody", "chords"), False, "harp", 0.35),
    "acoustic guitar": Sound((24, 25), 40, 76, ("chords", "arpeggio", "melody"), False, "nylon", 0.4),
    "electric guitar": Sound(
        (26, 27, 27, 28, 29, 30), 40, 84, ("chords", "melody", "arpeggio"), False, "electric", 0.45
    ),
    "bass guitar": Sound((33, 34, 35, 36, 37, 38, 39), 28, 52, ("bass",), False, "bass", 0.35),
    "banjo": Sound((105, 105), 50, 81, ("arpeggio", "melody", "chords"), False, "banjo", 0.5),
    "sitar": Sound((104,), 48, 77, ("melody", "arpeggio"), False, "sitar", 0.5),
    "piano": Sound((0, 1, 2, 3), 33, 96, ("chords", "melody", "arpeggio"), False, "piano", 0.15),
    "electric piano": Sound((4, 5), 40, 88, ("chords", "melody", "arpeggio"), False, "tines", 0.5),
    "organ": Sound((16, 17, 18, 19, 20), 36, 91, ("chords", "pad", "melody"), True, "organ", 0.5),
    "harpsichord": Sound((6,), 36, 86, ("arpeggio", "melody", "chords"), False, "harpsichord", 0.4),
    "accordion": Sound((21, 23), 48, 86, ("melody", "chords"), True, "reeds", 0.3),
    "flute": Sound((73, 73, 72, 74, 75, 79), 60, 98, ("melody",), True, "flute", 0.3),
    "clarinet": Sound((71,), 50, 86, ("melody",), True, "clarinet", 0.3),
    "oboe": Sound((68, 69, 70), 48, 86, ("melody",), True, "oboe", 0.2),
    "saxophone": Sound((64, 65, 66, 67), 46, 81, ("melody",), True, "sax", 0.2),
    "trumpet": Sound((56, 59), 54, 84, ("melody",), True, "trumpet", 0.25),
    "trombone": Sound((57, 57, 58), 36, 67, ("melody", "bass"), True, "trombone", 0.2),
    "french horn": Sound((60,), 41, 77, ("melody", "pad"), True, "horn", 0.2),
    "brass": Sound((61, 61, 62, 63), 46, 81, ("chords", "pad", "melody"), True, "section", 0.25),
    "harmonica": Sound((22,), 57, 89, ("melody", "chords"), True, "harmonica", 0.35),
    "drums": Sound((0, 8, 16, 32, 40, 48), 35, 57, ("drums",), False, "kit", 0.25, drums=True),
    "hand percussion": Sound((0, 8, 48), 54, 85, ("hand",), False, "hand", 0.35, drums=True),
    "mallet percussion": Sound((11, 12, 13), 53, 96, ("melody", "arpeggio", "chords"), False, "mallet", 0.4),
    "bells": Sound((8, 9, 10, 14), 65, 103, ("melody", "arpeggio"), False, "bells", 0.4),
    "timpani": Sound((47, 47, 116), 38, 55, ("bass",), False, "timpani", 0.35),
    "synthesizer": Sound(
        (80, 81, 82, 84, 86, 87, 90), 45, 93, ("melody", "arpeggio", "chords"), True, "subtractive", 0.7
    ),
    "synth pad": Sound((88, 89, 91, 92, 93, 94, 95, 97), 43, 81, ("pad",), True, "pad", 0.6),
    "drum machine": Sound((24, 25), 35, 57, ("drums",), False, "machine", 0.6, drums=True),
}
INSTRUMENTS = tuple(SOUNDS)
