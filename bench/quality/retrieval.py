"""Measure retrieval on films of known music: `python -m bench.quality.retrieval DATASET CORPUS`.

CORPUS is a folder of films of `leitmotif demo`, and DATASET what was published of it, indexed. Each clip in
turn is the query, by its sound, its pictures, or words that its truth makes ("calm classical music"); told is
how many of the clips found have its mood quadrant, tempo class and genre by the truth, beside how many would
by chance. On the targeted track it is how many have what was asked for. The query itself and its recording
are never found; that is checked, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leitmotif.demo.corpus import TRUTH_NAME
from leitmotif.retrieval.attributes import embed_attributes, find_attributes
from leitmotif.retrieval.own import with_groups
from leitmotif.retrieval.query import Ask
from leitmotif.retrieval.retriever import Retriever
from leitmotif.retrieval.spaces import CLAP, CLIP, SPACES, Encoders, space_named
from leitmotif.retrieval.tracks import Hit, broad, targeted
from leitmotif.shards.dataset import Dataset
from leitmotif.storage.json_lines import read_lines
from leitmotif.taxonomy.tempo import tempo_class

COUNT = 5


@dataclass(frozen=True)
class Truth:
    """What is known of a clip; None where a film has nothing of the kind."""

    mood: str
    quadrant: tuple[bool, bool]
    tempo: str | None
    genre: str | None

    @property
    def words(self) -> str:
        return f"{self.mood} {self.genre or ''} music"


ALIKE: Mapping[str, Callable[[Truth], Any]] = {
    "mood quadrant": lambda truth: truth.quadrant,
    "tempo class": lambda truth: truth.tempo,
    "genre": lambda truth: truth.genre,
}


def read_truths(corpus: Path, retriever: Retriever) -> list[Truth]:
    """Return the truth of every row of an index."""
    films = {row["file"]: row for row in read_lines(corpus / TRUTH_NAME).records.values()}
    truths = []
    for source in retriever.index.rows["source_id"].to_pylist():
        film = films[Path(source).name]
        tempo = None if film["tempo_bpm"] is None else tempo_class(film["tempo_bpm"])
        quadrant = film["valence"] >= 0, film["arousal"] >= 0
        truths.append(Truth(film["moods"][0], quadrant, tempo, film["genre"]))
    return truths


def ways(retriever: Retriever, truths: Sequence[Truth]) -> Iterator[tuple[str, list[list[Hit]]]]:
    """Yield each way of asking, and what it finds for each clip."""
    index = retriever.index
    encoders = Encoders({name: space.model for name, space in index.facts.spaces.items()}, "cpu")
    words = [truth.words for truth in truths]
    spaces = [space_named(name) for name in index.facts.spaces]
    by_words = {space.name: encoders.of(space).embed_texts(words) for space in spaces}
    own = {space.name: index.vectors(space) for space in spaces}
    sentences = [space for space in spaces if space.name not in SPACES]

    def asks(row: int, *of: tuple[Any, bool]) -> list[Ask]:
        found = []
        for space, is_media in of:
            place = own[space.name].place(row)
            vector = own[space.name].exact.vectors[place] if is_media else by_words[space.name][row]
            found.append(Ask(space, vector, "it", "is", is_media))
        return found

    said = [(f"words, by {space.name}", [(space, False)]) for space in sentences]
    if sentences:
        heard = {space.of for space in sentences}
        kept = [space for space in (CLAP, CLIP) if space.of not in heard]
        said.append(("words, by all that are asked", [(space, False) for space in (*kept, *sentences)]))
    for name, of in (
        ("sound", [(CLAP, True)]),
        ("pictures", [(CLIP, True)]),
        ("words, by sound", [(CLAP, False)]),
        ("words, by pictures", [(CLIP, False)]),
        ("words, by both", [(CLAP, False), (CLIP, False)]),
        *said,
    ):
        rows = range(len(index))
        yield name, [broad(index, asks(row, *of), COUNT, allowed(retriever, row)) for row in rows]


def allowed(retriever: Retriever, row: int) -> np.ndarray:
    """Return what a clip may find: none of its own source or recording."""
    return retriever.allowed(with_groups(retriever.index, np.array([row])))


def share_alike(found: Sequence[Sequence[int]], truths: Sequence[Truth], of: Callable[[Truth], Any]) -> float:
    """Return the mean share of what was found that is alike the query, over queries that have the thing."""
    shares = [
        float(np.mean([of(truths[row]) == of(truths[asked]) for row in rows]))
        for asked, rows in enumerate(found)
        if len(rows) and of(truths[asked]) is not None
    ]
    return float(np.mean(shares))


def targeted_shares(retriever: Retriever, truths: Sequence[Truth]) -> Iterator[tuple[str, float, float, int]]:
    """Yield of each kind which share of the found has it by the truth, by chance, and how many there are."""
    index = retriever.index
    encoder = Encoders({name: space.model for name, space in index.facts.spaces.items()}, "cpu").of(CLAP)
    taxonomy = index.dataset.taxonomy
    tried = {
        "tempo": ("slow", "medium", "fast"),
        "genre": sorted({truth.genre for truth in truths if truth.genre}),
    }
    for kind, values in tried.items():
        hits, chance, count = 0, 0.0, 0
        for value in values:
            (attribute,) = find_attributes({kind: value}, taxonomy)
            where = attribute.rows(index.rows)
            found = targeted(index, [attribute], embed_attributes([attribute], encoder), COUNT, where)
            if any(not where[hit.place] for hit in found):
                raise RuntimeError(f"a clip without {kind} {value} was found")
            hits += sum(getattr(truths[hit.place], kind) == value for hit in found)
            chance += len(found) * float(np.mean([getattr(truth, kind) == value for truth in truths]))
            count += len(found)
        yield kind, hits / max(1, count), chance / max(1, count), count


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the shares as tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("corpus", type=Path, help=f"a folder of films with {TRUTH_NAME}")
    given = parser.parse_args(arguments)
    retriever = Retriever(Dataset(given.dataset), device="cpu")
    truths = read_truths(given.corpus, retriever)
    everything = [np.flatnonzero(allowed(retriever, row)).tolist() for row in range(len(truths))]
    chance = [share_alike(everything, truths, of) for of in ALIKE.values()]
    print(f"{len(truths)} clips, the {COUNT} nearest of each\n")
    print(f"| asked by | {' | '.join(ALIKE)} |\n|---|{'---|' * len(ALIKE)}")
    for name, hits in ways(retriever, truths):
        found = [[hit.place for hit in each] for each in hits]
        for asked, rows in enumerate(found):
            if set(rows) - set(everything[asked]):
                raise RuntimeError("a clip found itself, or its own recording")
        shares = [share_alike(found, truths, of) for of in ALIKE.values()]
        print(f"| {name} | {' | '.join(f'{share:.2f}' for share in shares)} |")
    print(f"| chance | {' | '.join(f'{share:.2f}' for share in chance)} |")
    print("\n| targeted | have it by the truth | chance | clips |\n|---|---|---|---|")
    for kind, share, by_chance, count in targeted_shares(retriever, truths):
        print(f"| {kind} | {share:.2f} | {by_chance:.2f} | {count} |")


if __name__ == "__main__":
    main()
