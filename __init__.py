"""Build, annotate and curate video-music-text datasets, and train the models that use them.

`curate` measures and judges folders of media, `publish` writes a dataset, `Dataset` opens one, `ShardLoader`
streams it to a trainer; docs/python.md shows them at work. Importing this package imports nothing else: each
name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leitmotif.api.dataset import Dataset, publish
    from leitmotif.api.model import DescriptionModel, load_model, train
    from leitmotif.api.music import Music, MusicGenerator, load_generator
    from leitmotif.api.workspace import Workspace, curate, load_workspace
    from leitmotif.storage.errors import OutsideError, RunError, UserError
    from leitmotif.training.loader.loader import ShardLoader

__all__ = [
    "Dataset",
    "DescriptionModel",
    "Music",
    "MusicGenerator",
    "OutsideError",
    "RunError",
    "ShardLoader",
    "UserError",
    "Workspace",
    "curate",
    "load_generator",
    "load_model",
    "load_workspace",
    "publish",
    "train",
]

_PLACES = {
    "Dataset": "leitmotif.api.dataset",
    "DescriptionModel": "leitmotif.api.model",
    "Music": "leitmotif.api.music",
    "MusicGenerator": "leitmotif.api.music",
    "OutsideError": "leitmotif.storage.errors",
    "RunError": "leitmotif.storage.errors",
    "ShardLoader": "leitmotif.training.loader.loader",
    "UserError": "leitmotif.storage.errors",
    "Workspace": "leitmotif.api.workspace",
    "curate": "leitmotif.api.workspace",
    "load_generator": "leitmotif.api.music",
    "load_model": "leitmotif.api.model",
    "load_workspace": "leitmotif.api.workspace",
    "publish": "leitmotif.api.dataset",
    "train": "leitmotif.api.model",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("leitmotif-av")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
