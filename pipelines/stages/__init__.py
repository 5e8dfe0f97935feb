"""The stages: every class here whose name ends in Stage, by its NAME, and those of plugins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from leitmotif.pipelines.stage import Stage
from leitmotif.plugins import add_plugins, check_class

# What a stage states and does: see `leitmotif.pipelines.stage.Stage`.
_FACTS = ("NAME", "VERSION", "READS", "SETTINGS", "COLUMNS", "BATCH", "model", "identity", "open", "measure")


class _Stages(Mapping[str, type[Stage]]):
    """Stages by name, found on first use: a plugin may import any room of ours, which imports this one."""

    def __getitem__(self, name: str) -> type[Stage]:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @cached_property
    def _found(self) -> dict[str, type[Stage]]:
        stages: dict[str, type[Stage]] = {}
        for module in iter_modules(__path__, f"{__name__}."):
            contents: dict[str, Any] = vars(import_module(module.name))
            stages |= {
                thing.NAME: thing
                for name, thing in contents.items()
                if name.endswith("Stage") and name != "Stage" and thing.__module__ == module.name
            }
        return add_plugins("stages", stages, _take)


def _take(name: str, thing: Any) -> dict[str, type[Stage]]:
    stage = check_class(thing, _FACTS, "leitmotif.pipelines.stage.Stage")
    return {stage.NAME: stage}


STAGES = _Stages()
