"""What is typical of every genre: tempo, mood, line-up, and the patterns its parts play."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """The habits of a genre.

    Attributes:
        tempo_bpm: Slowest and fastest.
        valence: Lowest and highest.
        arousal: Lowest and highest.
        core: Labels always in the line-up; a tuple inside is a choice.
        colours: Labels that may join.
        drums: Styles of `leitmotif.music.drumming`.
        bass: Bass patterns.
        comping: Chord patterns of accompanying instruments.
        swing: Probability of swung eighths.
        sevenths: Probability of sevenths.
        forms: Forms of `leitmotif.music.score.draw_grid`.
        waltz: Probability of three beats a bar.
        wetness: 0..1, how much room.
        gain: 0..1, brightness and distortion of amplified parts.
    """

    tempo_bpm: tuple[float, float]
    valence: tuple[float, float]
    arousal: tuple[float, float]
    core: tuple[tuple[str, ...], ...]
    colours: tuple[str, ...]
    drums: tuple[str, ...] = ()
    bass: tuple[str, ...] = ("halves",)
    comping: tuple[str, ...] = ("held", "quarters")
    swing: float = 0.0
    sevenths: float = 0.2
    forms: tuple[str, ...] = ("loop",)
    waltz: float = 0.0
    wetness: float = 0.3
    gain: float = 0.5


KIT = ("drums",)
LOW = ("bass guitar",)

STYLES: dict[str, Style] = {
    "rock": Style(
        (95, 165),
        (-0.5, 0.8),
        (0.1, 1.0),
        (KIT, LOW, ("electric guitar",)),
        ("electric guitar", "organ", "piano", "acoustic guitar", "harmonica"),
        drums=("rock",),
        bass=("eighths",),
        comping=("eighths", "quarters", "strum"),
        gain=0.75,
    ),
    "metal": Style(
        (100, 180),
        (-0.9, -0.1),
        (0.55, 1.0),
        (KIT, LOW, ("electric guitar",)),
        ("electric guitar", "strings", "synth pad"),
        drums=("metal",),
        bass=("gallop", "eighths"),
        comping=("gallop", "tremolo", "eighths"),
        gain=1.0,
        sevenths=0.0,
    ),
    "pop": Style(
        (85, 130),
        (-0.2, 0.9),
        (-0.2, 0.8),
        (
            ("drums", "drums", "drum machine"),
            LOW,
            ("piano", "synth pad", "electric piano", "acoustic guitar"),
        ),
        (
            "acoustic guitar",
            "synthesizer",
            "strings",
            "electric guitar",
            "synth pad",
            "bells",
            "piano",
            "hand percussion",
        ),
        drums=("pop", "rock", "four"),
        bass=("eighths", "halves", "sub"),
        comping=("quarters", "held", "strum", "eighths"),
    ),
    "jazz": Style(
        (70, 180),
        (-0.3, 0.8),
        (-0.6, 0.6),
        (KIT, ("bass guitar", "strings"), ("piano", "electric guitar", "piano", "mallet percussion")),
        ("saxophone", "saxophone", "trumpet", "clarinet", "trombone", "flute", "mallet percussion", "brass"),
        drums=("swing",),
        bass=("walking",),
        comping=("charleston", "comp"),
        swing=0.95,
        sevenths=0.95,
    ),
    "blues": Style(
        (65, 130),
        (-0.7, 0.5),
        (-0.6, 0.6),
        (("electric guitar", "piano", "acoustic guitar"), LOW),
        ("drums", "drums", "harmonica", "harmonica", "organ", "piano", "electric guitar", "saxophone"),
        drums=("shuffle",),
        bass=("shuffle", "walking"),
        comping=("quarters", "comp", "eighths"),
        swing=0.9,
        sevenths=0.9,
        forms=("twelve",),
        gain=0.6,
    ),
    "classical": Style(
        (60, 160),
        (-0.8, 0.9),
        (-0.8, 0.7),
        (("piano", "violin", "cello", "strings", "harpsichord", "harp", "flute"),),
        (
            "violin",
            "cello",
            "strings",
            "strings",
            "piano",
            "flute",
            "clarinet",
            "oboe",
            "french horn",
            "trumpet",
            "timpani",
        ),
        bass=("held", "halves"),
        comping=("pum-pah", "held", "quarters"),
        waltz=0.35,
        wetness=0.7,
        sevenths=0.1,
    ),
    "cinematic": Style(
        (60, 150),
        (-0.8, 0.8),
        (-0.5, 1.0),
        (("strings",), ("brass", "french horn", "piano", "timpani")),
        (
            "timpani",
            "timpani",
            "french horn",
            "brass",
            "trombone",
            "cello",
            "synth pad",
            "harp",
            "drums",
            "bells",
            "violin",
        ),
        drums=("cinematic", "march"),
        bass=("held", "eighths", "gallop"),
        comping=("eighths", "tremolo", "held", "gallop"),
        forms=("loop", "slow"),
        wetness=0.9,
        sevenths=0.05,
    ),
    "electronic": Style(
        (105, 160),
        (-0.6, 0.8),
        (0.0, 1.0),
        (("drum machine",), ("synthesizer",)),
        ("bass guitar", "synthesizer", "synth pad", "synth pad", "bells", "electric piano", "organ", "piano"),
        drums=("four", "four", "break"),
        bass=("offbeat", "octaves", "rolling"),
        comping=("trance", "offbeat", "stabs"),
        forms=("loop", "slow", "drone"),
        gain=0.8,
    ),
    "hip hop": Style(
        (68, 108),
        (-0.7, 0.4),
        (-0.3, 0.7),
        (("drum machine", "drums"), LOW),
        (
            "electric piano",
            "piano",
            "strings",
            "synthesizer",
            "bells",
            "synth pad",
            "flute",
            "electric guitar",
        ),
        drums=("break",),
        bass=("sub",),
        comping=("stabs", "held", "halves"),
        sevenths=0.5,
        swing=0.3,
    ),
    "funk": Style(
        (92, 125),
        (0.0, 0.9),
        (0.2, 1.0),
        (KIT, LOW, ("electric guitar",)),
        ("organ", "brass", "saxophone", "electric piano", "hand percussion", "trumpet"),
        drums=("funk",),
        bass=("funk",),
        comping=("chop", "stabs"),
        sevenths=0.9,
        forms=("loop", "drone"),
        wetness=0.1,
    ),
    "reggae": Style(
        (64, 95),
        (0.0, 0.9),
        (-0.6, 0.4),
        (KIT, LOW, ("electric guitar", "organ", "piano")),
        ("organ", "brass", "hand percussion", "electric guitar", "trombone", "saxophone", "harmonica"),
        drums=("reggae",),
        bass=("reggae",),
        comping=("skank", "offbeat", "backbeat"),
        gain=0.2,
    ),
    "latin": Style(
        (88, 140),
        (0.0, 0.9),
        (-0.3, 0.9),
        (("hand percussion",), ("piano", "acoustic guitar"), LOW),
        ("trumpet", "brass", "flute", "trombone", "drums", "accordion", "mallet percussion", "saxophone"),
        drums=("latin",),
        bass=("tumbao",),
        comping=("montuno", "bossa"),
        sevenths=0.6,
    ),
    "folk": Style(
        (75, 140),
        (-0.6, 0.8),
        (-0.7, 0.5),
        (("acoustic guitar", "acoustic guitar", "banjo", "accordion", "harp"),),
        (
            "violin",
            "flute",
            "harmonica",
            "banjo",
            "accordion",
            "hand percussion",
            "acoustic guitar",
            "sitar",
            "cello",
        ),
        drums=("country",),
        bass=("two-beat",),
        comping=("strum", "quarters", "pum-pah"),
        waltz=0.25,
        sevenths=0.05,
    ),
    "country": Style(
        (85, 160),
        (-0.3, 0.9),
        (-0.3, 0.8),
        (("acoustic guitar",), LOW, ("drums", "banjo", "violin")),
        ("banjo", "violin", "electric guitar", "harmonica", "piano", "drums"),
        drums=("country",),
        bass=("two-beat",),
        comping=("strum", "backbeat"),
        waltz=0.1,
        sevenths=0.1,
        gain=0.25,
    ),
    "ambient": Style(
        (60, 90),
        (-0.6, 0.7),
        (-1.0, -0.3),
        (("synth pad",),),
        (
            "synth pad",
            "synthesizer",
            "piano",
            "bells",
            "harp",
            "strings",
            "electric piano",
            "electric guitar",
            "flute",
            "sitar",
        ),
        bass=("held",),
        comping=("held",),
        forms=("slow", "drone"),
        wetness=1.0,
        sevenths=0.5,
        gain=0.15,
    ),
}
GENRES = tuple(STYLES)
