"""Measure how well copies are found: `python -m bench.quality.duplicates [--media FOLDER]`.

Recordings are rendered (every seed is another one) or read from a folder, altered as uploaders do, and looked
for among all originals. Told are, for each alteration, how many copies each step finds, and how many pairs of
different recordings it takes for one.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import av.filter
import numpy as np
import soxr

from leitmotif.filters import duplicates
from leitmotif.filters.fingerprint.altered import (
    ALIKE,
    MIN_WORDS,
    NEAREST,
    SAME_RECORDING,
    AlteredFingerprint,
)
from leitmotif.filters.fingerprint.fingerprint import fingerprint
from leitmotif.filters.fingerprint.neighbours import nearest_pairs
from leitmotif.filters.fingerprint.search import match_earlier

log = logging.getLogger("leitmotif.bench")

RATE_HZ = 44100
SEMITONE = 2 ** (1 / 12)

ALTERATIONS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "re-encoded": lambda track: encoded_again(track),
    "trimmed": lambda track: track[round(2.3 * RATE_HZ) : -round(1.7 * RATE_HZ)],
    "3 % faster, same pitch": lambda track: stretched(track, 1.03),
    "3 % faster, higher": lambda track: played_at(track, 1.03),
    "3 % slower, lower": lambda track: played_at(track, 0.97),
    "6 % faster, higher": lambda track: played_at(track, SEMITONE),
    "a semitone up": lambda track: stretched(played_at(track, SEMITONE), 1 / SEMITONE),
    "two semitones down": lambda track: stretched(played_at(track, SEMITONE**-2), SEMITONE**2),
    "faster, trimmed, re-encoded": lambda track: encoded_again(
        played_at(track[round(2.3 * RATE_HZ) : -round(1.7 * RATE_HZ)], 1.03)
    ),
}


def played_at(track: np.ndarray, speed: float) -> np.ndarray:
    """Return a mono track as a tape would play it: faster and higher together."""
    return soxr.resample(track, RATE_HZ * speed, RATE_HZ)


def stretched(track: np.ndarray, speed: float) -> np.ndarray:
    """Return a mono track at another speed and the same pitch (FFmpeg's atempo)."""
    graph = av.filter.Graph()
    source = graph.add(
        "abuffer", f"sample_rate={RATE_HZ}:sample_fmt=flt:channel_layout=mono:time_base=1/{RATE_HZ}"
    )
    tempo, sink = graph.add("atempo", f"{speed}"), graph.add("abuffersink")
    source.link_to(tempo)
    tempo.link_to(sink)
    graph.configure()
    pieces: list[np.ndarray] = []

    def pull() -> None:
        while True:
            try:
                pieces.append(sink.pull().to_ndarray()[0])
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    for start in range(0, len(track), 4096):
        source.push(_frame(track[start : start + 4096], start))
        pull()
    source.push(None)
    pull()
    return np.concatenate(pieces)


def encoded_again(track: np.ndarray, codec: str = "libmp3lame", bits_s: int = 64_000) -> np.ndarray:
    """Return a mono track after a lossy codec."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as out:
        stream = out.add_stream(codec, rate=RATE_HZ, layout="mono")
        stream.bit_rate = bits_s
        for start in range(0, len(track), 4096):
            out.mux(stream.encode(_frame(track[start : start + 4096], start)))
        out.mux(stream.encode(None))
    file.seek(0)
    return read_track(file)


def _frame(samples: np.ndarray, at: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="flt", layout="mono")
    frame.sample_rate, frame.pts = RATE_HZ, at
    return frame


def read_track(file: Path | io.BytesIO, *, longest_s: float = 600.0) -> np.ndarray:
    """Return the beginning of a file's sound, mono."""
    resampler, pieces, count = av.AudioResampler("flt", "mono", RATE_HZ), [], 0
    with av.open(str(file) if isinstance(file, Path) else file) as container:
        if not container.streams.audio:
            return np.zeros(0, np.float32)
        for frame in container.decode(audio=0):
            for resampled in resampler.resample(frame):
                pieces.append(resampled.to_ndarray()[0])
                count += resampled.samples
            if count > longest_s * RATE_HZ:
                break
    return np.concatenate([np.zeros(0, np.float32), *pieces])


def _read(path: Path) -> np.ndarray:
    try:
        return read_track(path, longest_s=120.0)
    except av.error.FFmpegError as error:
        log.warning("%s: passed over, %s", path, error)
        return np.zeros(0, np.float32)


def rendered(count: int, *, duration_s: float = 20.0) -> dict[str, np.ndarray]:
    """Return the music of so many rendered clips, mono, by their seeds."""
    from leitmotif.music.render import render_music  # needs the extra `demo`

    return {
        f"seed {seed}": render_music(seed, duration_s=duration_s, solo=False, degraded=False).mix.mean(axis=0)
        for seed in range(9000, 9000 + count)
    }


def measure(named: Mapping[str, np.ndarray], embed: Callable[[np.ndarray], np.ndarray]) -> dict[str, Any]:
    """Alter every track in every way and look for the copies.

    Args:
        named: Different recordings, mono, at `RATE_HZ`; silence, which has no fingerprint, is left out.
        embed: Returns the CLAP embedding of a track, shape (dim,), L2-normalised.

    Returns:
        For each alteration the share of copies (recall) that the rule against near-duplicates finds, that
        are among the nearest embeddings, whose fingerprints agree, and that are found in the end: as
        near-duplicate, or as neighbour with a fingerprint that agrees. And the share of pairs found that are
        copies (precision).
    """
    named = {name: track for name, track in named.items() if np.count_nonzero(_words(track)) >= 2 * MIN_WORDS}
    tracks = list(named.values())
    words, embeddings = [_words(track) for track in tracks], [embed(track) for track in tracks]
    ready = [AlteredFingerprint(each) for each in words]
    wrong = _wrong(list(named), words, ready, np.array(embeddings))
    figures: dict[str, Any] = {
        "recordings": len(tracks),
        "different recordings taken for one": wrong,
        "recall": {},
    }
    found = 0
    for name, alter in ALTERATIONS.items():
        copies = [alter(track) for track in tracks]
        copied = [_words(copy) for copy in copies]
        near = match_earlier([*words, *copied])[len(tracks) :]
        is_near = [n == i and s > duplicates.RULES[0].threshold for i, (s, n) in enumerate(near)]
        # One copy at a time beside all originals: copies of one recording would crowd each other out.
        together = [np.array([*embeddings, embed(copy)]) for copy in copies]
        is_neighbour = [
            (i, len(tracks)) in nearest_pairs(each, at_least=ALIKE, count=NEAREST)
            for i, each in enumerate(together)
        ]
        agrees = [
            AlteredFingerprint(copy).agreement(own).similarity
            for copy, own in zip(copied, ready, strict=True)
        ]
        same = [similarity >= SAME_RECORDING for similarity in agrees]
        both = [a or (b and c) for a, b, c in zip(is_near, is_neighbour, same, strict=True)]
        found += sum(both)
        figures["recall"][name] = {
            "near-duplicate": _share(is_near),
            "neighbour": _share(is_neighbour),
            "print agrees": _share(same),
            "lowest agreement": round(min(agrees), 3),
            "found": _share(both),
        }
    figures["precision"] = round(found / max(1, found + len(ALTERATIONS) * wrong["found"]), 4)
    return figures


def _words(track: np.ndarray) -> np.ndarray:
    return np.frombuffer(fingerprint(np.asarray(track, np.float32), RATE_HZ), "<u4")


def _wrong(
    names: Sequence[str],
    words: Sequence[np.ndarray],
    ready: Sequence[AlteredFingerprint],
    embeddings: np.ndarray,
) -> dict[str, Any]:
    """Count the pairs of different recordings that each step takes for one."""
    pairs = [(a, b) for b in range(len(words)) for a in range(b)]
    agreement = {pair: ready[pair[1]].agreement(ready[pair[0]]).similarity for pair in pairs}
    same = {pair for pair, similarity in agreement.items() if similarity >= SAME_RECORDING}
    neighbours = set(nearest_pairs(embeddings, at_least=ALIKE, count=NEAREST))
    near = {(n, i) for i, (s, n) in enumerate(match_earlier(words)) if s > duplicates.RULES[0].threshold}
    highest = sorted(agreement, key=lambda pair: -agreement[pair])[:5]
    return {
        "of pairs": len(pairs),
        "near-duplicate": len(near),
        "neighbour": len(neighbours),
        "print agrees": len(same),
        "found": len(near | (neighbours & same)),
        "highest agreement": [[names[a], names[b], round(agreement[a, b], 3)] for a, b in highest],
    }


def _share(hits: Sequence[bool]) -> float:
    return round(sum(hits) / max(1, len(hits)), 4)


def clap_embedder() -> Callable[[np.ndarray], np.ndarray]:
    """Return what embeds a track with the CLAP that ships, as the stage `tagging` does."""
    from leitmotif.encoders.clap import ClapEncoder
    from leitmotif.encoders.windows import track_windows

    encoder = ClapEncoder("clap-mini").load()

    def embed(track: np.ndarray) -> np.ndarray:
        sound = soxr.resample(track, RATE_HZ, encoder.rate_hz).astype(np.float32)
        windows = track_windows(iter([sound]), encoder.rate_hz, encoder.window_s)
        mean = encoder.embed_windows(windows).mean(axis=0)
        return mean / np.linalg.norm(mean)

    return embed


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rendered", type=int, default=40, metavar="N", help="clips to render")
    parser.add_argument("--media", type=Path, metavar="FOLDER", help="real recordings instead")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="length of each, at most")
    options = parser.parse_args()
    if options.media:
        files = sorted(
            path for path in options.media.rglob("*") if path.suffix in (".wav", ".mp3", ".mp4", ".ogg")
        )
        found = {str(path.relative_to(options.media)): _read(path) for path in files}
        tracks = {
            name: track[: round(options.seconds * RATE_HZ)]
            for name, track in found.items()
            if len(track) >= 10 * RATE_HZ
        }
    else:
        tracks = rendered(options.rendered, duration_s=options.seconds)
    print(json.dumps(measure(tracks, clap_embedder()), indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
