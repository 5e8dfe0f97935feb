"""Divide clips into train, validation and test so that nothing leaks across."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leitmotif.phrases import count
from leitmotif.shards.components import connected_components
from leitmotif.storage.errors import UserError

SPLITS = ("train", "validation", "test")
# A group that fills more than this part of a split is taken only where smaller ones do not suffice: a test
# split that one artist fills says little.
LARGE = 0.25


@dataclass(frozen=True, order=True)
class _Group:
    """Clips that must stay together, in the order of a hash that does not depend on the other groups."""

    rank: bytes
    clips: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.clips)


def assign_splits(links: Mapping[str, Sequence[str]], targets: Mapping[str, float]) -> dict[str, str]:
    """Put every clip into a split; clips that share a link always land together.

    Linked clips form groups (transitively). Groups are taken in the order of a hash of their clips' first
    links, so that neither dates nor the order of the clips matter; test is filled first, then validation; all
    the rest is train. A split that has a target gets at least one group, as long as one is left for train;
    where the clips beside the largest group do not suffice for the targets, they share what there is.

    Nothing else is random, so a clip moves only with its group: groups that come or grow push out those at
    the end of a split, about as many clips as came, and the others stay where they are. (The end is passed
    over where groups too large for the room that is left stand there.)

    Args:
        links: For each clip id, what it must not share with another split (its artist, its source); the first
            places its group.
        targets: Size of `validation` and `test`: below 1 a share of the clips, from 1 on a number of clips.

    Returns:
        The split of each clip id.
    """
    groups = _groups(links)
    splits: dict[str, str] = {}
    wanted = {name: target if target >= 1 else target * len(links) for name, target in targets.items()}
    spare = len(links) - max(map(len, groups), default=0)
    shrunk = min(1.0, spare / max(sum(wanted.values()), 1.0))
    for name in ("test", "validation"):
        chosen = set(_fill(groups, round(shrunk * wanted[name]))) if wanted.get(name) else set()
        splits |= {clip: name for group in chosen for clip in group.clips}
        groups = [group for group in groups if group not in chosen]
    return splits | {clip: "train" for group in groups for clip in group.clips}


def check_targets(clips: int, targets: Mapping[str, float]) -> None:
    """Refuse a number of clips that there are not.

    Args:
        clips: How many there are; of none nothing is asked.
        targets: As of `assign_splits`.

    Raises:
        UserError: A split is to have more.
    """
    for name, target in targets.items():
        if clips and target >= 1 and target > clips:
            share = f"; for {target:g} % write {target / 100:g}" if target < 100 else ""
            raise UserError(
                f"splits.{name}={target:g} asks for {target:g} of {count(clips, 'clip')}; expected a share "
                f"of them below 1, such as 0.1, or a number that there are{share}"
            )


def unmet_targets(
    links: Mapping[str, Sequence[str]], targets: Mapping[str, float], splits: Mapping[str, str]
) -> list[str]:
    """Return a line for each split that came out far from its target, with the reason.

    Args:
        links: As of `assign_splits`.
        targets: As of `assign_splits`.
        splits: What it gave.
    """
    largest = max(map(len, connected_components(links)), default=0)
    lines = []
    for name, target in targets.items():
        wanted = round(target if target >= 1 else target * len(links))
        got = sum(split == name for split in splits.values())
        if abs(got - wanted) > max(1.0, LARGE * wanted):
            lines.append(
                f"splits.{name}={target:g} asks for {wanted} of {count(len(links), 'clip')}, and {name} gets "
                f"{got}: what shares an artist, a source or a recording stays together, and the largest such "
                f"group has {count(largest, 'clip')}"
            )
    return lines


def _fill(groups: Sequence[_Group], wanted: int) -> list[_Group]:
    """Choose groups of about `wanted` clips in all, one at least; one stays behind in any case."""
    chosen: list[_Group] = []
    left, room = list(groups), wanted
    for largest in (max(1, int(LARGE * wanted)), wanted):
        passed_over: list[_Group] = []
        for number, group in enumerate(left):
            if room == 0 or len(passed_over) + len(left) - number == 1:
                passed_over += left[number:]
                break
            if len(group) <= min(largest, room):
                chosen.append(group)
                room -= len(group)
            else:
                passed_over.append(group)
        left = passed_over
    if len(left) > 1 and (room or not chosen):
        nearest = min(left, key=lambda group: (abs(len(group) - room), group))
        if not chosen or abs(len(nearest) - room) < room:
            chosen.append(nearest)
    return chosen


def _groups(links: Mapping[str, Sequence[str]]) -> list[_Group]:
    """Return the connected components of clips, in the order of their ranks."""
    return sorted(
        _Group(min(_rank(links[clip][0] if links[clip] else clip) for clip in clips), tuple(clips))
        for clips in connected_components(links)
    )


def _rank(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=16).digest()
