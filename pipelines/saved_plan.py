"""Reading a plan that was saved: the plan.yaml of a workspace, or the recipe.yaml of a dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from leitmotif.assignments import known
from leitmotif.pipelines.checks import check_plan, wrong_value
from leitmotif.pipelines.documents import with_names_now
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.stages import STAGES
from leitmotif.storage.documents import DocumentError, parse_yaml
from leitmotif.storage.errors import UserError

# What a workspace's plan.yaml and a dataset's recipe.yaml hold beside the plan.
BESIDE = ("version", "fingerprints", "models", "license")

T = TypeVar("T")


class _Beside(BaseModel):
    """What a run found of the stages: models, and fingerprints, of each recipe where there are several."""

    fingerprints: dict[str, str] | dict[str, dict[str, str]] = {}
    models: dict[str, str] = {}


def load_plan(text: str) -> Plan:
    """Read a plan back from the YAML text of `Plan.save`, or from the `recipe.yaml` of a dataset.

    Raises:
        UserError: It is no plan, or one of another version of this package.
    """
    values = with_names_now(_load(text), "the plan")
    for stage in values["stages"]:
        known("stage of the plan", stage, STAGES)
    return check_plan({name: value for name, value in values.items() if name not in BESIDE})


def read_plan(path: Path) -> Plan:
    """Read a plan that was saved: a workspace's plan.yaml, or the recipe.yaml of a dataset.

    Raises:
        UserError: There is no such file, or it holds no plan.
    """
    return _read(path, load_plan)


def read_models(path: Path) -> dict[str, str | None]:
    """Read which models a run found behind the stages, from the plan.yaml that it saved.

    Returns:
        Stage → `id@revision`, None of a stage without a model; nothing where the run did not note it.

    Raises:
        UserError: There is no such file, or it holds something else there.
    """
    return _read(path, _load_models)


def _load_models(text: str) -> dict[str, str | None]:
    values = _load(text)
    try:
        beside = _Beside.model_validate({name: values[name] for name in BESIDE if name in values})
    except ValidationError as error:
        raise wrong_value("", error) from error
    by_stage = beside.fingerprints.items()
    stages = {name for key, value in by_stage for name in ([key] if isinstance(value, str) else value)}
    return {name: beside.models.get(name) for name in stages}


def _load(text: str) -> dict[str, Any]:
    try:
        values = parse_yaml(text)
    except DocumentError as error:
        raise UserError(f"the plan is of no use: {error}") from error
    if not isinstance(values, dict) or not isinstance(values.get("stages"), dict):
        raise UserError("the plan has no stages; expected a plan.yaml, or the recipe.yaml of a dataset")
    if other := [key for key in {*values, *values["stages"]} if not isinstance(key, str)]:
        raise UserError(f"the plan has the key {other[0]!r:.60}; expected names")
    return values


def _read(path: Path, load: Callable[[str], T]) -> T:
    try:
        return load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UserError(f"plan {str(path)!r} cannot be read ({reason}); give a plan.yaml") from error
    except UserError as error:
        raise UserError(f"{str(path)!r}: {error}") from error
