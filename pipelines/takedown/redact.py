"""Names of what was taken down: found in files of every kind, Parquet pages included, and blanked there."""

from __future__ import annotations

import html
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.shards.urls import canonical_url
from leitmotif.shards.writer import open_shard
from leitmotif.storage import parquet
from leitmotif.storage.atomic import DAMAGED, replace_file
from leitmotif.storage.json_lines import json_text
from leitmotif.storage.parquet import naming_damage

BLANK = "[taken down]"
# Columns that say whose a row is: it goes with what they name. Elsewhere a name is blanked.
_OWNERS = ("clip_id", "media_id", "media_a", "media_b")
_BLOCK = 1 << 24
# In media and compressed pages a shorter name would turn up by chance; it is looked for where text stands.
_LEAST = 12
_TEXTS = frozenset((".json", ".jsonl", ".yaml", ".yml", ".txt", ".csv", ".md", ".html", ".log"))


@dataclass(frozen=True)
class Redactor:
    """Finds and blanks the names and ids that a takedown removes.

    Attributes:
        ids: Hashes: of media, clips, collected items.
        texts: Addresses, and names of sources.
        others: Names of what stays; where one of them contains one of ours, that is no find.
    """

    ids: frozenset[str]
    texts: frozenset[str]
    others: frozenset[str] = frozenset()

    @cached_property
    def _needles(self) -> dict[bytes, str]:
        spelled = {name.encode(errors="surrogateescape"): name for name in self.ids}
        for name in self.texts:
            written = json.dumps(name), json.dumps(name, ensure_ascii=False), json_text(name)
            inner = [text[1:-1] for text in written]
            for text in (name, html.escape(name), *inner):
                spelled[text.encode(errors="surrogateescape")] = name
        return spelled

    @cached_property
    def longest(self) -> int:
        """The length of the longest name, in bytes."""
        return max(map(len, (*self._needles, *(name.encode() for name in self.others))), default=0)

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        kept = "|".join(re.escape(name) for name in sorted(self.others, key=len, reverse=True)).encode()
        ours = b"|".join(re.escape(name) for name in sorted(self._needles, key=len, reverse=True))
        return re.compile(b"(?:%b)|(%b)" % (kept or b"(?!)", ours or b"(?!)"))

    @cached_property
    def _urls(self) -> frozenset[str]:
        return frozenset(map(canonical_url, self.texts))

    def found_in(self, content: bytes, *, least: int = 0) -> set[str]:
        """Return the names, of `least` bytes or more, that stand in a piece of a file."""
        found = {name for needle, name in self._needles.items() if len(needle) >= least and needle in content}
        if found and self.others:
            hits = (hit[1] for hit in self._pattern.finditer(content))
            found = {self._needles[hit] for hit in hits if hit and len(hit) >= least}
        return found

    def blank(self, text: str) -> str:
        """Return a text with a mark where names stood."""
        content = text.encode(errors="surrogateescape")
        mark = BLANK.encode()
        blanked = self._pattern.sub(lambda hit: mark if hit[1] else hit[0], content)
        return blanked.decode(errors="surrogateescape")

    def owns(self, table: pa.Table) -> pa.Array:
        """Return which rows belong to what the names mean: a boolean array of shape (rows,)."""
        owned = pa.array([False] * len(table), pa.bool_())
        values = pa.array(sorted(self.ids), pa.string())
        for name in _OWNERS:
            if name in table.schema.names and pa.types.is_string(table.schema.field(name).type):
                owned = pc.or_(owned, pc.is_in(table[name], value_set=values).combine_chunks())
        if "source_url" in table.schema.names:
            urls = table["source_url"].to_pylist()
            owned = pc.or_(
                owned, pa.array([bool(u) and canonical_url(u) in self._urls for u in urls], pa.bool_())
            )
        return owned


def search(path: Path, redactor: Redactor) -> set[str]:
    """Return the names in a file: in its name, in its bytes, and in the decoded columns of Parquet."""
    found = redactor.found_in(path.name.encode(errors="surrogateescape"))
    least = 0 if path.suffix in _TEXTS else _LEAST
    with path.open("rb") as file:
        tail = b""
        while block := file.read(_BLOCK):
            found |= redactor.found_in(tail + block, least=least)
            tail = block[-redactor.longest :]
    if path.suffix == ".parquet":
        with naming_damage(path), parquet.ParquetFile(path) as table:
            for group in range(table.num_row_groups):
                for column in table.read_row_group(group).columns:
                    for content, least in _contents(column):
                        found |= redactor.found_in(content, least=least)
    return found


def _contents(column: pa.ChunkedArray) -> Iterator[tuple[bytes, int]]:
    """Yield the joined bytes of the values below a column, text or binary, and how short a name may be."""
    waiting = list(column.chunks)
    while waiting:
        array = waiting.pop()
        kind = array.type
        if pa.types.is_dictionary(kind):
            waiting.append(array.dictionary)
        elif pa.types.is_struct(kind):
            waiting += array.flatten()
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            waiting.append(array.flatten())
        elif pa.types.is_string(kind) or pa.types.is_binary(kind):
            data = array.buffers()[2]
            yield b"" if data is None else data.to_pybytes(), 0 if pa.types.is_string(kind) else _LEAST


def remove(path: Path, redactor: Redactor, *, scratch: Path) -> int:
    """Take the names, and the rows or lines that belong to them, out of one file, by rename.

    Args:
        path: Parquet, JSON Lines or text; a file named after one of the ids is deleted, and so is one that
            was set aside as damaged, and a table or a list of lines of which nothing is left.
        redactor: What to take out.
        scratch: Folder on the same file system.

    Returns:
        How many rows and lines went (1 for a file); what cannot be changed is left, for `search` to find.
    """
    # What is damaged cannot be searched, and nothing needs it.
    if (
        path.name.endswith(DAMAGED)
        or path.name.split(".")[0] in redactor.ids
        or path.name.split("-")[0] in redactor.ids
    ):
        path.unlink()
        return 1
    beside = scratch / f".{uuid.uuid4().hex}.part"
    if path.suffix == ".parquet":
        changed, left, gone = rewrite_table(path, beside, redactor)
        if changed:
            _replace(path, beside if left else None)
            beside.unlink(missing_ok=True)
        return gone
    if path.suffix not in _TEXTS or not redactor.found_in(path.read_bytes()):
        return 0
    lines = path.read_bytes().splitlines(keepends=True)  # of bytes: where other letters end a line, none ends
    whole = path.suffix != ".jsonl"
    kept = lines if whole else [line for line in lines if not redactor.found_in(line)]
    text = b"".join(kept).decode(errors="surrogateescape")
    beside.write_bytes(redactor.blank(text).encode(errors="surrogateescape"))
    _replace(path, beside if kept else None)
    beside.unlink(missing_ok=True)
    return len(lines) - len(kept)


def _replace(path: Path, beside: Path | None) -> None:
    if beside is None:
        path.unlink()
        return
    replace_file(beside, path)


def rewrite_table(path: Path, beside: Path, redactor: Redactor) -> tuple[bool, int, int]:
    """Write a Parquet file without the rows that belong to the names, and with the names blanked elsewhere.

    Args:
        path: The file; it is read a row group at a time.
        beside: Where to, with the same schema; nothing is written where nothing is to be changed.
        redactor: What to leave out.

    Returns:
        Whether it was written, how many rows are left, and how many are gone.

    Raises:
        DamagedError: The file cannot be read.
    """
    with naming_damage(path), parquet.ParquetFile(path) as file:
        return _rewrite(file, beside, redactor)


def _rewrite(file: parquet.ParquetFile, beside: Path, redactor: Redactor) -> tuple[bool, int, int]:
    schema = file.schema_arrow
    if not _concerned(file, redactor):
        return False, file.metadata.num_rows, 0
    left = 0
    with open_shard(beside, schema) as writer:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number)
            kept = table.filter(pc.invert(redactor.owns(table)))
            left += len(kept)
            if len(kept):  # `datasets` cannot read a row group of no rows
                writer.write_table(_blank_columns(kept, redactor))
    return True, left, file.metadata.num_rows - left


def _concerned(file: parquet.ParquetFile, redactor: Redactor) -> bool:
    """Tell whether a file has rows or texts to be taken out; its media are not looked into."""
    texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
    for number in range(file.num_row_groups):
        table = file.read_row_group(number, columns=texts)
        if pc.any(redactor.owns(table)).as_py():
            return True
        if any(_holds(column, redactor) for column in table.columns):
            return True
    return False


def _holds(column: pa.ChunkedArray, redactor: Redactor) -> bool:
    return any(redactor.found_in(content, least=least) for content, least in _contents(column))


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or (pa.types.is_list(kind) and pa.types.is_string(kind.value_type))


def _blank_columns(table: pa.Table, redactor: Redactor) -> pa.Table:
    for number, field in enumerate(table.schema):
        if not _is_text(field.type):
            continue
        if _holds(table.column(number), redactor):
            values = [_blank_value(value, redactor) for value in table.column(number).to_pylist()]
            table = table.set_column(number, field, pa.array(values, field.type))
    return table


def _blank_value(value: str | list[str] | None, redactor: Redactor) -> str | list[str] | None:
    if isinstance(value, list):
        return [redactor.blank(text) if text else text for text in value]
    return redactor.blank(value) if value else value
