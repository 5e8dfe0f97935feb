"""Find music in a dataset by a video, a picture, a sound or words, and within a genre, mood or tempo."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from leitmotif.cli import console

if TYPE_CHECKING:
    from leitmotif.retrieval.tracks import Hit

EXAMPLE = "leitmotif retrieve my-dataset/ --video my-video.mp4 --tempo fast"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a dataset that is indexed")
    parser.add_argument("--video", type=Path, metavar="FILE", help="a film: clips that look like it")
    parser.add_argument("--image", type=Path, metavar="FILE", help="a picture: clips that look like it")
    parser.add_argument("--audio", type=Path, metavar="FILE", help="a sound: clips that sound like it")
    parser.add_argument("--text", metavar="TEXT", help="words: clips that they describe")
    parser.add_argument("--genre", metavar="LABEL", help="clips with this genre, the fittest first")
    parser.add_argument("--mood", metavar="LABEL", help="clips with this mood")
    parser.add_argument("--instrument", metavar="LABEL", help="clips with this instrument")
    parser.add_argument("--tempo", metavar="CLASS", help="slow, medium or fast clips")
    parser.add_argument("-k", type=int, default=5, metavar="N", help="clips of each track (5)")
    parser.add_argument(
        "--index", type=Path, metavar="FOLDER", help="the index, where it is not index/ in the dataset"
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 … or auto")


def run(options: argparse.Namespace) -> int:
    """Look for music, print what was found and why, return the exit code."""
    from leitmotif.pipelines.describing import one_line_errors
    from leitmotif.retrieval.query import Query
    from leitmotif.retrieval.retriever import Retriever
    from leitmotif.shards.dataset import Dataset
    from leitmotif.weights.device import checked_device

    query = Query(
        video=options.video,
        image=options.image,
        audio=options.audio,
        text=options.text,
        genre=options.genre,
        mood=options.mood,
        instrument=options.instrument,
        tempo=options.tempo,
    )
    with one_line_errors():
        retriever = Retriever(Dataset(options.dataset), options.index, device=checked_device(options.device))
        found = retriever.retrieve(query, options.k)
    for note in found.notes:
        console.print_error(f"note: {note}")
    if options.json:
        console.print_json(found.facts())
        return 0
    for track, hits in (("broad", found.broad), ("targeted", found.targeted)):
        _print_track(track, hits)
    if found.own:
        print(f"left out: {', '.join(found.own)} (the query itself, or of its source or recording)")
    return 0


def _print_track(track: str, hits: Sequence[Hit]) -> None:
    if not hits:
        return
    print(track)
    for place, hit in enumerate(hits, start=1):
        named = " - ".join(name for name in (hit.row["artist"], hit.row["title"]) if name)
        print(f"{place:>3}  {hit.score:.3f}  {hit.clip_id}  {named or hit.row['source_id']}")
        print(f"     {'; '.join(hit.reasons)}")
        if hit.row["caption"]:
            print(f"     {hit.row['caption']}")
