"""The JSON Schema of stats.json follows from its types."""

from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from leitmotif.reports.statistics.schema import StatsError, check_stats, load_schema
from tests.reports.large_stats import large_stats


def test_the_schema_is_one_of_its_draft_and_describes_its_keys() -> None:
    schema = load_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["rows"]["description"] == (
        "Split → clips. A workspace has the one split `kept`."
    )
    said = [value.get("description", "") for value in schema["properties"].values()]
    said += [kind["description"] for kind in schema["$defs"].values()]
    assert not any("\n" in text for text in said)


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (lambda stats: stats.update(surprise=1), "the whole"),
        (lambda stats: stats.pop("funnel"), "the whole"),
        (lambda stats: stats.update(kind="folder"), "kind"),
        (lambda stats: stats["counts"].update(kept=-1), "counts/kept"),
        (lambda stats: stats["counts"].update(kept=1.5), "counts/kept"),
        (lambda stats: stats["hours"].update(train=-0.5), "hours/train"),
        (lambda stats: stats["tags"].update(colours={}), "tags"),
        (lambda stats: stats["histograms"]["motion"].update(quantiles={}), "histograms/motion/quantiles"),
        (lambda stats: stats["models"].update(clap="one"), "models/clap"),
        (lambda stats: stats.update(retrieved=None), "retrieved"),
    ],
)
def test_numbers_of_another_form_are_refused_with_their_place(
    spoil: Callable[[dict[str, Any]], Any], place: str
) -> None:
    stats = large_stats(100)
    check_stats(stats)
    spoil(stats)
    with pytest.raises(StatsError, match=rf"stats\.json: {place}: "):
        check_stats(stats)
