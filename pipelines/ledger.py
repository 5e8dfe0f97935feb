"""Decide what becomes of every clip: kept, rejected by a rule, quarantined by a stage, or not measured yet.

One walk over the stages serves both sides: `curate` measures what is missing at each stop, `publish` only
looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pyarrow.compute as pc

from leitmotif.filters import rule as filters_rule
from leitmotif.filters.rule import EXACT_DUPLICATE, LICENSE
from leitmotif.pipelines.catalog_row import CATALOG_COLUMNS, CatalogRow
from leitmotif.pipelines.entries import CatalogEntry, Outcome, asked, by_store, stored_under, take
from leitmotif.pipelines.workspace import Stores
from leitmotif.shards.clip_ids import window_id
from leitmotif.shards.licenses import allows, describe_license, license_id
from leitmotif.shards.takedown import Blocklist
from leitmotif.storage.table import KEY

# Measures the clips of a stage that its store lacks.
Compute = Callable[[str, Sequence[CatalogEntry]], None]


class Ledger:
    """Every catalogued clip with its outcome, under one plan.

    Attributes:
        kinds: The stores of each kind of files that the plan tells apart. Where there are two, files with a
            moving picture go by the first, the others by the second, and files not probed yet by the first.
        workspace: Where they lie.
        entries: The clips.
        stages: Stages of all kinds, in order.
    """

    def __init__(self, *kinds: Stores, blocklist: Blocklist | None = None) -> None:
        """Take the stores; nothing is read yet.

        Args:
            kinds: As `Workspace.kinds` gives them.
            blocklist: What was taken down and counts as not catalogued; by default what the workspace's own
                record names.

        Raises:
            UserError: The takedown record cannot be read.
        """
        self.kinds = kinds
        self.workspace = kinds[0].workspace
        self.stages = list(dict.fromkeys(name for stores in kinds for name in stores.stages))
        self._blocklist = self.workspace.blocklist() if blocklist is None else blocklist
        self.entries: list[CatalogEntry] = []
        self._rules = filters_rule.discover()

    @property
    def models(self) -> dict[str, str]:
        """`id@revision` of the model behind each stage that has one."""
        return {name: model for stores in self.kinds for name, model in stores.models.items()}

    def decide(self, *, compute: Compute | None = None, measure_all: bool = False) -> None:
        """Walk every clip through the stages and rules.

        Args:
            compute: Called at each stage with the clips that need it; the store is read again afterwards.
            measure_all: Measure rejected clips as well.
        """
        self._enter_sources()
        for name in self.stages:
            if compute is not None:
                wanted = [entry for entry in self._unique() if self._goes_on(entry, measure_all)]
                wanted = [entry for entry in wanted if name in entry.stores.stages]
                for stores, _ in by_store(wanted, name):
                    stores.describe(name)
                compute(name, wanted)
            self._take_results(name)
            if name == "probe":
                self._cut_windows()

    def ahead(self, stage: str, *, measure_all: bool = False) -> dict[str, tuple[int, int]]:
        """Return for each stage behind one that begins how many clips may come to it at most.

        Args:
            stage: The stage that begins.
            measure_all: Rejected clips are measured as well.

        Returns:
            Stage → (clips that this stage measures first, clips that skip this stage).
        """
        going = [entry for entry in self._unique() if self._goes_on(entry, measure_all)]
        # What kind a file is of shows when it has been probed.
        kinds_of = Counter(
            tuple(self.kinds) if stage == self.stages[0] else (entry.stores,) for entry in going
        )
        found = {}
        for later in self.stages[self.stages.index(stage) + 1 :]:
            clips = [0, 0]
            for kinds, count in kinds_of.items():
                if any(later in stores.stages for stores in kinds):
                    clips[all(stage not in stores.stages for stores in kinds)] += count
            found[later] = (clips[0], clips[1])
        return found

    def counts(self) -> dict[str, int]:
        """Return how many clips were catalogued, kept, rejected, quarantined and are not measured yet."""
        outcomes = [entry.outcome for entry in self.entries]
        return {
            "catalogued": len(outcomes),
            "kept": sum(outcome.is_kept for outcome in outcomes),
            "rejected": sum(outcome.rule is not None for outcome in outcomes),
            "quarantined": sum(outcome.error is not None for outcome in outcomes),
            "pending": sum(outcome.pending is not None for outcome in outcomes),
        }

    def rejected_by(self) -> dict[str, int]:
        """Return how many clips each rule rejected, the most first."""
        taken = Counter(entry.outcome.rule for entry in self.entries if entry.outcome.rule)
        return {str(rule): number for rule, number in taken.most_common()}

    def losses(self) -> dict[str, int]:
        """Return how many clips each rule rejected and each stage quarantined, the most first."""
        taken = Counter(
            f"rule {entry.outcome.rule}" if entry.outcome.rule else f"an error in {entry.outcome.stage}"
            for entry in self.entries
            if entry.outcome.rule or entry.outcome.error
        )
        return dict(taken.most_common())

    def kept(self) -> list[CatalogEntry]:
        """Return the clips that passed everything, by clip id."""
        return sorted(
            (entry for entry in self.entries if entry.outcome.is_kept), key=lambda entry: entry.clip_id
        )

    def _enter_sources(self) -> None:
        for row in self.workspace.catalog().read(CATALOG_COLUMNS.names).sort_by("path").to_pylist():
            if row["gone"]:
                continue
            entry = CatalogEntry(row["media_id"] or row[KEY], CatalogRow.of(row), self.kinds[0])
            if row["error"] is not None:
                entry.outcome = Outcome(stage="catalog", error=row["error"], message=row["message"])
            if not self._blocklist.refuses(ids=(entry.clip_id,), urls=(row["source_url"],)):
                self.entries.append(entry)
        self._reject_copies()
        self._reject_licenses()

    def _reject_copies(self) -> None:
        """Reject all but one of files of the same bytes.

        That one goes on of which most is known; of equals the one that was entered first, so that a copy that
        comes later takes over no name; of those entered together the first by path.
        """
        best: dict[str, CatalogEntry] = {}
        for entry in self.entries:
            other = best.setdefault(entry.clip_id, entry)
            if _precedence(entry) > _precedence(other):
                best[entry.clip_id] = entry
        for entry in self.entries:
            owner = best[entry.clip_id]
            if owner is not entry:
                detail = f"the same bytes as {owner.source_id}"
                entry.outcome = Outcome(rule=EXACT_DUPLICATE, value=1.0, threshold=1.0, detail=detail)

    def _reject_licenses(self) -> None:
        allowed = self.kinds[0].plan.licenses.allow
        if allowed is None:
            return
        for entry in self.entries:
            stated = entry.source.license or ""
            if entry.outcome.is_kept and not allows(allowed, license_id(stated)):
                detail = f"its licence is {describe_license(stated)}"
                entry.outcome = Outcome(rule=LICENSE, value=0.0, threshold=1.0, detail=detail)

    def _cut_windows(self) -> None:
        """Tell each probed source's kind, and replace it by its windows, where the plan asks for windows."""
        length_s = self.kinds[0].plan.window_s
        probed = self.kinds[0].store("probe").read(["duration_s", "has_video"]).to_pydict()
        durations = dict(zip(probed[KEY], probed["duration_s"], strict=True))
        moving = dict(zip(probed[KEY], probed["has_video"], strict=True))
        entries = []
        for entry in self.entries:
            entry.duration_s = durations.get(entry.clip_id)
            if moving.get(entry.clip_id) == 0:
                entry.stores = self.kinds[-1]
            if length_s is None or entry.duration_s is None or entry.outcome.error or entry.outcome.pending:
                entries.append(entry)
            else:
                entries += [
                    CatalogEntry(
                        clip,
                        entry.source,
                        entry.stores,
                        start_s,
                        part_s,
                        whole=False,
                        outcome=entry.outcome,
                    )
                    for clip, start_s, part_s in windows_of(entry.clip_id, entry.duration_s, length_s)
                ]
        self.entries = [entry for entry in entries if entry.clip_id not in self._blocklist.ids]
        self._apply_rules("probe")

    def _unique(self) -> list[CatalogEntry]:
        """Return the clips to measure: every one once, in the order of their ids."""
        return sorted(
            (entry for entry in self.entries if entry.outcome.rule != EXACT_DUPLICATE),
            key=lambda entry: entry.clip_id,
        )

    def _goes_on(self, entry: CatalogEntry, measure_all: bool) -> bool:
        outcome = entry.outcome
        return outcome.is_kept or (measure_all and outcome.rule is not None)

    def _take_results(self, name: str) -> None:
        """Quarantine what failed, note what is missing, and ask the rules that read this stage."""
        alive = [entry for entry in self.entries if entry.outcome.is_kept]
        for stores, rows in by_store(alive, name):
            table = stores.store(name).read([])
            failed = {row[KEY]: row for row in table.filter(pc.is_valid(table["error"])).to_pylist()}
            measured = set(table[KEY].to_pylist())
            for entry in (alive[row] for row in rows):
                key = stored_under(entry, name)
                if key in failed:
                    row = failed[key]
                    entry.outcome = Outcome(stage=name, error=row["error"], message=row["message"])
                elif key not in measured:
                    entry.outcome = Outcome(pending=name)
        if name != "probe":
            self._apply_rules(name)

    def _apply_rules(self, stage: str) -> None:
        thresholds = {name: value for stores in self.kinds for name, value in stores.plan.rules.items()}
        for name, threshold in thresholds.items():
            rule = self._rules[name]
            if rule.stage != stage:
                continue
            alive = [entry for entry in self.entries if entry.outcome.is_kept and asked(entry, name)]
            judged = rule.judge(alive, partial(take, alive, rule.stage))
            passed, numbers = rule.passes(judged.numbers, threshold).to_pylist(), judged.numbers.to_pylist()
            for entry, ok, value, detail in zip(alive, passed, numbers, judged.details, strict=True):
                if not ok:
                    entry.outcome = Outcome(rule=name, value=value, threshold=threshold, detail=detail)


def _precedence(entry: CatalogEntry) -> tuple[int, int]:
    """Return what decides which of files of the same bytes goes on: that with the greatest."""
    return entry.source.fields_known, -(entry.source.entered_in or 0)


def windows_of(media_id: str, duration_s: float, length_s: float) -> list[tuple[str, float, float]]:
    """Cut a source into consecutive windows; the last one is what is left.

    Returns:
        (clip id, start, length) of each, in seconds.
    """
    count = max(1, int(np.ceil(round(duration_s / length_s, 6))))
    spans = [(number * length_s, min(length_s, duration_s - number * length_s)) for number in range(count)]
    return [(window_id(media_id, start_s, part_s), start_s, part_s) for start_s, part_s in spans]
