"""Measure how well beats are heard: `python -m bench.quality.rhythm [--media FOLDER] [--clips N]`.

Rendered are 15 s of each piece: music of the demo (N of the seeds from 0, and from 9,000,000), waltzes,
pieces in 6/8, and sounds without a beat. None of their seeds was used to fit anything
(`leitmotif.train_mini.rhythm`). Of FOLDER, with an INDEX.csv that has `file`, `kind` and `bpm_if_known`, the
tempi that are known are compared, and what is stated of speech and noise is named.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.quality.media_index import read_media_index
from leitmotif.media.audio import iter_audio
from leitmotif.media.errors import MediaError
from leitmotif.tagging.beats import Beat, find_beat
from leitmotif.tagging.downbeats import BEATS_A_BAR
from leitmotif.tagging.key import estimate_key
from leitmotif.train_mini.rhythm_pieces import KINDS, RATE_HZ, Piece

TOLERANCE = 0.04
NEAR_S = 0.07  # of a true beat: the window of MIREX
LATER_SEED = 9_000_000
COST_S = 24


def draw(kind: str, clips: int, first: int = 0) -> Iterator[Piece]:
    """Yield pieces of a kind."""
    for seed in range(first, first + clips):
        yield KINDS[kind](seed)


def with_beat(pieces: Iterator[Piece]) -> dict[str, Any]:
    """Judge pieces that have a tempo."""
    known = [piece for piece in pieces if piece.tempo_bpm is not None]
    found = [find_beat(piece.track, RATE_HZ) for piece in known]
    pairs = list(zip(known, found, strict=True))
    stated = [(piece, beat) for piece, beat in pairs if beat.tempo_bpm is not None]
    right = [(piece, beat) for piece, beat in stated if _ratio_is(piece, beat, 1.0)]
    counted = sum(any(_ratio_is(*pair, ratio) for ratio in (0.5, 1.0, 2.0)) for pair in stated)
    metres = Counter((piece.metre, beat.metre) for piece, beat in right)
    barred = [(piece, beat) for piece, beat in right if beat.downbeats_s is not None]
    begun = [near for pair in barred for near in _downbeats_near(*pair)]
    said = sum(count for (_, metre), count in metres.items() if metre is not None)
    return {
        "pieces": len(known),
        "tempo stated": _share(len(stated), len(known)),
        "within 4 %": _share(len(right), len(known)),
        "within 4 % of those stated": _share(len(right), len(stated)),
        "or half or double": _share(counted, len(stated)),
        "beats within 70 ms (F1)": round(float(np.mean([_f1(*pair) for pair in right])), 3),
        "metre stated": _share(said, len(right)),
        "metre right of those stated": _share(sum(metres[m, m] for m in ("4/4", "3/4", "6/8")), said),
        "metres": {f"{true} heard as {heard}": n for (true, heard), n in sorted(metres.items(), key=str)},
        "downbeats stated": _share(len(barred), len(right)),
        "downbeats within 70 ms of those stated": _share(sum(begun), len(begun)),
        "mean confidence": round(float(np.mean([beat.confidence for beat in found])), 3),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def _ratio_is(piece: Piece, beat: Beat, ratio: float) -> bool:
    assert piece.tempo_bpm is not None and beat.tempo_bpm is not None
    return abs(beat.tempo_bpm / piece.tempo_bpm / ratio - 1) <= TOLERANCE


def _f1(piece: Piece, beat: Beat) -> float:
    assert piece.tempo_bpm is not None
    beat_s = 60.0 / piece.tempo_bpm
    true = np.arange(beat_s - piece.offset_s % beat_s, len(piece.track) / RATE_HZ, beat_s)
    near = np.abs(np.subtract.outer(beat.beats_s or (), true)).min(axis=1) <= NEAR_S
    return 2 * float(near.sum()) / (len(near) + len(true))


def _downbeats_near(piece: Piece, beat: Beat) -> list[bool]:
    assert piece.tempo_bpm is not None and piece.metre is not None and beat.downbeats_s is not None
    bar_s = BEATS_A_BAR[piece.metre] * 60.0 / piece.tempo_bpm
    late_s = (np.asarray(beat.downbeats_s) + piece.offset_s) % bar_s
    return (np.minimum(late_s, bar_s - late_s) <= NEAR_S).tolist()


def without_beat(pieces: Iterator[Piece]) -> dict[str, Any]:
    """Count how many sounds without a beat have a tempo all the same."""
    found = [find_beat(piece.track, RATE_HZ) for piece in pieces if piece.tempo_bpm is None]
    return {
        "pieces": len(found),
        "tempo stated": _share(sum(beat.tempo_bpm is not None for beat in found), len(found)),
    }


def of_media(folder: Path) -> dict[str, Any]:
    """Judge real files: the tempi that are known, and what is stated of speech and noise."""
    tempi, silent, keyed = {}, {}, {}
    counts = Counter[str]()
    for row in read_media_index(folder):
        if row["kind"] == "corrupt":
            continue
        try:
            blocks = iter_audio(folder / row["file"], rate_hz=RATE_HZ, channels=1, duration_s=120.0)
            track = np.concatenate([block[0] for block in blocks])
        except MediaError:  # a film without sound
            continue
        beat, key = find_beat(track, RATE_HZ), estimate_key(track, RATE_HZ)
        bpm = None if beat.tempo_bpm is None else round(beat.tempo_bpm, 1)
        counts[row["kind"]] += 1
        counts[f"{row['kind']} with a tempo"] += bpm is not None
        if row["bpm_if_known"]:
            tempi[row["file"]] = {"true": float(row["bpm_if_known"]), "heard": bpm}
        if row["kind"] in ("speech", "noise"):
            if bpm is not None:
                silent[row["file"]] = bpm
            if key is not None:
                keyed[row["file"]] = key
    return {
        "known tempi": tempi,
        "files": dict(counts),
        "speech and noise with a tempo": silent,
        "speech and noise with a key": keyed,
    }


def cost() -> float:
    """Return the CPU seconds that a track of 24 s takes."""
    track = np.tile(KINDS["arranged"](1).track, 2)[: COST_S * RATE_HZ]
    find_beat(track, RATE_HZ)
    start = time.process_time()
    for _ in range(10):
        find_beat(track, RATE_HZ)
    return round((time.process_time() - start) / 10, 4)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=200, metavar="N", help="of each half of the music")
    parser.add_argument("--media", type=Path, metavar="FOLDER", help="real media with INDEX.csv")
    options = parser.parse_args(arguments)
    few = max(1, options.clips // 4)
    figures: dict[str, Any] = {
        "music": with_beat(draw("arranged", options.clips)),
        "music of later seeds": with_beat(draw("arranged", options.clips, LATER_SEED)),
        "6/8": with_beat(draw("compound", few)),
        "waltzes": with_beat(draw("waltz", few)),
        **{kind: without_beat(draw(kind, few)) for kind in ("irregular", "held", "noise", "solo")},
        f"CPU seconds for {COST_S} s": cost(),
    }
    if options.media:
        figures["media"] = of_media(options.media)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
