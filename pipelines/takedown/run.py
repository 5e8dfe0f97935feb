"""Take sources down: out of workspace, dataset and collected folder, proven, and kept out from then on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from leitmotif.collection.archive import Archive
from leitmotif.phrases import count
from leitmotif.pipelines.damage import telling_damage
from leitmotif.pipelines.takedown.folders import clean, rebuild
from leitmotif.pipelines.takedown.redact import Redactor, search
from leitmotif.pipelines.takedown.sources import (
    HASH,
    Fact,
    Index,
    redactor_of,
    removal_of,
    resolve,
    same_recording,
    with_media,
    without_address,
)
from leitmotif.pipelines.takedown.targets import Targets, files_in
from leitmotif.pipelines.workspace import Workspace
from leitmotif.shards.manifest import read_counts
from leitmotif.shards.takedown import Blocklist, Removal, write_record
from leitmotif.shards.urls import canonical_url
from leitmotif.storage.errors import OutsideError, UserError, describe_machine_fault, is_machine_fault
from leitmotif.storage.progress import OnProgress, show_nothing


@dataclass
class TakenDown:
    """What was removed.

    Attributes:
        sources: Addresses, else names, of the sources.
        clips: Ids of their clips.
        already: Those of the sources that had been taken down before.
        same_recording: Sources that stay, though they seem to hold the same recording.
        without_address: How many clips the dataset left out stay and have no address in it, where
            addresses were given: they may be of one of these.
        removed: Rows, lines and files that went, by folder.
        emptied: Splits of the dataset that have no clip any more.
        searched: Files that were searched in the end; nothing was found in any.
    """

    sources: list[str]
    clips: list[str]
    already: list[str] = field(default_factory=list)
    same_recording: list[str] = field(default_factory=list)
    without_address: int = 0
    removed: dict[str, int] = field(default_factory=dict)
    emptied: list[str] = field(default_factory=list)
    searched: int = 0


def describe(removals: Sequence[Removal], targets: Targets) -> TakenDown:
    """Return what removals mean, before anything is done."""
    recorded = set(targets.recorded())
    sources = _names(removals)
    already = sources - _names(removal for removal in removals if removal not in recorded)
    clips = {clip for removal in removals for clip in removal.clip_ids}
    facts = targets.facts()
    same = same_recording(removals, facts)
    blocklist = Blocklist(removals)
    staying = [fact for fact in facts if not blocklist.refuses(ids=[*fact.links], urls=[*fact.urls])]
    nameless = _nameless([removal.asked for removal in removals], targets, staying)
    return TakenDown(sorted(sources), sorted(clips), sorted(already), same, nameless)


def _nameless(words: Iterable[str], targets: Targets, facts: Sequence[Fact]) -> int:
    """Return how many clips that a dataset left out no address can find, where one was given.

    A workspace knows the address of each.
    """
    addressed = any(canonical_url(word) != word for word in words)
    return len(without_address(facts)) if addressed and not targets.workspace else 0


def _names(removals: Iterable[Removal]) -> set[str]:
    """Return what the sources are called: by their addresses, else ids, else as they were asked for."""
    return {name for removal in removals for name in (removal.urls or removal.source_ids or (removal.asked,))}


def telling_damage_of(targets: Targets) -> AbstractContextManager[None]:
    """Say in one line what becomes of a damaged file of the workspace."""
    return telling_damage(Workspace(targets.workspace)) if targets.workspace else nullcontext()


def plan_takedown(
    words: Sequence[str], targets: Targets, *, reason: str = "", keep_out: bool = False
) -> list[Removal]:
    """Find out what is to be removed; nothing is changed.

    Args:
        words: Clip ids, media hashes, source ids or addresses; none to go through with what is on record.
        targets: Where to look.
        reason: Reason for the record.
        keep_out: Take a word that nothing here knows as the address or media hash of what must not come in.

    Returns:
        What is to be recorded and removed.

    Raises:
        UserError: A word names nothing, or several sources.
        OutsideError: A part of a store is damaged; it is set aside.
    """
    with telling_damage_of(targets):
        return _plan(words, targets, reason=reason, keep_out=keep_out)


def _plan(words: Sequence[str], targets: Targets, *, reason: str, keep_out: bool) -> list[Removal]:
    facts = with_media(targets.facts(), words)
    index = Index(facts)
    recorded = targets.recorded()
    blocklist = [Blocklist([removal]) for removal in recorded]
    removals: list[Removal] = [] if words else list(recorded)
    unknown, recordable = [], True
    for word in dict.fromkeys(words):
        former = [
            removal
            for removal, listed in zip(recorded, blocklist, strict=True)
            if word in (removal.asked, *removal.source_ids) or listed.refuses(ids=(word,), urls=(word,))
        ]
        found = resolve(word, index)
        new = removal_of(found, asked=word, reason=reason, at=datetime.now(UTC).isoformat(timespec="seconds"))
        removals += former
        if found and not _covers(former, new):
            removals.append(new)
        elif not found and not former:
            unknown.append(word)
            kind = "urls" if canonical_url(word) != word else "media_ids"
            removals.append(Removal(new.at, reason, word, **{kind: (word,)}))
            recordable = recordable and (kind == "urls" or HASH.fullmatch(word) is not None)
    if unknown and not (keep_out and recordable):
        folders = ", ".join(str(folder) for folder in targets.folders)
        near = [name for word in unknown[:4] for name in index.near(word)]
        meant = f"did you mean {' or '.join(map(repr, dict.fromkeys(near)))}? Otherwise " if near else ""
        if nameless := _nameless(unknown, targets, facts):
            meant += (
                f"a dataset does not hold the addresses of what it left out ({count(nameless, 'clip')} here)"
                ": --workspace WS knows them, and the file names and clip ids in rejected.parquet and "
                "quarantine.parquet need none; "
            )
        raise UserError(
            f"nothing in {folders} is called {', '.join(map(repr, unknown[:4]))}; {meant}give clip ids, "
            "media hashes, source ids or addresses (--keep-out records addresses and media hashes that are "
            "not here yet); nothing was changed"
        )
    if not removals:
        raise UserError("no id was given and none is on record; give the ids of what is to be taken down")
    return list(dict.fromkeys(targets.with_former_windows(removals, facts)))


def _covers(former: Sequence[Removal], new: Removal) -> bool:
    def names(removals: Iterable[Removal]) -> set[str]:
        kinds = ("media_ids", "clip_ids", "source_ids", "urls", "items")
        return {name for removal in removals for kind in kinds for name in getattr(removal, kind)}

    return names([new]) <= names(former)


def take_down(
    removals: Sequence[Removal],
    targets: Targets,
    *,
    finish: Callable[[Path], object] = lambda folder: None,
    on_progress: OnProgress = show_nothing,
) -> TakenDown:
    """Remove sources from all places, and search every file for what may be left of them.

    The records are written first: should this be cut short, what they name is neither catalogued nor
    collected nor published any more, and the same call again does the rest.

    Args:
        removals: What `plan_takedown` returned.
        targets: Where to remove.
        finish: Called with a folder to write its reports: the dataset's new one before it is put in place,
            and the workspace if it has some.
        on_progress: Called with how many files are searched.

    Returns:
        What was removed.

    Raises:
        OutsideError: Another run holds a folder, the disk failed, or a name is left somewhere.
    """
    done = describe(removals, targets)
    with telling_damage_of(targets), ExitStack() as held:
        try:
            if targets.workspace:
                held.enter_context(Workspace(targets.workspace).held())
            if targets.collected:
                held.enter_context(Archive(targets.collected).held())
                # What is half fetched bears no name that could be looked for.
                shutil.rmtree(targets.collected / "partial")
                (targets.collected / "partial").mkdir()
            redactor = redactor_of(removals, targets.facts())
            in_place = [(targets.workspace, "scratch"), (targets.collected, "partial")]
            for folder, _ in in_place:
                if folder:
                    write_record(folder, removals)
            for folder, scratch in in_place:
                if folder:
                    done.removed[str(folder)] = clean(folder, redactor, finish, scratch=folder / scratch)
            if targets.dataset:
                before = read_counts(targets.dataset)["rows"]
                done.removed[str(targets.dataset)] = rebuild(targets.dataset, removals, redactor, finish)
                left = read_counts(targets.dataset)["rows"]
                done.emptied = [split for split, rows in before.items() if rows and not left.get(split)]
            done.searched = _prove(targets, redactor, on_progress)
        except (OSError, MemoryError) as error:
            if not is_machine_fault(error):
                raise
            place = targets.workspace or targets.dataset or targets.collected
            raise OutsideError(
                f"{describe_machine_fault(error, place)} and run the same command again"
            ) from error
    return done


def _prove(targets: Targets, redactor: Redactor, on_progress: OnProgress) -> int:
    """Search every file of every place; return how many there were.

    Raises:
        OutsideError: A name is left.
    """
    files = [path for folder in targets.folders for path in files_in(folder)]
    left = []
    for number, path in enumerate(files, start=1):
        left += [f"{name!r} in {path}" for name in sorted(search(path, redactor))]
        on_progress("search", number, len(files))
    if left:
        raise OutsideError(
            f"{count(len(left), 'name is', 'names are')} left, such as {'; '.join(left[:3])}; remove them "
            "there by hand and run the same command again (everything else is taken down)"
        )
    return len(files)
