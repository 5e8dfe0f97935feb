"""Measure a run on films of known music: `python -m bench.quality.description RUN CORPUS`.

CORPUS is a folder of `leitmotif demo`, such as `demo-out/videos`, of another seed than the run learned from.
Mood quadrant and tempo class are judged by the truth of what was rendered rather than by tags: once as the
model lists them when it is asked as in training, and once as they stand in its description alone. Beside the
run stand the model before its training, and one answer for all films: the commonest mood and tempo class.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from leitmotif.demo.corpus import TRUTH_NAME
from leitmotif.evaluation.clips import Clip
from leitmotif.evaluation.comparison import Comparison, compare
from leitmotif.evaluation.metric import Metric, Tools, choose_metrics
from leitmotif.evaluation.mood_quadrant import MoodQuadrantMetric
from leitmotif.evaluation.results import make_document, make_table
from leitmotif.evaluation.tempo_class import TempoClassMetric
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.storage.errors import UserError
from leitmotif.storage.json_lines import read_lines
from leitmotif.taxonomy.tempo import tempo_class
from leitmotif.train_mmdm.answer import Answer
from leitmotif.train_mmdm.describe import Describer, base_model, decoding_of
from leitmotif.train_mmdm.evaluate import BASE, FINE_TUNED, list_attributes
from leitmotif.train_mmdm.inputs import read_input
from leitmotif.train_mmdm.run import DescriptionModel, open_model

COMMONEST = "the commonest of all"
BATCH = 16


def read_truth(corpus: Path) -> list[Clip]:
    """Return the films of a corpus that move and are whole, each once; their ids are the files' names.

    Raises:
        UserError: The folder holds no truth, or no such film.
    """
    path = corpus / TRUTH_NAME
    try:
        rows = read_lines(path).records.values()
    except OSError as error:
        raise UserError(
            f"cannot read {str(path)!r} ({error.strerror}); give the folder of films of `leitmotif demo`"
        ) from error
    films = [row for row in rows if row["moving"] and not row["broken"] and row["duplicate_of"] is None]
    if not films:
        raise UserError(f"{str(path)!r} names no film that moves; render more clips")
    return [
        Clip(
            row["file"],
            moods=tuple(row["moods"]),
            tempo_class=None if row["tempo_bpm"] is None else tempo_class(row["tempo_bpm"]),
        )
        for row in films
    ]


def describe_films(
    model: DescriptionModel, paths: Sequence[Path], *, visuals: bool = False
) -> Iterator[Answer]:
    """Give what a model says of films by the most probable words; with `visuals` also its lists."""
    describer = Describer(model, decoding_of(model.settings, greedy=True), visuals=visuals)
    with SandboxedWorker() as worker:
        for start in range(0, len(paths), BATCH):
            films = paths[start : start + BATCH]
            yield from describer.describe([read_input(path, model.settings.frames, worker) for path in films])


def write_texts(model: DescriptionModel, paths: Sequence[Path], name: str) -> dict[str, list[str]]:
    """Return the lists and the descriptions that a model writes of films, under its name."""
    return {
        f"{name}: lists": [list_attributes(answer) for answer in describe_films(model, paths, visuals=True)],
        f"{name}: description": [answer.description for answer in describe_films(model, paths)],
    }


def truth_metrics() -> list[Metric]:
    """Return the metrics that the truth of a rendered film can judge."""
    return list(choose_metrics([MoodQuadrantMetric.NAME, TempoClassMetric.NAME], Tools()))


def judge(texts: Mapping[str, Sequence[str]], clips: Sequence[Clip]) -> Comparison:
    """Judge the texts of every writer by the truth of the clips."""
    return compare(texts, clips, truth_metrics())


def commonest(clips: Sequence[Clip]) -> str:
    """Return the one text that fits most clips."""
    moods = Counter(clip.moods[0] for clip in clips)
    tempi = Counter(clip.tempo_class for clip in clips if clip.tempo_class)
    return list_attributes(Answer("", moods=(moods.most_common(1)[0][0],), tempo=tempi.most_common(1)[0][0]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table of accuracies in percent with their intervals."""
    parser = argparse.ArgumentParser(description="Judge a run by the truth of rendered films.")
    parser.add_argument("run", type=Path)
    parser.add_argument("corpus", type=Path, help=f"a folder of films with {TRUTH_NAME}")
    parser.add_argument("--limit", type=int, help="the first N films only")
    chosen = parser.parse_args(arguments)
    clips = read_truth(chosen.corpus)[: chosen.limit]
    paths = [chosen.corpus / clip.clip_id for clip in clips]
    model = open_model(chosen.run)
    texts = write_texts(model, paths, FINE_TUNED)
    with base_model(model) as base:
        texts |= write_texts(base, paths, BASE)
    texts[COMMONEST] = [commonest(clips)] * len(clips)
    document = make_document(judge(texts, clips), truth_metrics(), {})
    print(f"{len(clips)} films\n\n{make_table(document)}", end="")


if __name__ == "__main__":
    main()
