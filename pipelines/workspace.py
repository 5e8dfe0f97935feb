"""The folder a dataset grows in: the catalog, a store for every stage, and the files that stages write.

WS/
  plan.yaml                        what the last run did, with every setting, and the models that it found
  stated.yaml                      tables of metadata and licences that were given, for all or by source
  catalog/part-*.parquet           every file ever found, with what its source says of it
  stages/NAME-FINGERPRINT/         one store per stage and settings: stage.json, part-*.parquet, files/
  recordings/FINGERPRINT/          which recordings were compared, for the next `publish`
    runs/START.jsonl                 what each run wrote of itself, for `leitmotif status`
  report.html, stats.json          what `leitmotif report` wrote of it
  scratch/                         files that are not whole yet; emptied when a run starts
  takedown.jsonl                   what was taken down, and is kept out of later runs
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from leitmotif.phrases import command, count, no_such_folder
from leitmotif.pipelines.catalog_row import CATALOG_COLUMNS
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.saved_plan import read_models, read_plan
from leitmotif.pipelines.stage import Stage, may_read, stored_as
from leitmotif.pipelines.stages import STAGES
from leitmotif.shards.manifest import MANIFEST
from leitmotif.shards.takedown import RECORD, Blocklist, mend_record, read_record
from leitmotif.storage.atomic import whole_file, write_bytes, write_text
from leitmotif.storage.documents import yaml_text
from leitmotif.storage.errors import UserError
from leitmotif.storage.lock import check_free, hold_folder
from leitmotif.storage.table import AppendOnlyTable

logger = logging.getLogger("leitmotif.pipelines")

PLAN = "plan.yaml"

T = TypeVar("T")


class Workspace:
    """Paths of a workspace, and the stores of a plan in it."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.scratch = self.root / "scratch"

    def exists(self) -> bool:
        """Return whether anything of a workspace is there, of a run that was killed at once, too."""
        return any((self.root / name).exists() for name in (PLAN, "catalog", "runs", "scratch", RECORD))

    def begin(self) -> None:
        """Make the folder, so that other commands know that a run is starting there.

        Raises:
            UserError: The folder cannot be written to.
            OutsideError: Another run holds it.
        """
        with hold_folder(self.root, "workspace", scratch=self.scratch):
            pass

    def catalog(self) -> AppendOnlyTable:
        """Return the catalog: a store whose key is a hash of the file's path."""
        return _Catalog(self.root / "catalog", CATALOG_COLUMNS, scratch=self.scratch)

    def blocklist(self, *beside: Path) -> Blocklist:
        """Return what was taken down and must not come in again.

        Args:
            beside: Other folders with a takedown record, such as the dataset to be rewritten.

        Raises:
            UserError: A record cannot be read.
        """
        return Blocklist(removal for folder in (self.root, *beside) for removal in read_record(folder))

    def save_plan(self, plan: Plan, kinds: Sequence[Stores] = ()) -> None:
        """Note what this run does, for `publish` and whatever else looks at the workspace.

        Args:
            plan: The plan.
            kinds: As `resolve` gave them; with them the models are noted, which need not be there to look.
        """
        facts = plan.facts() | (identity_facts(kinds) if kinds else {})
        write_text(self.root / PLAN, yaml_text(facts))

    def plan(self) -> Plan:
        """Return what the last run did.

        Raises:
            UserError: This is no workspace, or its plan does not fit this version.
        """
        path = self.root / PLAN
        is_dataset = (self.root / MANIFEST).is_file()
        if not path.is_file() and self.exists() and not is_dataset:
            watch = command("status", self.root, "--watch")
            raise UserError(
                f"{str(self.root)!r} has no {PLAN} yet: a run is only starting there, or ended while it did; "
                f"wait for it (`{watch}`), or run `leitmotif curate` again"
            )
        if not path.is_file():
            lacking = f"no {PLAN}" if self.root.exists() else no_such_folder(self.root, PLAN)
            lacking = "but a dataset" if is_dataset else lacking
            raise UserError(
                f"{str(self.root)!r} is no workspace ({lacking}); give one that `leitmotif curate` wrote"
            )
        return self._read(read_plan)

    def dataset_beside(self) -> Path:
        """Return where its dataset is proposed to go."""
        return self.root.parent / f"{self.root.name or 'work'}-dataset"

    def former_plan(self) -> Plan | None:
        """Return what the last run did; None where there was none.

        Raises:
            UserError: Its plan does not fit this version.
        """
        return self.plan() if (self.root / PLAN).is_file() else None

    @contextmanager
    def former_plan_kept(self) -> Iterator[None]:
        """Give the workspace the plan back that it has now, should a stage refuse to run by the new one."""
        path = self.root / PLAN
        former = path.read_bytes() if path.is_file() else None
        try:
            yield
        except UserError:
            if former is not None and path.read_bytes() != former:
                write_bytes(path, former)
                logger.warning("%s keeps the plan it had", self.root)
            raise

    def known_models(self) -> dict[str, str | None]:
        """Return the model behind each stage as the last run noted it; None of a stage without one.

        Raises:
            UserError: Plan.yaml holds something else there.
        """
        return self._read(read_models) if (self.root / PLAN).is_file() else {}

    def _read(self, read: Callable[[Path], T]) -> T:
        try:
            return read(self.root / PLAN)
        except UserError as error:
            raise UserError(
                f"{error}; bring the file back, or delete it and curate again with recipe and settings as "
                "before: what was measured stays"
            ) from error

    def stores(self, plan: Plan) -> Stores:
        """Return the stores that a plan without kinds reads and writes, to look at them."""
        return Stores(self, plan, self.known_models())

    def kinds(self, plan: Plan) -> list[Stores]:
        """Return the stores of each kind of files that a plan tells apart, to look at them.

        Those of moving pictures come first. Models are those that the last run noted: they need not be there.
        """
        known = self.known_models()
        return [Stores(self, part, known) for part in plan.parts()]

    def resolve(self, plan: Plan) -> list[Stores]:
        """Return the stores of each kind, to measure what they lack: with the models that are here now.

        Raises:
            UserError: A backend or model is not known, or not here.
        """
        return [Stores(self, part) for part in plan.parts()]

    def store(self, stage: str, fingerprint: str) -> AppendOnlyTable:
        """Return the store of a stage, by its fingerprint."""
        return AppendOnlyTable(
            self.root / "stages" / f"{stored_as(STAGES[stage])}-{fingerprint}",
            STAGES[stage].COLUMNS,
            scratch=self.scratch,
        )

    def check_free(self) -> None:
        """Refuse what `held` would, and write nothing.

        Raises:
            UserError: The folder cannot be written to.
            OutsideError: Another run holds it.
        """
        check_free(self.root, "workspace")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the workspace for one run, and clear away what a killed run left half written.

        Raises:
            UserError: The folder cannot be written to.
            OutsideError: Another run holds it.
        """
        with hold_folder(self.root, "workspace", scratch=self.scratch):
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch.mkdir()
            mend_record(self.root)
            yield


class _Catalog(AppendOnlyTable):
    """The catalog, which does not take in what was taken down: of that the record alone speaks."""

    def append(self, rows: Sequence[dict[str, Any]]) -> Path:
        """Write the rows as one new part, but for files that were taken down.

        Returns:
            The part file; the folder where no row is left.
        """
        blocklist = Workspace(self.folder.parent).blocklist()
        entered = [
            row
            for row in rows
            if not blocklist.refuses(
                ids=(row.get("media_id"), Path(row["path"]).stem), urls=(row.get("source_url"),)
            )
        ]
        if len(entered) < len(rows):
            left_out = count(len(rows) - len(entered), "file is", "files are")
            logger.warning("%s not catalogued: %s names what was taken down", left_out, RECORD)
        return super().append(entered) if entered else self.folder


class Stores:
    """The stages of a plan with their models, fingerprints and stores; the plan has no kinds."""

    def __init__(
        self, workspace: Workspace, plan: Plan, known: Mapping[str, str | None] | None = None
    ) -> None:
        """Take the stages with their settings; no model is loaded.

        Args:
            workspace: Where the stores lie.
            plan: A plan without kinds.
            known: The models of stages, as a former run found them. What the settings of any other stage name
                is looked for, and the weights may be hashed.

        Raises:
            UserError: A backend or model is not known, or not here.
        """
        if plan.kinds:
            raise ValueError(f"plan {plan.recipe!r} has kinds; expected one of `plan.parts()`")
        self.workspace = workspace
        self.plan = plan
        self.stages: dict[str, Stage] = {name: STAGES[name](plan) for name in plan.stages}
        self.models = self._models(known or {})

    def reads(self, name: str) -> list[str]:
        """Return the stages whose columns a stage gets, by name."""
        before = list(self.stages)[: list(self.stages).index(name)]
        there = [read for read in may_read(STAGES[name]) if read in before]
        return [self.plan.track if read == "track" else read for read in (*self.stages[name].READS, *there)]

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """The fingerprint of each stage: its name, version, settings, model and what it reads from."""
        found: dict[str, str] = {}
        for name in self.stages:
            text = json.dumps(self._identity(name, found), sort_keys=True)
            found[name] = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
        return found

    def folder(self, name: str) -> Path:
        """Return the folder of a stage's store."""
        return self.store(name).folder

    def store(self, name: str) -> AppendOnlyTable:
        """Return a stage's store."""
        return self.workspace.store(name, self.fingerprints[name])

    def describe(self, name: str) -> None:
        """Write beside a store what its fingerprint stands for, once."""
        path = self.folder(name) / "stage.json"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            identity = self._identity(name, self.fingerprints)
            scratch = self.workspace.scratch
            scratch.mkdir(exist_ok=True)
            with whole_file(path, beside=scratch / f"{path.parent.name}.json") as beside:
                beside.write_text(json.dumps(identity, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def _models(self, known: Mapping[str, str | None]) -> dict[str, str]:
        """Return `id@revision` of the model behind each stage that has one.

        Raises:
            UserError: A backend or model is not known.
        """
        models = {}
        for name, stage in self.stages.items():
            try:
                model = known[name] if name in known else stage.model()
            except (ValueError, LookupError) as error:
                raise UserError(f"{name}: {error}") from error
            if model is not None:
                models[name] = model
        return models

    def _identity(self, name: str, fingerprints: Mapping[str, str]) -> dict[str, object]:
        stage = self.stages[name]
        return {
            "stage": stored_as(STAGES[name]),
            "version": stage.VERSION,
            "settings": dict(stage.identity()),
            "model": self.models.get(name),
            "reads": {read: fingerprints[read] for read in self.reads(name)},
        }


def identity_facts(kinds: Sequence[Stores]) -> dict[str, Any]:
    """Return fingerprints and models of the stages, as plan.yaml and a dataset's recipe.yaml hold them."""
    by_recipe = {stores.plan.recipe: stores.fingerprints for stores in kinds}
    return {
        "fingerprints": by_recipe if len(kinds) > 1 else kinds[0].fingerprints,
        "models": {name: model for stores in kinds for name, model in stores.models.items()},
    }
