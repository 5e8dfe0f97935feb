"""Settings as people type them: `section.key=value`; without a value one is no longer set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leitmotif.assignments import known, read_value, split_assignment
from leitmotif.filters import rule as filters_rule
from leitmotif.pipelines.stages import STAGES
from leitmotif.shards.renamed import RENAMED_STAGES
from leitmotif.storage.errors import UserError

FORM = "section.key=value"
# The room's name for a stage's section, as people type it, and names of then.
SECTION_ALIASES = {"captioning": "caption", **RENAMED_STAGES}


def parse_assignment(assignment: str) -> tuple[str, str, Any]:
    """Return section, key and value of `section.key=value`.

    Raises:
        UserError: It is not written so.
    """
    section, dot, key = split_assignment(assignment, FORM)[0].partition(".")
    if not (dot and section and key):
        raise UserError(f"setting {assignment!r} is not understood; expected {FORM}")
    return SECTION_ALIASES.get(section, section), key, read_value(assignment)


def takes_back(assignment: str) -> bool:
    """Tell whether a setting is given without a value: that of recipe and profile is to hold again."""
    return not assignment.partition("=")[2].strip()


def latest(assignments: Sequence[str]) -> tuple[str, ...]:
    """Return the assignments that hold: of those of one setting the last, under the room's own names."""
    found: dict[tuple[str, str], str] = {}
    for text in assignments:
        section, key, _ = parse_assignment(text)
        if takes_back(text):
            found.pop((section, key), None)
        else:
            found[section, key] = f"{section}.{key}={text.partition('=')[2]}"
    return tuple(found.values())


def assign(values: dict[str, Any], section: str, key: str, value: Any) -> None:
    """Set one value where its section and key belong.

    A threshold of a rule that the recipe does not name adds the rule, where the recipe measures its number.
    """
    target, field = place_of(values, section, key)
    target[field] = value


def take_back(values: dict[str, Any], assignment: str, origin: dict[str, Any]) -> None:
    """Give one setting the value that it has elsewhere; a rule that is not there is dropped.

    Args:
        values: Where it is set.
        assignment: The setting, without a value.
        origin: Values of recipe and profile alone.
    """
    section, key, _ = parse_assignment(assignment)
    target, field = place_of(values, section, key)
    source, _ = place_of(origin, section, key)
    if field in source:
        target[field] = source[field]
    else:
        target.pop(field, None)


def place_of(values: dict[str, Any], section: str, key: str) -> tuple[dict[str, Any], str]:
    """Return the settings that a section and key belong to, and the name there.

    Raises:
        UserError: They are not known, or judge what the recipe does not measure.
    """
    name = f"{section}.{key}"
    rule = filters_rule.discover().get(section)
    if rule is not None and key == "threshold" and rule.stage not in values["stages"]:
        raise UserError(
            f"rule {section!r} judges what stage {rule.stage!r} measures, and this recipe has no such stage; "
            f"expected a rule over one of {', '.join(values['stages'])}"
        )
    places: dict[str, tuple[dict[str, Any], str]] = {}
    for stage, settings in values["stages"].items():
        settable = {*settings, *STAGES[stage].SETTINGS.beside()}
        places |= {f"{stage}.{setting}": (settings, setting) for setting in settable}
    judged = [rule for rule in filters_rule.discover().values() if rule.stage in values["stages"]]
    places |= {f"{rule.name}.threshold": (values["rules"], rule.name) for rule in judged}
    for kind, settings in values["tags"].items():
        places |= {f"{kind}.{setting}": (settings, setting) for setting in settings}
    places |= {f"splits.{split}": (values["splits"], split) for split in values["splits"]}
    places["license.allow"] = (values["licenses"], "allow")
    return places[known("setting", name, places)]
