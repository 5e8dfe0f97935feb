"""The page says what the script found."""

import json
from importlib import import_module

from tests.chaos.__main__ import GROUPS
from tests.chaos.page import PAGE, RESULTS, filled


def test_the_table_of_the_page_is_that_of_the_last_run() -> None:
    facts = json.loads(RESULTS.read_text())
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page, facts) == page


def test_the_last_run_tried_enough_and_everything_was_survived() -> None:
    results = json.loads(RESULTS.read_text())["results"]
    tried = [each for each in results if each["result"] != "skipped"]
    assert len(tried) >= 150
    assert [each["name"] for each in tried if each["result"] != "survived"] == []


def test_no_two_faults_have_the_same_name() -> None:
    names = [
        (fault.kind, fault.name)
        for group in GROUPS
        for fault in import_module(f"tests.chaos.{group}").faults()
    ]
    assert len(set(names)) == len(names) > 250
