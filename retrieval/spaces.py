"""The spaces in which clips are compared: whose vectors they are, and the model that puts a query there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.storage.errors import UserError
from leitmotif.weights.adapters import INDEX, adapters, constants_of, make_adapter, own_settings
from leitmotif.weights.backend import clap_adapter
from leitmotif.weights.catalog import name_model
from leitmotif.weights.device import resolve_device
from leitmotif.weights.resolve import BadModel

# Between the models of a stage that heard with two: "clap-mini@… + musicnn@…", CLAP first.
_AND = " + "
_PAIR = ["backend", "model"]


@dataclass(frozen=True)
class Space:
    """One space.

    Attributes:
        name: What it is called.
        column: The column of a dataset that holds its vectors; where the index makes them, that which is
            embedded.
        stage: The stage that made them, or `leitmotif.weights.adapters.INDEX`.
        adapter: The adapter where a dataset does not say which.
        of: What was embedded.
        asked_by: Kinds of files that are looked for in it beside words, where an index made it.
    """

    name: str
    column: str
    stage: str
    adapter: str
    of: str
    asked_by: tuple[str, ...] = ()


CLAP = Space("clap", "clap_embedding", "tagging", "clap", "sound")
CLIP = Space("clip", "clip_embedding", "vision", "clip", "pictures")
SPACES = {space.name: space for space in (CLAP, CLIP)}
# What an encoder of sentences embeds of a clip, by its READS.
_OF = {"caption": "captions", "audio": "sound"}


def space_named(name: str) -> Space:
    """Return one of `SPACES`, or the space of an encoder by which an index has clips embedded.

    Raises:
        UserError: There is no such encoder here.
    """
    if name in SPACES:
        return SPACES[name]
    known = adapters(INDEX)
    if name not in known:
        raise UserError(f"got encoder {name!r}; expected one of {', '.join(sorted(known))}")
    facts = constants_of(known[name])
    return Space(name, facts["READS"], INDEX, name, _OF[facts["READS"]], tuple(facts.get("ASKED_BY", ())))


@dataclass(frozen=True)
class Model:
    """What embedded the clips of a dataset in a space.

    Attributes:
        id: Model id @ revision.
        adapter: The adapter that runs it.
        settings: Settings of the adapter.
    """

    id: str
    adapter: str
    settings: Mapping[str, Any]


def model_of(dataset: Dataset, space: Space) -> Model | None:
    """Return what embedded a dataset's clips, by its rows and its recipe; None where no row says.

    Raises:
        DatasetError: Rows name different models, whose vectors do not compare.
    """
    ids = _named_in_rows(dataset, space.stage)
    if len(ids) > 1:
        raise DatasetError(
            f"the {space.of} of {str(dataset.path)!r} was embedded by {len(ids)} models ({', '.join(ids)}), "
            "whose vectors do not compare; publish from one workspace"
        )
    if not ids:
        return None
    stages = dataset.recipe.get("stages")
    stated = stages.get(space.stage) if isinstance(stages, Mapping) else None
    settings = dict(stated) if isinstance(stated, Mapping) else {}
    adapter = clap_adapter(str(settings.get("backend", space.adapter)))
    own = {name: settings.get(name) for name in own_settings(space.stage, adapter)}
    name, _, revision = ids[0].rpartition("@")
    if not stated and "model" in own:
        own["model"] = name
    if "revision" in own and not revision.startswith("sha256:"):
        own["revision"] = revision
    return Model(ids[0], adapter, {key: value for key, value in own.items() if value is not None})


def _named_in_rows(dataset: Dataset, stage: str) -> list[str]:
    """Return the models that rows name for a stage, each once."""
    found: set[str] = set()
    for split in dataset.shards:
        for table in dataset.stream(split, ["models"]):
            if "models" not in table.column_names:
                return []
            pairs = table["models"].combine_chunks().flatten()
            columns = {name: _plain(pairs.field(name)) for name in _PAIR}
            for pair in pa.table(columns).group_by(_PAIR).aggregate([]).to_pylist():  # few of them differ
                if pair["backend"] == stage and pair["model"]:
                    found.add(pair["model"].split(_AND)[0])
    return sorted(found)


def _plain(texts: pa.Array) -> pa.Array:
    return texts.dictionary_decode() if pa.types.is_dictionary(texts.type) else texts


class Encoders:
    """The models of a dataset, each loaded when it is first asked for."""

    def __init__(self, models: Mapping[str, Model], device: str = "auto") -> None:
        """Load nothing yet.

        Args:
            models: The model of each space, by its name.
            device: "cpu", "cuda", "cuda:N" or "auto".
        """
        self._models = dict(models)
        self._device = device
        self._loaded: dict[str, Any] = {}

    def of(self, space: Space) -> Any:
        """Return the encoder of a space.

        Raises:
            UserError: The model is not here, or is another than the one that embedded the clips.
        """
        if space.name not in self._loaded:
            self._loaded[space.name] = self._load(space, self._models[space.name])
        return self._loaded[space.name]

    def _load(self, space: Space, model: Model) -> Any:
        from transformers.utils import logging

        logging.disable_progress_bar()
        logging.set_verbosity_error()
        what = f"the {space.of} of the dataset was embedded by {model.id}"
        try:
            known = adapters(space.stage)
            if model.adapter not in known:
                raise UserError(f"{what}, by the backend {model.adapter!r}, which is not installed here")
            here = name_model(constants_of(known[model.adapter]), model.settings)
            if here != model.id:
                raise UserError(
                    f"{what}, and here is {here}, whose vectors do not compare; use the version of leitmotif "
                    "or the weights that it was curated with, or curate and publish it again"
                )
            encoder = make_adapter(space.stage, model.adapter, model.settings)
            return encoder.load(resolve_device(self._device))
        except (BadModel, LookupError) as error:
            raise UserError(f"{what}: {error}") from error
