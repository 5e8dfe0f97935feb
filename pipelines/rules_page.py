"""The table of docs/rules.md, from the rules themselves: `python -m leitmotif.pipelines.rules_page`.

What stands between `<!-- rules -->` and `<!-- end -->` is written here, the rest by hand.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from leitmotif.filters.rule import EXACT_DUPLICATE, LICENSE, Rule, discover, domain_text
from leitmotif.filters.sentence import limit_text
from leitmotif.pipelines.documents import PROFILES, RECIPES, read_document
from leitmotif.pipelines.settings import make_plan
from leitmotif.storage.atomic import write_text

PAGE = Path(__file__).resolve().parents[1] / "docs" / "rules.md"
MAIN_PROFILE = "paper"
# Those with rules of their own; one by kinds of files, such as `auto`, has those of the recipes it names.
OWN_RULES = tuple(recipe for recipe in RECIPES if "rules" in read_document("recipe", recipe))
_BLOCK = re.compile(r"(<!-- rules -->\n).*?(<!-- end -->)", re.DOTALL)


def fill_page(text: str) -> str:
    """Return the page with its table and notes rewritten.

    Raises:
        ValueError: The page has not one place for them.
    """
    found = len(_BLOCK.findall(text))
    if found != 1:
        raise ValueError(f"got {found} places between <!-- rules --> and <!-- end -->; expected one")
    return _BLOCK.sub(lambda match: f"{match[1]}\n{_table()}\n{_notes()}\n{match[2]}", text)


def _table() -> str:
    head = ("rule", "stage", "column", "unit", "domain", "default", *(f"`{recipe}`" for recipe in OWN_RULES))
    rows = [head, ("---",) * len(head)]
    for rule in _in_order():
        default = limit_text(rule.keep, rule.threshold, rule.unit)
        used = [_use(rule, recipe) for recipe in OWN_RULES]
        rows.append(
            (
                f"`{rule.name}`",
                rule.stage,
                f"`{rule.column}`",
                rule.unit,
                domain_text(rule.domain),
                default,
                *used,
            )
        )
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _use(rule: Rule, recipe: str) -> str:
    """Return the threshold that a recipe publishes with, under every profile that has one of its own."""
    plans = {profile: make_plan(recipe, profile, stand_ins=()) for profile in PROFILES}
    plan = plans[MAIN_PROFILE]
    if rule.name not in plan.rules:
        return "may be set" if rule.stage in plan.stages else "–"
    thresholds = {profile: each.rules[rule.name] for profile, each in plans.items()}
    limits = {profile: limit_text(rule.keep, at, rule.unit) for profile, at in thresholds.items()}
    main = limits.pop(MAIN_PROFILE)
    others = [f"{limit} with `{profile}`" for profile, limit in limits.items() if limit != main]
    return "; ".join([main, *others])


def _notes() -> str:
    """Return what each rule rejects, what is measured, and where it comes from."""
    lines = []
    for rule in _in_order():
        measured = f" Measured: {rule.finding.format('N')}." if rule.finding else ""
        source = f" {rule.reference}." if rule.reference else ""
        why = rule.why[:1].upper() + rule.why[1:]
        lines.append(f"- **{rule.name}** — {why}.{measured}{source}\n")
    lines.append(
        f"- **{EXACT_DUPLICATE}** — The same bytes as another file. Of those that are there the one of "
        "which most is known goes on (title, artist, licence and so on), of equals the one that was "
        "catalogued first, then the first by path. It is "
        "always asked, first of all and of every file, and has no threshold.\n"
    )
    lines.append(
        f"- **{LICENSE}** — A licence that is not among those of `license.allow`; off where none is named. "
        "It is asked next, before anything is measured, and its value is the licence (`detail` of "
        "`rejected.parquet`).\n"
    )
    return "".join(lines)


def _in_order() -> list[Rule]:
    """Return every rule in the order in which the recipes ask for it; those that none names come last."""
    asked = [
        name for recipe in reversed(OWN_RULES) for name in make_plan(recipe, MAIN_PROFILE, stand_ins=()).rules
    ]
    rules = discover()
    return [rules[name] for name in dict.fromkeys([*asked, *rules])]


def main() -> int:
    """Write the table into the page."""
    write_text(PAGE, fill_page(PAGE.read_text(encoding="utf-8")))
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
