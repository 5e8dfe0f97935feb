"""A run judged on a split of a dataset, beside the model it was made from and the captions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from leitmotif.evaluation.clips import Clip, clap_model_of, read_clips, read_frames
from leitmotif.evaluation.comparison import RESAMPLES, add_captions, compare
from leitmotif.evaluation.metric import Tools, choose_metrics
from leitmotif.evaluation.results import check_target, make_document, write_results
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.storage.errors import UserError
from leitmotif.storage.json_lines import read_lines
from leitmotif.storage.progress import OnProgress, show_nothing
from leitmotif.taxonomy.labels import load
from leitmotif.train_mmdm.answer import MUSIC, Answer, write_answer
from leitmotif.train_mmdm.describe import Describer, base_model
from leitmotif.train_mmdm.inputs import BadInput, VisualInput, decode_frames
from leitmotif.train_mmdm.processor import spread_frames
from leitmotif.train_mmdm.run import DescriptionModel, best_checkpoint, open_model
from leitmotif.train_mmdm.settings import read_settings

Answers = list[Answer | None]  # on each clip; None where it cannot be read
FINE_TUNED, BASE = "fine-tuned", "base"


def evaluate(
    describer: Describer,
    dataset: Path,
    out: Path,
    *,
    split: str = "test",
    against: Path | None = None,
    metrics: Sequence[str] | None = None,
    tools: Tools | None = None,
    batch: int = 4,
    limit: int | None = None,
    resamples: int = RESAMPLES,
    facts: dict[str, Any] | None = None,
    on_progress: OnProgress = show_nothing,
) -> dict[str, Any]:
    """Describe the clips of a split, judge what was written, and write the results.

    Args:
        describer: The run's model, and how words are chosen.
        dataset: A published dataset.
        out: The folder of the results; older results there are replaced.
        split: Split that the clips come from.
        against: Another run, or a .jsonl file of `clip_id` and `description`, to compare with; by default the
            model as it was before its training.
        metrics: Their names; by default all but those that need a model that was not named.
        tools: What metrics need; the clips say which CLAP model they need.
        batch: Clips that are described at once.
        limit: At most this many clips, the first ones; None for all.
        resamples: Draws of the bootstrap.
        facts: What else the results are to say of how they came about.
        on_progress: Called with how many clips are described.

    Returns:
        What stands in `results.json`.

    Raises:
        UserError: Something given is wrong.
    """
    check_target(out)
    source = Dataset(dataset)
    clips = read_clips(source, split, limit=limit)
    labels = dataset / "taxonomy.yaml"
    tools = replace(
        tools or Tools(),
        clap=clap_model_of(clips),
        taxonomy=load(labels if labels.is_file() else None),
    )
    chosen = choose_metrics(metrics, tools)

    def ask(model: DescriptionModel, stage: str) -> Answers:
        who = Describer(model, describer.decoding, visuals=describer.visuals)
        return describe_clips(who, source, split, clips, batch=batch, stage=stage, on_progress=on_progress)

    answers = describe_with_systems(describer.model, against, clips, ask)
    seed = describer.decoding.seed
    written = {
        name: [None if each is None else each.description for each in said] for name, said in answers.items()
    }
    lists = {
        name: [None if each is None else list_attributes(each) for each in said]
        for name, said in answers.items()
    }
    texts = add_captions(written, clips, seed=seed)
    comparison = compare(texts, clips, chosen, lists=lists, resamples=resamples, seed=seed)
    document = make_document(
        comparison,
        chosen,
        {
            "kind": "mmdm",
            **(facts or {}),
            "checkpoint": describer.model.checkpoint.name,
            "dataset": dataset.absolute().name,
            "split": split,
            "clips": len(clips),
            "described": sum(answer is not None for answer in answers[FINE_TUNED]),
            "wordless": count_wordless(answers[FINE_TUNED]),
            "decoding": asdict(describer.decoding),
            "visuals": describer.visuals,
            "resamples": resamples,
            "clap": tools.clap,
        },
    )
    write_results(out, document, texts, clips, lists=lists, heading=_heading(document))
    return document


def describe_with_systems(
    model: DescriptionModel,
    against: Path | None,
    clips: Sequence[Clip],
    ask: Callable[[DescriptionModel, str], Answers],
) -> dict[str, Answers]:
    """Return the answers of the model and of what it is compared with, by their names.

    Args:
        model: The run's.
        against: Another run, a file of descriptions, or None for the model as it was before its training.
        clips: The clips.
        ask: Asks a model about all clips; it is given what to call this in messages.

    Raises:
        UserError: There is no such run or file; found before anything is asked.
    """
    if against is None:
        answers = {FINE_TUNED: ask(model, FINE_TUNED)}
        with base_model(model) as base:
            return answers | {BASE: ask(base, BASE)}
    name = str(against)
    if against.is_file():
        read = read_descriptions(against, clips)
        return {FINE_TUNED: ask(model, FINE_TUNED), name: read}
    best_checkpoint(against, read_settings(against).KIND)
    answers = {FINE_TUNED: ask(model, FINE_TUNED)}
    return answers | {name: ask(open_model(against, model.net.device), "against")}


def count_wordless(answers: Answers) -> int:
    """Return how many answers describe nothing: empty ones, and those without a single letter."""
    texts = [answer.description for answer in answers if answer is not None]
    return sum(not any(letter.isalpha() for letter in text) for text in texts)


def list_attributes(answer: Answer) -> str:
    """Return what an answer lists beside its description, such as "Mood: calm. Tempo: slow."."""
    return write_answer(replace(answer, description="", visuals=None)).removesuffix(f"{MUSIC}: ").strip()


def describe_clips(
    describer: Describer,
    dataset: Dataset,
    split: str,
    clips: Sequence[Clip],
    *,
    batch: int,
    stage: str,
    on_progress: OnProgress,
) -> Answers:
    """Return the answer on each clip; None on one without readable frames.

    Raises:
        DatasetError: No clip has readable frames.
    """
    said: Answers = [None] * len(clips)
    waiting: list[tuple[int, VisualInput]] = []

    def empty() -> None:
        answers = describer.describe([shown for _, shown in waiting])
        for (number, _), answer in zip(waiting, answers, strict=True):
            said[number] = answer
        waiting.clear()

    for number, (clip_id, pictures) in enumerate(read_frames(dataset, split, limit=len(clips))):
        try:
            frames = decode_frames(spread_frames(pictures, describer.model.settings.frames), clip_id)
        except BadInput:
            frames = ()
        if frames:
            waiting.append((number, VisualInput(clip_id, "video", frames)))
        if len(waiting) == batch:
            empty()
            on_progress(stage, number + 1, len(clips))
    if waiting:
        empty()
        on_progress(stage, len(clips), len(clips))
    if not any(said):
        raise DatasetError(
            f"no clip of split {split!r} of {str(dataset.path)!r} has readable frames; give a dataset of the "
            "recipe music-video"
        )
    return said


def read_descriptions(path: Path, clips: Sequence[Clip]) -> Answers:
    """Return what a .jsonl file of `clip_id` and `description` says on each clip; None on one it leaves out.

    Raises:
        UserError: The file is no such file, or says nothing of these clips.
    """
    found: dict[str, Answer] = {}
    try:
        lines = read_lines(path)
        if lines.broken:
            raise ValueError(f"line {min(lines.broken)} is no JSON object")
        for row in lines.records.values():
            found[str(row["clip_id"])] = Answer(str(row["description"]))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(
            f"cannot read {str(path)!r} ({type(error).__name__}: {error}); expected a line "
            '{"clip_id": …, "description": …} for each clip'
        ) from error
    said = [found.get(clip.clip_id) for clip in clips]
    if not any(said):
        raise UserError(
            f"{str(path)!r} describes {len(found)} clips and none of this split; check that the ids are the "
            "dataset's"
        )
    return said


def _heading(document: dict[str, Any]) -> str:
    greedy = document["decoding"]["greedy"]
    empty = document["wordless"]
    said = "has no word in it" if empty == 1 else "have no word in them"
    wordless = f" {empty:,} of the descriptions {said}: the model needs a longer training." if empty else ""
    return (
        f"# {document['dataset']}, split {document['split']}\n\n"
        f"{document['described']} of {document['clips']} clips described by {document['checkpoint']}, "
        f"{'the most probable words' if greedy else 'words drawn'}; in brackets the {document['level']:.0%} "
        f"interval of {document['resamples']} bootstrap draws. CLAP: {document['clap'] or 'none'}.{wordless}"
    )
