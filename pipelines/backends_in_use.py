"""Which backends a profile uses, and for which stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from leitmotif.pipelines.documents import PROFILES
from leitmotif.pipelines.settings import profile_settings
from leitmotif.weights.backend import Backend
from leitmotif.weights.catalog import OF_TAGGING, known_backends
from leitmotif.weights.files import HubRepo, LocalPath, Weights, models_dir
from leitmotif.weights.published import pinned

# Settings that name weights in place of the published ones.
PLACES = ("repo", "panns", "weights")


@dataclass(frozen=True)
class BackendUse:
    """A backend at work: the stages that it serves, and the settings of the first of them."""

    backend: Backend
    stages: tuple[str, ...]
    settings: Mapping[str, Any]

    @property
    def served_elsewhere(self) -> bool:
        """Whether its model runs in a server on another machine."""
        host = urlsplit(str(self.settings.get("url", ""))).hostname
        return self.backend.served and host not in (None, "localhost", "127.0.0.1", "::1", "0.0.0.0")


def uses_of(profile: str) -> list[BackendUse]:
    """Return the backends of a profile, in the order of the table.

    Args:
        profile: A shipped profile's name, or a YAML file.

    Raises:
        UserError: The profile is not known, or wrong.
    """
    settings = profile_settings(profile)
    uses: dict[str, BackendUse] = {}
    for stage in settings:
        source = _source(stage, settings)
        if source is None:
            continue
        backend = _backend(source, settings[source])
        known = uses.get(backend.name, BackendUse(backend, (), settings[source]))
        stages = sorted({*known.stages, stage}, key=lambda name: (name != source, name))
        uses[backend.name] = replace(known, stages=tuple(stages))
    order = {backend.name: number for number, backend in enumerate(known_backends())}
    return sorted(uses.values(), key=lambda use: order.get(use.backend.name, len(order)))


def other_uses() -> list[BackendUse]:
    """Return the backends that no shipped profile uses."""
    used = {use.backend.name for profile in PROFILES for use in uses_of(profile)}
    return [
        BackendUse(backend, backend.stages, {}) for backend in known_backends() if backend.name not in used
    ]


def _source(stage: str, settings: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the stage whose settings name the model that a stage uses; None where it uses none."""
    backend = settings[stage].get("backend")
    if stage in OF_TAGGING and backend in (None, "clap"):
        return "tagging"
    return stage if backend else None


def _backend(stage: str, settings: Mapping[str, Any]) -> Backend:
    """Return the backend that a stage's settings name, with their model in place of the published one."""
    named = settings["backend"]
    known = [backend for backend in known_backends() if stage in backend.stages and backend.backend == named]
    model, revision = settings.get("model"), settings.get("revision")
    backend = next((each for each in known if _is_model_of(each, model)), None)
    if backend is None:
        backend = replace(_other_model(known[0], str(model)), name=named)
    places = [str(settings[key]) for key in PLACES if settings.get(key)]
    if places:
        return replace(backend, weights=tuple(LocalPath(place) for place in places), pinned="a local file")
    if (tokenizer := settings.get("tokenizer")) and len(backend.weights) > 1:
        backend = replace(backend, weights=(backend.weights[0], *_place(str(tokenizer))))
    if revision and backend.weights and isinstance(first := backend.weights[0], HubRepo):
        weights = (replace(first, revision=str(revision)), *backend.weights[1:])
        backend = replace(backend, weights=weights)
    return backend


def _place(model: str) -> tuple[Weights, ...]:
    """Return where a model lies that a user names: a path, a file in the folder of models, or a hub id."""
    if Path(model).expanduser().exists() or model.startswith((".", "~", "/")):
        return (LocalPath(model),)
    if model.endswith((".pt", ".pth")):
        return (LocalPath(str(models_dir() / model)),)
    return (HubRepo(model, pinned(model)),) if model.count("/") == 1 else ()


def _is_model_of(backend: Backend, model: str | None) -> bool:
    if model in (None, backend.model) or not (backend.weights or backend.shipped):
        return True
    return backend.model is None and model == backend.model_id


def _other_model(backend: Backend, model: str) -> Backend:
    """Return the backend with a model that the table lacks; facts that nobody knows are stated as unknown."""
    weights = _place(model)
    return replace(
        backend,
        model=model,
        title=None,
        pinned="a local file" if weights and isinstance(weights[0], LocalPath) else None,
        weights=weights,
        shipped=None,
        license_of_weights="not known",
        commercial="not known",
    )
