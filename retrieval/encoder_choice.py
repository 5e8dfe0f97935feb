"""Which encoders an index has clips embedded by, so that sentences find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leitmotif.phrases import command
from leitmotif.retrieval.folder import Facts
from leitmotif.retrieval.spaces import Model, space_named
from leitmotif.shards.dataset import Dataset
from leitmotif.storage.errors import UserError
from leitmotif.weights.adapters import INDEX, adapters, constants_of, own_settings
from leitmotif.weights.catalog import known_backends, name_model
from leitmotif.weights.resolve import BadModel

NONE = "none"
MS_CLAP, MINILM = "ms-clap", "minilm"


def choose_encoders(
    dataset: Dataset, former: Facts | None, asked: Sequence[str] | None
) -> tuple[dict[str, Model], list[str]]:
    """Return the encoders by name, and what is to be known of the choice, a line each.

    Args:
        dataset: The dataset.
        former: What the index says of itself that is to be brought up to date.
        asked: NAME or NAME=MODEL of each, or "none". None leaves it to the former index, or, where that has
            none, to what made the dataset: MS-CLAP where that judged its sound, else MiniLM, if it is here.

    Raises:
        UserError: There is no such encoder or model.
    """
    if asked is not None:
        if NONE in asked and len(asked) > 1:
            raise UserError(f"got {' and '.join(asked)} as encoders; expected none alone, or names")
        return dict(_asked(text, dataset) for text in asked if text != NONE), []
    if former is not None and former.encoders:
        return {name: _model(name, former.encoders[name].settings) for name in former.encoders}, []
    return _by_default(dataset)


def _by_default(dataset: Dataset) -> tuple[dict[str, Model], list[str]]:
    fit = [MS_CLAP, MINILM] if _quality_of(dataset).get("backend") == MS_CLAP else [MINILM]
    for name in fit:
        if not _missing(name):
            return {name: _model(name, _settings_of(name, dataset))}, []
    fetched = command("fetch-models", "--only", fit[0])
    return {}, [
        f"words are compared by the dataset's own models alone; after `{fetched}`, index again, and {fit[0]} "
        f"compares them with the {space_named(fit[0]).of}"
    ]


def _asked(text: str, dataset: Dataset) -> tuple[str, Model]:
    name, given, where = text.partition("=")
    space_named(name)  # says so where there is none
    settings = dict(_settings_of(name, dataset))
    if given:
        if "model" not in own_settings(INDEX, name):
            raise UserError(f"got {text!r} as encoder; {name} has one model only: give {name}")
        settings = {"model": where}
    return name, _model(name, settings)


def _model(name: str, settings: Mapping[str, Any]) -> Model:
    try:
        return Model(name_model(constants_of(adapters(INDEX)[name]), settings), name, dict(settings))
    except (BadModel, LookupError) as error:
        raise UserError(f"the clips cannot be embedded by {name}: {error}") from error


def _settings_of(name: str, dataset: Dataset) -> Mapping[str, Any]:
    """Return an encoder's settings: those with which it judged the dataset's sound, or its own."""
    own = own_settings(INDEX, name)
    stated = _quality_of(dataset) if name == MS_CLAP else {}
    chosen = {key: stated.get(key, value) for key, value in own.items()}
    return {key: value for key, value in chosen.items() if value is not None}


def _quality_of(dataset: Dataset) -> Mapping[str, Any]:
    stages = dataset.recipe.get("stages")
    stated = stages.get("quality") if isinstance(stages, Mapping) else None
    return stated if isinstance(stated, Mapping) else {}


def _missing(name: str) -> list[str]:
    module = adapters(INDEX)[name]
    return next(backend for backend in known_backends() if backend.module == module).missing()
