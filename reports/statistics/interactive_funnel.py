"""A joint table of what the rules judge, small enough for a page that recounts the funnel."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.filters.rule import ASKED_FIRST, Rule
from leitmotif.reports.statistics.histogram import round_figures

MOST_CLIPS = 100_000
MOST_STOPS = 250
NO_NUMBER = 254
MEASURED_THROUGHOUT = 255
ENCODING = "base64 of zlib (RFC 1950) of the columns one after the other"


def describe_interactive_funnel(
    measured: pa.Table,
    rules: Sequence[Rule],
    thresholds: Mapping[str, float],
    stages: Sequence[str],
    *,
    seed: int,
    most: int = MOST_CLIPS,
) -> dict[str, Any]:
    """Return `live` of stats.json.

    Args:
        measured: Every clip with its numbers.
        rules: Rules in the order in which they are asked.
        thresholds: Rule → threshold.
        stages: Stages in the order of measuring.
        seed: Draws the sample, where there are more clips than `most`.
        most: Rows in the table.
    """
    before = pc.is_in(measured["step"], value_set=pa.array([*ASKED_FIRST]))
    rows = np.flatnonzero(~before.to_numpy(zero_copy_only=False))
    of = len(rows)
    if of > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    table = measured.take(pa.array(rows))
    entries, columns = [], []
    for rule in rules:
        values = table[rule.name].to_numpy()
        stops = choose_stops(values, thresholds[rule.name])
        columns.append(encode_numbers(values, stops, rule.keep))
        entries.append(
            {
                "name": rule.name,
                "stage": rule.stage,
                "keep": rule.keep,
                "unit": rule.unit,
                "threshold": thresholds[rule.name],
                "stops": stops.tolist(),
            }
        )
    lengths = table["duration_s"].to_numpy()
    lengths = np.where(np.isfinite(lengths), lengths, 0.0)
    step_s = max(0.001, round_figures(float(lengths.max(initial=0.0)) / 65_000) or 0.0)
    packed = [*columns, _encode_stops(table, stages), np.round(lengths / step_s).astype("<u2")]
    data = zlib.compress(b"".join(column.tobytes() for column in packed), 9)
    return {
        "clips": len(rows),
        "of": of,
        "left_out": len(measured) - of,
        "seed": seed if of > most else None,
        "stages": list(stages),
        "rules": entries,
        "duration_step_s": step_s,
        "columns": [*(rule.name for rule in rules), "stop", "duration"],
        "encoding": ENCODING,
        "approximate": [rule.name for rule in rules if rule.name == "near-duplicate"],
        "data": base64.b64encode(data).decode("ascii"),
    }


def choose_stops(values: np.ndarray, threshold: float) -> np.ndarray:
    """Return thresholds to choose from: all the values where they are few, else round ones among them.

    Args:
        values: Numbers that a rule judges, shape (clips,); NaN where there is none.
        threshold: The published one, which is always among them.

    Returns:
        Shape (stops,), ascending, at most `MOST_STOPS`.
    """
    finite = values[np.isfinite(values)]
    distinct = np.unique(finite)
    if len(distinct) >= MOST_STOPS:
        inner = np.quantile(finite, np.linspace(0, 1, MOST_STOPS - 1))
        distinct = np.array([float(f"{value:.3g}") for value in inner])
    return np.unique([*distinct.tolist(), threshold])


def encode_numbers(values: np.ndarray, stops: np.ndarray, keep: str) -> np.ndarray:
    """Return a code for each number that says on which side of each stop it lies, as uint8.

    A clip passes "at least" stop j when its code is above j, "at most" when it is j or below.

    Args:
        values: Shape (clips,), NaN where there is no number.
        stops: Thresholds to choose from, ascending, shape (stops,).
        keep: "at least" or "at most".

    Returns:
        uint8, shape (clips,).
    """
    side = "right" if keep == "at least" else "left"
    codes = np.searchsorted(stops, values, side=side)  # type: ignore[call-overload]
    return np.where(np.isnan(values), NO_NUMBER, codes).astype(np.uint8)


def _encode_stops(table: pa.Table, stages: Sequence[str]) -> np.ndarray:
    places = pc.index_in(table["stopped_at"], value_set=pa.array(stages, pa.string()))
    numbers = pc.fill_null(places, -1).to_numpy().astype(np.int64)
    failed = table["failed"].to_numpy().astype(np.int64)
    return np.where(numbers < 0, MEASURED_THROUGHOUT, 2 * numbers + failed).astype(np.uint8)
