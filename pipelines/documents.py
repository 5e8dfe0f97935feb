"""Recipes and profiles as files: those that ship, and a user's own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from leitmotif.assignments import known
from leitmotif.phrases import did_you_mean
from leitmotif.pipelines.stages import STAGES
from leitmotif.shards.renamed import RENAMED_STAGES, with_stages_now
from leitmotif.storage.documents import DocumentError, read_mapping
from leitmotif.storage.errors import UserError
from leitmotif.taxonomy.labels import TAG_KINDS

logger = logging.getLogger("leitmotif.pipelines")

HERE = Path(__file__).parent
RECIPES = tuple(sorted(path.stem for path in (HERE / "recipes").glob("*.yaml")))
PROFILES = tuple(sorted(path.stem for path in (HERE / "profiles").glob("*.yaml")))
_SECTIONS = {"name", "stages", "rules", "tags", "splits"}
KEYS = {"recipe": {*_SECTIONS, "track", "kinds"}, "profile": {*_SECTIONS, "stand_ins"}}


def read_document(kind: Literal["recipe", "profile"], name: str) -> dict[str, Any]:
    """Return a recipe or profile as it is written.

    Args:
        kind: Whether it is a recipe or a profile.
        name: That of one that ships, or a YAML file.

    Raises:
        UserError: There is no such file, or it is not YAML, or has keys that are not known or lacks some.
    """
    shipped = {path.stem: path for path in (HERE / f"{kind}s").glob("*.yaml")}
    path = shipped.get(name, Path(name))
    if not path.is_file():
        raise UserError(
            f"{kind} {name!r} is not known; {did_you_mean(name, shipped)}expected "
            f"{' or '.join(sorted(shipped))}, or the path of a YAML file"
        )
    try:
        document = read_mapping(path)
    except DocumentError as error:
        raise UserError(
            f"{kind} file {name!r} is of no use ({error}); expected keys such as 'stages'"
        ) from error
    document = with_names_now(document, f"{kind} file {name!r}")
    for key in document:
        known(f"key of {kind} file {name!r}:", key, KEYS[kind])
    document.setdefault("name", path.stem)
    required = {"stages", "rules", "track"} if kind == "recipe" and "kinds" not in document else set()
    if missing := sorted(required - set(document)):
        raise UserError(
            f"recipe file {name!r} lacks {', '.join(missing)}; see pipelines/recipes for an example"
        )
    return document


def with_names_now(document: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a document with its stages as they are called now; one line says so where that is another name.

    Args:
        document: A recipe, profile or plan as it was read.
        where: What it is, for that line.
    """
    now = with_stages_now(document)
    if now != document:
        tell_of_renamed(where)
    return now


@cache
def tell_of_renamed(where: str) -> None:
    """Say once, though it is read again and again, that something has a stage under its former name."""
    names = " and ".join(f"{then!r} is {stage!r} now" for then, stage in RENAMED_STAGES.items())
    logger.warning("%s: a stage has another name (%s); the former one is read for one version", where, names)


def check_shipped(kind: Literal["recipe", "profile"], name: str) -> None:
    """Refuse to read a plan's recipe or profile again where it is a user's own file.

    Raises:
        UserError: It is; the text says how to give it.
    """
    if name not in {"recipe": RECIPES, "profile": PROFILES}[kind]:
        raise UserError(f"the workspace's {kind} {name!r} is a file of yours; give it as well: --{kind} FILE")


def read_kinds(recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the recipes that a recipe by kinds of files names: that of moving pictures, and that of sound.

    Args:
        recipe: As `read_document` gave it; one without kinds gives an empty list.

    Raises:
        UserError: It does not name two recipes.
    """
    names = recipe.get("kinds", [])
    if names and not (isinstance(names, list) and len(names) == 2 and all(isinstance(n, str) for n in names)):
        raise UserError(
            f"kinds of recipe {recipe['name']!r} are {names!r}; expected two recipes, that of moving "
            "pictures and that of sound"
        )
    kinds = [read_document("recipe", name) for name in names]
    if any("kinds" in kind for kind in kinds):
        raise UserError(f"a kind of recipe {recipe['name']!r} has kinds of its own; expected plain recipes")
    return kinds


def settings_of(document: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Return the settings of a recipe or profile as (section, key, value).

    Raises:
        UserError: A section is not known, or holds no settings.
    """
    settings: list[tuple[str, str, Any]] = []
    for part in ("stages", "tags"):
        if isinstance(sections := document.get(part, {}), dict):
            for section, keys in sections.items():
                known(f"section under '{part}'", section, STAGES if part == "stages" else TAG_KINDS)
                if not isinstance(keys, dict):
                    raise UserError(
                        f"{part}.{section} is {keys!r}; expected settings, such as {{model: NAME}}"
                    )
                settings += [(section, key, value) for key, value in keys.items()]
    if isinstance(rules := document.get("rules"), dict):
        settings += [(rule, "threshold", value) for rule, value in rules.items()]
    settings += [("splits", key, value) for key, value in document.get("splits", {}).items()]
    return settings
