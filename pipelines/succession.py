"""The plan of the next run: a workspace goes on with its own, and what is asked for by name comes on top."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from leitmotif.pipelines.assignments import parse_assignment
from leitmotif.pipelines.checks import check_thresholds
from leitmotif.pipelines.documents import check_shipped
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.saved_plan import read_plan
from leitmotif.pipelines.settings import change_settings, make_plan
from leitmotif.storage.errors import UserError
from leitmotif.weights.device import AUTO

RECIPE, PROFILE = "auto", "embedded"


def next_plan(
    former: Plan | None,
    *,
    saved: Path | None = None,
    recipe: str | None = None,
    profile: str | None = None,
    settings: Sequence[str] = (),
    window_s: float | None = None,
    device: str | None = None,
) -> Plan:
    """Return what a run does that follows another one.

    Args:
        former: The plan that it goes on with; None where there is none.
        saved: A plan.yaml, or a dataset's recipe.yaml, to go on with instead.
        recipe: Another recipe, by name or file. Earlier settings are kept where it has the stage or rule.
        profile: Another profile, likewise.
        settings: What is set now, each `section.key=value`, over everything set earlier; without a value
            it is no longer set.
        window_s: Another length of the clips; 0 for whole sources.
        device: Where models run, from now on.

    Raises:
        UserError: A name, key or value is not known, or a file of the user's is needed again.
    """
    if window_s is not None and not window_s >= 0:
        raise UserError(f"window is {window_s:g}; expected a length in seconds, 0 for whole sources")
    if saved is not None:
        if recipe is not None or profile is not None:
            raise UserError(f"plan {str(saved)!r} holds a recipe and a profile; leave out either it or those")
        former = read_plan(saved)
        check_thresholds(former.rules)
    length_s = window_s if window_s is not None else former.window_s if former else None
    length_s = length_s or None
    if former is None:
        chosen = recipe or RECIPE, profile or PROFILE
        return make_plan(*chosen, settings, window_s=length_s, device=device or AUTO)
    if recipe is None and profile is None:
        former = former.model_copy(update={"window_s": length_s})
        return change_settings(former, settings, device=device)
    names = _name("recipe", recipe, former.recipe), _name("profile", profile, former.profile)
    plan = make_plan(*names, window_s=length_s, device=device or AUTO)
    sections = {*plan.stages, *plan.rules, *plan.tags, "splits", "license"}
    kept = [text for text in former.settings if parse_assignment(text)[0] in sections]
    return make_plan(*names, [*kept, *settings], window_s=length_s, device=device or AUTO)


def _name(kind: Literal["recipe", "profile"], asked: str | None, former: str) -> str:
    if asked is None:
        check_shipped(kind, former)
    return asked or former


def describe_plan(plan: Plan) -> str:
    """Return recipe, profile, window and settings in one line."""
    window = [f"clips of {plan.window_s:g} s"] if plan.window_s else []
    return ", ".join([f"recipe {plan.recipe}", f"profile {plan.profile}", *window, *plan.settings])


def changes(former: Plan, plan: Plan) -> Iterator[str]:
    """Yield what differs between two plans in recipe, profile and window, and the settings no longer set."""
    for name in ("recipe", "profile"):
        old, new = getattr(former, name), getattr(plan, name)
        if old != new:
            yield f"{name} {new} instead of {old}"
    if former.window_s != plan.window_s:
        lengths = [f"clips of {p.window_s:g} s" if p.window_s else "whole sources" for p in (plan, former)]
        yield " instead of ".join(lengths)
    known = {parse_assignment(text)[:2] for text in plan.settings}
    if gone := [text for text in former.settings if parse_assignment(text)[:2] not in known]:
        yield f"without {', '.join(gone)}"
