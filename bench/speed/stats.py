"""What the statistics of 512,000 rows cost over reading the columns that they are measured from."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from bench.figure import figure, ratios

ROWS = 512_000
PAIRS = 5


def figures() -> Iterator[dict[str, Any]]:
    """Yield `stats-512k/scan`: seconds of the statistics over those of a scan of the columns used."""
    from bench.speed.metadata import write_dataset

    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory(prefix="leitmotif-bench-") as folder:
        dataset = write_dataset(Path(folder) / "dataset", rows=ROWS, seed=1)
        # The first use of the language model loads it.
        measure(dataset)
        scan(dataset)
        runs = ratios(lambda: scan(dataset), lambda: measure(dataset), PAIRS)
    yield figure(
        "stats-512k/scan",
        runs,
        unit="x cost",
        against=f"a pyarrow scan of the columns used, {ROWS} rows and the side tables; one thread each",
        target="<= 6",
    )


def measure(dataset: Path) -> int:
    """Make the statistics; return how many clips they count."""
    from leitmotif.reports.statistics.measure import statistics as measure_statistics

    return int(measure_statistics(dataset)["counts"]["catalogued"])


def scan(dataset: Path) -> int:
    """Read what the statistics read of every row; return how many rows there are."""
    from leitmotif.reports.statistics.measure import COLUMNS, REJECTED_COLUMNS

    measured = [name for name in pq.read_schema(dataset / "measured.parquet").names if name != "clip_id"]
    tables = {
        "data": list(COLUMNS),
        "rejected.parquet": list(REJECTED_COLUMNS),
        "quarantine.parquet": ["stage", "error"],
        "measured.parquet": measured,
    }
    rows = 0
    for name, columns in tables.items():
        scanner = pads.dataset(dataset / name, format="parquet").scanner(columns=columns)
        rows += sum(batch.num_rows for batch in scanner.to_batches())
    return rows


def measure_peak_bytes(dataset: Path) -> int:
    """Return the most memory that the statistics of a dataset hold, in a process of their own."""
    code = (
        "import sys; from pathlib import Path; from bench.peak_memory import peak_bytes; "
        "from bench.speed.stats import measure; "
        "measure(Path(sys.argv[1])); print(peak_bytes())"
    )
    command = [sys.executable, "-c", code, str(dataset)]
    asked = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(asked.stdout)
