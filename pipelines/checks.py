"""Whether the values of a plan are of use; what is wrong is named as people type it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from leitmotif import assignments
from leitmotif.filters import rule as filters_rule
from leitmotif.pipelines.assignments import parse_assignment
from leitmotif.pipelines.plan import Kind, Plan
from leitmotif.pipelines.stages import STAGES
from leitmotif.storage.errors import UserError
from leitmotif.weights.device import AUTO, check_device


def check_plan(values: dict[str, Any]) -> Plan:
    """Return a plan of plain values, with every setting of its stages filled in.

    Raises:
        UserError: A value is of the wrong kind.
    """
    stages = {name: check_stage(name, settings) for name, settings in values["stages"].items()}
    try:
        plan = Plan.model_validate(values | {"stages": stages})
    except ValidationError as error:
        raise wrong_value("", error) from error
    _check_columns(values["rules"])
    return plan.model_copy(
        update={"kinds": tuple(_with_set_rules(kind, plan.settings) for kind in plan.kinds)}
    )


def _with_set_rules(kind: Kind, settings: Sequence[str]) -> Kind:
    """Return a kind with its own rules, then those of the user's whose stage it has."""
    known_rules = filters_rule.discover()
    named = [section for section, key, _ in map(parse_assignment, settings) if key == "threshold"]
    added = [name for name in named if name in known_rules and known_rules[name].stage in kind.stages]
    return kind.model_copy(update={"rules": tuple(dict.fromkeys([*kind.rules, *added]))})


def _check_columns(names: Iterable[str]) -> None:
    """Refuse rules over numbers that no stage stores."""
    known_rules = filters_rule.discover()
    for rule in (known_rules[name] for name in names if name in known_rules):
        stored = STAGES[rule.stage].COLUMNS.names if rule.stage in STAGES else []
        if rule.column not in stored and rule.values is None:
            raise UserError(
                f"rule {rule.name} asks for column {rule.column!r} of stage {rule.stage!r}; "
                f"expected one of {', '.join(stored) or 'a stage: ' + ', '.join(STAGES)}"
            )


def check_thresholds(thresholds: Mapping[str, float]) -> None:
    """Refuse thresholds that no number of their rules can reach.

    Args:
        thresholds: Rule → threshold.

    Raises:
        UserError: One lies beyond the domain of its rule.
    """
    known_rules = filters_rule.discover()
    for name, threshold in thresholds.items():
        try:
            known_rules[name].check(threshold)
        except ValueError as error:
            raise UserError(str(error)) from error


def check_stage(stage: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stage's settings as plain values, filled in.

    Raises:
        UserError: A value is of the wrong kind, or the device is none.
    """
    if not isinstance(settings, Mapping) or not all(isinstance(name, str) for name in settings):
        raise UserError(f"stage {stage}: got {settings!r:.60}, expected settings by name")
    try:
        checked = STAGES[stage].SETTINGS(**settings).model_dump(mode="json")
    except ValidationError as error:
        raise wrong_value(f"{stage}.", error) from error
    try:
        check_device(checked.get("device", AUTO))
    except UserError as error:
        raise UserError(f"setting {stage}.device: {error}") from error
    return checked


def wrong_value(section: str, error: ValidationError) -> UserError:
    """Return the error that names the first wrong value of a section ("" for the whole plan)."""
    match error.errors()[0]["loc"]:  # as people type it
        case ("rules", rule):
            where = f"{rule}.threshold"
        case ("licenses", *parts):
            where = ".".join(["license", *map(str, parts)])
        case ("tags", *parts) | parts:
            where = ".".join(map(str, parts))
    return assignments.wrong_value(f"{section}{where}", error)
