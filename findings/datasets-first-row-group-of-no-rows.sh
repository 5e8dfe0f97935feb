#!/usr/bin/env bash
# datasets 5.2.0 does not load a valid Parquet file whose first row group has no rows, though rows follow; a row group
# of no rows further down is read as nothing. pyarrow 26.0.1 reads both. Writers that fill row groups by a filter (a
# deletion, a split) leave such files.
# Met when rows were taken out of published shards in place.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 pyarrow==26.0.1
cd "$work"
HF_HUB_OFFLINE=1 HF_DATASETS_CACHE="$work/cache" "$work/env/bin/python" - <<'PYTHON'
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import load_dataset

schema = pa.schema([("n", pa.int64())])
rows = pa.table({"n": [1, 2, 3]}, schema=schema)
for name, groups in {"first.parquet": (schema.empty_table(), rows), "last.parquet": (rows, schema.empty_table())}.items():
    with pq.ParquetWriter(name, schema) as writer:
        for group in groups:
            writer.write_table(group)
    assert pq.ParquetFile(name).num_row_groups == 2
    assert pq.read_table(name).num_rows == 3

for streaming in (False, True):
    last = load_dataset("parquet", data_files="last.parquet", split="train", streaming=streaming)
    assert [row["n"] for row in last] == [1, 2, 3]
    try:
        first = load_dataset("parquet", data_files="first.parquet", split="train", streaming=streaming)
        found = [row["n"] for row in first]
    except Exception as error:
        said = f"{error} {error.__cause__ or ''}"
        assert "BatchSize must be greater than 0" in said, said
        print(f"streaming={streaming}: last.parquet gives 3 rows, first.parquet: {type(error).__name__}: {error}")
    else:
        raise SystemExit(f"changed: first.parquet is read with streaming={streaming}: {found}")
PYTHON
