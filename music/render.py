"""Music with known truth, drawn from a seed: the mix, the voice in it, and what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leitmotif.music import degradations
from leitmotif.music.mixing import mix_down, render_stems, render_voices
from leitmotif.music.moods import moods_near
from leitmotif.music.noises import silence_or_noise
from leitmotif.music.song_plan import check_request, draw_plan, lay_grid
from leitmotif.music.sounds import SOUNDS

__all__ = ["Music", "MusicTruth", "render_music", "silence_or_noise"]


@dataclass(frozen=True)
class MusicTruth:
    """What a rendered clip contains.

    Attributes:
        instruments: Labels audible in the clip, the loudest first.
        genre: Genre label; None where a clip is a solo of no particular genre.
        moods: Mood labels near (valence, arousal), nearest first; empty for single notes and speech.
        valence: -1..1.
        arousal: -1..1.
        tempo_bpm: Quarter notes a minute; None where nothing is on a grid.
        key: Such as `"C# minor"`; None where nothing is in a key.
        vocals: Kinds of voices.
        degradation: Name of the damage, or None.
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
    """A rendered clip; without damage, `mix` minus `voice` is the instrumental.

    Attributes:
        mix: float32 (2, n).
        voice: float32 (2, n), the voices as they sit in the mix before any damage; None without voices.
        parts: float32 (2, n) by label, every instrument as it enters the mix: dry, before the room, the
            equaliser and the compressor that the whole shares.
        truth: What the clip contains.
    """

    mix: np.ndarray
    voice: np.ndarray | None
    parts: dict[str, np.ndarray]
    truth: MusicTruth


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
        seed: Draws everything that is not asked for.
        duration_s: Length.
        rate_hz: Sample rate.
        genre: A genre label.
        vocals: Whether there are voices.
        degraded: Damaged or clean.
        solo: One instrument or voice alone, or an arrangement.
        instruments: Labels that must play; alone with `solo`, otherwise with others of the genre.
        valence: -1..1.
        arousal: -1..1.

    Raises:
        LookupError: An unknown genre or instrument.
        ValueError: A length or rate that is too small.
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
        mix, damage_name, degree = degradations.draw_damage(mix, rng, rate_hz)
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
    return Music(mix, voice, stems, truth)
