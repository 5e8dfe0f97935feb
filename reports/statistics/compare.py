"""How two datasets differ: every distribution side by side, with how far apart it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from leitmotif.reports.statistics.evenness import total_variation
from leitmotif.reports.statistics.histogram import round_figures

# Counts of texts, and what their shares are of.
_TEXTS = ("tempo_classes", "keys", "licenses", "sizes", "families")
_MOST_BINS = 200
_PLAIN = ("gini", "share_top_1", "share_top_10", "share_top_100")


def compare(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Compare two datasets, or workspaces, by their statistics alone.

    Args:
        first: What `leitmotif.reports.statistics.measure.measure` gave.
        second: The same of what the first is compared with.

    Returns:
        Pairs, the first before the second, each with the difference (first minus second):

        - `datasets`, `kinds`: names and kinds;
        - `counts`, `hours`, `artists`, `copies`: entry → {values, difference};
        - `histograms`: number → {unit, n, mean, median, difference (of the means), edges, counts,
          total_variation}, over bins that both have; the edges are common multiples of both datasets';
        - `shares`: kind → {n (clips that it was counted on), counts: label → pair, difference: label → of the
          shares of those clips, total_variation (between the shares of all assignments)};
        - `rules`: rule → {thresholds, rejected, share (of the catalogued), difference (of the shares)}.

        A distance is 0 where both are the same and 1 where they have nothing in common; null where one has no
        values.
    """
    pair = first, second
    return {
        "datasets": [stats["dataset"] for stats in pair],
        "kinds": [stats["kind"] for stats in pair],
        "counts": {
            name: _difference(*(stats["counts"].get(name, 0) for stats in pair))
            for name in ("catalogued", "kept", "rejected", "quarantined", "pending")
        },
        "hours": _difference(*(round(sum(stats["hours"].values()), 4) for stats in pair)),
        "artists": {name: _difference(*(stats["artists"][name] for stats in pair)) for name in _PLAIN},
        "copies": {
            kind: _difference(*(stats["duplicates"][kind]["clips"] for stats in pair))
            for kind in ("exact", "near")
        },
        "histograms": {name: _compare_histograms(*found) for name, found in _histograms(*pair).items()},
        "shares": {name: _compare_shares(*found) for name, found in _shares(*pair).items()},
        "rules": _compare_rules(*pair),
    }


def _histograms(*pair: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    found = {name: [stats["histograms"][name] for stats in pair] for name in pair[0]["histograms"]}
    for name in ("mtld", "type_token_ratio"):
        found[name] = [stats["lexical_diversity"][name] for stats in pair]
    return found


def _shares(*pair: Mapping[str, Any]) -> dict[str, list[tuple[Mapping[str, int], int]]]:
    """Return kind → (label → clips, clips that it was counted on) of both."""
    found = {kind: [(s["tags"][kind], s["counts"]["kept"]) for s in pair] for kind in pair[0]["tags"]}
    found |= {name: [(stats[name], stats["counts"]["kept"]) for stats in pair] for name in _TEXTS}
    found["languages"] = [(s["languages"]["counts"], s["languages"]["measured"]) for s in pair]
    return found


def _difference(first: float | None, second: float | None) -> dict[str, Any]:
    difference = None if first is None or second is None else round_figures(first - second)
    return {"values": [first, second], "difference": difference}


def _compare_shares(
    first: tuple[Mapping[str, int], int], second: tuple[Mapping[str, int], int]
) -> dict[str, Any]:
    (ours, our_clips), (theirs, their_clips) = first, second
    labels = sorted({*ours, *theirs}, key=lambda label: (-ours.get(label, 0), -theirs.get(label, 0), label))
    both = bool(our_clips and their_clips)
    return {
        "n": [our_clips, their_clips],
        "counts": {label: [ours.get(label, 0), theirs.get(label, 0)] for label in labels},
        "difference": {
            label: round_figures(ours.get(label, 0) / our_clips - theirs.get(label, 0) / their_clips)
            for label in labels
            if both
        },
        "total_variation": total_variation(ours, theirs),
    }


def _compare_histograms(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    pair = first, second
    edges, counts = common_bins(*pair) if first["count"] and second["count"] else ([], [[], []])
    numbered = [{str(bin): count for bin, count in enumerate(row)} for row in counts]
    return {
        "unit": first["unit"],
        "n": [entry["count"] for entry in pair],
        "mean": [entry["mean"] for entry in pair],
        "median": [entry["quantiles"]["p50"] if entry["quantiles"] else None for entry in pair],
        "difference": _difference(first["mean"], second["mean"])["difference"],
        "edges": edges,
        "counts": counts,
        "total_variation": total_variation(*numbered),
    }


def common_bins(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[list[float], list[list[int]]]:
    """Return edges that two histograms share, and the counts of both over them.

    Edges of a histogram are multiples of its step, and steps are 1, 2 or 5 times a power of ten, or the same
    for both; so the least common multiple of both steps has bins that hold whole bins of each.

    Args:
        first: A histogram of stats.json with values.
        second: Another histogram, with the same unit.
    """
    steps = [entry["edges"][1] - entry["edges"][0] for entry in (first, second)]
    step = _common_multiple(*steps)
    ends = min(first["edges"][0], second["edges"][0]), max(first["edges"][-1], second["edges"][-1])
    step *= math.ceil((ends[1] - ends[0]) / step / _MOST_BINS)
    low, high = math.floor(round(ends[0] / step, 6)), math.ceil(round(ends[1] / step, 6))
    counts = []
    for entry in (first, second):
        middles = (np.array(entry["edges"][:-1]) + np.array(entry["edges"][1:])) / 2
        bins = np.floor(middles / step).astype(np.int64) - low
        counts.append(np.bincount(bins, weights=entry["counts"], minlength=high - low).astype(int).tolist())
    return [round(step * edge, 9) for edge in range(low, high + 1)], counts


def _common_multiple(first: float, second: float) -> float:
    """Return the least common multiple of two steps."""
    if math.isclose(first, second, rel_tol=1e-6):
        return first
    unit = 10.0 ** math.floor(math.log10(min(first, second) * (1 + 1e-9)))
    return math.lcm(round(first / unit), round(second / unit)) * unit


def _compare_rules(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for rule in dict.fromkeys([*first["rejected"], *second["rejected"]]):
        entries = [stats["rejected"].get(rule) for stats in (first, second)]
        counts = [entry["count"] if entry else None for entry in entries]
        totals = [stats["counts"]["catalogued"] for stats in (first, second)]
        shares = [
            None if count is None or not total else count / total
            for count, total in zip(counts, totals, strict=True)
        ]
        found[rule] = {
            "thresholds": [entry["threshold"] if entry else None for entry in entries],
            "rejected": counts,
            "share": [None if share is None else round_figures(share) for share in shares],
            "difference": _difference(*shares)["difference"],
        }
    return found
