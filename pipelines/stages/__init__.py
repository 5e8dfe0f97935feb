"""The stages: every class here whose name ends in Stage, by its NAME. A new stage is one new file."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from leitmotif.pipelines.stage import Stage


def _discover() -> dict[str, type[Stage]]:
    stages: dict[str, type[Stage]] = {}
    for module in iter_modules(__path__, f"{__name__}."):
        contents: dict[str, Any] = vars(import_module(module.name))
        stages |= {
            thing.NAME: thing
            for name, thing in contents.items()
            if name.endswith("Stage") and name != "Stage" and thing.__module__ == module.name
        }
    return stages


STAGES = _discover()
