"""Publish a workspace as a dataset: decide, divide, write shards, put the whole folder in place at once."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from shlex import quote

import pyarrow as pa

from leitmotif.collection.ours import kind_around, kinds_of
from leitmotif.filters.rule import LICENSE
from leitmotif.phrases import command, count
from leitmotif.pipelines.advice import licenses_left_out, licenses_not_free, name_quarantined, other_recipe
from leitmotif.pipelines.damage import telling_damage
from leitmotif.pipelines.dataset_rows import RowReader
from leitmotif.pipelines.entries import CatalogEntry
from leitmotif.pipelines.given import read_given
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.measured import measured_table
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.recordings import recording_ids
from leitmotif.pipelines.stages.caption import CaptionStage
from leitmotif.pipelines.workspace import Workspace, identity_facts
from leitmotif.shards.artists import artist_names
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.features_again import carry_features, encoded_files
from leitmotif.shards.layout import INDEX
from leitmotif.shards.manifest import MANIFEST, read_counts, read_manifest, write_manifest
from leitmotif.shards.schema import QUARANTINE, REJECTED, shard_schema
from leitmotif.shards.splits import SPLITS, assign_splits, check_targets, unmet_targets
from leitmotif.shards.takedown import (
    ASIDE,
    RECORD,
    Blocklist,
    Removal,
    keep_damage,
    read_record,
    write_record,
)
from leitmotif.shards.urls import canonical_url
from leitmotif.shards.writer import plan_shards, write_shard
from leitmotif.storage import parquet
from leitmotif.storage.atomic import clear_folder, whole_folder, write_text
from leitmotif.storage.documents import yaml_text
from leitmotif.storage.errors import (
    OutsideError,
    RunError,
    UserError,
    describe_machine_fault,
    is_machine_fault,
)
from leitmotif.storage.places import check_place
from leitmotif.storage.progress import OnProgress, show_nothing
from leitmotif.taxonomy import labels

logger = logging.getLogger("leitmotif.pipelines")


@dataclass
class Published:
    """What was published and where."""

    catalogued: int
    kept: int
    rejected: int
    quarantined: int
    rejected_by: dict[str, int]
    dataset: str
    shards: int
    rows: dict[str, int]
    seconds: float
    advice: list[str]


def publish(
    workspace: Workspace,
    out: Path,
    plan: Plan,
    *,
    mix: bool = False,
    finish: Callable[[Path, Ledger], object] = lambda folder, ledger: None,
    on_progress: OnProgress = show_nothing,
) -> Published:
    """Write a dataset folder, whole or not at all.

    Args:
        workspace: A curated workspace.
        out: The dataset; an older dataset there is replaced, anything else is left alone.
        plan: The workspace's plan, with the thresholds that are to hold.
        mix: With a column `mix`: the sound before the voice was taken out.
        finish: Called with the folder before it is put in place, and the ledger, to add reports.
        on_progress: Called with how many rows are written.

    Returns:
        Counts and place.

    Raises:
        UserError: Clips are not measured yet, or `out` holds something else, or a dataset with rows where
            this one would have none.
        OutsideError: The disk refused, or a file of the workspace is damaged; a former dataset is untouched.
    """
    _check_target(workspace, out)
    with telling_damage(workspace):
        return _publish(workspace, out, plan, mix, finish, on_progress)


def _publish(
    workspace: Workspace,
    out: Path,
    plan: Plan,
    mix: bool,
    finish: Callable[[Path, Ledger], object],
    on_progress: OnProgress,
) -> Published:
    started = time.monotonic()
    removals, given = _removals(workspace, out), read_given(workspace.root).texts("license")
    ledger = Ledger(*workspace.kinds(plan), blocklist=Blocklist(removals))
    ledger.decide()
    _check_measured(ledger, plan)
    check_targets(len(ledger.kept()), _targets(plan))
    if not ledger.kept():
        _check_nothing_lost(ledger, out)
    try:
        with whole_folder(out) as beside:
            (beside / "data").mkdir()
            rows, shards = _write_data(beside, plan, ledger, mix, on_progress)
            _write_records(beside, plan, ledger, given)
            keep_damage(out, beside)
            write_record(beside, removals)
            finish(beside, ledger)
            counts = ledger.counts()
            del counts["pending"]
            write_manifest(beside, counts | {"rows": rows})
            lines = _carry(out, beside)
            _check_takedowns(workspace, out, removals)
        for line in lines:
            logger.info("%s", line)
        if not counts["kept"]:
            logger.warning("%s", _why_empty(workspace, ledger))
    except Exception as error:
        if isinstance(error, RunError) or not is_machine_fault(error):
            raise
        raise OutsideError(f"{describe_machine_fault(error, out)} and publish again") from error
    seconds = round(time.monotonic() - started, 2)
    return Published(
        **counts,
        rejected_by=ledger.rejected_by(),
        dataset=str(out),
        shards=shards,
        rows=rows,
        seconds=seconds,
        advice=[
            *name_quarantined(ledger),
            *other_recipe(ledger, plan),
            *licenses_left_out(ledger),
            *licenses_not_free(ledger, plan),
        ],
    )


def _check_target(workspace: Workspace, out: Path) -> None:
    check_place(out)
    if out.resolve() == workspace.root.resolve():
        place = command("publish", workspace.root, "--out", workspace.dataset_beside())
        raise UserError(
            f"{str(out)!r} is the workspace itself; give the dataset a folder of its own: `{place}`"
        )
    if around := kind_around(out):
        # A takedown from the outer one would not know this one for what it is.
        raise UserError(
            f"{str(out)!r} lies in a {around[0]} ({str(around[1])!r}); give the dataset a place of its own, "
            f"such as --out {quote(str(workspace.dataset_beside()))}"
        )
    if "workspace" in kinds_of(out):
        raise UserError(f"{str(out)!r} holds a workspace, which nothing replaces; choose another --out")
    if out.exists() and not (out / MANIFEST).is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(
            f"{str(out)!r} exists and is no dataset of ours (no {MANIFEST}); choose another --out"
        )
    if others := _others_in(out):
        raise UserError(
            f"{str(out)!r} holds what is not of the dataset ({count(len(others), 'file')}, first: "
            f"{others[0]!r}), and publishing replaces the whole folder; move that elsewhere, or choose "
            "another --out"
        )


def _others_in(out: Path) -> list[str]:
    """Return what lies in a dataset beside its files, sorted; nothing where its manifest is damaged."""
    if not (out / MANIFEST).is_file():
        return []
    clear_folder(out)  # of what killed commands left
    try:
        known = {MANIFEST, RECORD, *read_manifest(out)["files"]}
    except DatasetError:
        return []
    known |= encoded_files(out)
    names = (path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir())
    return sorted(name for name in names if name not in known and not name.startswith(ASIDE))


def _carry(out: Path, beside: Path) -> list[str]:
    """Take over what other commands made of an older dataset, and return what is to be said of it.

    After the manifest, in which `leitmotif encode` notes nothing.
    """
    lines = carry_features(out, beside)
    if (out / INDEX).is_dir():
        lines.append(f"{INDEX}/ was that of the former dataset; `{command('index', out)}` makes it again")
    return lines


def _check_nothing_lost(ledger: Ledger, out: Path) -> None:
    """Refuse to put a dataset without rows in the place of one that has some."""
    rows = sum(read_counts(out)["rows"].values()) if (out / MANIFEST).is_file() else 0
    if rows:
        raise UserError(
            f"nothing would be published: {_left_out(ledger)}; the dataset at {str(out)!r} with "
            f"{count(rows, 'row')} stays; {_how_to_move(ledger)}, or choose another --out"
        )


def _removals(workspace: Workspace, out: Path) -> list[Removal]:
    """Return what was taken down from the workspace or from an older dataset at the place."""
    return [*read_record(workspace.root), *read_record(out)]


def _check_takedowns(workspace: Workspace, out: Path, removals: Sequence[Removal]) -> None:
    if _removals(workspace, out) != removals:
        raise OutsideError("something was taken down while the dataset was written; publish again")


def _check_measured(ledger: Ledger, plan: Plan) -> None:
    """Refuse to publish while clips that pass are not measured.

    Raises:
        UserError: There are some; the text has the command that measures them.
    """
    pending = [entry.outcome.pending for entry in ledger.entries if entry.outcome.pending]
    if not pending:
        return
    workspace = ledger.workspace
    # What was set for this publication alone: under the workspace's own plan these clips may be rejected.
    former = workspace.former_plan()
    before = former.settings if former else ()
    changed = [text for text in plan.settings if text not in before]
    names = {text.partition("=")[0] for text in plan.settings}
    changed += [f"{name}=" for text in before if (name := text.partition("=")[0]) not in names]
    settings = [word for text in changed for word in ("--set", text)]
    measure = command("curate", "--out", workspace.root, *settings)
    clips = f"{count(len(pending), 'clip')} {'passes' if len(pending) == 1 else 'pass'}"
    if set(pending) == {CaptionStage.NAME}:
        raise UserError(
            f"{clips} and need captions for these tags (captions speak of what passes); run `{measure}`, "
            "then publish"
        )
    raise UserError(
        f"{clips} these thresholds and {'is' if len(pending) == 1 else 'are'} not measured yet by "
        f"{', '.join(sorted(set(pending)))}; run `{measure}` (--measure-all lets thresholds move freely)"
    )


def _why_empty(workspace: Workspace, ledger: Ledger) -> str:
    """Return the line that says why a dataset has no rows."""
    if not ledger.entries:
        return f"the dataset has no rows: {_left_out(ledger)}"
    return (
        f"the dataset has no rows; {_left_out(ledger)} (`{command('report', workspace.root)}` shows their "
        f"numbers; {_how_to_move(ledger)})"
    )


def _how_to_move(ledger: Ledger) -> str:
    """Return how what was left out for a number, or for its licence, is let in."""
    by_license = LICENSE in ledger.rejected_by()
    return "move a rule by --set RULE.threshold=VALUE" + (", licences by license.allow" if by_license else "")


def _left_out(ledger: Ledger) -> str:
    """Return how many clips of a ledger that keeps none each rule and each stage left out."""
    losses = ", ".join(f"{number} by {name}" for name, number in ledger.losses().items())
    if not losses:
        return "every clip was taken down"
    return f"{count(len(ledger.entries), 'clip was', 'clips were')} left out: {losses}"


def _write_data(
    folder: Path, plan: Plan, ledger: Ledger, mix: bool, on_progress: OnProgress
) -> tuple[dict[str, int], int]:
    """Write the shards of every split and return rows by split, and the number of shards."""
    kept = ledger.kept()
    recordings = recording_ids(ledger.kinds, ledger.entries, on_progress=on_progress)
    links = {entry.clip_id: _links(entry, recordings, plan) for entry in kept}
    targets = _targets(plan)
    splits = assign_splits(links, targets)
    for line in unmet_targets(links, targets, splits):
        logger.warning(line)
    reader = RowReader(ledger.kinds, recordings, mix=mix)
    sizes = reader.sizes(kept)
    schema = shard_schema(
        clap_dim=reader.dim("tagging", "clap_embedding"),
        clip_dim=reader.dim("vision", "clip_embedding"),
        mix=mix,
    )
    rows, shards, done = {}, 0, 0
    for split in SPLITS:
        members = [entry for entry in kept if splits[entry.clip_id] == split]
        ranges = plan_shards([sizes[entry.clip_id] for entry in members]) or (
            [range(0)] if split == "train" else []
        )
        for number, span in enumerate(ranges):
            name = f"{split}-{number:05d}-of-{len(ranges):05d}.parquet"
            chosen = members[span.start : span.stop]
            write_shard(folder / "data" / name, schema, reader.rows(chosen, sizes))
            done += len(chosen)
            on_progress("publish", done, len(kept))
        if ranges:
            rows[split] = len(members)
        shards += len(ranges)
    return rows, shards


def _targets(plan: Plan) -> dict[str, float]:
    return plan.splits.model_dump(include={"validation", "test"})


def _links(entry: CatalogEntry, recordings: Mapping[str, str], plan: Plan) -> list[str]:
    """Return what a clip must not share with another split; the first says where its group stands."""
    source = entry.source
    address, uploader = source.source_url, source.uploader if plan.splits.uploader else None
    return [
        *(f"artist {name}" for name in artist_names(source.artist)),
        f"media {entry.media_id}",
        f"recording {recordings[entry.media_id]}",
        f"source {canonical_url(address) if address else source.path}",
        *(f"uploader {name}" for name in artist_names(uploader)),
        # A name of its own, such as SITE:ID; the end of a path may be that of another folder's file, too.
        *([] if source.path.endswith(source.source_id) else [f"source {source.source_id}"]),
    ]


def _write_records(folder: Path, plan: Plan, ledger: Ledger, licenses: list[str]) -> None:
    """Write what was left out and why, the label set, and everything needed to make the dataset again."""
    left_out = sorted(ledger.entries, key=lambda entry: (entry.clip_id, entry.source.path))
    # Where the folder lies on this machine is nobody's business.
    folders = [os.path.dirname(entry.source.path) for entry in left_out]  # noqa: PTH120
    root = os.path.commonpath(folders or ["."])
    named = [
        (
            entry,
            {
                "clip_id": entry.clip_id,
                "source_id": entry.source_id,
                "source": os.path.relpath(entry.source.path, root),
            },
        )
        for entry in left_out
    ]
    rejected = [
        ids | {name: getattr(entry.outcome, name) for name in ("rule", "value", "threshold", "detail")}
        for entry, ids in named
        if entry.outcome.rule is not None
    ]
    quarantined = [
        ids | {name: getattr(entry.outcome, name) for name in ("stage", "error", "message")}
        for entry, ids in named
        if entry.outcome.error is not None
    ]
    parquet.write_table(pa.Table.from_pylist(rejected, schema=REJECTED), folder / "rejected.parquet")
    parquet.write_table(pa.Table.from_pylist(quarantined, schema=QUARANTINE), folder / "quarantine.parquet")
    parquet.write_table(measured_table(ledger), folder / "measured.parquet")
    shutil.copyfile(labels.LABELS_PATH, folder / "taxonomy.yaml")
    recipe = {
        "version": version("leitmotif-av"),
        **plan.facts(),
        **identity_facts(ledger.kinds),
        **({"license": licenses[0] if len(licenses) == 1 else licenses} if licenses else {}),
    }
    write_text(folder / "recipe.yaml", yaml_text(recipe))
