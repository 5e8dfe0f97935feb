"""Music with known truth, drawn from a seed: the mix, the voice in it, and what is in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from demo import effects
from demo.parts import Feel, choose_role, compose, render_part, single_notes
from demo.score import Grid, draw_grid, excerpt, humanise, melody
from demo.sounds import INSTRUMENTS, SOUNDS
from demo.styles import GENRES, STYLES, Style, moods_near
from demo.voice import KINDS, render_voice, voice_range

AUDIBLE_DB = -25.0


@dataclass(frozen=True)
class MusicTruth:
    """What a rendered clip contains.

    Attributes:
        instruments: labels audible in the clip, the loudest first.
        genre: genre label; None where a clip is a solo of no particular genre.
        moods: mood labels near (valence, arousal), nearest first; empty for single notes and speech.
        valence: -1..1.
        arousal: -1..1.
        tempo_bpm: quarter notes a minute; None where nothing is on a grid.
        key: such as ``"C# minor"``; None where nothing is in a key.
        vocals: kinds of voices.
        degradation: name of the damage, or None.
        degree: 0..1, 0 without damage.
    """

    instruments: tuple[str, ...]
    genre: str | None
    moods: tuple[str, ...]
    valence: float
    arousal: float
    tempo_bpm: float | None
    key: str | None
    vocals: tuple[str, ...]
    degradation: str | None
    degree: float


@dataclass(frozen=True)
class Music:
    """A rendered clip: ``mix`` and ``voice`` are float32 (2, n); undamaged, mix minus voice is the instrumental."""

    mix: np.ndarray
    voice: np.ndarray | None
    truth: MusicTruth


@dataclass(frozen=True)
class Plan:
    """What was drawn or asked for before any sound."""

    style_name: str
    genre: str | None
    feel: Feel
    labels: tuple[str, ...]
    voices: tuple[str, ...]
    single: bool


def check_request(
    genre: str | None, instruments: Sequence[str] | None, duration_s: float, rate_hz: int
) -> None:
    """Refuse unknown labels and impossible lengths."""
    if genre is not None and genre not in STYLES:
        raise LookupError(f"unknown genre {genre!r}; known are {', '.join(GENRES)}")
    for label in instruments or ():
        if label not in SOUNDS:
            raise LookupError(f"unknown instrument {label!r}; known are {', '.join(INSTRUMENTS)}")
    if duration_s < 0.5 or rate_hz < 8000:
        raise ValueError(f"got {duration_s} s at {rate_hz} Hz; give at least 0.5 s and 8000 Hz")


def draw_genre(rng: np.random.Generator, valence: float | None, arousal: float | None) -> str:
    """A genre that allows a mood, where one is asked for."""
    fitting = []
    for name, style in STYLES.items():
        v, a = valence or 0.0, arousal or 0.0
        v_fits = valence is None or style.valence[0] - 0.15 <= v <= style.valence[1] + 0.15
        a_fits = arousal is None or style.arousal[0] - 0.15 <= a <= style.arousal[1] + 0.15
        if v_fits and a_fits:
            fitting.append(name)
    return str(rng.choice(fitting or list(GENRES)))


def draw_line_up(
    rng: np.random.Generator, style: Style, wanted: Sequence[str] | None, arousal: float
) -> tuple[str, ...]:
    """Two to six instruments typical of a style, with those that are wanted."""
    labels = list(wanted or ())
    labels += [str(rng.choice(choice)) for choice in style.core if rng.random() < 0.93]
    more = int(np.clip(round(rng.normal(1.6 + 0.5 * arousal, 0.9)), 0, 3))
    labels += [str(label) for label in rng.choice(style.colours, more)]
    if rng.random() < 0.12:
        labels.append(str(rng.choice(INSTRUMENTS)))
    unique = list(dict.fromkeys(labels))
    if {"drums", "drum machine"} <= set(unique) and not {"drums", "drum machine"} <= set(wanted or ()):
        unique.remove("drums" if "drum machine" in (wanted or ()) else "drum machine")
    while len(unique) < 2:
        unique = list(dict.fromkeys([*unique, str(rng.choice(style.colours))]))
    return tuple(unique[: max(6, len(wanted or ()))])


def draw_plan(
    rng: np.random.Generator,
    genre: str | None,
    vocals: bool | None,
    solo: bool | None,
    instruments: Sequence[str] | None,
    valence: float | None,
    arousal: float | None,
) -> Plan:
    """Fill in what was not asked for."""
    alone = bool(rng.random() < (0.45 if not instruments else 0.5 if len(instruments) == 1 else 0.0))
    alone = alone if solo is None else solo
    sings = bool(rng.random() < (0.2 if alone else 0.48))
    sings = (sings and not (alone and instruments)) if vocals is None else vocals
    name = genre or draw_genre(rng, valence, arousal)
    style = STYLES[name]
    v = float(rng.uniform(*style.valence)) if valence is None else float(valence)
    a = float(rng.uniform(*style.arousal)) if arousal is None else float(arousal)
    voices: tuple[str, ...] = ()
    if sings:
        voices = (str(rng.choice(KINDS, p=(0.35, 0.35, 0.15, 0.15))),)
        if rng.random() < 0.12 and "speech" not in voices:
            voices = tuple(dict.fromkeys((*voices, str(rng.choice(KINDS[:3])))))
    if alone:
        labels = tuple(dict.fromkeys(instruments or ()))
        if instruments is None and not sings:
            labels = (str(rng.choice(INSTRUMENTS)),)
    else:
        labels = draw_line_up(rng, style, instruments, a)
    single = alone and len(labels) == 1 and not sings and rng.random() < 0.4
    return Plan(name, name if genre or not alone else None, Feel(v, a), labels, voices, bool(single))


def lay_grid(rng: np.random.Generator, plan: Plan, duration_s: float) -> Grid:
    """Tempo, metre, mode and harmony of a plan."""
    style, feel = STYLES[plan.style_name], plan.feel
    slow, fast = style.tempo_bpm
    pace = np.clip(0.5 + 0.45 * feel.arousal + rng.normal(0, 0.15), 0, 1)
    minor = rng.random() < 1 / (1 + np.exp(5.0 * feel.valence))
    form = str(rng.choice(style.forms))
    return draw_grid(
        rng,
        tempo_bpm=float(np.round(slow + (fast - slow) * pace, 1)),
        duration_s=duration_s,
        minor=bool(minor),
        beats=3 if rng.random() < style.waltz else 4,
        swing=float(rng.uniform(0.6, 0.68)) if rng.random() < style.swing else 0.5,
        sevenths=style.sevenths,
        form=form,
    )


def render_music(
    seed: int,
    *,
    duration_s: float = 10.0,
    rate_hz: int = 44100,
    genre: str | None = None,
    vocals: bool | None = None,
    degraded: bool | None = None,
    solo: bool | None = None,
    instruments: Sequence[str] | None = None,
    valence: float | None = None,
    arousal: float | None = None,
) -> Music:
    """Render a clip of music of which everything is known. The same arguments give the same bytes.

    Args:
        seed: draws everything that is not asked for.
        duration_s: length.
        rate_hz: sample rate.
        genre: a genre label.
        vocals: with or without voices.
        degraded: damaged or clean.
        solo: one instrument or voice alone, or an arrangement.
        instruments: labels that must play; alone with ``solo``, otherwise with others of the genre.
        valence: -1..1.
        arousal: -1..1.

    Raises:
        LookupError: an unknown genre or instrument.
        ValueError: a length or rate that is too small.
    """
    check_request(genre, instruments, duration_s, rate_hz)
    rng = np.random.default_rng([seed, 20])
    plan = draw_plan(rng, genre, vocals, solo, instruments, valence, arousal)
    samples = round(duration_s * rate_hz)
    grid = lay_grid(rng, plan, duration_s)
    offset_s = float(rng.uniform(0, grid.beats)) * grid.beat_s if rng.random() < 0.6 else 0.0
    cents = float(rng.uniform(-50, 50)) if rng.random() < 0.5 else 0.0
    stems = render_stems(rng, plan, grid, offset_s, cents, samples, rate_hz)
    voice, sung = render_voices(rng, plan, grid, offset_s, samples, rate_hz, alone=not stems)
    mix, voice, heard = mix_down(rng, plan, stems, voice, rate_hz)
    pitched = any(not SOUNDS[label].drums for label in heard) or any(kind != "speech" for kind in sung)
    on_grid = not plan.single and (bool(heard) or any(kind != "speech" for kind in sung))
    damage_name, degree = None, 0.0
    if rng.random() < 0.3 if degraded is None else degraded:
        damage_name, degree = str(rng.choice(effects.DEGRADATIONS)), float(np.round(rng.uniform(0.2, 1.0), 3))
        mix = effects.damage(mix, rng, rate_hz, damage_name, degree)
        mix = (mix / max(1.0, float(np.abs(mix).max()) / 0.99)).astype(np.float32)
    truth = MusicTruth(
        instruments=heard,
        genre=plan.genre,
        moods=moods_near(plan.feel.valence, plan.feel.arousal) if on_grid else (),
        valence=plan.feel.valence,
        arousal=plan.feel.arousal,
        tempo_bpm=grid.tempo_bpm if on_grid else None,
        key=grid.key if on_grid and pitched else None,
        vocals=sung,
        degradation=damage_name,
        degree=degree,
    )
    return Music(mix, voice, truth)


def render_stems(
    rng: np.random.Generator,
    plan: Plan,
    grid: Grid,
    offset_s: float,
    cents: float,
    samples: int,
    rate_hz: int,
) -> dict[str, np.ndarray]:
    """Every instrument's part at a level drawn for its role."""
    duration_s = samples / rate_hz
    tight = rng.random() < 0.4
    stems: dict[str, np.ndarray] = {}
    taken: list[str] = []
    for label in plan.labels:
        role = choose_role(rng, label, plan.style_name, taken)
        taken.append(role)
        if plan.single:
            notes = single_notes(rng, label, duration_s)
        else:
            notes = excerpt(compose(rng, label, role, plan.style_name, grid, plan.feel), offset_s, duration_s)
            notes = humanise(notes, rng, 0.0 if tight else 0.004, 5.0)
        gloss = float(
            np.clip(
                0.5 * plan.feel.brightness + 0.5 * STYLES[plan.style_name].gain + rng.normal(0, 0.15), 0, 1
            )
        )
        part = render_part(label, notes, rng, samples=samples, rate_hz=rate_hz, cents=cents, gloss=gloss)
        gain_db = rng.normal({"melody": -1.0, "drums": -1.0, "bass": -2.0}.get(role, -5.0), 2.5)
        stems[label] = part * np.float32(10 ** (np.clip(gain_db, -10, 3) / 20))
    return stems


def render_voices(
    rng: np.random.Generator,
    plan: Plan,
    grid: Grid,
    offset_s: float,
    samples: int,
    rate_hz: int,
    *,
    alone: bool,
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """The voice stem, and the kinds of voices in it."""
    voice: np.ndarray | None = None
    for kind in plan.voices:
        low, high = voice_range(rng, kind)
        density = str(rng.choice(("sparse", "medium", "medium", "dense")))
        tune = melody(
            rng,
            grid,
            low,
            high,
            density=density,
            velocity=plan.feel.velocity,
            legato=float(rng.uniform(0.85, 1)),
        )
        notes = humanise(excerpt(tune, offset_s, samples / rate_hz), rng, 0.004, 5.0)
        part = render_voice(kind, notes, rng, samples=samples, rate_hz=rate_hz)
        loud = effects.active_level(part, rate_hz)
        gain = np.float32(0.1 / max(loud, 1e-6) * 10 ** (np.clip(rng.normal(1.0, 3.0), -6, 6) / 20))
        voice = part * gain if voice is None else voice + part * gain
    return voice, plan.voices


def mix_down(
    rng: np.random.Generator, plan: Plan, stems: dict[str, np.ndarray], voice: np.ndarray | None, rate_hz: int
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Mix, room, compressor and level; and the labels that can be heard, the loudest first."""
    style = STYLES[plan.style_name]
    samples = next(iter(stems.values())).shape[1] if stems else voice.shape[1] if voice is not None else 0
    instrumental = np.zeros((2, samples), np.float32)
    for part in stems.values():
        instrumental += part
    whole = effects.level(instrumental if voice is None else instrumental + voice)
    levels = {label: effects.level(part) for label, part in stems.items()}
    heard = [label for label, loud in levels.items() if loud > whole * 10 ** (AUDIBLE_DB / 20)]
    buses = [bus for bus in (instrumental if stems else None, voice) if bus is not None]
    buses = effects.shape_all(buses, rng, rate_hz, brightness=plan.feel.brightness, wetness=style.wetness)
    if rng.random() < 0.5:
        total = np.sum(buses, axis=0)
        threshold_db = 20 * np.log10(max(effects.level(total), 1e-6)) - rng.uniform(0, 8)
        gain = effects.compressor_gain(
            total, rate_hz, threshold_db, rng.uniform(1.5, 6), rng.uniform(0.03, 0.4)
        )
        buses = [bus * gain for bus in buses]
    width = float(rng.choice((0.0, 0.5, 1.0, 1.0, 1.3)))
    buses = [effects.widen(bus, width) for bus in buses]
    mix = np.sum(buses, axis=0)
    target = 10 ** (np.clip(rng.normal(-19, 7), -40, -5) / 20)
    scale = min(target / max(effects.level(mix), 1e-7), 0.98 / max(float(np.abs(mix).max()), 1e-7))
    mix = (mix * scale).astype(np.float32)
    if rng.random() < 0.3:
        hiss = effects.coloured_noise(rng, mix.shape[1], float(rng.choice((0.0, 0.5))))
        mix = mix + hiss * np.float32(effects.level(mix) * 10 ** (-rng.uniform(55, 75) / 20))
    heard.sort(key=lambda label: -levels[label])
    return mix, (buses[-1] * scale).astype(np.float32) if voice is not None else None, tuple(heard)


def silence_or_noise(seed: int, duration_s: float = 10.0, rate_hz: int = 44100) -> np.ndarray:
    """A clip without music: silence, noise of some colour, wind, crackle or applause.

    Args:
        seed: draws kind and level.
        duration_s: length.
        rate_hz: sample rate.

    Returns:
        float32 (2, n).
    """
    rng = np.random.default_rng([seed, 21])
    samples = round(duration_s * rate_hz)
    kind = str(rng.choice(("silence", "coloured", "band", "wind", "clicks", "applause", "hum")))
    sound = effects.coloured_noise(rng, samples, float(rng.uniform(-0.2, 1.2)))
    t = np.arange(samples) / rate_hz
    if kind == "band":
        low = rng.uniform(50, 3000)
        hz = np.fft.rfftfreq(samples, 1 / rate_hz)
        sound = np.fft.irfft(
            np.fft.rfft(sound) * effects.band_curve(hz, low, low * rng.uniform(1.5, 8), 2), samples
        )
    elif kind == "wind":
        slow = np.interp(
            t, np.arange(0, duration_s + 1, 0.5), rng.uniform(0.05, 1, len(np.arange(0, duration_s + 1, 0.5)))
        )
        sound = sound * slow
    elif kind in ("clicks", "applause"):
        rate = rng.uniform(1, 30) if kind == "clicks" else rng.uniform(80, 600)
        hits = (rng.random((2, samples)) < rate / rate_hz) * rng.standard_normal((2, samples))
        body = rng.standard_normal(int(rng.uniform(0.001, 0.02) * rate_hz) + 2)
        body *= np.exp(-np.arange(len(body)) / (len(body) / 4))
        sound = np.stack([np.convolve(line, body, "same") for line in hits]) + 1e-4 * sound
    elif kind == "hum":
        base = rng.choice((50.0, 60.0, 100.0, 120.0))
        wave = sum(np.sin(2 * np.pi * base * k * t) * rng.uniform(0, 1) / k for k in range(1, 12))
        sound = np.stack([wave, wave]) + 0.05 * sound
    level_db = rng.uniform(-95, -65) if kind == "silence" else rng.uniform(-45, -8)
    sound = sound / max(effects.level(sound), 1e-9) * 10 ** (level_db / 20)
    return (sound * min(1.0, 0.99 / max(float(np.abs(sound).max()), 1e-9))).astype(np.float32)
