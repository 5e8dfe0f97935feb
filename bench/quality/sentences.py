"""Measure which real recordings words find: `python -m bench.quality.sentences --media FOLDER`.

FOLDER has recordings and an INDEX.csv. Those whose instrument or genre is known (`tag_truths.csv`) are
curated as a user would by the profile `embedded`, and asked for by their label ("flute music") and in other
words ("a woodwind that is blown across"). Told is the mean average precision of what is found by the sound
(clap-mini), by the captions (MiniLM), by both as `leitmotif retrieve --text` joins them, and by chance.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.quality.embedded import SIDES, curate
from bench.quality.media_index import read_media_index
from bench.quality.tags import read_truths, truth_of
from leitmotif.pipelines.dataset_rows import read_columns
from leitmotif.pipelines.entries import take
from leitmotif.reports.workspace import open_workspace
from leitmotif.weights.adapters import make_adapter

ASKED = {
    "alone": ("a recording of {} playing alone", "{} music"),
    "genre": ("{} music", "a {} piece"),
}
OTHER_WORDS = {
    "classical": "a symphony orchestra or a composer of old times",
    "electronic": "made in a studio with machines and computers",
    "jazz": "improvised swing",
    "metal": "heavy guitars for headbanging",
    "rock": "a band with guitars on stage",
    "pop": "a catchy song for the radio",
    "ambient": "soundscape to meditate to",
    "hip hop": "beats to rap over",
    "cinematic": "score of a film",
    "female vocals": "a woman sings",
    "male vocals": "a man sings",
    "drums": "someone hits a drum kit",
    "flute": "a woodwind that is blown across",
    "strings": "bowed instruments",
    "violin": "fiddle",
    "piano": "keyboard with hammers",
    "acoustic guitar": "unplugged six-string",
    "electric guitar": "amplified six-string with distortion",
    "hand percussion": "bongos and congas",
    "speech": "somebody talks",
    "choir": "many people sing together",
    "bells": "ringing",
    "cello": "a low bowed instrument",
}
WAYS = ("sound", "captions", "both", "chance")
_DRAWS = 200
_RANK_0 = 60  # as of leitmotif.retrieval.tracks


def average_precision(scores: np.ndarray, right: np.ndarray) -> float:
    """Return the mean precision at each right one, best scores first; scores and right are (n,)."""
    ranked = right[np.argsort(-scores, kind="stable")]
    precisions = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precisions[ranked].mean())


def fused(*scores: np.ndarray) -> np.ndarray:
    """Return scores by reciprocal rank fusion, shape (n,)."""
    ranks = [np.argsort(np.argsort(-each, kind="stable"), kind="stable") + 1 for each in scores]
    together: np.ndarray = np.sum([1 / (_RANK_0 + rank) for rank in ranks], axis=0)
    return together


class Recordings:
    """What a workspace has of recordings: captions, and the embeddings of their sound."""

    def __init__(self, workspace: Path, folder: Path) -> None:
        opened = open_workspace(workspace)
        entries = [entry for entry in opened.ledger.entries if entry.outcome.error is None]
        heard = [
            entry
            for entry, vector in zip(
                entries, take(entries, "tagging", "clap_embedding").to_pylist(), strict=True
            )
            if vector is not None
        ]
        rows = read_columns(opened.ledger, heard, ["caption", "clap_embedding"]).to_pylist()
        self.files = [str(Path(entry.source.path).relative_to(folder)) for entry in heard]
        self.sound = make_adapter("tagging", "clap", {"model": "clap-mini"}).load()
        self.reader = make_adapter("index", "minilm", {}).load()
        self.sounds = np.array([row["clap_embedding"] for row in rows], np.float32)
        self.captions = self.reader.embed_captions([row["caption"] or "" for row in rows])

    def precisions(
        self, truths: Mapping[str, set[str]], sentences: Mapping[str, Sequence[str]]
    ) -> Iterator[tuple[float, ...]]:
        """Yield for each sentence the average precision of each of `WAYS`.

        Args:
            truths: Labels by a pattern of files.
            sentences: How each label is asked for.
        """
        labels = [truth_of(file, truths) for file in self.files]
        known = np.flatnonzero([bool(own) for own in labels])
        rng = np.random.default_rng(0)
        for label, asked in sorted(sentences.items()):
            right = np.array([label in labels[place] for place in known])
            if not right.any():
                continue
            chance = np.mean([average_precision(rng.random(len(known)), right) for _ in range(_DRAWS)])
            for sentence in asked:
                by_sound = self.sounds[known] @ self.sound.embed_texts([sentence])[0]
                by_caption = self.captions[known] @ self.reader.embed_texts([sentence])[0]
                ways = (by_sound, by_caption, fused(by_sound, by_caption))
                yield (*(average_precision(scores, right) for scores in ways), float(chance))


def main() -> None:
    """Curate, ask and tell, as a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, required=True, help="folder of recordings with an INDEX.csv")
    parser.add_argument("--out", type=Path, help="keep the workspace here, and go on with it")
    given = parser.parse_args()
    folder, truths = given.media.resolve(), read_truths()
    files = [row["file"] for row in read_media_index(folder)]
    files = [file for file in files if any(truth_of(file, truths[question]) for question in ASKED)]
    with TemporaryDirectory() as scratch:
        workspace = given.out or Path(scratch) / "workspace"
        curate([folder / file for file in files], workspace, SIDES[1])
        recordings = Recordings(workspace, folder)
    print(f"| asked for | sentences | {' | '.join(WAYS)} |\n|---|---|{'---|' * len(WAYS)}")
    for question, forms in ASKED.items():
        labels = {label for own in truths[question].values() for label in own}
        for how, sentences in (
            ("label", {label: [form.format(label) for form in forms] for label in labels}),
            (
                "in other words",
                {label: [OTHER_WORDS[label]] for label in labels if label in OTHER_WORDS},
            ),
        ):
            found = list(recordings.precisions(truths[question], sentences))
            means = " | ".join(f"{value:.2f}" for value in np.mean(found, axis=0))
            print(f"| {question}, {how} | {len(found)} | {means} |")


if __name__ == "__main__":
    main()
