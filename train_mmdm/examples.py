"""Training examples from the rows of a dataset: frames, a question, and the answer to learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leitmotif.shards.dataset import Dataset
from leitmotif.shards.row_groups import Split
from leitmotif.storage.errors import UserError
from leitmotif.train_mmdm.answer import Answer, write_answer
from leitmotif.train_mmdm.processor import (
    IGNORED,
    Processor,
    instruction_of,
    question_of,
    resize_frames,
    spread_frames,
)
from leitmotif.train_mmdm.settings import Settings
from leitmotif.train_mmdm.visuals import describe_visuals
from leitmotif.training.loader.loader import ShardLoader
from leitmotif.training.task import Batch

if TYPE_CHECKING:
    import torch

COLUMNS = ("clip_id", "frames", "caption", "moods", "tempo_class", "genres", "instruments", "seed")
# As many as a grammar's caption names.
MOODS, GENRES, INSTRUMENTS = 2, 2, 4


@dataclass(frozen=True)
class Example:
    """One clip to learn from.

    Attributes:
        clip_id: Clip of the row.
        pixels: uint8 RGB (n, 3, side, side).
        question: What the user asks.
        answer: What the model is to say; None where the row does not tell.
    """

    clip_id: str
    pixels: torch.Tensor
    question: str
    answer: str | None


@dataclass(frozen=True)
class ExampleMaker:
    """Makes an example of a row, in a worker of the loader.

    Attributes:
        settings: Settings of the run.
        vary: Whether questions alternate and frames are mirrored, by chance; otherwise every row is asked for
            the most that the settings know.
    """

    settings: Settings
    vary: bool

    def __call__(self, row: Mapping[str, Any]) -> Example:
        """Return the example of a row; without caption or frames it has no answer, and teaches nothing."""
        if not row["caption"] or not row["frames"]:
            blank = np.zeros((1, 1, 3), np.uint8)
            return Example(row["clip_id"], resize_frames([blank], self.settings.image_side), "", None)
        frames = spread_frames(row["frames"], self.settings.frames)
        pixels = resize_frames(frames, self.settings.image_side)
        chance = row["seed"] if self.vary else 0
        if self.settings.flip and chance & 1:
            pixels = pixels.flip(-1)
        if not self.settings.describe_visuals_first or (self.vary and chance & 2):
            return Example(row["clip_id"], pixels, question_of(len(frames)), row["caption"])
        visuals = describe_visuals(pixels.permute(0, 2, 3, 1).numpy())  # (n, 3, h, w) to (n, h, w, 3)
        answer = write_answer(answer_of(row, visuals))
        return Example(row["clip_id"], pixels, instruction_of(len(frames)), answer)


@dataclass(frozen=True)
class BatchMaker:
    """Makes the batches of a step out of examples, in a worker of the loader.

    Attributes:
        processor: Makes inputs of them.
        size: Examples of a batch.
    """

    processor: Processor
    size: int

    def __call__(self, examples: Sequence[Example]) -> list[Batch]:
        """Return batches of examples of like length, so that little of them is padding."""
        encoded = [(each.clip_id, self._encode(each)) for each in examples]
        encoded.sort(key=lambda one: len(one[1]["input_ids"]))
        return [self._make(encoded[start : start + self.size]) for start in range(0, len(encoded), self.size)]

    def _encode(self, example: Example) -> dict[str, torch.Tensor]:
        return self.processor.encode(example.pixels, example.question, example.answer)

    def _make(self, encoded: Sequence[tuple[str, dict[str, torch.Tensor]]]) -> Batch:
        tensors = self.processor.collate([each for _, each in encoded])
        count = int((tensors["labels"] != IGNORED).sum())
        size = int(tensors["attention_mask"].sum())
        return Batch(tensors, count, size, tuple(clip_id for clip_id, _ in encoded))


def answer_of(row: Mapping[str, Any], visuals: str | None = None) -> Answer:
    """Return what is known of a row's music, as the model is to say it."""
    return Answer(
        description=row["caption"],
        visuals=visuals,
        moods=_best(row["moods"], MOODS),
        tempo=row["tempo_class"],
        genres=_best(row["genres"], GENRES),
        instruments=_best(row["instruments"], INSTRUMENTS),
    )


def _best(tags: Sequence[Mapping[str, Any]] | None, count: int) -> tuple[str, ...]:
    return tuple(str(tag["tag"]) for tag in (tags or ())[:count])


def make_loader(
    dataset: Dataset, settings: Settings, processor: Processor, *, rank: int = 0, world_size: int = 1
) -> ShardLoader[Example]:
    """Return the loader of the training split: it gives the batches of this process' rows step by step."""
    return ShardLoader(
        dataset,
        "train",
        columns=COLUMNS,
        batch_size=settings.batch * settings.accumulation,
        transform=ExampleMaker(settings, vary=True),
        collate=BatchMaker(processor, settings.batch),
        buffer=settings.shuffle_buffer,
        seed=settings.seed,
        workers=settings.workers,
        rank=rank,
        world_size=world_size,
        on_error="skip",
    )


def read_fixed(dataset: Dataset, settings: Settings, split: str) -> Iterator[Example]:
    """Give the first rows of a split, without chance: the set that is watched during a training."""
    loader = ShardLoader(
        dataset,
        split,
        columns=COLUMNS,
        batch_size=1,
        transform=ExampleMaker(settings, vary=False),
        shuffle=False,
        on_error="skip",
    )
    given = 0
    for batch in loader:
        for example in batch:
            if given == settings.validation_rows:
                return
            if example.answer is not None:
                given += 1
                yield example


def check_rows(split: Split) -> int:
    """Return how many rows of a split have a caption and frames.

    Raises:
        UserError: None has.
    """
    captions, pictures, usable = 0, 0, 0
    for group in split.groups:
        # The paths stand for the frames: they are read without the pictures.
        for row in group.read(["caption", "frames.list.element.path"]).to_pylist():
            captions += bool(row["caption"])
            pictures += bool(row["frames"])
            usable += bool(row["caption"] and row["frames"])
    if not usable:
        lacking = "captions" if not captions else "frames" if not pictures else "rows with caption and frames"
        advice = {
            "captions": "curate it with a captioning backend, then publish it again",
            "frames": "the description model needs a dataset of the recipe music-video",
        }.get(lacking, "see `leitmotif report`")
        raise UserError(
            f"split {split.name!r} has {split.rows} rows and none with what training needs: no {lacking}; "
            f"{advice}"
        )
    return usable


def read_texts(split: Split) -> Iterator[str]:
    """Give all that the answers of a split can say, for a tokenizer to learn."""
    columns = ["caption", "moods", "tempo_class", "genres", "instruments"]
    for group in split.groups:
        for row in group.read(columns).to_pylist():
            if row["caption"]:
                yield write_answer(answer_of(row))
