"""What is said of few clips, and of texts that say one thing in several ways, is no more than they show."""

from collections import Counter
from copy import deepcopy

import numpy as np
import pyarrow as pa
import pytest

from leitmotif.reports.figures.tags import _motion_tempo
from leitmotif.reports.statistics.histogram import readable_histogram
from leitmotif.reports.statistics.leakage import Leakage
from leitmotif.reports.statistics.measure import _by_license
from leitmotif.reports.statistics.tempo import Tempo
from leitmotif.reports.tables import rarity_table
from tests.reports.large_stats import large_stats


@pytest.mark.parametrize(("clips", "stated"), [(2, False), (9, False), (10, True)])
def test_a_correlation_is_stated_from_ten_clips_on(clips: int, stated: bool) -> None:
    tempo = Tempo(readable_histogram(0, 200, bins=4), readable_histogram(0, 20, bins=4))
    numbers = np.arange(clips, dtype=np.float32)
    tempo.add(pa.table({"tempo_bpm": 100 - numbers, "motion": numbers}))
    found = tempo.against_motion()
    assert (found["pearson"], found["spearman"]) == ((-1.0, -1.0) if stated else (None, None))
    stats = large_stats(100) | {"motion_tempo": found}
    (figure,) = _motion_tempo(stats)
    said = "Pearson correlation -1.000" if stated else "Too few clips for a correlation"
    assert figure.notes[0].startswith(said)


def test_wordings_of_one_licence_are_counted_together() -> None:
    words = {"CC0": 1, "CC0-1.0": 2, "Creative Commons Attribution 4.0 International": 3, "CC BY 4.0": 4}
    assert _by_license(Counter(words) + Counter({"": 1, "unknown": 1})) == {
        "CC0-1.0": 3,
        "CC-BY-4.0": 7,
        "unknown": 2,
    }


def test_artists_are_shown_as_they_are_written() -> None:
    leakage = Leakage()
    texts = ["Bäume & Söhne", "Blender Foundation feat. Ann (UK)", "ANN", "Ann", "Ann, Søren", None]
    leakage.add("train", pa.table({"artist": texts}))
    top = leakage.describe()["artists"]["top"]
    assert top == {"Ann": 4, "Blender Foundation": 1, "Bäume": 1, "Söhne": 1, "Søren": 1}


def test_the_table_of_languages_has_the_shares_of_the_chart() -> None:
    stats = deepcopy(large_stats(100))
    stats["languages"] |= {"counts": {"und": 12, "de": 1, "en": 1}, "measured": 14}
    stats["representation"]["languages"] |= {"most": "de", "share_most": 0.5}
    assert rarity_table(stats)[1][-1][-1] == "most frequent: de 7.14%; und 85.7%"
    stats["languages"] |= {"counts": {"und": 14}}
    stats["representation"]["languages"] |= {"most": None, "share_most": None}
    assert rarity_table(stats)[1][-1][-1] == "none could be told; und 100%"
