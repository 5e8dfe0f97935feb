"""Drawings: every text escaped, every mark where its number is."""

import itertools
import re

import pytest

from leitmotif.reports.figures.figure import quantiles_of
from leitmotif.reports.figures.heatmaps import plot_density, plot_heatmap, plot_map, plot_spreads
from leitmotif.reports.figures.plots import plot_bars, plot_funnel, plot_histogram, plot_overlay, plot_pairs
from leitmotif.reports.figures.svg import axis_ticks, short, shorten, standalone, text, whole_ticks
from leitmotif.reports.figures.tags import draw_relations
from tests.reports.large_stats import large_stats

HOSTILE = '<b>"&'
ENTRY = {"edges": [0, 1, 2, 3], "counts": [1, 0, 3], "rejected_counts": [], "thresholds": {HOSTILE: 1.0}}


@pytest.mark.parametrize(
    "plot",
    [
        plot_bars({HOSTILE: 3}, alt=HOSTILE),
        plot_funnel([(HOSTILE, 3, 1)], alt=HOSTILE),
        plot_histogram(ENTRY, label=HOSTILE, alt=HOSTILE),
        plot_overlay({HOSTILE: ENTRY}, label=HOSTILE, alt=HOSTILE),
        plot_pairs({HOSTILE: {HOSTILE: 0.4}}, [HOSTILE], alt=HOSTILE),
        plot_heatmap([HOSTILE], [HOSTILE], [[3]], alt=HOSTILE, unit=HOSTILE),
        plot_density([0, 1], [0, 1], [[4]], labels=(HOSTILE, HOSTILE), alt=HOSTILE),
        plot_spreads({HOSTILE: [1, 2, 3, 4, 5]}, label=HOSTILE, alt=HOSTILE, counts={HOSTILE: 7}),
        plot_map([(0.0, 1.0, 9, HOSTILE)], labels=(HOSTILE, HOSTILE), alt=HOSTILE),
    ],
)
def test_a_drawing_escapes_names_labels_and_words(plot):
    assert HOSTILE not in plot and "&lt;b&gt;&quot;&amp;" in plot
    assert re.match(r'<svg viewBox="0 0 \d+ \d+" role="img" aria-label="&lt;b&gt;&quot;&amp;">', plot)


def heights(plot, kind):
    return [float(value) for value in re.findall(rf'class="{kind}"[^>]* height="([\d.]+)"', plot)]


def test_bars_of_a_histogram_are_as_high_as_their_counts():
    entry = ENTRY | {"rejected_counts": [2, 0, 0], "thresholds": {"motion": 1.0}}
    plot = plot_histogram(entry, label="x", alt="y")
    kept, out = heights(plot, "kept"), heights(plot, "out")
    assert kept[1] == pytest.approx(3 * kept[0], rel=0.01) and out == [pytest.approx(2 * kept[0], rel=0.01)]
    assert "0 to 1: 1 kept, 2 rejected" in plot and '2 to 3: 3 kept"' in plot
    assert ">motion 1</text>" in plot and '<line class="threshold"' in plot


def test_a_threshold_beyond_the_bins_is_not_drawn():
    assert "threshold" not in plot_histogram(ENTRY | {"thresholds": {"far": 99.0}}, label="x", alt="y")


def test_an_overlay_of_other_bins_and_other_sizes_shows_the_same_shape():
    fine = {"edges": [0, 1, 2], "counts": [10, 30]}
    more = {"edges": [0, 1, 2], "counts": [100, 300]}
    lines = re.findall(
        r'class="line s\d" d="([^"]+)"', plot_overlay({"a": fine, "b": more}, label="x", alt="y")
    )
    assert len(lines) == 2 and lines[0] == lines[1]


def test_bars_carry_shares_and_cut_long_names():
    plot = plot_bars({"a very long name of something": 30, "b": 10}, alt="y", total=40)
    assert "a very long name of s…" in plot and "a very long name of something: 30 clips · 75%" in plot
    assert "10 · 25%" in plot


def test_an_empty_cell_of_a_heat_map_stays_empty_and_the_greatest_is_the_brightest():
    plot = plot_heatmap(["a", "b"], ["c", "d"], [[0, 1], [8, 2]], alt="y")
    cells = re.findall(r'data-tip="([^"]+)"><rect class="(v\d)"', plot)
    assert cells == [("a × d: 1 clips", "v1"), ("b × c: 8 clips", "v8"), ("b × d: 2 clips", "v2")]


def test_groups_of_a_map_differ_in_shape_as_well_as_in_colour():
    plot = plot_map([(n, n % 3, n, f"point {n}") for n in range(9)], labels=("x", "y"), alt="y")
    shapes = re.findall(r'class="dot (c\d)"[^>]*?(?: d="([^"]+)"|r="([\d.]+)")', plot)
    assert [kind for kind, _, _ in shapes] == ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c7"]
    assert len({(d, r) for _, d, r in shapes}) == 8


def test_quantiles_are_read_off_a_histogram():
    assert quantiles_of([0, 10, 20], [10, 10], (0.25, 0.5, 0.75)) == [5.0, 10.0, 15.0]
    assert quantiles_of([0, 1], [0], (0.5,)) == []


def test_a_drawing_that_stands_alone_has_its_colours_title_and_foot():
    alone = standalone(plot_bars({"a": 3}, alt="bars"), title="<Moods>", foot="n = 3 clips")
    assert alone.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert (
        "&lt;Moods&gt;</text>" in alone and "n = 3 clips</text>" in alone and ".kept{fill:#0072b2}" in alone
    )
    assert "var(" not in alone


def test_axis_ticks_are_round_and_cover_the_axis():
    assert axis_ticks(0, 30) == [0, 5, 10, 15, 20, 25, 30]
    assert axis_ticks(0.4, 1.0)[-1] == 1.0
    assert whole_ticks(1) == [0, 1]
    assert whole_ticks(130)[-1] >= 130
    assert short(12345) == "12.3k" and short(2.5e6) == "2.5M" and short(0.30001) == "0.3"
    assert shorten("abcdef", 4) == "abc…"


def test_the_spread_of_one_score_is_that_score():
    stats = large_stats(300)
    edges = stats["tag_scores"]["edges"]
    one = {"count": 1, "min": 0.31, "max": 0.31, "mean": 0.31}
    one["counts"] = [int(low <= 0.31 < high) for low, high in itertools.pairwise(edges)]
    stats["tag_scores"]["kinds"] = {"genres": {"rock": one}}
    [figure] = [figure for figure in draw_relations(stats) if figure.name == "scores-genres"]
    assert "rock (n=1): median 0.31, half of them 0.31 to 0.31, 90% 0.31 to 0.31" in figure.drawing
    assert figure.rows == [("rock", 1, 0.31, 0.31, 0.31)]


def test_a_name_with_controls_is_drawn() -> None:
    assert ">a b&lt;</text>" in text(0, 0, "a\0b<", "tick")
