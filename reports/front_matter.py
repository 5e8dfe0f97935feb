"""The YAML at the top of a data card, as the Hugging Face Hub and `datasets` read it.

Reference: https://huggingface.co/docs/hub/datasets-cards
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from leitmotif.reports.statistics.model.stats import Stats
from leitmotif.shards.columns import SOUNDS
from leitmotif.shards.dataset import Dataset

# Identifiers that the Hub knows: https://huggingface.co/docs/hub/repositories-licenses
HUB_LICENSES = frozenset(
    (
        *("apache-2.0", "mit", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0"),
        *("cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0"),
        *("cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
        *("pddl", "odc-by", "odbl", "unlicense", "unknown"),
    )
)
# The Hub's size categories, each up to a number of rows: https://huggingface.co/docs/hub/datasets-cards.
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGER = ((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"))


def front_matter(published: Dataset, stats: Stats) -> dict[str, Any]:
    """Return what the Hub reads at the top of the card of a dataset.

    Args:
        published: The dataset; its footers are read.
        stats: Statistics of the dataset.
    """
    content: dict[str, Any] = {
        "pretty_name": stats["dataset"],
        **license_of(stats["licenses"]),
        "language": ["en"],
        "task_categories": ["text-to-audio", "audio-classification", "feature-extraction"]
        + (["video-text-to-text"] if stats["sizes"] else []),
        "size_categories": [size_category(stats["counts"]["kept"])],
        "tags": ["music", "audio", "text"]
        + (["video"] if stats["sizes"] else [])
        + (["embedded-models"] if stats["embedded_models"] else []),
    }
    if published.schema is None:
        return content
    footers = {split: published.footers(split) for split in published.shards}
    content["configs"] = [
        {
            "config_name": "default",
            "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in footers],
        }
    ]
    splits = [
        {
            "name": split,
            "num_bytes": sum(
                footer.row_group(group).total_byte_size
                for footer in found
                for group in range(footer.num_row_groups)
            ),
            "num_examples": sum(footer.num_rows for footer in found),
        }
        for split, found in footers.items()
    ]
    content["dataset_info"] = {
        "features": [describe_feature(field) for field in published.schema],
        "splits": splits,
        "download_size": sum(path.stat().st_size for paths in published.shards.values() for path in paths),
        "dataset_size": sum(split["num_bytes"] for split in splits),
    }
    return content


def describe_feature(field: pa.Field) -> dict[str, Any]:
    """Return a column as the features of `dataset_info` name it; sounds and pictures are media."""
    if field.name in SOUNDS:
        return {"name": field.name, "dtype": "audio"}
    if field.name == "frames":
        return {"name": field.name, "list": "image"}
    return {"name": field.name, **_describe(field.type)}


def license_of(licenses: Mapping[str, int]) -> dict[str, Any]:
    """Return the license of the whole: the Hub's identifiers where all are known, else "other"."""
    names = ["-".join(name.lower().split()) for name in licenses]
    if not names:
        return {"license": "unknown"}
    if all(name in HUB_LICENSES for name in names):
        return {"license": names[0] if len(names) == 1 else sorted(names)}
    return {"license": "other", "license_name": "per-clip", "license_link": "README.md"}


def size_category(rows: int) -> str:
    """Return the Hub's word for a count of rows."""
    return next((name for limit, name in (*_SIZES, *_LARGER) if rows < limit), "n>1T")


def _describe(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_struct(kind):
        return {"struct": [{"name": part.name, **_describe(part.type)} for part in kind]}
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = _describe(kind.value_type)
        described: dict[str, Any] = {"list": inner.get("dtype") or inner.get("struct") or inner}
        return described | ({"length": kind.list_size} if pa.types.is_fixed_size_list(kind) else {})
    if pa.types.is_timestamp(kind):
        return {"dtype": f"timestamp[{kind.unit}, tz={kind.tz}]" if kind.tz else f"timestamp[{kind.unit}]"}
    return {"dtype": {"float": "float32", "double": "float64"}.get(str(kind), str(kind))}
