"""Find out what an id means: every file, window and row of its source, in all places at hand."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from leitmotif.pipelines.ledger import windows_of
from leitmotif.pipelines.takedown.redact import Redactor
from leitmotif.pipelines.workspace import Workspace
from leitmotif.shards.clip_ids import hash_media, window_id
from leitmotif.shards.layout import list_data
from leitmotif.shards.recipe import read_recipe
from leitmotif.shards.takedown import Blocklist, Removal
from leitmotif.shards.urls import canonical_url
from leitmotif.storage import parquet
from leitmotif.storage.errors import UserError
from leitmotif.storage.parquet import naming_damage

# This many names are proposed where a word means nothing.
NEAR = 4
HASH = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Fact:
    """What one row of a catalog, a dataset or a collected folder says of a source.

    Attributes:
        media_ids: Hash of the media bytes, where it is known.
        clip_ids: Clips, and the key of the row.
        source_id: Name within the folder it was found in.
        urls: Addresses.
        item: Key in a collected folder.
        other: Another word that names it: its SHA-256, or its file as a dataset tells of what it left out.
        path: Where the file lies or lay.
        size_bytes: Size of the file.
        group: Shared by the rows of one source in a dataset.
        recording_id: Shared by the sources of one recording in a dataset.
        copy_of: What was said of a rejected copy.
    """

    media_ids: frozenset[str] = frozenset()
    clip_ids: frozenset[str] = frozenset()
    source_id: str | None = None
    urls: frozenset[str] = frozenset()
    item: str | None = None
    other: str | None = None
    path: str | None = None
    size_bytes: int | None = None
    group: str | None = None
    recording_id: str | None = None
    copy_of: str | None = None

    @property
    def links(self) -> set[str | None]:
        """What other rows of the same source share with this one."""
        links = {*self.media_ids, *self.clip_ids, *map(canonical_url, self.urls)}
        return links | ({self.item, self.group} - {None})


class Index:
    """Finds rows by what they share and by what people call them."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.by_link: dict[str | None, list[Fact]] = {}
        self._by_name: dict[str | None, list[Fact]] = {}
        for fact in facts:
            for link in fact.links:
                self.by_link.setdefault(link, []).append(fact)
            for name in {fact.source_id, fact.other} - {None}:
                self._by_name.setdefault(name, []).append(fact)

    def named(self, word: str) -> list[Fact]:
        """Return the rows that a word given by a person means."""
        found = [*self.by_link.get(canonical_url(word), ()), *self._by_name.get(word, ())]
        return list({id(fact): fact for fact in found}.values())

    def near(self, word: str) -> list[str]:
        """Return names that resemble a word without meaning: of the same file name, else the nearest.

        An address resembles none: one that differs in a single letter is another work's.
        """
        if canonical_url(word) != word:
            return []
        names = sorted(str(name) for name in {*self._by_name} - {None})
        file = PurePosixPath(word).name
        same = [name for name in names if file in (PurePosixPath(name).name, PurePosixPath(name).stem)]
        facts = [fact for found in self.by_link.values() for fact in found]
        ids = {name for f in facts for name in (*f.media_ids, *f.clip_ids, f.item) if name}
        near = difflib.get_close_matches(word, [*names, *sorted(ids)], n=NEAR, cutoff=0.7)
        return (same or near)[:NEAR]


def facts_of_workspace(root: Path) -> Iterator[Fact]:
    """Yield what the catalog says of every file, former versions included, with its windows."""
    durations = durations_in(root)
    window_s = Workspace(root).plan().window_s if (root / "plan.yaml").is_file() else None
    for row in _rows(sorted((root / "catalog").glob("part-*.parquet"))):
        stem, media_id = Path(row["path"]).stem, row["media_id"]
        duration_s = durations.get(media_id) if window_s else None
        spans = windows_of(media_id, duration_s, window_s) if window_s and duration_s else []
        yield Fact(
            media_ids=_known(media_id),
            # The key of an unreadable file is a hash of its path, which a later file may have as well.
            clip_ids=frozenset({media_id or row["clip_id"], *(clip for clip, _, _ in spans)}),
            source_id=row["source_id"],
            urls=_known(row["source_url"]),
            item=stem if HASH.fullmatch(stem) else None,
            path=row["path"],
            size_bytes=row["size_bytes"],
        )


def durations_in(root: Path) -> dict[str, float | None]:
    """Return how long each probed file of a workspace is, by its media hash."""
    parts = sorted(root.glob("stages/probe-*/part-*.parquet"))
    return {row["clip_id"]: row["duration_s"] for row in _rows(parts, ["clip_id", "duration_s"])}


def stored_ids(root: Path) -> Iterator[str]:
    """Yield the clip ids in all stores of a workspace, whatever run wrote them."""
    for row in _rows(sorted(root.glob("stages/*/part-*.parquet")), ["clip_id"]):
        yield row["clip_id"]


def facts_of_dataset(folder: Path) -> Iterator[Fact]:
    """Yield what shards, rejected.parquet and quarantine.parquet say of every clip."""
    columns = ["clip_id", "source_id", "source_url", "recording_id"]
    rows = list(_rows(list_data(folder), columns))
    rows += _rows([folder / "rejected.parquet"], ["clip_id", "source_id", "source", "detail"])
    rows += _rows([folder / "quarantine.parquet"], ["clip_id", "source_id", "source"])
    for row, group in zip(rows, _sources_of(rows, read_recipe(folder)), strict=True):
        yield Fact(
            clip_ids=_known(row["clip_id"]),
            source_id=row["source_id"],
            urls=_known(row.get("source_url")),
            other=row.get("source"),
            path=row.get("source"),
            group=group,
            recording_id=row.get("recording_id"),
            copy_of=row.get("detail"),
        )


def _sources_of(rows: Sequence[Mapping[str, Any]], recipe: Mapping[str, Any]) -> Iterator[str | None]:
    """Yield what the rows of one source in a dataset share: windows of a file have its name.

    Files of one name may come from several folders. Then the name holds those together alone that have one
    address, or one recording, which is told of whole files, or of what was left out one place.
    """
    if recipe.get("window_s", 0) is None:  # files are whole: each is one row
        yield from (None for _ in rows)
        return
    told = ("source_url", "recording_id", "source")
    known: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        for column in told:
            known.setdefault((row["source_id"], column), set()).update(_known(row.get(column)))
    for row in rows:
        name = row["source_id"]
        if all(len(known[name, column]) < 2 for column in told):
            yield f"source {name}"
        else:
            apart = next((row[column] for column in told if row.get(column)), None)
            yield apart and f"source {name} {apart}"


def facts_of_collected(folder: Path) -> Iterator[Fact]:
    """Yield what the record of a collected folder says of every item."""
    for row in _rows(sorted((folder / "record").glob("part-*.parquet"))):
        wanted = row["wanted"] if row["wanted"] and "://" in row["wanted"] else None
        yield Fact(
            urls=_known(row["url"], wanted),
            item=row["clip_id"],
            other=row["sha256"],
            path=row["path"] and str(folder / row["path"]),
            size_bytes=row["size_bytes"],
        )


def _known(*values: str | None) -> frozenset[str]:
    return frozenset(value for value in values if value is not None)


def _rows(paths: Iterable[Path], columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    for path in paths:
        with naming_damage(path), parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=columns):
                yield from batch.to_pylist()


def with_media(facts: Sequence[Fact], words: Collection[str]) -> list[Fact]:
    """Return the facts with the hashes of collected files added, where those are needed.

    A file whose hash nobody has noted is read where its size is that of a named one, or where a named hash
    is known to nobody.
    """
    index = Index(facts)
    named = {word: index.named(word) for word in words}
    strangers = {word for word in words if HASH.fullmatch(word) and not named[word]}
    sizes = {f.size_bytes for found in named.values() for f in found if f.media_ids}
    known = {f.item: f.media_ids for f in facts if f.item and f.media_ids}
    result = []
    for fact in facts:
        if fact.item and fact.path and not fact.media_ids:
            path = Path(fact.path)
            if media := known.get(fact.item):
                fact = Fact(**vars(fact) | {"media_ids": media})
            elif path.is_file() and (strangers or path.stat().st_size in sizes):
                fact = Fact(**vars(fact) | {"media_ids": frozenset({hash_media(path)})})
        result.append(fact)
    return result


def resolve(word: str, index: Index) -> list[Fact]:
    """Return every row of the source that a word means: the same bytes, address or item, transitively.

    Raises:
        UserError: The word names several sources.
    """
    sources: list[list[Fact]] = []
    seen: set[int] = set()
    for fact in index.named(word):
        if id(fact) not in seen:
            sources.append(_source_around(fact, index))
            seen.update(map(id, sources[-1]))
    if len(sources) > 1:
        ids = sorted(min(fact.urls or fact.media_ids or fact.clip_ids) for fact, *_ in sources)
        raise UserError(f"{word!r} names {len(ids)} sources ({', '.join(ids[:4])}); give one of these ids")
    return sources[0] if sources else []


def _source_around(first: Fact, index: Index) -> list[Fact]:
    """Return a row with all that share something with it, or with one that does."""
    found: dict[int, Fact] = {}
    waiting = [first]
    while waiting:
        fact = waiting.pop()
        if id(fact) not in found:
            found[id(fact)] = fact
            waiting += [
                other for link in fact.links for other in index.by_link[link] if id(other) not in found
            ]
    return [*found.values()]


def without_address(facts: Sequence[Fact]) -> list[Fact]:
    """Return the rows of what a dataset left out, but those of files whose address its shards tell.

    A copy of a file that was kept counts: its own address, which nothing tells, may be another.
    """
    addressed = {fact.group for fact in facts if fact.urls} - {None}
    return [fact for fact in facts if fact.path and not fact.item and fact.group not in addressed]


def same_recording(removals: Sequence[Removal], facts: Sequence[Fact]) -> list[str]:
    """Return the sources that stay, though a dataset says that they hold the recording of one that goes."""
    blocklist = Blocklist(removals)
    going = [fact for fact in facts if blocklist.refuses(ids=[*fact.links], urls=[*fact.urls])]
    gone, recordings = {id(fact) for fact in going}, {fact.recording_id for fact in going} - {None}
    copied = tuple(f" as {fact.source_id}" for fact in going if fact.source_id)
    return sorted(
        {
            min(fact.urls, default=fact.source_id or "")
            for fact in facts
            if id(fact) not in gone
            and (fact.recording_id in recordings or (fact.copy_of or "").endswith(copied))
        }
    )


def removal_of(facts: Iterable[Fact], *, at: str, reason: str, asked: str) -> Removal:
    """Return the record's line for a source."""
    found = list(facts)

    def joined(values: Iterable[Iterable[str]]) -> tuple[str, ...]:
        return tuple(sorted({value for each in values for value in each}))

    return Removal(
        at=at,
        reason=reason,
        asked=asked,
        media_ids=joined(fact.media_ids for fact in found),
        clip_ids=joined(fact.clip_ids for fact in found),
        source_ids=joined([fact.source_id] if fact.source_id else [] for fact in found),
        urls=joined(fact.urls for fact in found),
        items=joined([fact.item] if fact.item else [] for fact in found),
    )


def former_windows(media_id: str, duration_s: float, seen: Collection[str]) -> set[str]:
    """Return the ids among `seen` that are windows of a file, whatever the length that it was once cut by.

    A window's id is a hash, so every length in milliseconds is tried: a second for four minutes of media.
    """
    found: set[str] = set()
    for length_ms in range(1, round(duration_s * 1000) + 1):
        if window_id(media_id, 0, length_ms / 1000) in seen:
            for part in range(-5, 6):  # later windows start at multiples of the unrounded length
                length_s = (length_ms + part / 10) / 1000
                found |= {clip for clip, _, _ in windows_of(media_id, duration_s, length_s)}
    return found & set(seen)


def redactor_of(removals: Iterable[Removal], facts: Iterable[Fact]) -> Redactor:
    """Return what files are searched for: names of the removed, unless something that stays has them too."""
    removals = list(removals)
    ids = {name for r in removals for name in (*r.media_ids, *r.clip_ids, *r.items)}
    urls = {canonical_url(url) for r in removals for url in r.urls}
    texts = {name for r in removals for name in (*r.urls, *r.source_ids)}
    stays: set[str] = set()
    for fact in facts:
        if not (ids | urls) & fact.links:
            stays |= {*fact.urls, *fact.media_ids, *fact.clip_ids}
            stays |= {name for name in (fact.source_id, fact.path, fact.item) if name}
    texts -= stays
    others = {name for name in stays if any(text in name for text in texts)}
    return Redactor(frozenset(ids - stays), frozenset(texts), frozenset(others))
