"""The steps of the funnel stand in the order in which they are taken."""

from leitmotif.pipelines.measured import CATALOG
from leitmotif.reports.statistics.funnel import describe_funnel


def test_copies_are_taken_first_and_licences_next_whichever_took_more():
    lost = {"rejected": {"motion": 9, "license": 6, "exact-duplicate": 2}, "quarantined": {CATALOG: 1}}
    steps = describe_funnel(lost, (3, 0.1), None, stages=[CATALOG, "motion"], stage_of={"motion": "motion"})
    assert [(step["step"], step["clips"]) for step in steps] == [
        ("catalogued", 21),
        (CATALOG, 20),
        ("exact-duplicate", 18),
        ("license", 12),
        ("motion", 3),
        ("kept", 3),
    ]
