"""The figures that are told to people are those that were measured."""

import json
import re

from bench.__main__ import GROUPS, README, RESULTS, with_table


def test_the_readme_quotes_what_was_measured() -> None:
    readme = README.read_text(encoding="utf-8")
    assert with_table(readme, json.loads(RESULTS.read_text())["figures"]) == readme


def test_a_figure_stands_in_the_table_with_its_rival() -> None:
    figure = {"name": "a/b", "value": 1.234, "unit": "x cost", "target": "<= 1.5", "against": "b alone"}
    readme = "# A\n<!-- figures -->\nold\n<!-- end of figures -->\nend\n"
    said = with_table(readme, [figure])
    assert "| `a/b` | 1.23 x cost | <= 1.5 | b alone |\n<!-- end of figures -->\nend\n" in said
    assert "old" not in said


def test_every_group_is_found_and_has_been_measured() -> None:
    measured = [figure["name"] for figure in json.loads(RESULTS.read_text())["figures"]]
    assert {re.split("[-/]", name)[0] for name in measured} == set(GROUPS)
