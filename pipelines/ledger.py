"""Settle what becomes of every clip: kept, rejected by a rule, quarantined by a stage, or not measured yet.

One walk over the stages serves both sides: `curate` measures what is missing at each stop, `publish` only
looks.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.filters import duplicates
from leitmotif.filters import rule as filters_rule
from leitmotif.filters.rule import Rule
from leitmotif.pipelines.stage import Clip
from leitmotif.pipelines.workspace import Stores
from leitmotif.shards.store import KEY, StageStore
from leitmotif.shards.takedown import KeptOut

EXACT_DUPLICATE = "exact-duplicate"
METADATA = ("title", "artist", "description", "comments")


@dataclass
class Fate:
    """What became of one catalogued clip; exactly one of the three, or none yet (`alive`)."""

    alive: bool = True
    rule: str | None = None
    value: float | None = None
    threshold: float | None = None
    detail: str | None = None
    stage: str | None = None
    error: str | None = None
    message: str | None = None
    pending: str | None = None


@dataclass
class Entry:
    """One catalogued clip: a file, or a window of a file.

    Attributes:
        clip_id: Hash of the media bytes and the window; of the path where the file could not be read.
        source: The file's row of the catalog.
        start_s: Where the window starts.
        duration_s: Length of the window; None where the file does not say its length.
        whole: The window is the whole file.
        fate: What became of it.
    """

    clip_id: str
    source: dict[str, Any]
    start_s: float = 0.0
    duration_s: float | None = None
    whole: bool = True
    fate: Fate = field(default_factory=Fate)


# Measures the clips of a stage that its store lacks.
Compute = Callable[[str, Sequence[Entry]], None]


class Ledger:
    """Every catalogued clip with its fate, under one plan."""

    def __init__(self, stores: Stores, *, kept_out: KeptOut | None = None) -> None:
        """Take the stores; nothing is read yet.

        Args:
            stores: Of the plan.
            kept_out: What was taken down and counts as not catalogued; by default what the workspace's own
                record names.

        Raises:
            UserError: The takedown record cannot be read.
        """
        self.stores = stores
        self._kept_out = stores.workspace.kept_out() if kept_out is None else kept_out
        self.entries: list[Entry] = []
        self._rules = filters_rule.discover()

    def settle(self, *, compute: Compute | None = None, measure_all: bool = False) -> None:
        """Walk every clip through the stages and rules.

        Args:
            compute: Called at each stage with the clips that need it; the store is read again afterwards.
            measure_all: Measure rejected clips as well.
        """
        self._enter_sources()
        for name in self.stores.stages:
            wanted = [entry for entry in self._unique() if self._goes_on(entry, measure_all)]
            if compute is not None:
                self.stores.describe(name)
                compute(name, wanted)
            self._take_results(name)
            if name == "probe":
                self._cut_windows()

    def counts(self) -> dict[str, int]:
        """Return how many clips were catalogued, kept, rejected, quarantined and are not measured yet."""
        fates = [entry.fate for entry in self.entries]
        return {
            "catalogued": len(fates),
            "kept": sum(fate.alive for fate in fates),
            "rejected": sum(fate.rule is not None for fate in fates),
            "quarantined": sum(fate.error is not None for fate in fates),
            "pending": sum(fate.pending is not None for fate in fates),
        }

    def losses(self) -> dict[str, int]:
        """Return how many clips each rule rejected and each stage quarantined, the most first."""
        taken = Counter(
            f"rule {entry.fate.rule}" if entry.fate.rule else f"an error in {entry.fate.stage}"
            for entry in self.entries
            if entry.fate.rule or entry.fate.error
        )
        return dict(taken.most_common())

    def kept(self) -> list[Entry]:
        """Return the clips that passed everything, by clip id."""
        return sorted((entry for entry in self.entries if entry.fate.alive), key=lambda entry: entry.clip_id)

    def _enter_sources(self) -> None:
        columns = [
            name
            for name in self.stores.workspace.catalog().schema.names
            if name not in (KEY, "error", "message")
        ]
        for row in self.stores.workspace.catalog().read(columns).sort_by("path").to_pylist():
            entry = Entry(row["media_id"] or row[KEY], row)
            if row["error"] is not None:
                entry.fate = Fate(alive=False, stage="catalog", error=row["error"], message=row["message"])
            if not self._kept_out.refuses(ids=(entry.clip_id,), urls=(row["source_url"],)):
                self.entries.append(entry)
        self._reject_copies()

    def _reject_copies(self) -> None:
        """Of files with the same bytes, the first by path goes on."""
        first: dict[str, Entry] = {}
        for entry in self.entries:
            owner = first.setdefault(entry.clip_id, entry)
            if owner is not entry:
                detail = f"the same bytes as {owner.source['source_id']}"
                entry.fate = Fate(alive=False, rule=EXACT_DUPLICATE, value=1.0, threshold=1.0, detail=detail)

    def _cut_windows(self) -> None:
        """Replace each probed source by its windows, where the plan asks for windows."""
        length_s = self.stores.plan.window_s
        probed = self.stores.store("probe").read(["duration_s"])
        durations = dict(zip(probed[KEY].to_pylist(), probed["duration_s"].to_pylist(), strict=True))
        entries = []
        for entry in self.entries:
            entry.duration_s = durations.get(entry.clip_id)
            if length_s is None or entry.duration_s is None or entry.fate.error or entry.fate.pending:
                entries.append(entry)
            else:
                entries += [
                    Entry(clip, entry.source, start_s, part_s, whole=False, fate=Fate(**vars(entry.fate)))
                    for clip, start_s, part_s in windows_of(entry.clip_id, entry.duration_s, length_s)
                ]
        self.entries = [entry for entry in entries if entry.clip_id not in self._kept_out.ids]
        self._apply_rules("probe", self.stores.store("probe"))

    def _unique(self) -> list[Entry]:
        """Return the clips to measure: every one once, in the order of their ids."""
        return sorted(
            (entry for entry in self.entries if entry.fate.rule != EXACT_DUPLICATE),
            key=lambda entry: entry.clip_id,
        )

    def _goes_on(self, entry: Entry, measure_all: bool) -> bool:
        fate = entry.fate
        return fate.alive or (measure_all and fate.rule is not None)

    def _take_results(self, name: str) -> None:
        """Quarantine what failed, note what is missing, and ask the rules that read this stage."""
        store = self.stores.store(name)
        table = store.read([])
        failed = {row[KEY]: row for row in table.filter(pc.is_valid(table["error"])).to_pylist()}
        measured = set(table[KEY].to_pylist())
        for entry in self.entries:
            if not entry.fate.alive:
                continue
            if entry.clip_id in failed:
                row = failed[entry.clip_id]
                entry.fate = Fate(alive=False, stage=name, error=row["error"], message=row["message"])
            elif entry.clip_id not in measured:
                entry.fate = Fate(alive=False, pending=name)
        if name != "probe":
            self._apply_rules(name, store)

    def _apply_rules(self, stage: str, store: StageStore) -> None:
        for name, threshold in self.stores.plan.rules.items():
            rule = self._rules[name]
            if rule.stage != stage:
                continue
            alive = [entry for entry in self.entries if entry.fate.alive]
            values, details = self._values(rule, store, alive)
            passed = rule.passes(values, threshold).to_pylist()
            for entry, ok, value, detail in zip(alive, passed, values.to_pylist(), details, strict=True):
                if not ok:
                    entry.fate = Fate(alive=False, rule=name, value=value, threshold=threshold, detail=detail)

    def _values(
        self, rule: Rule, store: StageStore, entries: Sequence[Entry]
    ) -> tuple[pa.Array, Sequence[str | None]]:
        """Return the number that a rule judges, for each clip, and what there is to add to it."""
        nothing: list[str | None] = [None] * len(entries)
        if rule.column == "duration_s":
            return pa.array([entry.duration_s for entry in entries], pa.float64()), nothing
        ids = pa.array([_key(entry, rule.stage) for entry in entries], pa.string())
        if rule.name == "near-duplicate":
            return self._similarities(store, ids, entries)
        table = store.read([rule.column])
        rows = pc.index_in(ids, value_set=table[KEY].combine_chunks())
        return pc.cast(table[rule.column].combine_chunks(), pa.float64()).take(rows), nothing

    def _similarities(
        self, store: StageStore, ids: pa.Array, entries: Sequence[Entry]
    ) -> tuple[pa.Array, Sequence[str | None]]:
        """Return how similar each clip's recording is to that of an earlier clip, and which that is."""
        table = store.read(["audio_print"])
        rows = pc.index_in(ids, value_set=table[KEY].combine_chunks())
        prints = table["audio_print"].combine_chunks().take(rows).to_pylist()
        found = duplicates.similar_to_earlier(ids.to_pylist(), prints)
        sources = {entry.clip_id: entry.source for entry in entries}
        values: list[float | None] = []
        details: list[str | None] = []
        for entry, (similarity, other) in zip(entries, found, strict=True):
            # Windows of one source repeat each other wherever its music does: that is no copy.
            copied = other is not None and sources[other]["media_id"] != entry.source["media_id"]
            values.append(similarity if copied or other is None else 0.0)
            details.append(
                f"the same recording as {sources[other]['source_id']}" if other and copied else None
            )
        return pa.array(values, pa.float64()), details


def windows_of(media_id: str, duration_s: float, length_s: float) -> list[tuple[str, float, float]]:
    """Cut a source into consecutive windows; the last one is what is left.

    Returns:
        (clip id, start, length) of each, in seconds.
    """
    count = max(1, int(np.ceil(round(duration_s / length_s, 6))))
    spans = [(number * length_s, min(length_s, duration_s - number * length_s)) for number in range(count)]
    return [(window_id(media_id, start_s, part_s), start_s, part_s) for start_s, part_s in spans]


def window_id(media_id: str, start_s: float, length_s: float) -> str:
    """Return the id of the clip that a window of a source is."""
    name = f"{media_id}:{round(start_s * 1000)}:{round(length_s * 1000)}"
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def _key(entry: Entry, stage: str) -> str:
    """Return the key of a clip in a stage's store: headers are read once per file, whatever the windows."""
    return entry.source["media_id"] if stage == "probe" else entry.clip_id


def as_clip(entry: Entry, inputs: dict[str, dict[str, Any]]) -> Clip:
    """Return what a stage needs of a clip."""
    return Clip(
        clip_id=entry.clip_id,
        path=entry.source["path"],
        start_s=entry.start_s,
        duration_s=None if entry.whole else entry.duration_s,
        metadata={name: entry.source[name] for name in METADATA},
        inputs=inputs,
    )
