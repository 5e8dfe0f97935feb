"""How evenly labels are used: which are rare, and how splits differ from the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leitmotif.reports.statistics.histogram import round_figures

UNDER_SHARE = 0.01


def describe_spread(counts: Mapping[str, int], whole_list: Sequence[str], clips: int) -> dict[str, Any]:
    """Return how evenly the labels of a kind are used: one of `representation` in stats.json.

    Args:
        counts: Label → clips.
        whole_list: Every label that there is; others count as well where clips have them.
        clips: All clips.
    """
    labels = list(dict.fromkeys([*whole_list, *counts]))
    shares = {label: counts.get(label, 0) / clips for label in labels} if clips else {}
    under = sorted((share, label) for label, share in shares.items() if share < UNDER_SHARE)
    bits = entropy_bits(counts)
    return {
        "labels": len(labels),
        "used": sum(count > 0 for count in counts.values()),
        "entropy_bits": bits,
        "evenness": relate_entropy(bits, len(labels)),
        "under": {label: round_figures(share) for share, label in under},
    }


def describe_language_spread(counts: Mapping[str, int], unknown: str) -> dict[str, Any]:
    """Return how evenly languages are used; texts without one are left out.

    Args:
        counts: Language → clips, most first.
        unknown: What stands for no language.
    """
    named = {language: count for language, count in counts.items() if language != unknown}
    bits = entropy_bits(named)
    most = next(iter(named), None)
    return {
        "used": len(named),
        "entropy_bits": bits,
        "evenness": relate_entropy(bits, len(named)),
        "most": most,
        "share_most": round_figures(named[most] / sum(named.values())) if most is not None else None,
    }


def entropy_bits(counts: Mapping[str, int]) -> float | None:
    """Return the Shannon entropy of shares, bits; None where nothing is counted."""
    used = np.array([count for count in counts.values() if count], np.float64)
    if not len(used):
        return None
    shares = used / used.sum()
    return round_figures(float(abs(-(shares * np.log2(shares)).sum())))


def relate_entropy(bits: float | None, labels: int) -> float | None:
    """Return entropy over that of equal use of all labels (Pielou's evenness), 0..1."""
    return None if bits is None or labels < 2 else round_figures(bits / float(np.log2(labels)))


def total_variation(first: Mapping[str, int], second: Mapping[str, int]) -> float | None:
    """Return half the sum of the differences between two sets of shares, 0..1; None where one is empty."""
    sums = sum(first.values()), sum(second.values())
    if not all(sums):
        return None
    labels = {*first, *second}
    apart = sum(
        abs(first.get(label, 0) / sums[0] - second.get(label, 0) / sums[1]) for label in sorted(labels)
    )
    return round_figures(apart / 2)
