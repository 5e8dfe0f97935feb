"""Divide clips into train, validation and test so that nothing leaks across."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

SPLITS = ("train", "validation", "test")


def assign_splits(links: Mapping[str, Sequence[str]], shares: Mapping[str, float]) -> dict[str, str]:
    """Put every clip into a split; clips that share a link always land together.

    Linked clips form groups (transitively). Groups are taken in the order of a hash, so that neither names
    nor dates matter, and fill test, then validation, up to their share; all the rest is train. Each split
    that has a share gets at least one group, as long as a group is left for train.

    Args:
        links: For each clip id, what it must not share with another split (its artist, its source).
        shares: Share of the clips, 0..1, of `validation` and `test`.

    Returns:
        The split of each clip id.
    """
    groups = _groups(links)
    ordered = sorted(groups, key=lambda group: hashlib.blake2b(group[0].encode(), digest_size=16).digest())
    splits: dict[str, str] = {}
    for name in ("test", "validation"):
        room = round(shares.get(name, 0.0) * len(links))
        first = True
        while shares.get(name, 0.0) > 0 and len(ordered) > 1 and (first or room >= len(ordered[0])):
            group = ordered.pop(0)
            splits.update(dict.fromkeys(group, name))
            room -= len(group)
            first = False
    for group in ordered:
        splits.update(dict.fromkeys(group, "train"))
    return splits


def _groups(links: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return the connected groups of clip ids, each sorted."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for clip, names in links.items():
        for name in names:
            parent[root("clip\0" + clip)] = root("link\0" + name)
    groups: dict[str, list[str]] = {}
    for clip in sorted(links):
        groups.setdefault(root("clip\0" + clip), []).append(clip)
    return list(groups.values())
