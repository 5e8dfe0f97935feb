"""Writes a dataset of edits out of a dataset of clips: the same splits, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from leitmotif.generators.arranger.arranger import Arranger
from leitmotif.generators.editing.triplets import READS, make_triplets, open_window
from leitmotif.phrases import count as count_of
from leitmotif.shards.columns import EDITED_SOUNDS
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.layout import DATA
from leitmotif.shards.manifest import write_manifest
from leitmotif.shards.schema import SIDE_TABLES, edits_schema
from leitmotif.shards.writer import SHARD_BYTES, write_shard
from leitmotif.storage import parquet
from leitmotif.storage.atomic import whole_folder, write_text
from leitmotif.storage.errors import UserError
from leitmotif.storage.places import check_place

MOST_PER_CLIP = 100
OnProgress = Callable[[str, int, int], None]


@dataclass
class Written:
    """What became of a dataset.

    Attributes:
        rows: Edits by split.
        understood: How many of the instructions the grammar reads back.
        too_short: Clips that are too short to be edited.
    """

    rows: dict[str, int] = field(default_factory=dict)
    understood: int = 0
    too_short: int = 0


def write_edits(
    dataset: Dataset,
    out: Path,
    *,
    per_clip: int = 3,
    seed: int = 0,
    on_progress: OnProgress = lambda step, done, total: None,
) -> Written:
    """Write edits of every clip of a dataset, in the split of the clip.

    Args:
        dataset: A published dataset.
        out: The new folder; one that is there is refused.
        per_clip: How many edits a clip gives.
        seed: The same dataset and seed give the same edits.
        on_progress: Is told how many clips are done.

    Raises:
        UserError: The folder is there, or a number is of no use.
        DatasetError: The dataset is damaged.
        OSError: The disk refused.
    """
    if not 1 <= per_clip <= MOST_PER_CLIP:
        raise UserError(f"got --per-clip {per_clip}; expected 1 to {MOST_PER_CLIP}")
    if seed < 0:
        raise UserError(f"got seed {seed}; expected 0 or more")
    if "audio" not in dataset.columns:
        raise UserError(
            f"{str(dataset.path)!r} holds no sound of clips; give one that `leitmotif publish` wrote"
        )
    check_place(out)
    if out.exists():
        raise UserError(f"{str(out)!r} is there already; choose another --out, or delete it")
    arranger, written = Arranger().load(), Written()
    total, done = sum(dataset.splits.values()), 0

    def rows(split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        nonlocal done
        columns = [name for name in (*READS, "mix") if name in dataset.columns]
        for row in dataset.rows(split, columns=columns):
            window = open_window(row)
            written.too_short += window is None
            for made in make_triplets(window, per_clip, seed, arranger) if window else ():
                written.understood += made["understood"]
                yield sum(len(made[name]["bytes"]) for name in EDITED_SOUNDS), made
            done += 1
            on_progress("clips", done, total)

    with whole_folder(out) as beside:
        (beside / DATA).mkdir()
        for split in dataset.splits:
            written.rows[split] = _write_split(beside / DATA, split, rows(split))
        for name, schema in SIDE_TABLES.items():
            parquet.write_table(schema.empty_table(), beside / f"{name}.parquet")
        made = sum(written.rows.values())
        write_text(beside / "README.md", _page(dataset, written, per_clip, seed))
        counts = {"catalogued": made, "kept": made, "rejected": 0, "quarantined": 0, "rows": written.rows}
        write_manifest(beside, counts)
    return written


def _write_split(folder: Path, split: str, rows: Iterator[tuple[int, dict[str, Any]]]) -> int:
    """Write the shards of a split, each of about `SHARD_BYTES`, and return how many rows they hold."""
    parts: list[Path] = []
    total = 0
    for first in rows:
        part = folder / f"{split}.{len(parts)}"
        total += write_shard(part, edits_schema(), _until_full(chain([first], rows)))
        parts.append(part)
    for number, part in enumerate(parts):
        part.rename(folder / f"{split}-{number:05d}-of-{len(parts):05d}.parquet")
    return total


def _until_full(rows: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[tuple[int, dict[str, Any]]]:
    filled = 0
    for size, row in rows:
        yield size, row
        filled += size
        if filled >= SHARD_BYTES:
            return


def _page(dataset: Dataset, written: Written, per_clip: int, seed: int) -> str:
    splits = ", ".join(f"{split} {rows}" for split, rows in written.rows.items())
    made = count_of(sum(written.rows.values()), "edit")
    return (
        f"# Edits of {dataset.name}\n\n{made} ({splits}): a sound, an instruction in words, and the sound "
        "that it asks for. Splits are those of the clips; the licence of each clip stands in its row.\n\n"
        f"Made by `leitmotif edits`, --per-clip {per_clip} --seed {seed}. What is added, removed and "
        "replaced are parts that play along in tempo and key, and voices that the dataset kept.\n"
    )
