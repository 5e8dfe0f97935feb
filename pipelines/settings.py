"""Making a plan: a recipe and a profile, merged with the user's settings."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from leitmotif.assignments import known
from leitmotif.filters import rule as filters_rule
from leitmotif.phrases import command
from leitmotif.pipelines.assignments import assign, latest, parse_assignment, place_of, take_back, takes_back
from leitmotif.pipelines.checks import check_plan, check_stage, check_thresholds
from leitmotif.pipelines.documents import PROFILES, check_shipped, read_document, read_kinds, settings_of
from leitmotif.pipelines.order import check_order
from leitmotif.pipelines.plan import LicenseSettings, Plan, SplitSettings
from leitmotif.pipelines.stages import STAGES
from leitmotif.pipelines.stand_ins import profile_and_stand_ins, stand_ins_at_work
from leitmotif.storage.errors import UserError
from leitmotif.tagging.select import TagSettings
from leitmotif.taxonomy.labels import TAG_KINDS
from leitmotif.weights.device import AUTO


def make_plan(
    recipe: str,
    profile: str,
    assignments: Sequence[str] = (),
    *,
    window_s: float | None = None,
    device: str | None = None,
    stand_ins: Collection[str] | None = None,
) -> Plan:
    """Merge a recipe, a profile and settings given as `section.key=value`.

    Settings overrule what a recipe states itself, and that overrules the profile with its stand-ins.

    Args:
        recipe: A shipped recipe's name, or a YAML file.
        profile: A shipped profile's name, or a YAML file.
        assignments: Settings that overrule both, each `section.key=value`.
        window_s: Cut every source into clips of this length; whole sources by default.
        device: Device of every stage that has one, over the profile's, under the assignments'. "auto" leaves
            a device that the profile names, and is decided where the stage runs.
        stand_ins: Stages for which what stands in is taken; by default those without weights on this machine.

    Returns:
        The plan, with every setting filled in.

    Raises:
        UserError: A name, key or value is not known; the text lists the near ones.
    """
    chosen = read_document("recipe", recipe)
    kinds = read_kinds(chosen)
    recipes = kinds or [chosen]
    backends = read_document("profile", profile)
    named = dict.fromkeys(name for each in recipes for name in each["stages"])
    stages = {name: dict(STAGES[known("stage", name, STAGES)].SETTINGS()) for name in named}
    rules_of = [_rules_of(each) for each in recipes]
    rules = {name: threshold for each in rules_of for name, threshold in each.items()}
    for each, asked in zip(recipes, rules_of, strict=True):
        check_order(each["track"], each["stages"], [*asked], filters_rule.discover())
    if device == AUTO:
        _set_device(stages, AUTO)
    values: dict[str, dict[str, Any]] = {
        "stages": stages,
        "rules": rules,
        "tags": {kind: TagSettings().model_dump() for kind in TAG_KINDS},
        "splits": SplitSettings().model_dump(),
        "licenses": LicenseSettings().model_dump(),
    }
    left_out: dict[str, dict[str, Any]] = {}
    # A profile's numbers suit its models; what somebody wrote into a recipe is meant.
    stated = [setting for each in recipes for setting in settings_of(each)]
    given = [*stated, *map(parse_assignment, latest(assignments))]
    suiting, missing = profile_and_stand_ins(backends, stages, given, stand_ins)
    for section, key, value in [*suiting, *stated]:
        if section in STAGES and section not in {*stages, *rules}:
            left_out.setdefault(section, {})[key] = value
        # A profile names the backends of every stage and thresholds of every rule; a recipe uses some.
        if section in {*STAGES, *filters_rule.discover()} - {*stages, *rules}:
            continue
        assign(values, section, key, value)
    for rule, threshold in (pair for each in recipes for pair in _stated_thresholds(each)):
        assign(values, rule, "threshold", threshold)
    if device and device != AUTO:
        _set_device(stages, device)
    _change(values, assignments, copy.deepcopy(values))
    for stage, settings in left_out.items():
        check_stage(stage, settings)
    plan = check_plan(
        {
            "recipe": chosen["name"],
            "profile": backends["name"],
            "track": chosen.get("track", ""),
            "kinds": [
                {key: kind[key] for key in ("track", "stages")} | {"recipe": kind["name"], "rules": [*asked]}
                for kind, asked in zip(recipes, rules_of, strict=True)
            ]
            if kinds
            else [],
            "window_s": window_s,
            "left_out": left_out,
            "stand_ins": missing,
            "settings": latest(assignments),
            **values,
        }
    )
    check_thresholds(plan.rules)
    return plan


def _stated_thresholds(recipe: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the rules of a recipe for which it states a threshold itself."""
    return [stated for entry in recipe["rules"] if isinstance(entry, dict) for stated in entry.items()]


def _rules_of(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rules of a recipe with their thresholds, in its order."""
    known_rules = filters_rule.discover()
    rules: dict[str, Any] = {}
    for entry in recipe["rules"]:
        name, threshold = next(iter(entry.items())) if isinstance(entry, dict) else (entry, None)
        known("rule", name, known_rules)
        rules[name] = known_rules[name].threshold if threshold is None else threshold
    return rules


def profile_settings(profile: str, *, stand_ins: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """Return all settings of every stage under a profile, whatever recipe uses the stage.

    Args:
        profile: A shipped profile's name, or a YAML file.
        stand_ins: Stages for which what stands in is taken.

    Raises:
        UserError: A name, key or value is not known.
    """
    document = read_document("profile", profile)
    values: dict[str, Any] = {"stages": {name: dict(stage.SETTINGS()) for name, stage in STAGES.items()}}
    values |= {"rules": {}, "tags": {}, "splits": {}, "licenses": {}}
    settings, _ = profile_and_stand_ins(document, STAGES, (), stand_ins)
    for section, key, value in settings:
        if section in STAGES and not (key == "threshold" and section in filters_rule.discover()):
            assign(values, section, key, value)
    return {name: check_stage(name, settings) for name, settings in values["stages"].items()}


def change_settings(plan: Plan, assignments: Sequence[str], *, device: str | None = None) -> Plan:
    """Return the plan with other settings.

    Args:
        plan: A plan.
        assignments: What changes, each `section.key=value`; without a value that of recipe and profile holds
            again.
        device: Device of every stage that has one, but where a setting names another.

    Raises:
        UserError: An assignment is not known, or its value is of no use.
    """
    values = plan.model_dump()
    again: Sequence[str] = ()
    if device:
        _set_device(values["stages"], device)
        again = [text for text in plan.settings if parse_assignment(text)[1] == "device"]
    origin: dict[str, Any] = {}
    if any(map(takes_back, assignments)):
        check_shipped("recipe", plan.recipe)
        check_shipped("profile", plan.profile)
        origin = make_plan(
            plan.recipe, plan.profile, device=device or AUTO, stand_ins=_taken(plan, assignments)
        ).model_dump()
        taken = {parse_assignment(text)[0] for text in assignments if takes_back(text)}
        for kind, own in zip(values["kinds"], origin["kinds"], strict=True):
            # One that is set again afterwards is added back.
            kind["rules"] = [rule for rule in kind["rules"] if rule in own["rules"] or rule not in taken]
    _suit(values, plan, assignments)
    _change(values, [*again, *assignments], origin)
    changed = check_plan(values | {"settings": latest([*plan.settings, *assignments])})
    # A workspace whose plan holds a threshold of no use is to take a better one.
    moved = {name: at for name, at in changed.rules.items() if plan.rules.get(name) != at}
    check_thresholds(moved)
    return changed


def _taken(plan: Plan, assignments: Sequence[str]) -> Collection[str] | None:
    """Return the stages whose stand-ins a plan keeps; None where one is to be looked for again."""
    again = any(takes_back(text) and parse_assignment(text)[1] == "backend" for text in assignments)
    return None if again else plan.stand_ins


def _suit(values: dict[str, Any], plan: Plan, assignments: Sequence[str]) -> None:
    """Let what goes with a stand-in come and go with its backend, where another one is chosen now."""
    chosen = {section for section, key, _ in map(parse_assignment, assignments) if key == "backend"}
    if plan.profile not in PROFILES:  # a file that may be another by now
        values["stand_ins"] = {stage: name for stage, name in plan.stand_ins.items() if stage not in chosen}
    elif chosen:
        profile = read_document("profile", plan.profile)
        former = map(parse_assignment, plan.settings)
        now = map(parse_assignment, latest([*plan.settings, *assignments]))
        at_work, taken = stand_ins_at_work(profile, plan.stages), _taken(plan, assignments)
        before, _ = profile_and_stand_ins(profile, plan.stages, former, at_work)
        after, missing = profile_and_stand_ins(profile, plan.stages, now, None if taken is None else at_work)
        values["stand_ins"] = {
            stage: name for stage, name in missing.items() if taken is None or stage in taken
        }
        held = {(section, key): value for section, key, value in before}
        kept = {parse_assignment(text)[:2] for text in plan.settings}
        for (section, key), value in {(section, key): value for section, key, value in after}.items():
            if section not in {*plan.stages, *plan.rules, *plan.tags} or (section, key) in kept:
                continue
            target, field = place_of(values, section, key)
            # What the recipe states is meant.
            if target[field] == held.get((section, key), target[field]):
                target[field] = value


def _change(values: dict[str, Any], assignments: Sequence[str], origin: dict[str, Any]) -> None:
    """Change values one by one; without a value a setting gets that of `origin`."""
    for assignment in assignments:
        if takes_back(assignment):
            take_back(values, assignment, origin)
        else:
            assign(values, *parse_assignment(assignment))


def change_thresholds(plan: Plan, assignments: Sequence[str], workspace: Path | None = None) -> Plan:
    """Return the plan with other thresholds; nothing that a stage measured may change.

    Args:
        plan: A workspace's plan.
        assignments: What changes, each `section.key=value`.
        workspace: The workspace, for the command that a message proposes.

    Raises:
        UserError: An assignment is not known, or belongs to a stage.
    """
    changed = change_settings(plan, assignments)
    for assignment in assignments:
        section, key, _ = parse_assignment(assignment)
        if section in STAGES and not (section in filters_rule.discover() and key == "threshold"):
            measure = command("curate", "--out", workspace or "WS", "--set", assignment)
            raise UserError(
                f"setting {section}.{key} changes what is measured; publishing takes thresholds, tags and "
                f"splits, run `{measure}`"
            )
    return changed


def _set_device(stages: Mapping[str, dict[str, Any]], device: str) -> None:
    for settings in stages.values():
        if "device" in settings:
            settings["device"] = device
