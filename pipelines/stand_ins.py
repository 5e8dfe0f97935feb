"""What a profile takes in place of a stage's backend whose weights are not fetched.

Under `stand_ins` a profile names for a stage other settings, of this stage and of those that read from it,
with the thresholds and tags that go with them. They hold over the profile's own, and under the recipe's and
the user's. Who chooses the backend of a stand-in by name gets what goes with it, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from leitmotif.assignments import known
from leitmotif.phrases import command
from leitmotif.pipelines.checks import check_stage
from leitmotif.pipelines.chosen import backends_of
from leitmotif.pipelines.documents import PROFILES, settings_of
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.stages import STAGES
from leitmotif.storage.errors import UserError
from leitmotif.weights.backend import NOBODY, Backend

_PARTS = ("stages", "tags", "rules")
Setting = tuple[str, str, Any]


def read_stand_ins(profile: Mapping[str, Any]) -> dict[str, list[Setting]]:
    """Return what a profile takes in place of a stage's backend, by stage, as (section, key, value).

    Raises:
        UserError: A name is not known, or a stand-in names no backend for its stage.
    """
    documents = profile.get("stand_ins", {})
    if not isinstance(documents, dict):
        raise UserError(f"stand_ins is {documents!r:.60}; expected stages with what is taken instead")
    found: dict[str, list[Setting]] = {}
    for stage, document in documents.items():
        known("section under 'stand_ins'", stage, STAGES)
        if not isinstance(document, dict) or "backend" not in document.get("stages", {}).get(stage, {}):
            raise UserError(
                f"stand_ins.{stage} names no backend; expected {{stages: {{{stage}: {{backend: NAME}}}}}}"
            )
        for part in document:
            known(f"section under 'stand_ins.{stage}'", part, _PARTS)
        found[stage] = settings_of(document)
    return found


def profile_and_stand_ins(
    profile: Mapping[str, Any],
    stages: Collection[str],
    given: Iterable[Setting],
    taken: Collection[str] | None = None,
) -> tuple[list[Setting], dict[str, str]]:
    """Return the settings of a profile, and of the stand-ins that are taken, in the order in which they hold.

    Args:
        profile: As `read_document` gave it.
        stages: Stages of the plan; what stands in for others is left out.
        given: What recipe and user set over it.
        taken: Stages whose stand-ins are taken; by default those whose backends lack weights here.

    Returns:
        The settings, and by stage the backend that something stands in for.
    """
    own = settings_of(profile)
    asked = _by_section(given)
    settings = list(own)
    missing: dict[str, str] = {}
    for stage, instead in read_stand_ins(profile).items():
        if stage not in stages:
            continue
        chosen = asked.get(stage, {})
        if "backend" in chosen:
            named = _by_section(instead)[stage]
            stands = all(chosen.get(key, value) == value for key, value in named.items())
        else:
            backend = _backend(stage, _by_section(own), asked)
            stands = bool(backend.missing()) if taken is None else stage in taken
            missing |= {stage: backend.name} if stands else {}
        settings += instead if stands else []
    return settings, missing


def stand_ins_at_work(profile: Mapping[str, Any], stages: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return the stages of a plan whose settings are those of a profile's stand-ins.

    Args:
        profile: As `read_document` gave it.
        stages: Settings by stage.
    """
    named = {stage: _by_section(instead)[stage] for stage, instead in read_stand_ins(profile).items()}
    return {stage for stage in stages.keys() & named.keys() if named[stage].items() <= stages[stage].items()}


def _backend(stage: str, *settings: Mapping[str, Mapping[str, Any]]) -> Backend:
    """Return the backend of the table that settings choose for a stage; later ones hold over earlier ones."""
    merged: dict[str, dict[str, Any]] = {}
    for name in {stage, "tagging"}:
        values = dict(STAGES[name].SETTINGS())
        # What is no setting at all is refused where the plan is made, with what was meant.
        settable = {*values, *STAGES[name].SETTINGS.beside()}
        for each in settings:
            values |= {key: value for key, value in each.get(name, {}).items() if key in settable}
        merged[name] = check_stage(name, values)
    backends = backends_of(stage, merged)
    if not backends:
        raise UserError(f"stand_ins.{stage}: stage {stage!r} has no backend to stand in for")
    return backends[0]


def _by_section(settings: Iterable[Setting]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for section, key, value in settings:
        found.setdefault(section, {})[key] = value
    return found


def describe_stand_ins(plan: Plan, workspace: object) -> str:
    """Return one line about what stands in for what, and the commands that help; "" where nothing does.

    Args:
        plan: The plan of the workspace.
        workspace: Its folder.
    """
    if not plan.stand_ins:
        return ""
    backends = {stage: plan.stages[stage]["backend"] for stage in plan.stand_ins}
    taken = {stage: "nothing" if name in (None, NOBODY) else name for stage, name in backends.items()}
    named = [f"{taken[stage]} stands in for {name} ({stage})" for stage, name in plan.stand_ins.items()]
    only = (word for name in sorted(set(plan.stand_ins.values())) for word in ("--only", name))
    fetch = command("fetch-models", *only)
    profile = plan.profile if plan.profile in PROFILES else "FILE"
    again = command("curate", "--out", str(workspace), "--profile", profile)
    return f"{', '.join(named)}: weights were not fetched; `{fetch}`, and then `{again}` takes them"
