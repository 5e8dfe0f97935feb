"""Measure whether a track's numbers outlive another encoding: `python -m bench.quality.reencoding [FOLDER]`.

FOLDER is that of `make real-media`. Of a sample of its tracks the middle is written as FLAC, as Opus at 64
kbit/s and as MP3 at 128 kbit/s, and all of them are curated by the recipe `music-track` and the profile
`embedded`. Told are the share of tracks whose length, level, tempo, key and genres are those of the FLAC
file, and whatever differs. The level is that of the file; a file whose samples go beyond full scale, as
lossy ones of loud music do, is divided by its peak, which the written level shows. `--genres` hears the
genres alone, by the stage tagging: of 40 tracks in some minutes. `--whole` also reads every track of FOLDER
from its beginning to its end (ten hours: it takes some minutes), and names what cannot be read.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
import pyarrow as pa

from bench.quality.tags import Listener
from bench.real_media import Track, default_folder, read_index
from leitmotif.api.workspace import curate
from leitmotif.media.audio import extract_flac, iter_audio
from leitmotif.media.errors import MediaError
from leitmotif.media.probe import probe
from leitmotif.pipelines.dataset_rows import read_columns
from leitmotif.pipelines.entries import take
from leitmotif.reports.workspace import open_workspace

REFERENCE = "flac"
# By suffix: codec, bits a second, sampling rate.
LOSSY = {"opus": ("libopus", 64_000, 48_000), "mp3": ("libmp3lame", 128_000, 44_100)}
# Half of what is asked of a genre that is said: a score below it decides nothing.
LEAST_SCORE = 0.1
Row = Mapping[str, Any]


def _both(one: Any, other: Any, near: Callable[[float, float], bool]) -> bool:
    return one is other if one is None or other is None else near(one, other)


SAME: dict[str, Callable[[Row, Row], bool]] = {
    "length": lambda a, b: abs(a["duration_s"] - b["duration_s"]) <= 0.05,
    "level": lambda a, b: abs(a["level_db"] - b["level_db"]) <= 0.5,
    "written level": lambda a, b: abs(a["written_db"] - b["written_db"]) <= 0.5,
    "tempo": lambda a, b: _both(a["tempo_bpm"], b["tempo_bpm"], lambda x, y: abs(x / y - 1) <= 0.04),
    "key": lambda a, b: bool(a["key"] == b["key"]),
    "genres": lambda a, b: {tag["tag"] for tag in a["genres"]} == {tag["tag"] for tag in b["genres"]},
    "first genre": lambda a, b: (
        [tag["tag"] for tag in a["genres"][:1]] == [tag["tag"] for tag in b["genres"][:1]]
    ),
}
COLUMNS = {
    "length": "duration_s",
    "level": "level_db",
    "written level": "written_db",
    "tempo": "tempo_bpm",
    "key": "key",
    "genres": "genres",
    "first genre": "genres",
}


def write_encodings(path: Path, out: Path, name: str, start_s: float, duration_s: float) -> None:
    """Write a window of a file in every encoding: OUT/NAME.flac, and from that .opus and .mp3."""
    reference = out / f"{name}.{REFERENCE}"
    extract_flac(path, reference, start_s=start_s, duration_s=duration_s)
    for suffix, (codec, bits_s, rate_hz) in LOSSY.items():
        with av.open(str(out / f"{name}.{suffix}"), "w") as file:
            stream = file.add_stream(codec, rate=rate_hz, layout="stereo")
            stream.bit_rate = bits_s
            at = 0
            for block in iter_audio(reference, rate_hz=rate_hz):
                samples = np.ascontiguousarray(block, np.float32)
                frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
                frame.sample_rate, frame.pts = rate_hz, at
                at += frame.samples
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))


def read_rows(workspace: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return what was measured of each file of a workspace, and what was quarantined with the reason."""
    opened = open_workspace(workspace)
    failed = {e.source_id: str(e.outcome.message) for e in opened.ledger.entries if e.outcome.error}
    entries = [entry for entry in opened.ledger.entries if entry.outcome.error is None]
    table = read_columns(opened.ledger, entries, ["duration_s", "tempo_bpm", "key", "genres"])
    peaks, levels = (take(entries, "audio", name).to_numpy() for name in ("peak", "level_db"))
    table = table.append_column("written_db", pa.array(levels))
    table = table.append_column("level_db", pa.array(levels + 20 * np.log10(np.maximum(peaks, 1.0))))
    return dict(zip([entry.source_id for entry in entries], table.to_pylist(), strict=True)), failed


def hear_genres(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what genres the profile `embedded` says of the encodings of tracks, and the scores of all."""
    files = [f"{name}.{suffix}" for name in names for suffix in (REFERENCE, *LOSSY)]
    with TemporaryDirectory() as scratch:
        listener = Listener(Path(scratch))
        found = {file: listener.hear(folder / file, file, "music") for file in files}
    return {
        name: {
            "genres": [{"tag": tag, "score": heard.joined[tag]} for tag in heard.published["genres"]],
            "scores": {genre.id: heard.joined.get(genre.id, 0.0) for genre in listener.taxonomy.genres},
        }
        for name, heard in found.items()
        if heard
    }


def scores_move(rows: Mapping[str, Row], names: Iterable[str]) -> dict[str, float]:
    """Return by encoding how far scores of genres move, as a share of themselves (RMS; those from 0.1 on)."""
    moved: dict[str, list[float]] = {suffix: [] for suffix in LOSSY}
    for name in names:
        scores = rows[f"{name}.{REFERENCE}"]["scores"]
        for suffix, found in moved.items():
            other = rows[f"{name}.{suffix}"]["scores"]
            found += [other[genre] / score - 1 for genre, score in scores.items() if score >= LEAST_SCORE]
    return {suffix: round(float(np.sqrt(np.mean(np.square(found)))), 3) for suffix, found in moved.items()}


def compare(rows: Mapping[str, Row], names: Sequence[str]) -> dict[str, Any]:
    """Return by encoding the share of tracks whose number is that of the FLAC file, and what differs.

    Compared is what the rows have.
    """
    told: dict[str, Any] = {}
    there = [what for what in SAME if all(COLUMNS[what] in row for row in rows.values())]
    for suffix in LOSSY:
        pairs = [
            (name, rows[f"{name}.{REFERENCE}"], rows[f"{name}.{suffix}"])
            for name in names
            if f"{name}.{REFERENCE}" in rows and f"{name}.{suffix}" in rows
        ]
        told[suffix] = {"tracks": len(pairs)} | {
            what: round(sum(SAME[what](a, b) for _, a, b in pairs) / len(pairs), 3) for what in there
        }
        told[f"{suffix} differs"] = [
            f"{name}: {what} {_said(a[COLUMNS[what]])}, then {_said(b[COLUMNS[what]])}"
            for name, a, b in pairs
            for what in there
            if what != "first genre" and not SAME[what](a, b)
        ]
    return told


def _said(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(f"{tag['tag']} {tag['score']:.2f}" for tag in value) or "none"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def decode_whole(folder: Path, tracks: Iterable[Track]) -> dict[str, Any]:
    """Read whole tracks as the stages probe and audio do; return how many, and why which cannot be read."""
    count, failed = 0, {}
    with TemporaryDirectory() as scratch:
        for track in tracks:
            count += 1
            try:
                probe(folder / track.file)
                extract_flac(folder / track.file, Path(scratch) / "track.flac")
            except MediaError as error:
                failed[track.file] = str(error)
    return {"tracks": count, "not read": failed}


def main() -> None:
    """Encode, curate, compare and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, nargs="?", default=default_folder())
    parser.add_argument("--tracks", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=40.0, help="length of what is taken of each")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--out", type=Path, help="keep files and workspace here, and go on with them")
    parser.add_argument("--genres", action="store_true", help="hear the genres alone")
    parser.add_argument("--whole", action="store_true", help="also read every track of FOLDER whole")
    given = parser.parse_args()
    tracks = read_index(given.folder)
    if not tracks:
        parser.error(f"no {given.folder}/INDEX.csv; run `make real-media`")
    chosen = list(tracks)
    random.Random(given.seed).shuffle(chosen)  # more tracks of a seed begin with those of fewer
    del chosen[given.tracks :]
    with TemporaryDirectory() as scratch:
        out = given.out or Path(scratch)
        (out / "files").mkdir(parents=True, exist_ok=True)
        names = [track.file.replace("/", "-").rsplit(".", 1)[0] for track in chosen]
        for track, name in zip(chosen, names, strict=True):
            if not (out / "files" / f"{name}.mp3").exists():
                start_s = max(0.0, (track.duration_s - given.seconds) / 2)
                write_encodings(given.folder / track.file, out / "files", name, start_s, given.seconds)
        if given.genres:
            rows, failed = hear_genres(out / "files", names), {}
        else:
            curate(
                out / "files", out / "workspace", recipe="music-track", profile="embedded", measure_all=True
            )
            rows, failed = read_rows(out / "workspace")
        told = {"seed": given.seed, "seconds": given.seconds, **compare(rows, names), "quarantined": failed}
    if given.genres:
        told["scores move by"] = scores_move(rows, names)
    if given.whole:
        told["whole tracks"] = decode_whole(given.folder, tracks)
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
