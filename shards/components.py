"""Groups of what belongs together, directly or through others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def connected_components(links: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return the connected components of things that share links.

    Args:
        links: Links of each thing; two things with a link in common belong together.

    Returns:
        The groups, each sorted, in the order of their first members.
    """
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for thing, names in links.items():
        for name in names:
            parent[root("thing\0" + thing)] = root("link\0" + name)
    groups: dict[str, list[str]] = {}
    for thing in sorted(links):
        groups.setdefault(root("thing\0" + thing), []).append(thing)
    return list(groups.values())
