"""Measure what the profile `embedded` says of real media: `python -m bench.quality.embedded --media FOLDER`.

FOLDER has recordings and an INDEX.csv with the columns `file` and `kind` (video, music, speech, noise). All
of them are curated twice by the recipe `auto`, as a user would: by the models that stand in where nothing is
fetched, and by those that `leitmotif fetch-models --profile embedded` fetches. Told are, as counts of known
files, what is kept that holds no music, which captions speak of an instrumental, where a tempo is stated that
nothing beats, what music has no genre or is led by timpani, and how often the genre is right.

Other scripts beside this one measure single parts: `tags`, `separation`, `voices`, `voice_fit`, `lyrics`,
`shots` and `reencoding`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bench.quality.media_index import read_media_index
from bench.quality.tags import read_truths, truth_of
from bench.quality.voice_fit import voice_in
from bench.quality.voices import OF_KIND, WITH_MUSIC
from leitmotif.pipelines.dataset_rows import read_columns
from leitmotif.pipelines.entries import take
from leitmotif.reports.workspace import open_workspace

SIDES = ("stand-ins", "fetched")
CURATE = """
import sys
from leitmotif import curate
curate(sys.argv[2:], sys.argv[1], recipe="auto", profile="embedded", measure_all=True)
"""
# One note, chord or stroke that is held or dies away: there is nothing to count.
HELD = (
    "*/cello-double*.wav",
    "*/flute-A4.wav",
    "*/oboe-A4.wav",
    "*/organ-C3.wav",
    "*/soprano-E4.wav",
    "*/vibraphone-C6.wav",
    "*/violin-B3.wav",
    "*/femalevoice*.mp3",
    "*/gong_2.mp3",
    "*/Cb-ord-A2*.wav",
    "*/ambi_*.flac",
    "*/loop_drone*.flac",
    "*/perc_bell2.flac",
    "*/guit_e_slide.flac",
)


@dataclass(frozen=True)
class Told:
    """What a side says of one file; None and empty where nothing is said."""

    file: str
    kind: str
    kept: bool
    rule: str | None
    tempo_bpm: float | None = None
    caption: str = ""
    genres: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    tagged: bool = False


def curate(paths: Iterable[Path], workspace: Path, side: str) -> None:
    """Curate files by a side's models, in a process of its own; `SIDES[0]` finds none fetched."""
    with TemporaryDirectory() as empty:
        models = {"LEITMOTIF_MODELS": empty} if side == SIDES[0] else {}
        command = [sys.executable, "-c", CURATE, str(workspace), *map(str, paths)]
        subprocess.run(command, check=True, env=os.environ | models, stdout=sys.stderr)


def read(workspace: Path, folder: Path, kinds: Mapping[str, str]) -> list[Told]:
    """Return what a workspace says of every file that it did not quarantine."""
    opened = open_workspace(workspace)
    entries = [entry for entry in opened.ledger.entries if entry.outcome.error is None]
    names = [str(Path(entry.source.path).relative_to(folder.resolve())) for entry in entries]
    scored = pc.is_valid(take(entries, "tagging", "scores")).to_pylist()
    heard = [entry for entry, known in zip(entries, scored, strict=True) if known]
    columns = ["tempo_bpm", "caption", "genres", "instruments"]
    table: pa.Table = read_columns(opened.ledger, heard, columns)
    rows = iter(table.to_pylist())
    found = []
    for entry, name, known in zip(entries, names, scored, strict=True):
        row: dict[str, Any] = next(rows) if known else {}
        tags = {kind: tuple(tag["tag"] for tag in row.get(kind) or ()) for kind in columns[2:]}
        found.append(
            Told(
                file=name,
                kind=kinds[name],
                kept=entry.outcome.is_kept,
                rule=entry.outcome.rule,
                tempo_bpm=row.get("tempo_bpm"),
                caption=row.get("caption") or "",
                tagged=known,
                **tags,
            )
        )
    return found


def questions(told: Iterable[Told]) -> dict[str, tuple[list[Told], Callable[[Told], bool]]]:
    """Return by question the files that it is asked of, and what counts."""
    told = list(told)
    genres = read_truths()["genre"]
    tracks = [each for each in told if each.kind != "video"]
    music = [each for each in told if each.kind == "music" and each.tagged]
    with_music = {each.file: OF_KIND.get(each.kind, WITH_MUSIC.get(each.file)) for each in told}

    def says_instrumental(each: Told) -> bool:
        return "instrumental" in each.caption.lower()

    return {
        "kept videos that hold no music": (
            [each for each in told if each.kind == "video" and each.kept and each.file in WITH_MUSIC],
            lambda each: not WITH_MUSIC[each.file],
        ),
        "kept tracks that hold no music": (
            [each for each in tracks if each.kept],
            lambda each: with_music[each.file] is False,
        ),
        "music that a rule takes for none": (
            [each for each in told if with_music[each.file]],
            lambda each: each.rule == "not-music",
        ),
        "kept tracks with a voice, called instrumental": (
            [each for each in tracks if each.kept and voice_in(each.file, each.kind)],
            says_instrumental,
        ),
        "kept music without a voice, called instrumental": (
            [each for each in tracks if each.kept and voice_in(each.file, each.kind) is False],
            says_instrumental,
        ),
        "music without a voice that the rule `vocal` takes": (
            [each for each in tracks if voice_in(each.file, each.kind) is False],
            lambda each: each.rule == "vocal",
        ),
        "a tempo for one held note or chord": (
            [each for each in music if any(fnmatch(each.file, pattern) for pattern in HELD)],
            lambda each: each.tempo_bpm is not None,
        ),
        "a tempo for speech, applause, noise or animals": (
            [each for each in tracks if each.kind in ("speech", "noise") and each.tagged],
            lambda each: each.tempo_bpm is not None,
        ),
        "music without a genre": (music, lambda each: not each.genres),
        "music whose first instrument is timpani": (music, lambda each: each.instruments[:1] == ("timpani",)),
        "music of known genre whose first genre is right": (
            [each for each in music if truth_of(each.file, genres)],
            lambda each: bool(set(each.genres[:1]) & truth_of(each.file, genres)),
        ),
    }


def main() -> None:
    """Curate, compare and tell, as a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, required=True, help="folder of recordings with an INDEX.csv")
    parser.add_argument("--out", type=Path, help="keep the workspace here, and go on with it")
    parser.add_argument("--every", type=int, default=1, help="only every Nth file")
    parser.add_argument("--names", action="store_true", help="also name the files that were counted")
    given = parser.parse_args()
    folder = given.media.resolve()
    rows = read_media_index(folder)
    kinds = {row["file"]: row["kind"] for row in rows if row["kind"] in (*OF_KIND, "video")}
    kinds = dict(list(kinds.items())[:: given.every])
    sides = {}
    with TemporaryDirectory() as scratch:
        for side in SIDES:
            workspace = given.out or Path(scratch) / "workspace"  # one: equal stages measure once
            curate([folder / name for name in kinds], workspace, side)
            sides[side] = questions(read(workspace, folder, kinds))
    print(f"| of {len(kinds)} files | {' | '.join(SIDES)} |\n|---|---|---|")
    for question in sides[SIDES[0]]:
        cells, named = [], []
        for side in SIDES:
            asked, counts = sides[side][question]
            hits = [each.file for each in asked if counts(each)]
            cells.append(f"{len(hits)} of {len(asked)}")
            named.append(f"<!-- {side}: {', '.join(hits)} -->")
        print(f"| {question} | {' | '.join(cells)} |")
        if given.names:
            print("\n".join(named))


if __name__ == "__main__":
    main()
