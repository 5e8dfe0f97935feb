"""Synthesised voices: a glottal source through moving formants; singers, choirs and speech-like babble."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import resample_poly

from demo.score import Note
from demo.synths import one_cycle, read_cycle

# Five formants in hertz of an adult male, after Peterson and Barney, 1952, the upper two rounded.
VOWELS = {
    "a": (730, 1090, 2440, 3400, 4500), "e": (530, 1840, 2480, 3500, 4500), "i": (270, 2290, 3010, 3600, 4600),
    "o": (570, 840, 2410, 3300, 4400), "u": (300, 870, 2240, 3200, 4300), "ae": (660, 1720, 2410, 3500, 4500),
    "er": (490, 1350, 1690, 3300, 4400),
}  # fmt: skip
WIDTHS_HZ = np.array((70.0, 90.0, 130.0, 200.0, 300.0))
LEVELS_DB = np.array((0.0, -5.0, -10.0, -14.0, -20.0))
HOP_S = 0.005
KINDS = ("male vocals", "female vocals", "choir", "speech")


@dataclass(frozen=True)
class Singer:
    """What makes one voice: size of the vocal tract, colour, vibrato and breath."""

    scale: float
    tilt: float
    vibrato_hz: float
    vibrato_depth: float
    breath: float
    jitter: float
    glide_s: float
    vowels: tuple[str, ...]


def draw_singer(rng: np.random.Generator, kind: str) -> Singer:
    """A singer for a kind of voice."""
    female = kind == "female vocals" or (kind in ("choir", "speech") and rng.random() < 0.5)
    names = sorted(VOWELS)
    chosen = tuple(
        str(name) for name in rng.choice(names, int(rng.integers(2, len(names) + 1)), replace=False)
    )
    return Singer(
        scale=float(rng.uniform(1.08, 1.3) if female else rng.uniform(0.88, 1.08)),
        tilt=float(rng.uniform(0.9, 1.9)),
        vibrato_hz=float(rng.uniform(4.5, 6.8)),
        vibrato_depth=float(rng.choice((0.05, 0.25, 0.5)) * rng.uniform(0.6, 1.5)),
        breath=float(10 ** rng.uniform(-2.2, -0.7)),
        jitter=float(rng.uniform(0.02, 0.12)),
        glide_s=float(rng.uniform(0.02, 0.1)),
        vowels=chosen,
    )


def slow_noise(rng: np.random.Generator, count: int, width: int) -> np.ndarray:
    """Unit noise smoothed over ``width`` points."""
    kernel = np.hanning(width + 2)
    noise = np.convolve(rng.standard_normal(count + width), kernel, "same")[:count]
    return noise / max(1e-9, noise.std())


@dataclass(frozen=True)
class Track:
    """Control curves of one line of singing, a point every ``HOP_S``."""

    pitch: np.ndarray
    gain: np.ndarray
    formants: np.ndarray
    noise: np.ndarray


def track_notes(notes: Sequence[Note], singer: Singer, points: int, rng: np.random.Generator) -> Track:
    """Curves of sung notes: portamento, vibrato that sets in late, syllables with consonants and closures."""
    pitch = np.full(points, np.nan)
    gain = np.zeros(points)
    noise = np.zeros(points)
    shapes = np.zeros((points, 5))
    shapes[:] = VOWELS[singer.vowels[0]]
    vibrato = np.zeros(points)
    for note in notes:
        first = int(note.start_s / HOP_S)
        last = min(points, int((note.start_s + note.duration_s) / HOP_S))
        if last - first < 6:
            continue
        span = slice(first, last)
        grown = np.linspace(0, 1, last - first)
        pitch[span] = note.pitch - 0.7 * singer.glide_s * 10 * np.exp(
            -np.arange(last - first) * HOP_S / singer.glide_s
        )
        loud = (note.velocity / 127) * np.minimum(1, np.arange(last - first) * HOP_S / 0.04)
        gain[span] = loud * np.minimum(1, (last - first - np.arange(last - first)) * HOP_S / 0.06)
        gain[span] *= 1 - 0.4 * grown * rng.random()
        start_vowel, end_vowel = (np.array(VOWELS[str(rng.choice(singer.vowels))]) for _ in range(2))
        moving = np.clip((grown - rng.uniform(0.1, 0.6)) * 4, 0, 1)[:, None]
        shapes[span] = start_vowel * (1 - moving) + end_vowel * moving
        vibrato[span] = np.clip((np.arange(last - first) * HOP_S - 0.15) / 0.25, 0, 1)
        if rng.random() < 0.6:
            length = int(rng.uniform(0.02, 0.1) / HOP_S)
            noise[max(0, first - length // 2) : first + length // 2 + 1] = (
                rng.uniform(0.05, 0.3) * note.velocity / 127
            )
            gain[max(0, first - 6) : first] = 0
    known = np.flatnonzero(~np.isnan(pitch))
    filled = np.interp(np.arange(points), known, pitch[known]) if len(known) else np.full(points, 60.0)
    filled = np.convolve(np.pad(filled, 6, "edge"), np.hanning(15)[1:-1] / np.hanning(15).sum(), "same")[6:-6]
    wobble = singer.vibrato_hz * (1 + 0.04 * slow_noise(rng, points, 60))
    filled = filled + singer.vibrato_depth * vibrato * np.sin(2 * np.pi * np.cumsum(wobble) * HOP_S)
    filled = filled + singer.jitter * slow_noise(rng, points, 10)
    kernel = np.hanning(13) / np.hanning(13).sum()
    shapes = np.stack([np.convolve(np.pad(line, 6, "edge"), kernel, "valid") for line in shapes.T], axis=1)
    return Track(filled, gain * (1 + 0.1 * slow_noise(rng, points, 8)).clip(0.3, 1.7), shapes, noise)


def track_speech(singer: Singer, points: int, rng: np.random.Generator, female: bool) -> Track:
    """Curves of babble: phrases with falling pitch, three to seven syllables a second, and pauses."""
    pitch = np.full(points, 57.0 if female else 45.0)
    gain, noise = np.zeros(points), np.zeros(points)
    shapes = np.tile(np.array(VOWELS["er"], float), (points, 1))
    base = rng.uniform(53, 60) if female else rng.uniform(40, 50)
    names = sorted(VOWELS)
    time_s, end_s = rng.uniform(0, 0.4), points * HOP_S
    pace = rng.uniform(0.12, 0.28)
    while time_s < end_s:
        phrase_end = time_s + rng.uniform(0.8, 3.0)
        top = base + rng.uniform(1, 6)
        begin = time_s
        while time_s < min(phrase_end, end_s):
            length_s = pace * rng.uniform(0.5, 1.7)
            first, last = int(time_s / HOP_S), min(points, int((time_s + length_s) / HOP_S))
            if last - first < 4:
                break
            ramp = np.sin(np.pi * np.linspace(0.05, 1, last - first)) ** rng.uniform(0.3, 1.0)
            gain[first:last] = ramp * rng.uniform(0.4, 1.0)
            fall = (time_s - begin) / (phrase_end - begin)
            pitch[first:last] = (
                top - 6 * fall + rng.normal(0, 1.0) + np.linspace(rng.uniform(0, 2), 0, last - first)
            )
            shapes[first:last] = VOWELS[str(rng.choice(names))]
            if rng.random() < 0.65:
                length = int(rng.uniform(0.02, 0.1) / HOP_S)
                noise[first : first + length] = rng.uniform(0.05, 0.35)
                gain[first : first + length // 2] = 0
            time_s += length_s
        time_s += rng.uniform(0.15, 1.0)
    kernel = np.hanning(15)[1:-1] / np.hanning(15).sum()
    pitch = np.convolve(np.pad(pitch, 6, "edge"), kernel, "valid")
    shapes = np.stack([np.convolve(np.pad(line, 6, "edge"), kernel, "valid") for line in shapes.T], axis=1)
    return Track(pitch + singer.jitter * slow_noise(rng, points, 6), gain, shapes, noise)


def source(track: Track, singer: Singer, samples: int, rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """Glottal pulses with breath, the level following the track."""
    at = np.arange(samples) / (rate_hz * HOP_S)
    grid = np.arange(len(track.pitch))
    hz = 440.0 * 2 ** ((np.interp(at, grid, track.pitch) - 69) / 12)
    highest = max(80.0, float(hz.max()))
    k = np.arange(1, max(3, int(0.45 * rate_hz / highest)) + 1)
    cycle = one_cycle(k**-singer.tilt * 1.0, np.random.default_rng(7))
    gain = np.interp(at, grid, track.gain)
    voiced = read_cycle(cycle / cycle.std(), hz, samples, rate_hz, rng.random())
    return voiced * gain + rng.standard_normal(samples) * gain * singer.breath


def shape_formants(sound: np.ndarray, formants: np.ndarray, scale: float, rate_hz: int) -> np.ndarray:
    """Filter a sound by moving resonances, frame by frame with overlap.

    Args:
        sound: (n,) source.
        formants: (points, 5) centre frequencies in hertz every ``HOP_S``.
        scale: factor on the frequencies (a shorter vocal tract is larger).
        rate_hz: sample rate.
    """
    size = 2 ** int(np.ceil(np.log2(0.03 * rate_hz)))
    hop = size // 4
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    padded = np.pad(sound.astype(np.float32), (size, size + hop))
    count = (len(padded) - size) // hop
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[: count * hop : hop] * window
    centres_s = (np.arange(count) * hop + size / 2 - size) / rate_hz
    rows = np.clip((centres_s / HOP_S).astype(int), 0, len(formants) - 1)
    hz = np.fft.rfftfreq(size, 1 / rate_hz).astype(np.float32)
    response = np.full((count, len(hz)), 0.008, np.float32)
    for i in range(5):
        centre = (formants[rows, i] * scale)[:, None].astype(np.float32)
        width = np.float32(WIDTHS_HZ[i] * 1.3)
        response += np.float32(10 ** (LEVELS_DB[i] / 20)) / (1 + ((hz - centre) / width) ** 2)
    spectra = np.fft.rfft(frames, axis=1) * response
    blocks = np.fft.irfft(spectra, axis=1).astype(np.float32) * window
    out = np.zeros(len(padded) + size, np.float32)
    for lane in range(4):
        part = blocks[lane::4].ravel()
        out[lane * hop : lane * hop + len(part)] += part
    return out[size : size + len(sound)] / 1.5


def fricatives(track: Track, samples: int, rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of the consonants, high in the spectrum."""
    at = np.arange(samples) / (rate_hz * HOP_S)
    level = np.interp(at, np.arange(len(track.noise)), track.noise)
    hiss = np.diff(rng.standard_normal(samples + 1))
    return hiss * level * 0.25


def render_voice(
    kind: str, notes: Sequence[Note], rng: np.random.Generator, *, samples: int, rate_hz: int
) -> np.ndarray:
    """A dry voice part.

    Args:
        kind: one of ``KINDS``.
        notes: the melody; ignored for speech.
        rng: source of every choice.
        samples: length of the result.
        rate_hz: sample rate.

    Returns:
        float32 (2, samples) with a peak of 1; a choir is spread in width.
    """
    halved = rate_hz >= 32000
    inner_hz = rate_hz // 2 if halved else rate_hz
    count = samples // 2 + 1 if halved else samples
    points = int(samples / rate_hz / HOP_S) + 3
    out = np.zeros((2, count), np.float32)
    if kind == "choir":
        for section in range(int(rng.integers(2, 4))):
            singer = draw_singer(rng, kind)
            moved = [Note(n.start_s, n.duration_s, n.pitch - 12 * (section % 2), n.velocity) for n in notes]
            track = track_notes(moved, singer, points, rng)
            for side in range(2):
                total = np.zeros(count)
                for _ in range(int(rng.integers(2, 4))):
                    late = int(rng.integers(0, 6))
                    drift = rng.normal(0, 0.12) + 0.08 * slow_noise(rng, points, 40)
                    one = Track(
                        np.roll(track.pitch, late) + drift,
                        np.roll(track.gain, late),
                        track.formants,
                        track.noise,
                    )
                    total += source(one, singer, count, inner_hz, rng)
                out[side] += shape_formants(total, track.formants, singer.scale, inner_hz)
    else:
        singer = draw_singer(rng, kind)
        female = singer.scale > 1.08
        track = (
            track_speech(singer, points, rng, female)
            if kind == "speech"
            else track_notes(notes, singer, points, rng)
        )
        voiced = shape_formants(
            source(track, singer, count, inner_hz, rng), track.formants, singer.scale, inner_hz
        )
        voiced /= max(1e-6, float(np.abs(voiced).max()))
        out[:] = voiced + fricatives(track, count, inner_hz, rng)
    if halved:
        out = resample_poly(out, 2, 1, axis=1).astype(np.float32)[:, :samples]
    return out / max(1e-6, float(np.abs(out).max()))


def voice_range(rng: np.random.Generator, kind: str) -> tuple[int, int]:
    """Lowest and highest pitch of a melody for a kind of voice, inside 90..350 Hz and 180..800 Hz."""
    if kind == "male vocals":
        low = int(rng.integers(42, 54))
    elif kind == "female vocals":
        low = int(rng.integers(54, 66))
    else:
        low = int(rng.integers(55, 62))
    return low, low + int(rng.integers(10, 14))
