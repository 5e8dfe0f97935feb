"""The data card of a published dataset: README.md with the front matter that the Hugging Face Hub reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined

from reports.fields import CLIP_FIELDS, describe_type
from reports.published import Published, open_published
from reports.statistics import measure

# Identifiers that the Hub knows: https://huggingface.co/docs/hub/repositories-licenses
HUB_LICENSES = frozenset(
    (
        *("apache-2.0", "mit", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0"),
        *("cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0"),
        *("cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
        *("pddl", "odc-by", "odbl", "unlicense", "unknown"),
    )
)
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGER = ((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"))


def render_card(dataset: Path, *, name: str | None = None) -> str:
    """Return the data card of a published dataset.

    Args:
        dataset: The dataset's folder.
        name: What to call it; the folder's name by default.

    Returns:
        Markdown with YAML front matter; every number in it was measured on the folder.

    Raises:
        NotPublishedError: The folder is not a published dataset.
    """
    published = open_published(dataset, name=name)
    return compose_card(published, measure(published))


def compose_card(published: Published, stats: Mapping[str, Any]) -> str:
    """Return the card from numbers that were measured already; see `render_card`."""
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters["plain"] = plain
    environment.filters["number"] = _number
    template = (files("data_cards") / "dataset_card.md.j2").read_text(encoding="utf-8")
    schema = published.schema
    stages = published.recipe.get("stages")
    tags = published.recipe.get("tags")
    return environment.from_string(template).render(
        front_matter=yaml.safe_dump(front_matter(stats), sort_keys=False, allow_unicode=True),
        stats=stats,
        hours=sum(stats["hours"].values()),
        video=bool(stats["sizes"]),
        fields=[
            (column.name, describe_type(column.type), CLIP_FIELDS.get(column.name, ""))
            for column in schema or ()
        ],
        stages=list(stages) if isinstance(stages, dict | list) else [],
        tag_settings=tags if isinstance(tags, dict) else {},
        unknown_licenses=stats["licenses"].get("unknown", 0),
    )


def front_matter(stats: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the Hub reads at the top of a card."""
    kept = stats["counts"]["kept"]
    content: dict[str, Any] = {
        "pretty_name": stats["dataset"],
        **_license(stats["licenses"]),
        "task_categories": ["text-to-audio", "audio-classification"]
        + (["video-text-to-text"] if stats["sizes"] else []),
        "size_categories": [_size(kept)],
        "tags": ["music", "audio", "text"]
        + (["video"] if stats["sizes"] else [])
        + (["embedded-models"] if stats["embedded_models"] else []),
    }
    if stats["rows"]:
        content["configs"] = [
            {
                "config_name": "default",
                "data_files": [
                    {"split": split, "path": f"data/{split}-*.parquet"} for split in stats["rows"]
                ],
            }
        ]
    return content


def plain(value: object) -> str:
    """Return a text that comes from outside as one line that Markdown shows as it is."""
    line = " ".join(str(value).split())
    line = "".join(letter for letter in line if letter.isprintable())
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", line).replace("\\<", "&lt;").replace("\\>", "&gt;")


def _license(licenses: Mapping[str, int]) -> dict[str, Any]:
    """Return the license of the whole: the Hub's identifiers where all are known, else "other"."""
    names = [name.lower() for name in licenses]
    if not names:
        return {"license": "unknown"}
    if all(name in HUB_LICENSES for name in names):
        return {"license": names[0] if len(names) == 1 else sorted(names)}
    return {"license": "other", "license_name": "per-clip", "license_link": "README.md"}


def _size(rows: int) -> str:
    return next((name for limit, name in (*_SIZES, *_LARGER) if rows < limit), "n>1T")


def _number(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
