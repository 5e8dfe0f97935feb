"""Tempo classes: which tempi are called slow, medium and fast."""

from __future__ import annotations

# Visuals Music Bridge gives no thresholds, only averages of what it generates for slow, medium and fast
# (table 7: 93.9, 122.6 and 143.6 BPM; all drift to the middle). Musicians' marks instead: below 90 is adagio
# to andante, 90 to 120 is moderato, from 120 on it is allegro.
MEDIUM_FROM_BPM = 90.0
FAST_FROM_BPM = 120.0


def tempo_class(bpm: float) -> str:
    """Return "slow", "medium" or "fast".

    Args:
        bpm: Beats a minute.
    """
    return "slow" if bpm < MEDIUM_FROM_BPM else "medium" if bpm < FAST_FROM_BPM else "fast"
