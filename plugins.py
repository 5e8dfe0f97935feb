"""Finds what other distributions add, by entry points: rules, stages, backends, metrics, sources, enrichers.

A distribution names what it adds under `[project.entry-points."leitmotif.GROUP"]`. What cannot be loaded, or
has a name that is taken, is left out and reported in one line; everything else goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from leitmotif.storage.errors import one_line

logger = logging.getLogger("leitmotif.plugins")

GROUPS = ("rules", "stages", "backends", "metrics", "sources", "enrichers")
OURS = "leitmotif"

ThingT = TypeVar("ThingT")


@dataclass(frozen=True)
class Plugin:
    """One entry point of a distribution.

    Attributes:
        group: One of `GROUPS`.
        name: Name as its distribution calls it.
        owner: The distribution and its version.
        entry: Where it lies.
    """

    group: str
    name: str
    owner: str
    entry: EntryPoint


@cache
def plugins(group: str) -> tuple[Plugin, ...]:
    """Return the plugins of a group, by distribution and name."""
    found = {
        Plugin(group, entry.name, f"{entry.dist.name} {entry.dist.version}" if entry.dist else "?", entry)
        for entry in entry_points(group=f"leitmotif.{group}")
    }
    return tuple(sorted(found, key=lambda plugin: (plugin.owner, plugin.name)))


def add_plugins(
    group: str, ours: Mapping[str, ThingT], take: Callable[[str, Any], Mapping[str, ThingT]]
) -> dict[str, ThingT]:
    """Return what is known of a kind: ours, and what the plugins of its group add.

    Args:
        group: One of `GROUPS`.
        ours: Things of our own by name.
        take: Is given an entry point's name and what it leads to; returns things by name, or raises a
            TypeError that says what it got and expected.
    """
    known, owners = dict(ours), dict.fromkeys(ours, OURS)
    for plugin in plugins(group):
        try:
            things = take(plugin.name, plugin.entry.load())
        except Exception as error:  # a stranger's code fails in whatever way it likes
            _leave_out(
                plugin, f"cannot be used ({type(error).__name__}: {one_line(error)}); mend it or uninstall it"
            )
            continue
        for name, thing in things.items():
            if name in known:
                _leave_out(plugin, f"adds {name!r}, which {owners[name]} has already; left out, rename it")
            else:
                known[name], owners[name] = thing, plugin.owner
    return known


def check_class(thing: Any, facts: Iterable[str], shape: str) -> Any:
    """Return what a plugin gives if it is a class with everything that its kind asks for.

    Args:
        thing: What its entry point leads to.
        facts: Attributes and methods.
        shape: The class that it is like, as imported.

    Raises:
        TypeError: It is not.
    """
    if not isinstance(thing, type):
        raise TypeError(f"got {type(thing).__name__}; expected a class like {shape}")
    if missing := [fact for fact in facts if not hasattr(thing, fact)]:
        raise TypeError(f"got {thing.__name__} without {', '.join(missing)}; see {shape}")
    return thing


# What was reported in this process.
_left_out: dict[Plugin, str] = {}


def _leave_out(plugin: Plugin, reason: str) -> None:
    if plugin not in _left_out:
        _left_out[plugin] = reason
        logger.warning("plugin %s of %s (leitmotif.%s) %s", plugin.name, plugin.owner, plugin.group, reason)


def why_left_out(plugin: Plugin) -> str | None:
    """Return why a plugin was left out when its group was asked for; None where it was not."""
    return _left_out.get(plugin)
