"""Which backend of the table the settings of a stage choose, and where its weights lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from leitmotif.weights.backend import BESIDE_CLAP, NOBODY, Backend, clap_adapter
from leitmotif.weights.catalog import OF_TAGGING, known_backends
from leitmotif.weights.files import HubRepo, LocalPath, Weights, models_dir
from leitmotif.weights.published import pinned

# Settings that name weights in place of the published ones.
PLACES = ("repo", "panns", "weights")


def source_of(stage: str, settings: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the stage whose settings name the model that a stage uses; None where it uses none."""
    backend = settings[stage].get("backend")
    if stage in OF_TAGGING and backend in (None, "clap"):
        return "tagging"
    return None if backend in (None, NOBODY) else stage


def backends_of(stage: str, settings: Mapping[str, Mapping[str, Any]]) -> tuple[Backend, ...]:
    """Return the backends that do a stage's work under the settings of all stages; none where it needs none.

    Of a tagger of music that works beside CLAP both are returned, the tagger first.
    """
    source = source_of(stage, settings)
    if source is None:
        return ()
    own = settings[source]
    backend = chosen_backend(source, own)
    if source != "tagging" or not own["backend"].endswith(BESIDE_CLAP):
        return (backend,)
    clap = chosen_backend(source, {**own, "backend": clap_adapter(own["backend"])})
    return (backend, clap) if stage == source else (clap,)


def chosen_backend(stage: str, settings: Mapping[str, Any]) -> Backend:
    """Return the backend that a stage's settings name, with their model in place of the published one.

    Beside CLAP, whose model they name, it is the other one.
    """
    named = settings["backend"]
    known = [each for each in known_backends() if stage in each.stages and each.named(stage) == named]
    model, revision = settings.get("model"), settings.get("revision")
    if stage == "tagging" and named.endswith(BESIDE_CLAP):
        model = revision = None
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
