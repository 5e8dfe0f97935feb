"""Read a published dataset again and check that it is what it says: every file, every row, all its media."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from leitmotif.phrases import count as count_of
from leitmotif.shards.columns import MIX
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError, reading
from leitmotif.shards.features import list_features, open_features
from leitmotif.shards.layout import MEASURED_FILE, REJECTED_FILE, find_shards, find_tables
from leitmotif.shards.manifest import MANIFEST, Facts, find_changes, read_manifest
from leitmotif.shards.pieces import Run, check_here, cut
from leitmotif.shards.row_check import EMBEDDINGS
from leitmotif.shards.schema import QUARANTINE, REJECTED, edits_schema, holds_edits, shard_schema
from leitmotif.shards.splits import SPLITS
from leitmotif.shards.takedown import Blocklist, read_record
from leitmotif.storage import parquet
from leitmotif.storage.progress import OnProgress, show_nothing

# What stands in every manifest of a published dataset.
COUNTS = ("catalogued", "kept", "rejected", "quarantined")
# A dataset of which more is wrong is not read to its end.
MOST_PROBLEMS = 100
LONGEST_LINE = 500
# Rows whose media are decoded where a sample is asked for.
SAMPLE = 200


@dataclass
class Examined:
    """What became of looking at a dataset.

    Attributes:
        problems: One line per problem; none where all is well.
        rows: Rows that were looked at.
        decoded: Rows whose sound and pictures were decoded to the end.
    """

    problems: list[str] = field(default_factory=list)
    rows: int = 0
    decoded: int = 0


def validate(dataset: Path) -> list[str]:
    """Return what is wrong with a dataset, as `examine` finds it in this process; a line each.

    For datasets of our own: the decoders of another's had better run in a process of their own.
    """
    return examine(dataset).problems


def examine(
    dataset: Path, *, fast: bool = False, run: Run = check_here, on_progress: OnProgress = show_nothing
) -> Examined:
    """Check files, hashes, schema, counts, splits, numbers and media of a dataset.

    Args:
        dataset: A published folder.
        fast: Decode the media of `SAMPLE` rows only; everything else is checked all the same.
        run: Checks pieces of shards, here or elsewhere.
        on_progress: Called with how many files are hashed, and how many rows are checked.

    Returns:
        The problems, at most `MOST_PROBLEMS` and a line that there are more.

    Raises:
        DatasetError: The folder is no dataset of this kind at all.
        OutsideError: The machine refused to read.
    """
    manifest = read_manifest(dataset)
    found = Examined()
    problems = map(_in_one_line, _problems(dataset, manifest, found, fast, run, on_progress))
    found.problems = list(islice(problems, MOST_PROBLEMS))
    if next(problems, None) is not None:
        found.problems.append(f"more than {MOST_PROBLEMS} problems; the rest was not looked for")
    return found


def _in_one_line(problem: str) -> str:
    """Return a problem as one line of what a terminal shows as it is; what it quotes may be anything."""
    line = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in problem
    )
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…"


def _problems(
    dataset: Path, manifest: dict[str, Any], found: Examined, fast: bool, run: Run, on_progress: OnProgress
) -> Iterator[str]:
    damaged = False
    for name, problem in _check_files(dataset, manifest["files"], on_progress):
        damaged = damaged or name.endswith(".parquet")
        yield problem
    # A table that is damaged cannot be looked into, and what is compared with it neither.
    if damaged:
        return
    counts = manifest["counts"]
    lacking = [name for name in (*COUNTS, "rows") if name not in counts]
    if lacking:
        yield f"{MANIFEST}: its counts lack {', '.join(lacking)}"
        return
    try:
        yield from _check_records(dataset, counts)
        strange = list(_check_schemas(dataset))
        # Rows of other columns cannot be looked into.
        yield from strange or _check_rows(dataset, counts, found, fast, run, on_progress)
        yield from _check_measured(dataset)
        yield from _check_features(dataset)
        yield from _check_takedowns(dataset)
    except DatasetError as error:
        yield str(error)


def _check_files(
    dataset: Path, files: dict[str, Facts], on_progress: OnProgress
) -> Iterator[tuple[str, str]]:
    """Yield the name of each file that is not as the manifest states it, and the problem."""
    for number, (name, facts) in enumerate(files.items(), start=1):
        yield from find_changes(dataset, {name: facts})
        on_progress("files", number, len(files))
    for path in sorted(dataset.glob("data/*")):
        if path.relative_to(dataset).as_posix() not in files:
            yield path.name, f"data/{path.name}: not in the manifest"


def _check_records(dataset: Path, counts: dict[str, Any]) -> Iterator[str]:
    for name, count, schema in (
        ("rejected", "rejected", REJECTED),
        ("quarantine", "quarantined", QUARANTINE),
    ):
        path = dataset / f"{name}.parquet"
        if not path.is_file():
            yield f"{path.name}: missing"
            continue
        table = _read(dataset, path)
        if not table.schema.equals(schema):
            yield f"{path.name}: columns {table.schema.names}, expected {schema.names}"
        if len(table) != counts[count]:
            yield f"{path.name}: {count_of(len(table), 'row')}, expected {counts[count]}"
    if counts["catalogued"] != counts["kept"] + counts["rejected"] + counts["quarantined"]:
        yield f"counts: kept, rejected and quarantined do not add up to catalogued: {counts}"
    if counts["kept"] != sum(counts["rows"].values()):
        yield f"counts: the splits hold {counts['rows']}, expected {counts['kept']} in all"


def _read(dataset: Path, path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    with reading(dataset, path.relative_to(dataset).as_posix()):
        return parquet.read_table(path, columns)


def _check_schemas(dataset: Path) -> Iterator[str]:
    first: pa.Schema | None = None
    for path in (path for shards in find_shards(dataset).values() for path in shards):
        with reading(dataset, f"shard {path.name}"):
            schema = parquet.read_schema(path)
        if strange := list(_check_schema(path.name, schema)):
            yield from strange
            continue
        first = first or schema
        for name in () if holds_edits(schema) else EMBEDDINGS:
            kind, expected = schema.field(name).type, first.field(name).type
            if kind != expected:
                yield f"{path.name}: column {name} is {kind}, expected {expected} as in the shards before"


def _check_rows(
    dataset: Path, counts: dict[str, Any], found: Examined, fast: bool, run: Run, on_progress: OnProgress
) -> Iterator[str]:
    seen: dict[str, str] = {}
    owners: dict[tuple[str, str], str] = {}
    told: set[str] = set()
    pieces = cut(dataset, decode=SAMPLE if fast else None)
    rows = dict.fromkeys([*SPLITS, *find_shards(dataset), *counts["rows"]], 0)
    for piece in pieces:
        rows[piece.split] += len(piece)
    for split, number in rows.items():
        if number != counts["rows"].get(split, 0):
            yield f"split {split}: {count_of(number, 'row')}, expected {counts['rows'].get(split, 0)}"
    total = sum(rows.values())
    for piece, checked in zip(pieces, run(pieces), strict=True):
        name = piece.shard.name
        # Of a row group that cannot be read, each of its pieces says so.
        new = [line for line in (f"{name} {problem}" for problem in checked.problems) if line not in told]
        told.update(new)
        yield from new
        for row in checked.rows:
            clip_id = row.clip_id
            if clip_id in seen:
                yield f"{name}: {clip_id} occurs again (first in {seen[clip_id]})"
            seen.setdefault(clip_id, name)
            for kind, value in row.links:
                owner = owners.setdefault((kind, value), piece.split)
                if owner != piece.split:
                    where = f"{name}: {clip_id}"
                    yield f"{kind} {value!r} stands in both {owner} and {piece.split} ({where})"
        found.rows += len(piece)
        found.decoded += len(piece.decode)
        on_progress("rows", found.rows, total)


def _check_schema(name: str, found: pa.Schema) -> Iterator[str]:
    sizes = {}
    for column in EMBEDDINGS:
        kind = found.field(column).type if column in found.names else None
        sized = kind is not None and pa.types.is_fixed_size_list(kind)
        sizes[column.replace("_embedding", "_dim")] = kind.list_size if sized and kind else 1
    stated = edits_schema() if holds_edits(found) else shard_schema(**sizes, mix=MIX[0] in found.names)
    for expected in stated:
        if expected.name not in found.names:
            yield f"{name}: column {expected.name} is missing"
        elif (kind := found.field(expected.name).type) != expected.type:
            yield f"{name}: column {expected.name} is {kind}, expected {expected.type}"
    if b"huggingface" not in (found.metadata or {}):
        yield f"{name}: the metadata that types sounds and pictures is missing"


def _check_measured(dataset: Path) -> Iterator[str]:
    """Check that what was measured is of the clips that are there."""
    path = dataset / MEASURED_FILE
    if path.is_file() and Dataset(dataset).measured() is None:
        yield f"{path.name}: its clips are not those of the shards, {REJECTED_FILE} and quarantine.parquet"


def _check_features(dataset: Path) -> Iterator[str]:
    """Check that side tables of features are what the reader takes, and are about clips of the dataset."""
    folders = list_features(dataset)
    clip_ids = Dataset(dataset).table(columns=["clip_id"])["clip_id"].to_pylist() if folders else []
    for folder in folders:
        try:
            yield from open_features(dataset, folder.name).check(clip_ids)
        except DatasetError as error:
            yield str(error)


def _check_takedowns(dataset: Path) -> Iterator[str]:
    """Check that the record of what was taken down is whole, and that nothing of it is in the dataset."""
    damage: list[str] = []
    try:
        blocklist = Blocklist(read_record(dataset, on_damage=damage.append))
    except ValueError as error:
        yield str(error)
        return
    yield from damage
    if not blocklist:
        return
    for path in find_tables(dataset):
        with reading(dataset, path.relative_to(dataset).as_posix()):
            names = parquet.read_schema(path).names
        columns = [name for name in ("clip_id", "source_url") if name in names]
        for row in _read(dataset, path, columns).to_pylist():
            if blocklist.refuses(ids=(row.get("clip_id"),), urls=(row.get("source_url"),)):
                yield f"{path.relative_to(dataset)}: {row.get('clip_id')} was taken down, but is in it"
