"""Measure tags on recordings: `python -m bench.quality.tags --media FOLDER [--tracks FOLDER] [--each N]`.

FOLDER of `--media` holds recordings and `INDEX.csv`; what is asked of them stands in `tag_truths.csv` beside
this file: which instrument or voice plays alone, which genre it is. `--tracks` is the folder of
`make real-media`: whole tracks. Those of packages that are orchestral or electronic as a whole are all heard,
and N of each other package, evenly spread; by default all, which takes half an hour.

All goes the way of the product: sound as the workspace stores it, the stage tagging of the profile
`embedded`, and its thresholds. Beside it stands CLAP alone, which stands in where musicnn is not fetched.
Nothing is fitted here, but it is told which thresholds the recordings choose, each left out in turn.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.quality.media_index import read_media_index
from bench.real_media import read_index
from leitmotif.media.audio import extract_flac
from leitmotif.media.errors import MediaError
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import Clip, StageContext
from leitmotif.pipelines.stages.tagging import TaggingStage
from leitmotif.tagging.select import TagSettings, select_by_kind
from leitmotif.taxonomy.labels import TAG_KINDS, Taxonomy, load
from leitmotif.train_mini.ranking_metrics import area_under_roc
from leitmotif.train_mini.recordings import UNKNOWN_VOICE, VOICED, family_of

TRUTHS = Path(__file__).with_name("tag_truths.csv")
FAMILIES = ("strings", "keyboards", "winds", "percussion", "voice")
VOICES = ("male vocals", "female vocals", "choir")
# What the genres of a package's tracks may be called; "ambient" is in both packages, and says nothing.
PACKS = {"orchestral": ("classical", "cinematic"), "electronic": ("electronic", "hip hop")}
NEITHER = ("rock", "metal", "pop", "jazz", "blues", "funk", "folk", "country", "reggae", "latin")
GRID = tuple(round(0.1 + 0.01 * step, 2) for step in range(41))


@dataclass(frozen=True)
class Heard:
    """One recording: what the models say of each label, by way of both and of CLAP alone."""

    file: str
    kind: str
    joined: Mapping[str, float]
    clap: Mapping[str, float]
    published: Mapping[str, tuple[str, ...]]
    stand_in: Mapping[str, tuple[str, ...]]


class Listener:
    """Tags files as the stage does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plan = make_plan("music-track", "embedded", ["tagging.backend=musicnn+clap"])
        self.cosines = make_plan("music-track", "embedded", ["tagging.backend=clap"]).tags
        self.stage, self.taxonomy = TaggingStage(self.plan), load()
        self.stage.open(StageContext(folder, folder / "files", folder / "scratch", SandboxedWorker()))

    def hear(self, path: Path, name: str, kind: str) -> Heard | None:
        """Return what is heard in a file; None where it has no sound."""
        try:
            extract_flac(path, self.folder / "sound.flac")
        except MediaError:
            return None
        clip = Clip(name, path, inputs={"audio": {"file": "sound.flac"}})
        (row,) = self.stage.measure([clip])
        if isinstance(row, Exception):
            return None
        tags = [label.id for label in self.taxonomy.all_tags()]
        ids = tags + [label.id for label in self.taxonomy.vocals]
        scores = dict(zip(ids, [*row["scores"], *row["voices"]], strict=True))
        return Heard(
            name,
            kind,
            {label: score for label, score in scores.items() if score is not None},
            dict(zip(ids, map(float, row["clap_scores"]), strict=True)),
            self._chosen(row["scores"], self.plan.tags),
            self._chosen(row["clap_scores"][: len(tags)], self.cosines),
        )

    def _chosen(
        self, scores: Sequence[float | None], tags: Mapping[str, TagSettings]
    ) -> dict[str, tuple[str, ...]]:
        chosen = select_by_kind(np.array(scores, np.float32), self.taxonomy, tags)
        return {kind: tuple(tag["tag"] for tag in chosen[kind]) for kind in TAG_KINDS}


Scores = Callable[[Heard], Mapping[str, float]]
WAYS: dict[str, Scores] = {
    "clap-mini": lambda heard: heard.clap,
    "musicnn + clap-mini": lambda heard: heard.joined,
}


def read_truths() -> dict[str, dict[str, set[str]]]:
    """Return by question ("alone", "genre") which labels are right for a file, by a pattern of its path."""
    found: dict[str, dict[str, set[str]]] = {}
    with TRUTHS.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["question"], {})[row["pattern"]] = set(row["labels"].split("|"))
    return found


def truth_of(file: str, truths: Mapping[str, set[str]]) -> set[str]:
    """Return the labels that are right for a file; none where nothing is known."""
    return next((labels for pattern, labels in truths.items() if fnmatch(file, pattern)), set())


def measure_alone(
    clips: Sequence[Heard], truths: Mapping[str, set[str]], taxonomy: Taxonomy, way: Scores
) -> dict[str, float]:
    """Return how often family and instrument of what plays alone are named."""
    family = {label.id: label.family for label in taxonomy.instruments} | {
        label.id: "voice" for label in taxonomy.vocals
    }
    right: dict[str, list[bool]] = {name: [] for name in FAMILIES}
    first, three = [], []
    for heard in clips:
        true = family_of(heard.file)
        if true is None:
            continue
        scores = way(heard)
        order = sorted((label for label in scores if label in family), key=lambda label: -scores[label])
        guess = next(name for label in order if (name := family[label]) in FAMILIES)
        right[true].append(guess == true)
        labels = truth_of(heard.file, truths)
        first.append(order[0] in labels)
        three.append(bool(labels & set(order[:3])))
    figures = {
        "recordings": len(first),
        "family top-1": float(np.mean([each for name in FAMILIES for each in right[name]])),
        "family macro": float(np.mean([np.mean(right[name]) for name in FAMILIES if right[name]])),
        "instrument top-1": float(np.mean(first)),
        "instrument top-3": float(np.mean(three)),
    }
    return figures | {f"{name} of {len(right[name])}": float(np.mean(right[name])) for name in FAMILIES}


def measure_voice(clips: Sequence[Heard], way: Scores) -> dict[str, float]:
    """Return how well the highest score of a singing voice parts sung from instrumental music."""
    known = [
        (any(fnmatch(heard.file, each) for each in VOICED), max(way(heard)[voice] for voice in VOICES))
        for heard in clips
        if heard.kind == "music" and not any(fnmatch(heard.file, each) for each in UNKNOWN_VOICE)
    ]
    sung, scores = zip(*known, strict=True)
    return {"recordings, voice": len(known), "voice AUC": area_under_roc(np.array(sung), np.array(scores))}


def measure_genre(
    clips: Sequence[Heard],
    truths: Mapping[str, set[str]],
    taxonomy: Taxonomy,
    way: Scores,
    threshold: float,
) -> dict[str, float]:
    """Return how often the genre is named, and how often a second one above the threshold would be right."""
    genres = {label.id for label in taxonomy.genres}
    first, second, three = [], [], []
    for heard in clips:
        if labels := truth_of(heard.file, truths):
            scores = way(heard)
            order = sorted(genres & scores.keys(), key=lambda label: -scores[label])
            first.append(order[0] in labels)
            second += [order[1] in labels] if scores[order[1]] >= threshold else []
            three.append(bool(labels & set(order[:3])))
    return {
        "recordings, genre": len(first),
        "genre top-1": float(np.mean(first)),
        "genre top-3": float(np.mean(three)),
        f"second genre of {len(second)}": float(np.mean(second)) if second else 0.0,
    }


def left_out_thresholds(
    clips: Sequence[Heard], truths: Mapping[str, set[str]], labels: set[str]
) -> dict[str, float]:
    """Return the range of thresholds with the best F1 when each recording is left out, and what they find."""
    known = [(heard.joined, true) for heard in clips if (true := truth_of(heard.file, truths) & labels)]
    counts = np.array([[_counts(scores, true, labels, at) for at in GRID] for scores, true in known])
    whole = counts.sum(axis=0)  # (thresholds, 3)
    chosen = [int(_f1(whole - each).argmax()) for each in counts]
    found = counts[np.arange(len(known)), chosen].sum(axis=0)
    return {
        "lowest": GRID[min(chosen)],
        "highest": GRID[max(chosen)],
        "precision": float(found[0] / max(found[1], 1)),
        "recall": float(found[0] / found[2]),
    }


def _counts(scores: Mapping[str, float], true: set[str], labels: set[str], at: float) -> tuple[int, int, int]:
    said = {label for label in labels & scores.keys() if scores[label] >= at}
    return min(1, len(said & true)), len(said), 1  # of labels that are each right, one is enough


def _f1(counts: np.ndarray) -> np.ndarray:
    return 2 * counts[:, 0] / np.maximum(counts[:, 1] + counts[:, 2], 1)


def measure_tracks(tracks: Mapping[str, list[Heard]]) -> dict[str, dict[str, Any]]:
    """Return of whole tracks how often the genre is that of the package, and what is published of them."""
    every = [heard for each in tracks.values() for heard in each]
    found: dict[str, dict[str, Any]] = {}
    for name, way in WAYS.items():
        published = [heard.stand_in if name == "clap-mini" else heard.published for heard in every]
        right = {genre: [_is_pack(way(heard), genre) for heard in tracks.get(genre, ())] for genre in PACKS}
        shares = {f"{genre} of {len(each)}": float(np.mean(each)) for genre, each in right.items() if each}
        found[name] = {
            "tracks": len(every),
            "balanced accuracy": float(np.mean(list(shares.values()))),
            **shares,
            "without a genre": float(np.mean([not each["genres"] for each in published])),
            "without an instrument": float(np.mean([not each["instruments"] for each in published])),
            "led by timpani": float(np.mean([each["instruments"][:1] == ("timpani",) for each in published])),
            "taken for others": {
                heard.file: _likeliest(way(heard))
                for genre in PACKS
                for heard in tracks.get(genre, ())
                if not _is_pack(way(heard), genre)
            },
        }
    return found


def _is_pack(scores: Mapping[str, float], genre: str) -> bool:
    return _likeliest(scores) in PACKS[genre]


def _likeliest(scores: Mapping[str, float]) -> str:
    asked = [*NEITHER, *(name for names in PACKS.values() for name in names)]
    return max((name for name in asked if name in scores), key=lambda name: scores[name])


def hear_media(listener: Listener, folder: Path) -> Iterator[Heard]:
    """Yield what is heard in the recordings of a folder."""
    rows = (row for row in read_media_index(folder) if row["kind"] != "corrupt")
    for row in rows:
        if heard := listener.hear(folder / row["file"], row["file"], row["kind"]):
            yield heard


def hear_tracks(listener: Listener, folder: Path, each: int) -> dict[str, list[Heard]]:
    """Return what is heard by the genre of the package, of a package without one in so many tracks."""
    packages: dict[str, list[str]] = {}
    genres = {}
    for track in read_index(folder):
        packages.setdefault(track.package, []).append(track.file)
        genres[track.file] = track.genre
    found: dict[str, list[Heard]] = {}
    for files in packages.values():
        count = len(files) if genres[files[0]] else min(each, len(files))
        chosen = [files[int(number)] for number in np.linspace(0, len(files) - 1, count)]
        for file in chosen:
            if heard := listener.hear(folder / file, file, "music"):
                found.setdefault(genres[file], []).append(heard)
                print(
                    re.sub(r".*/", "", file),
                    heard.published["genres"],
                    heard.published["instruments"],
                    flush=True,
                )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--tracks", type=Path)
    parser.add_argument("--each", type=int, default=1000)
    options = parser.parse_args()
    truths, taxonomy, found = read_truths(), load(), {}
    with TemporaryDirectory() as scratch:
        listener = Listener(Path(scratch))
        clips = list(hear_media(listener, options.media))
        plans = {"clap-mini": listener.cosines, "musicnn + clap-mini": listener.plan.tags}
        for name, way in WAYS.items():
            found[name] = (
                measure_alone(clips, truths["alone"], taxonomy, way)
                | measure_voice(clips, way)
                | measure_genre(clips, truths["genre"], taxonomy, way, plans[name]["genres"].threshold)
            )
        found["thresholds, instruments"] = left_out_thresholds(
            clips, truths["alone"], {label.id for label in taxonomy.instruments}
        )
        found["thresholds, genres"] = left_out_thresholds(
            clips, truths["genre"], {label.id for label in taxonomy.genres}
        )
        if options.tracks:
            tracks = hear_tracks(listener, options.tracks, options.each)
            found |= {f"{name}, tracks": figures for name, figures in measure_tracks(tracks).items()}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
