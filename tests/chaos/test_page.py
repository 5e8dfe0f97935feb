"""The page says what the script found."""

import json

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
