"""Write a dataset as another trainer reads it, as one folder that appears whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from leitmotif.phrases import count
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.exports.target import Target
from leitmotif.shards.exports.trainers import AceStep, Ltx2, StableAudio3, write_json
from leitmotif.shards.exports.webdataset import WebDataset
from leitmotif.storage.atomic import clear_leftovers, whole_folder
from leitmotif.storage.errors import OutsideError, UserError, describe_machine_fault, is_machine_fault
from leitmotif.storage.json_lines import line_of
from leitmotif.storage.places import check_place
from leitmotif.storage.progress import OnProgress, show_nothing

_ALL: tuple[type[Target], ...] = (AceStep, StableAudio3, Ltx2, WebDataset)
TARGETS = {target.NAME: target for target in _ALL}
# What the folder is, written last; and whose each clip is.
FACTS, SOURCES = "export.json", "sources.jsonl"
_SOURCE = ("clip_id", "source_url", "license", "title", "artist")


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        folder: Where to.
        target: For what.
        clips: How many of each split.
        left_out: Clips without a caption.
        read_by: What reads it.
        notes: What is to be known, a line each.
    """

    folder: str
    target: str
    clips: dict[str, int]
    left_out: int
    read_by: str
    notes: tuple[str, ...]


def export_dataset(
    dataset: Dataset, target: str, out: Path, *, on_progress: OnProgress = show_nothing
) -> Exported:
    """Write every clip that has a caption.

    Args:
        dataset: The dataset.
        target: One of `TARGETS`.
        out: The folder; one that an export wrote is replaced, any other is left alone.
        on_progress: Called with how many clips are written.

    Raises:
        UserError: The target is not known, `out` holds something else, or the dataset cannot be read or has
            no clip to write.
        OutsideError: The disk refused; a former export is untouched.
    """
    if target not in TARGETS:
        raise UserError(f"got {target!r} to export for; expected one of {', '.join(TARGETS)}")
    _check_target(out, dataset)
    try:
        with whole_folder(out) as beside:
            done = _write(dataset, TARGETS[target], beside, out, on_progress)
            write_json(beside / FACTS, {"version": 1, "dataset": dataset.fingerprint, **asdict(done)})
    except (OSError, MemoryError) as error:
        if not is_machine_fault(error, writing=True):
            raise
        raise OutsideError(f"{describe_machine_fault(error, out)} and export again") from error
    return done


def _check_target(out: Path, dataset: Dataset) -> None:
    check_place(out)
    if out.absolute().parent.is_dir():
        clear_leftovers(out)
    if out.resolve().is_relative_to(dataset.path.resolve()):
        raise UserError(f"{str(out)!r} lies in the dataset; give the export a place of its own")
    is_empty = out.is_dir() and not any(out.iterdir())
    if out.exists() and not (out / FACTS).is_file() and not is_empty:
        raise UserError(f"{str(out)!r} exists and is no export (no {FACTS}); choose another --out")


def _write(
    dataset: Dataset, kind: type[Target], beside: Path, out: Path, on_progress: OnProgress
) -> Exported:
    writer = kind(beside, out)
    wanted = dict.fromkeys((*_SOURCE, "audio", "caption", *kind.COLUMNS))
    columns = [name for name in wanted if name in dataset.columns]
    absent = dict.fromkeys(wanted.keys() - set(columns))
    total, done, left_out = sum(dataset.splits.values()), 0, 0
    clips: dict[str, int] = {}
    with (beside / SOURCES).open("wb") as sources:
        for split in dataset.shards:
            for row in dataset.rows(split, columns):
                row |= absent
                done += 1
                if not (row["caption"] or "").strip():
                    left_out += 1
                else:
                    file = writer.add(split, row)
                    clips[split] = clips.get(split, 0) + 1
                    sources.write(line_of({"file": file, **{name: row[name] for name in _SOURCE}}))
                on_progress("export", done, total)
    notes = writer.close()
    if not clips:
        raise UserError(f"no clip of {str(dataset.path)!r} has a caption; nothing was written")
    if left_out:
        notes.append(f"{count(left_out, 'clip')} without a caption left out")
    return Exported(
        str(out), kind.NAME, clips, left_out, kind.READ_BY.replace("FOLDER", str(out)), tuple(notes)
    )
