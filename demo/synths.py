"""Small synthesisers in numpy: plucked strings, struck bars, reeds, organs, filtered saws and drums.

Every one takes notes and returns a mono part; none has a Python loop over samples.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

from demo.score import Note

TABLE = 2048
Part = Callable[[Sequence[Note], int, int, np.random.Generator, float], np.ndarray]


def frequency_hz(pitch: float) -> float:
    """Frequency of a MIDI pitch, A4 = 69 = 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def add_at(out: np.ndarray, start: int, sound: np.ndarray) -> None:
    """Add a sound to a part from a sample on, cut where the part ends."""
    if start < len(out):
        kept = sound[: len(out) - start]
        out[start : start + len(kept)] += kept


def envelope(samples: int, rate_hz: int, attack_s: float, release_s: float) -> np.ndarray:
    """A gate with linear attack and release inside ``samples``."""
    shape = np.ones(samples, np.float32)
    attack = min(samples, max(1, int(attack_s * rate_hz)))
    release = min(samples, max(1, int(release_s * rate_hz)))
    shape[:attack] *= np.linspace(0.0, 1.0, attack, dtype=np.float32)
    shape[samples - release :] *= np.linspace(1.0, 0.0, release, dtype=np.float32)
    return shape


def one_cycle(amplitudes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A cycle of ``TABLE`` samples with harmonics of given amplitudes and random phases."""
    spectrum = np.zeros(TABLE // 2 + 1, np.complex64)
    count = min(len(amplitudes), TABLE // 2 - 1)
    spectrum[1 : count + 1] = amplitudes[:count] * np.exp(2j * np.pi * rng.random(count))
    return np.fft.irfft(spectrum * TABLE / 2).astype(np.float32)


def read_cycle(
    table: np.ndarray, hz: float | np.ndarray, samples: int, rate_hz: int, start: float = 0.0
) -> np.ndarray:
    """Repeat a cycle at a constant or changing frequency."""
    if isinstance(hz, np.ndarray):
        phase = start + np.cumsum(hz[:samples] / rate_hz)
    else:
        phase = start + np.arange(samples) * (hz / rate_hz)
    return table[(phase * TABLE).astype(np.int64) & (TABLE - 1)]


def harmonics_below(hz: float, rate_hz: int, most: int = 80) -> np.ndarray:
    """Harmonic numbers that stay below the band's end."""
    return np.arange(1, max(2, min(most, int(0.45 * rate_hz / hz)) + 1))


def plucked(
    *,
    bright: tuple[float, float],
    ring_s: tuple[float, float],
    pick: tuple[float, float],
    buzz: float = 0.0,
    body: float = 0.5,
) -> Part:
    """A plucked string: every period is the one before through the same damping (Karplus-Strong, in closed form).

    Reference: Karplus and Strong, Digital Synthesis of Plucked-String and Drum Timbres, 1983.
    """

    def play(
        notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
    ) -> np.ndarray:
        out = np.zeros(samples, np.float32)
        tilt = rng.uniform(*bright) - 0.6 * (gloss - 0.5)
        ring = rng.uniform(*ring_s)
        place = rng.uniform(*pick)
        damping = rng.uniform(0.15, 0.6)
        tail_s = rng.uniform(0.05, 0.4)
        for note in notes:
            hz = frequency_hz(note.pitch)
            count = min(samples, int((note.duration_s + tail_s) * rate_hz))
            k = harmonics_below(hz, rate_hz, 60)
            amplitudes = k ** -(tilt + 0.4 * (1 - note.velocity / 127)) * (
                0.15 + np.abs(np.sin(np.pi * k * place))
            )
            amplitudes = amplitudes * rng.uniform(0.7, 1.3, len(k))
            cycles = int(count * hz / rate_hz) + 2
            loss = np.exp(-(1.0 + damping * 0.02 * k**1.5 * (1 - buzz)) / (ring * hz) * (hz / 220.0) ** 0.6)
            spectrum = np.zeros((cycles, 65), np.complex64)
            phases = np.exp(2j * np.pi * rng.random(len(k)))
            spectrum[:, 1 : len(k) + 1] = amplitudes * phases * loss ** np.arange(cycles)[:, None]
            if buzz:
                swell = 1 + buzz * 3 * np.sin(np.arange(cycles)[:, None] * 0.02 + k * 0.15) ** 2
                spectrum[:, 1 : len(k) + 1] *= swell
            wave = np.fft.irfft(spectrum, axis=1).astype(np.float32).ravel() * 64
            position = np.arange(count) * (hz / rate_hz * 128)
            tone = np.interp(position, np.arange(len(wave)), wave).astype(np.float32)
            tone *= envelope(count, rate_hz, 0.001, tail_s) * (note.velocity / 127)
            knock = rng.standard_normal(int(0.012 * rate_hz)).astype(np.float32)
            knock *= np.linspace(1, 0, len(knock), dtype=np.float32) ** 2 * (body * 0.3 * note.velocity / 127)
            add_at(out, int(note.start_s * rate_hz), tone)
            add_at(out, int(note.start_s * rate_hz), knock)
        return out

    return play


def struck(
    ratios: tuple[tuple[float, ...], ...],
    *,
    decay_s: tuple[float, float],
    damp: float,
    noise: float = 0.1,
    tremolo: float = 0.0,
) -> Part:
    """A struck bar, bell or skin: partials of given frequency ratios that decay, the higher the faster."""

    def play(
        notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
    ) -> np.ndarray:
        out = np.zeros(samples, np.float32)
        chosen = np.array(ratios[int(rng.integers(len(ratios)))])
        partials = chosen * rng.uniform(0.997, 1.003, len(chosen))
        levels = rng.uniform(0.3, 1.0, len(partials)) * partials ** -rng.uniform(0.2, 1.2 - 0.6 * gloss)
        decay = rng.uniform(*decay_s)
        shake_hz = rng.uniform(3.0, 7.0)
        tones: dict[int, np.ndarray] = {}
        for note in notes:
            loud = note.velocity / 127
            if note.pitch not in tones:
                hz = frequency_hz(note.pitch)
                last = decay * (262.0 / hz) ** 0.4
                count = min(samples, int(min(3.0, 4 * last) * rate_hz))
                t = np.arange(count, dtype=np.float32) / np.float32(rate_hz)
                tone = np.zeros(count, np.float32)
                for ratio, level in zip(partials, levels * loud ** (0.3 * partials**0.5), strict=True):
                    if hz * ratio < 0.45 * rate_hz:
                        fade = np.exp(t * np.float32(-(ratio**damp) / last))
                        tone += np.float32(level) * fade * np.sin(t * np.float32(2 * np.pi * hz * ratio))
                if tremolo:
                    tone *= 1 - tremolo * (0.5 + 0.5 * np.sin(t * np.float32(2 * np.pi * shake_hz)))
                tones[note.pitch] = tone * envelope(count, rate_hz, 0.001, 0.02)
            hit = rng.standard_normal(int(0.02 * rate_hz)).astype(np.float32)
            hit *= np.exp(-np.arange(len(hit)) / (0.004 * rate_hz)).astype(np.float32) * noise * loud
            add_at(out, int(note.start_s * rate_hz), tones[note.pitch] * np.float32(loud**0.7))
            add_at(out, int(note.start_s * rate_hz), hit)
        return out

    return play


def blown(
    *,
    tilt: tuple[float, float],
    even: float = 1.0,
    formants: tuple[tuple[float, float], ...] = (),
    attack_s: tuple[float, float] = (0.02, 0.08),
    breath: float = 0.02,
    players: tuple[int, int] = (1, 1),
    swell: float = 0.5,
) -> Part:
    """A sustained tone (bowed, blown or reed): harmonics shaped by a tilt and formants, brighter when louder.

    ``even`` scales the even harmonics; ``players`` is how many detuned players share a note.
    """

    def play(
        notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
    ) -> np.ndarray:
        out = np.zeros(samples, np.float32)
        slope = rng.uniform(*tilt) - 0.5 * (gloss - 0.5)
        rise_s = rng.uniform(*attack_s)
        moved = rng.uniform(0.85, 1.18)
        air = breath * rng.uniform(0.3, 2.0)
        count_players = int(rng.integers(players[0], players[1] + 1))
        detune = rng.normal(0.0, 0.06 if count_players > 1 else 0.015, count_players)
        colour = butter(2, [min(0.8, 900 / rate_hz * 2), min(0.9, 6000 / rate_hz * 2)], "band", output="sos")
        tables: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for note in notes:
            hz = frequency_hz(note.pitch)
            if note.pitch not in tables:
                k = harmonics_below(hz, rate_hz)
                levels = k**-slope * np.where(k % 2 == 0, even, 1.0)
                for centre, gain in formants:
                    levels = levels * (
                        1 + gain * np.exp(-0.5 * (np.log2(k * hz / (centre * moved)) / 0.35) ** 2)
                    )
                levels = levels / np.sqrt((levels**2).sum())
                tables[note.pitch] = (one_cycle(levels, rng), one_cycle(levels * k**-0.8, rng))
            bright, dull = tables[note.pitch]
            length = min(samples, int((note.duration_s + 0.06) * rate_hz))
            t = np.arange(length) / rate_hz
            gate = envelope(length, rate_hz, rise_s, 0.06)
            shape = gate * (1 - swell * 0.5 + swell * 0.5 * np.sin(np.pi * np.linspace(0, 1, length)) ** 0.7)
            mix = np.clip(shape * note.velocity / 110, 0, 1)
            tone = np.zeros(length, np.float32)
            for cents in detune:
                start = rng.random()
                pitch = hz * 2 ** (cents / 12)
                tone += read_cycle(bright, pitch, length, rate_hz, start) * mix
                tone += read_cycle(dull, pitch, length, rate_hz, start) * (1 - mix)
            hiss = sosfilt(colour, rng.standard_normal(length)) * air * (1 + 3 * np.exp(-t / 0.05))
            part = (tone / np.sqrt(count_players) + hiss) * shape * (note.velocity / 127)
            add_at(out, int(note.start_s * rate_hz), part.astype(np.float32))
        return out

    return play


def organ(
    notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
) -> np.ndarray:
    """Drawbars at random, key click, and a rotating speaker at random speed."""
    drawbars = np.array((1, 3, 2, 4, 6, 8, 10, 12, 16))
    levels = np.zeros(16)
    levels[drawbars - 1] = rng.integers(0, 9, 9) / 8.0 * np.linspace(1.0, 0.3 + 0.7 * gloss, 9)
    levels[0 if rng.random() < 0.5 else 1] = 1.0
    table = one_cycle(levels / np.sqrt((levels**2).sum()), rng)
    out = np.zeros(samples, np.float32)
    click = rng.uniform(0.0, 0.3)
    for note in notes:
        length = min(samples, int((note.duration_s + 0.02) * rate_hz))
        tone = read_cycle(table, frequency_hz(note.pitch) / 2, length, rate_hz, rng.random())
        tone = tone * envelope(length, rate_hz, 0.004, 0.02)
        tone[: int(0.004 * rate_hz)] += click * rng.standard_normal(len(tone[: int(0.004 * rate_hz)]))
        add_at(out, int(note.start_s * rate_hz), tone)
    speed_hz = rng.choice((0.0, 0.9, 6.2)) * rng.uniform(0.9, 1.1)
    t = np.arange(samples) / rate_hz
    spin = np.sin(2 * np.pi * speed_hz * t)
    out = np.interp(np.arange(samples) - 0.0006 * rate_hz * (1 + spin), np.arange(samples), out)
    return (out * (1 + 0.25 * spin)).astype(np.float32)


def tines(
    notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
) -> np.ndarray:
    """An electric piano by frequency modulation: a body and a struck tine, with tremolo.

    Reference: Chowning, The Synthesis of Complex Audio Spectra by Means of Frequency Modulation, 1973.
    """
    out = np.zeros(samples, np.float32)
    tine = float(rng.choice((1.0, 7.0, 14.0, 3.0)))
    depth = rng.uniform(0.4, 2.5) * (0.5 + gloss)
    last_s = rng.uniform(0.5, 2.0)
    for note in notes:
        hz = frequency_hz(note.pitch)
        length = min(samples, int((note.duration_s + 0.12) * rate_hz))
        t = np.arange(length, dtype=np.float32) / rate_hz
        loud = note.velocity / 127
        ratio = tine if hz * tine < 0.4 * rate_hz else 1.0
        modulator = (
            depth * loud * np.exp(-t / (0.15 if ratio > 2 else 0.6)) * np.sin(2 * np.pi * hz * ratio * t)
        )
        tone = np.sin(2 * np.pi * hz * t + modulator) * np.exp(-t / last_s) * loud
        add_at(
            out,
            int(note.start_s * rate_hz),
            (tone * envelope(length, rate_hz, 0.002, 0.1)).astype(np.float32),
        )
    shake = rng.uniform(0, 0.5) * (
        0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(3, 7) * np.arange(samples) / rate_hz)
    )
    return (out * (1 - shake)).astype(np.float32)


def subtractive(
    *, attack_s: tuple[float, float], release_s: tuple[float, float], voices: tuple[int, int], low: float
) -> Part:
    """Saws, pulses or simple cycles in unison through a low-pass whose cut-off follows an envelope."""

    def play(
        notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
    ) -> np.ndarray:
        out = np.zeros(samples, np.float32)
        kind = int(rng.integers(4))
        rise_s, fall_s = rng.uniform(*attack_s), rng.uniform(*release_s)
        unison = int(rng.integers(voices[0], voices[1] + 1))
        cents = rng.uniform(-1, 1, unison) * rng.uniform(0.03, 0.25)
        open_hz = 2 ** rng.uniform(9.5 + gloss, 13.5)
        sweep_s = rng.uniform(0.05, 0.8)
        floor = low * rng.uniform(0.5, 1.5)
        peak = rng.uniform(0, 4)
        width = rng.uniform(0.1, 0.5)
        tables: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for note in notes:
            hz = frequency_hz(note.pitch)
            if note.pitch not in tables:
                k = harmonics_below(hz, rate_hz, 300)
                levels = (1 / k, np.abs(np.sin(np.pi * k * width)) / k, (k % 2) / k, (k % 2) / k**2.0)[
                    kind
                ] + 0.0
                pair = []
                for edge in (open_hz, max(hz, open_hz * floor)):
                    shaped = levels / np.sqrt(1 + (k * hz / edge) ** 4)
                    shaped = shaped * (1 + peak * np.exp(-0.5 * (np.log2(k * hz / edge) / 0.2) ** 2))
                    pair.append(one_cycle(shaped, rng) * 0.7)
                tables[note.pitch] = (pair[0], pair[1])
            bright, dull = tables[note.pitch]
            length = min(samples, int((note.duration_s + fall_s) * rate_hz))
            t = np.arange(length, dtype=np.float32) / rate_hz
            sweep = np.exp(-t / sweep_s) if rise_s < 0.15 else np.clip(t / (rise_s * 2), 0, 1)
            tone = np.zeros(length, np.float32)
            for detune in cents:
                start = rng.random()
                pitch = hz * 2 ** (detune / 12)
                tone += read_cycle(bright, pitch, length, rate_hz, start) * sweep
                tone += read_cycle(dull, pitch, length, rate_hz, start) * (1 - sweep)
            gate = envelope(length, rate_hz, rise_s, fall_s) * (note.velocity / 127 / np.sqrt(unison))
            add_at(out, int(note.start_s * rate_hz), (tone * gate).astype(np.float32))
        return out

    return play


def amplified(
    notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
) -> np.ndarray:
    """An electric guitar: plucked strings through an amplifier that clips and a loudspeaker cabinet."""
    string = plucked(bright=(0.7, 1.3), ring_s=(0.8, 3.0), pick=(0.08, 0.3), body=0.1)
    clean = string(notes, samples, rate_hz, rng, gloss)
    clean /= max(1e-6, float(np.abs(clean).max()))
    drive = 10 ** rng.uniform(0.0, 0.3 + 1.7 * gloss)
    edge = np.array((rng.uniform(70, 140), min(rng.uniform(3000, 6000), 0.42 * rate_hz))) / (rate_hz / 2)
    cabinet = butter(2, edge, "band", output="sos")
    bias = rng.uniform(0, 0.3)
    return sosfilt(cabinet, np.tanh(drive * clean + bias) - np.tanh(bias)).astype(np.float32)


def piano(
    notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
) -> np.ndarray:
    """Three slightly detuned struck strings a note."""
    strings = plucked(bright=(1.2, 1.9), ring_s=(1.0, 3.0), pick=(0.11, 0.14), body=0.25)
    part = strings(notes, samples, rate_hz, rng, gloss)
    detuned = np.interp(np.arange(samples) * 1.0004, np.arange(samples), part)
    return (part + 0.5 * detuned).astype(np.float32)


def smooth_noise(
    samples: int, rng: np.random.Generator, rate_hz: int, low_hz: float, high_hz: float
) -> np.ndarray:
    """Noise between two frequencies."""
    top = min(high_hz, 0.47 * rate_hz)
    band = butter(2, [min(low_hz, top * 0.8), top], "band", fs=rate_hz, output="sos")
    return sosfilt(band, rng.standard_normal(samples)).astype(np.float32)


def ring_filter(hz: float, decay_s: float, rate_hz: int, excitation: np.ndarray) -> np.ndarray:
    """A single resonance excited by a sound."""
    radius = np.exp(-1.0 / (decay_s * rate_hz))
    return lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * hz / rate_hz), radius**2], excitation)


HARP, NYLON = ((1.0, 1.7), (0.6, 2.5), (0.2, 0.5)), ((0.9, 1.6), (0.5, 1.8), (0.1, 0.4))
BAR_RATIOS = ((1, 3.93, 9.2), (1, 3.0, 6.1), (1, 4.0, 10.0), (1, 2.76, 5.4))
BELL_RATIOS = (
    (1, 2.76, 5.4, 8.93),
    (0.5, 1, 1.19, 1.56, 2, 2.66, 3.01),
    (1, 2.0, 3.01, 4.17, 5.43),
    (1, 2.71, 5.15),
)
SKIN_RATIOS = ((1, 1.5, 1.98, 2.44, 2.9), (1, 1.59, 2.14, 2.3, 2.65))

SYNTHS: dict[str, Part] = {
    "harp": plucked(bright=HARP[0], ring_s=HARP[1], pick=HARP[2], body=0.1),
    "nylon": plucked(bright=NYLON[0], ring_s=NYLON[1], pick=NYLON[2]),
    "banjo": plucked(bright=(0.3, 0.8), ring_s=(0.15, 0.5), pick=(0.05, 0.15), body=1.0),
    "sitar": plucked(bright=(0.4, 0.9), ring_s=(1.0, 2.5), pick=(0.04, 0.12), buzz=0.8),
    "harpsichord": plucked(bright=(0.2, 0.6), ring_s=(0.8, 2.0), pick=(0.06, 0.2), body=0.6),
    "bass": plucked(bright=(1.0, 2.2), ring_s=(0.5, 2.0), pick=(0.1, 0.45), body=0.2),
    "electric": amplified,
    "piano": piano,
    "tines": tines,
    "organ": organ,
    "mallet": struck(BAR_RATIOS, decay_s=(0.15, 1.2), damp=0.8, noise=0.15, tremolo=0.3),
    "bells": struck(BELL_RATIOS, decay_s=(0.6, 2.5), damp=0.5, noise=0.05),
    "timpani": struck(SKIN_RATIOS, decay_s=(0.3, 0.9), damp=0.6, noise=0.3),
    "violin": blown(tilt=(0.9, 1.3), formants=((500, 1.0), (1200, 0.8), (2800, 1.5)), breath=0.04),
    "cello": blown(tilt=(0.9, 1.4), formants=((250, 1.0), (600, 0.8), (1500, 1.0)), breath=0.04),
    "ensemble": blown(
        tilt=(0.9, 1.4), attack_s=(0.05, 0.3), formants=((600, 0.8), (2500, 1.0)), players=(3, 5), swell=0.2
    ),
    "reeds": blown(
        tilt=(0.6, 1.1), attack_s=(0.02, 0.06), formants=((1000, 1.0), (2500, 1.0)), players=(2, 3), swell=0.2
    ),
    "harmonica": blown(
        tilt=(0.5, 1.0), attack_s=(0.01, 0.05), formants=((1200, 1.5), (2800, 1.2)), breath=0.06
    ),
    "flute": blown(tilt=(2.0, 3.0), attack_s=(0.03, 0.1), breath=0.15),
    "clarinet": blown(tilt=(0.9, 1.5), even=0.1, formants=((1500, 0.8),), attack_s=(0.02, 0.05), breath=0.02),
    "oboe": blown(tilt=(0.8, 1.2), formants=((1100, 3.0), (2900, 2.0)), attack_s=(0.01, 0.04), breath=0.02),
    "sax": blown(
        tilt=(0.8, 1.2), formants=((600, 1.5), (1400, 1.5), (3000, 0.8)), attack_s=(0.02, 0.06), breath=0.08
    ),
    "trumpet": blown(
        tilt=(0.5, 1.0), formants=((1300, 2.0), (2500, 1.0)), attack_s=(0.015, 0.05), breath=0.02
    ),
    "trombone": blown(
        tilt=(0.8, 1.3), formants=((500, 2.0), (1500, 0.8)), attack_s=(0.02, 0.07), breath=0.02
    ),
    "horn": blown(tilt=(1.3, 2.0), formants=((400, 2.0),), attack_s=(0.03, 0.1), breath=0.02),
    "section": blown(
        tilt=(0.6, 1.1), formants=((900, 1.5), (1800, 1.0)), attack_s=(0.015, 0.06), players=(3, 4)
    ),
    "subtractive": subtractive(attack_s=(0.002, 0.05), release_s=(0.03, 0.3), voices=(1, 4), low=0.15),
    "pad": subtractive(attack_s=(0.3, 1.2), release_s=(0.5, 1.5), voices=(2, 4), low=0.2),
}
