"""Try the level from which a separator's voice is one: `python -m bench.quality.voice_heard --media MEDIA`.

For several levels, the share of sounds with a voice that would be separated, and that of sounds without one
that would be left alone. Then a level is chosen on four fifths of them (the one with the
best mean of both shares) and tried on the rest, five times. The sounds: labelled recordings of MEDIA's
INDEX.csv, real singers over its music all along and in the first quarter alone, and rendered songs. The AUC
says how well the level tells them apart at all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from bench.quality.media_index import read_media_index
from bench.quality.separation import RATE_HZ, read_sound, real
from leitmotif.media.errors import MediaError
from leitmotif.music.render import render_music
from leitmotif.separation.separator import instrumental, make, separate_blocks
from leitmotif.separation.voice_level import VoiceMeter
from leitmotif.train_mini.ranking_metrics import area_under_roc

VOICE = ("singing", "voice", "vocals", "choir", "soprano", "speech", "dialogue", "narration", "talk")
# Whether there is a voice is not said, or too little is left of the sound to tell.
UNCLEAR = (
    "not stated",
    "separated accompaniment",
    "degraded",
    "silen",
    "vlog",
    "laughing",
    "dog on",
    "music1",
)
SEEDS = range(8000, 8014)  # of no other measurement
LEVELS_DB = np.arange(-30.0, 5.0, 0.5)
SHOWN_DB = (-20, -16, -12, -10, -8, -4)


def sounds(media: Path) -> Iterator[tuple[str, bool, np.ndarray]]:
    """Yield name, whether there is a voice, and the sound (2, n)."""
    for row in read_media_index(media):
        words = row["labels"].lower()
        if row["kind"] not in ("music", "speech", "video") or any(word in words for word in UNCLEAR):
            continue
        try:
            sound = read_sound(media / row["file"], 24.0)
        except MediaError:  # a film without sound
            continue
        yield row["file"], row["kind"] == "speech" or any(word in words for word in VOICE), sound
    for number, each in enumerate(real(media)):
        if each.group == "real singers over real music":
            quarter = each.mix.copy()
            begins = quarter.shape[1] // 4
            quarter[:, begins:] = each.music[:, begins:]
            yield f"mix {number}", True, each.mix
            yield f"mix {number}, a quarter", True, quarter
    for seed in SEEDS:
        for vocals in (True, False):
            song = render_music(seed, duration_s=11.8, vocals=vocals, degraded=False, solo=False)
            yield f"render {seed}", vocals, np.asarray(song.mix, np.float32)


def shares(levels_db: np.ndarray, sung: np.ndarray, limit_db: float) -> tuple[float, float]:
    """Return the share of sounds with a voice at the limit or above, and of those without below it."""
    return float(np.mean(levels_db[sung] >= limit_db)), float(np.mean(levels_db[~sung] < limit_db))


def choose(levels_db: np.ndarray, sung: np.ndarray) -> float:
    """Return the limit with the best mean of both shares; the middle one of several."""
    means = np.array([sum(shares(levels_db, sung, limit)) for limit in LEVELS_DB])
    best = np.flatnonzero(means >= means.max() - 1e-9)
    return float(LEVELS_DB[best[len(best) // 2]])


def report(levels_db: np.ndarray, sung: np.ndarray) -> Iterator[str]:
    """Yield the lines that are printed."""
    auc = area_under_roc(sung, levels_db)
    yield f"{sung.sum()} sounds with a voice, {(~sung).sum()} without; AUC {auc:.3f}"
    for limit in SHOWN_DB:
        separated, kept = shares(levels_db, sung, limit)
        yield f"  {limit} dB: {separated:.2f} separated, {kept:.2f} left alone"
    folds = np.random.default_rng(0).permutation(len(sung)) % 5
    tried = np.array([choose(levels_db[folds != fold], sung[folds != fold]) for fold in range(5)])
    right = levels_db >= tried[folds]
    yield f"  chosen on four fifths ({', '.join(f'{limit:g}' for limit in tried)} dB), tried on the rest: "
    yield f"    {right[sung].mean():.2f} separated, {(~right[~sung]).mean():.2f} left alone"


def main() -> None:
    """Measure all sounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--backend", default="spleeter")
    options = parser.parse_args()
    torch.set_num_threads(1)
    separator = make(options.backend).load()
    found: list[tuple[float, bool]] = []
    for name, sung, sound in sounds(options.media):
        meter = VoiceMeter(RATE_HZ)
        for stems in separate_blocks([sound], separator, RATE_HZ):
            music = instrumental(stems, separator.stems)
            meter.add(music, stems.sum(axis=0) - music)
        found.append((meter.voice_db, sung))
        print(f"{meter.voice_db:6.1f} {'voice' if sung else '-':6} {name}", flush=True)
    print("\n".join(report(np.array([level for level, _ in found]), np.array([sung for _, sung in found]))))


if __name__ == "__main__":
    main()
