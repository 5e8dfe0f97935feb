"""Renders clips by seed and caches their log-mel features with the truth.

Seeds never overlap between what is trained on, what decides settings, and what is reported.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from transformers import ClapFeatureExtractor

from leitmotif.music.degradations import draw_damage
from leitmotif.music.render import Music, render_music, silence_or_noise
from leitmotif.storage.atomic import whole_file
from leitmotif.taxonomy.labels import load

TRAIN_SEEDS = 1_000_000  # and upwards
VALIDATION_SEEDS = 500_000  # .. TRAIN_SEEDS - 1
TEST_SEEDS = 0  # .. 99_999, shared with the demo corpus
TEST_SEEDS_END = 100_000

RATE_HZ = 48_000
WINDOW_S = 10  # as `ClapFeatureExtractor` by default
FRAMES = 256  # WINDOW_S * RATE_HZ // HOP + 1: what the network takes without stretching
MELS = 64
HOP = 1_882  # 39.2 ms, which makes 256 frames of a window
RANGE_DB = 60.0  # of a clip, below its own level, that the model gets to see
FLOOR_DB = -100.0  # what the extractor writes for digital silence
CHUNK = 16  # seeds a cache file


@dataclass(frozen=True)
class Truth:
    """What is known about one view of a rendered clip."""

    seed: int
    view: str  # "mix", "damaged" (the mix, degraded), "part", "voice", or "noise" (no music at all)
    instruments: tuple[str, ...]
    genre: str | None
    moods: tuple[str, ...]
    tempo_bpm: float | None
    key: str | None
    vocals: tuple[str, ...]
    degree: float  # of degradation, 0 is clean; below 0 is unknown


def make_extractor() -> ClapFeatureExtractor:
    """Return the extractor of clap-mini: 48 kHz, 10 s, 64 mels, 256 frames."""
    return ClapFeatureExtractor(
        feature_size=MELS,
        sampling_rate=RATE_HZ,
        hop_length=HOP,
        max_length_s=WINDOW_S,
        fft_window_size=4_096,
        frequency_min=50,
        frequency_max=16_000,
        truncation="rand_trunc",
        padding="repeatpad",
        range_db=RANGE_DB,
    )


@cache
def _extractor() -> ClapFeatureExtractor:
    return make_extractor()


def log_mel(window: np.ndarray) -> np.ndarray:
    """Return the log-mel features of one window, not levelled, shape (FRAMES, MELS), float16, in dB."""
    features = _extractor()(window, sampling_rate=RATE_HZ, return_tensors="np")["input_features"]
    return features[0, 0].astype(np.float16)


def render_views(seed: int) -> tuple[list[np.ndarray], list[Truth]]:
    """Return the features of views of a rendered clip, each of shape (FRAMES, MELS), and their truths.

    A clip to train on is rendered clean, and seen whole, damaged, and as each of its parts alone; any other
    is seen as it was drawn.
    """
    if seed < TRAIN_SEEDS:
        music = render_music(seed, duration_s=float(WINDOW_S), rate_hz=RATE_HZ)
        return [log_mel(_mono(music.mix))], [_truth_of(seed, music)]
    # Left to chance, some instruments are rare: every other training clip is asked for one, each in turn.
    labels = load().instruments
    asked = [labels[seed // 2 % len(labels)].id] if seed % 2 else None
    music = render_music(seed, duration_s=float(WINDOW_S), rate_hz=RATE_HZ, instruments=asked, degraded=False)
    whole = _truth_of(seed, music)
    damaged, _, degree = draw_damage(music.mix, np.random.default_rng([seed, 21]), RATE_HZ)
    features = [log_mel(_mono(music.mix)), log_mel(_mono(damaged))]
    truths = [whole, replace(whole, view="damaged", degree=degree)]
    alone = replace(whole, instruments=(), genre=None, moods=(), vocals=())
    for label, part in music.parts.items():
        features.append(log_mel(_mono(part)))
        truths.append(replace(alone, view="part", instruments=(label,)))
    if music.voice is not None:
        features.append(log_mel(_mono(music.voice)))
        truths.append(replace(alone, view="voice", vocals=whole.vocals))
    return features, truths


def _truth_of(seed: int, music: Music) -> Truth:
    truth = music.truth
    return Truth(
        seed, "mix", tuple(truth.instruments), truth.genre, tuple(truth.moods), truth.tempo_bpm, truth.key,
        tuple(truth.vocals), float(truth.degree) if truth.degradation else 0.0,
    )  # fmt: skip


def render_noise(seed: int) -> tuple[np.ndarray, Truth]:
    """Render a clip without music, noise or silence: features of shape (FRAMES, MELS), and the truth."""
    sound = _mono(silence_or_noise(seed, float(WINDOW_S), RATE_HZ))
    silent = float(np.sqrt(np.mean(sound**2))) < 1e-3
    return log_mel(sound), Truth(seed, "noise", (), None, (), None, None, (), -1.0 if silent else 1.0)


def _mono(stereo: np.ndarray) -> np.ndarray:
    size = WINDOW_S * RATE_HZ
    mono = stereo.mean(axis=0, dtype=np.float32)
    return np.pad(mono, (0, max(0, size - len(mono))))[:size]


def _render_chunk(seeds: Sequence[int], path: Path) -> None:
    """Render some seeds into one cache file, which appears whole or not at all."""
    if path.exists():
        return
    features: list[np.ndarray] = []
    truths: list[dict[str, object]] = []
    for seed in seeds:
        views, known = render_views(seed)
        features += views
        truths += [asdict(truth) for truth in known]
    noise, nothing = render_noise(seeds[0])
    features.append(noise)
    truths.append(asdict(nothing))
    with whole_file(path) as beside, beside.open("wb") as file:
        np.savez(file, features=np.stack(features), truths=np.array(json.dumps(truths)))


def render_corpus_features(first_seed: int, clips: int, cache_dir: Path, *, workers: int = 2) -> list[Path]:
    """Render clips in worker processes; what an earlier run cached is kept.

    Args:
        first_seed: Clips are the seeds from here upwards.
        clips: How many; rounded up to whole cache files.
        cache_dir: Where the cache files stand; a changed renderer needs another folder.
        workers: Processes.

    Returns:
        The cache files, in the order of the seeds.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    starts = range(first_seed, first_seed + clips, CHUNK)
    paths = [cache_dir / f"seeds-{start:07d}.npz" for start in starts]
    missing = [(start, path) for start, path in zip(starts, paths, strict=True) if not path.exists()]
    if missing:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            futures = [
                pool.submit(_render_chunk, range(start, start + CHUNK), path) for start, path in missing
            ]
            for future in futures:
                future.result()
    return paths


def read_corpus(paths: Sequence[Path]) -> tuple[np.ndarray, list[Truth]]:
    """Return the features (n, FRAMES, MELS) float16 and the truths of some cache files."""
    features, truths = [], []
    for path in paths:
        with np.load(path) as file:
            features.append(file["features"])
            rows = json.loads(str(file["truths"]))
        truths += [_truth(row) for row in rows]
    return np.concatenate(features), truths


def _truth(row: dict[str, Any]) -> Truth:
    known: dict[str, Any] = {name: tuple(x) if isinstance(x, list) else x for name, x in row.items()}
    return Truth(**known)
