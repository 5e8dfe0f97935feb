"""A published dataset folder, read as a stream: columns by batch, never the media unless asked for."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import yaml

from leitmotif.reports.runs import choose_rows, read_rows
from leitmotif.shards.schema import QUARANTINE, REJECTED
from leitmotif.storage.errors import UserError
from leitmotif.taxonomy.labels import Taxonomy, TaxonomyError, load

SPLITS = ("train", "validation", "test")
BATCH_ROWS = 32_768
# Columns of few texts, read as the dictionaries that Parquet stores them in.
_REPEATED = (
    *(f"{kind}.list.element.tag" for kind in ("instruments", "genres", "moods")),
    *("models.list.element.backend", "models.list.element.model"),
    *("license", "key", "tempo_class", "caption_backend", "caption_prompt"),
)
# Length, fate and numbers of every clip; see `leitmotif.pipelines.measured`.
MEASURED = "measured.parquet"
# Models that ship with the package: small, for first runs and teaching. Numbers made by them are marked.
EMBEDDED_MODELS = frozenset({"clap-mini", "clip-mini", "grammar", "repet-sim"})


class NotPublishedError(UserError):
    """A folder that is not a published dataset; the message says what is missing."""


@dataclass(frozen=True)
class Published:
    """A published dataset.

    Attributes:
        folder: Where it is.
        name: What it is called.
        shards: Parquet files of each split that has some; train, validation, test, then others.
        recipe: Content of recipe.yaml, `{}` where it is missing.
        kind: What it is.
    """

    folder: Path
    name: str
    shards: dict[str, tuple[Path, ...]]
    recipe: dict[str, Any]
    kind: Literal["dataset"] = "dataset"

    def rows(self) -> dict[str, int]:
        """Return the rows of each split, from the footers alone."""
        return {
            split: sum(pq.read_metadata(path).num_rows for path in paths)
            for split, paths in self.shards.items()
        }

    @functools.cached_property
    def schema(self) -> pa.Schema | None:
        """The Arrow schema of the shards; None where there is no shard."""
        for paths in self.shards.values():
            return pq.read_schema(paths[0])
        return None

    def stream(self, split: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Read some columns of a split.

        Args:
            split: One of `shards`.
            columns: Their names; those that the dataset lacks are left out.

        Yields:
            Tables of about `BATCH_ROWS` rows, one chunk per column. Small row groups are joined, so that the
            work on a table is not lost in the cost of starting it. Texts that repeat may be dictionaries.
        """
        present = [name for name in columns if self.schema is not None and name in self.schema.names]
        files = pads.ParquetFileFormat(read_options=pads.ParquetReadOptions(dictionary_columns=_REPEATED))
        scanner = pads.dataset([str(path) for path in self.shards[split]], format=files).scanner(
            columns=present, batch_size=BATCH_ROWS, batch_readahead=4, fragment_readahead=1
        )
        waiting: list[pa.RecordBatch] = []
        rows = 0
        for batch in scanner.to_batches():
            waiting.append(batch)
            rows += batch.num_rows
            if rows >= BATCH_ROWS:
                yield pa.Table.from_batches(waiting).combine_chunks()
                waiting, rows = [], 0
        if rows:
            yield pa.Table.from_batches(waiting).combine_chunks()

    def footer_range(self, column: str) -> tuple[float, float] | None:
        """Return the least and greatest value of a column from the footers; None where they do not say."""
        low, high = float("inf"), float("-inf")
        for paths in self.shards.values():
            for path in paths:
                metadata = pq.read_metadata(path)
                index = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}.get(column)
                for group in range(metadata.num_row_groups) if index is not None else ():
                    found = metadata.row_group(group).column(index).statistics
                    if found is not None and found.has_min_max:
                        low, high = min(low, float(found.min)), max(high, float(found.max))
        return (low, high) if low <= high else None

    def value_range(self, column: str) -> tuple[float, float] | None:
        """Return the least and greatest finite value of a column; None where it has none."""
        if self.schema is None or column not in self.schema.names:
            return None
        known = self.footer_range(column)
        if known is not None and all(abs(value) < float("inf") for value in known):
            return known
        low, high = float("inf"), float("-inf")
        for split in self.shards:
            for table in self.stream(split, [column]):
                values = table.column(column).drop_null()
                values = values.filter(pc.is_finite(values))
                if len(values):
                    least = pc.min_max(values).as_py()
                    low, high = min(low, least["min"]), max(high, least["max"])
        return (low, high) if low <= high else None

    def sample(self, columns: Sequence[str], count: int, seed: int) -> pa.Table:
        """Return some columns of a seeded sample of rows, and their `split`, in the order of the shards.

        Args:
            columns: Their names; those that the dataset lacks are left out.
            count: At most this many rows; see `leitmotif.reports.runs.choose_rows`.
            seed: Of the sample.
        """
        present = [name for name in columns if self.schema is not None and name in self.schema.names]
        chosen = choose_rows(sum(self.rows().values()), count, seed)
        tables = []
        for split, paths in self.shards.items():
            for path in paths:
                shard = pq.ParquetFile(path)
                rows, chosen = (
                    chosen[chosen < shard.metadata.num_rows],
                    chosen[chosen >= shard.metadata.num_rows],
                )
                chosen = chosen - shard.metadata.num_rows
                table = read_rows(shard, rows, present)
                tables.append(table.append_column("split", pa.array([split] * len(table), pa.string())))
        return pa.concat_tables(tables) if tables else pa.table({})

    def measured(self) -> pa.Table | None:
        """Return length, fate and numbers of every clip from measured.parquet, without ids.

        None where the folder has none, or its clips are not those of the shards and side tables any more.
        """
        path = self.folder / MEASURED
        if not path.is_file():
            return None
        counts = {"kept": sum(self.rows().values())}
        for fate, name in (("rejected", "rejected"), ("quarantined", "quarantine")):
            side = self.folder / f"{name}.parquet"
            counts[fate] = pq.read_metadata(side).num_rows if side.is_file() else 0
        table = pq.read_table(path)
        found = dict(
            zip(*(column.to_pylist() for column in pc.value_counts(table["fate"]).flatten()), strict=True)
        )
        return table if found == {fate: count for fate, count in counts.items() if count} else None

    def rejected(self, columns: Sequence[str] = REJECTED.names) -> pa.Table:
        """Return some columns of the rejected clips."""
        return self._side_table("rejected.parquet", REJECTED, columns)

    def quarantined(self, columns: Sequence[str] = QUARANTINE.names) -> pa.Table:
        """Return some columns of the quarantined clips."""
        return self._side_table("quarantine.parquet", QUARANTINE, columns)

    @functools.cached_property
    def taxonomy(self) -> Taxonomy:
        """The label set that the tags come from; the one that ships where the folder's is no use."""
        path = self.folder / "taxonomy.yaml"
        try:
            return load(path) if path.is_file() else load()
        except TaxonomyError:
            return load()

    def _side_table(self, file_name: str, schema: pa.Schema, columns: Sequence[str]) -> pa.Table:
        path = self.folder / file_name
        if not path.is_file():
            return schema.empty_table().select(columns)
        return pq.read_table(path, columns=list(columns))


def open_published(folder: Path, *, name: str | None = None) -> Published:
    """Open a published dataset.

    Args:
        folder: The dataset's folder.
        name: What to call it; the folder's name by default.

    Returns:
        The dataset; nothing but names and recipe.yaml is read yet.

    Raises:
        NotPublishedError: There is no such folder, or it holds neither shards nor a rejected.parquet.
    """
    if not folder.is_dir():
        raise NotPublishedError(f"{folder}: no such folder; give the folder that `leitmotif publish` wrote")
    by_split: dict[str, list[Path]] = {}
    for path in sorted((folder / "data").glob("*.parquet")):
        by_split.setdefault(path.stem.split("-")[0], []).append(path)
    if not by_split and not (folder / "rejected.parquet").is_file():
        raise NotPublishedError(
            f"{folder}: holds neither data/*.parquet nor rejected.parquet; give the folder that "
            "`leitmotif publish` wrote"
        )
    order = [split for split in SPLITS if split in by_split] + sorted(set(by_split) - set(SPLITS))
    return Published(
        folder=folder,
        name=name or folder.resolve().name.strip(".") or "dataset",
        shards={split: tuple(by_split[split]) for split in order},
        recipe=_read_recipe(folder / "recipe.yaml"),
    )


def embedded_models(models: Mapping[str, Mapping[str, int]], recipe: Mapping[str, Any]) -> list[str]:
    """Return which of the models that made the numbers are embedded ones, sorted.

    Args:
        models: Backend → model id with or without "@ revision" → rows, from the kept rows.
        recipe: Its stages' settings count as well: what rejected every clip stands in no row.
    """
    texts = [str(model) for used in models.values() for model in used]
    waiting: list[Any] = [recipe.get("stages")]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            texts.append(value)
    ids = {text.split("@")[0].strip().split("/")[-1] for text in texts}
    return sorted(ids & EMBEDDED_MODELS)


def _read_recipe(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return {}
    return content if isinstance(content, dict) else {}
