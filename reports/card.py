"""The data card of a published dataset: README.md, as the Hugging Face Hub shows it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
from jinja2 import Environment, StrictUndefined

from leitmotif.phrases import count as things
from leitmotif.reports.card_preview import Preview, card_facts, draw_preview
from leitmotif.reports.figures.figure import Figure
from leitmotif.reports.figures.png import draw_card
from leitmotif.reports.front_matter import front_matter
from leitmotif.reports.licences import authors, model_licences, research_only
from leitmotif.reports.statistics.measure import measure
from leitmotif.reports.statistics.model.stats import Stats
from leitmotif.reports.tables import leakage_table
from leitmotif.shards.columns import CLIPS, MIX, meanings_of
from leitmotif.shards.dataset import Dataset
from leitmotif.storage.documents import yaml_text


def render_card(dataset: Path, *, name: str | None = None) -> str:
    """Return the data card of a published dataset.

    Args:
        dataset: The dataset's folder.
        name: What to call it; the folder's name by default.

    Returns:
        Markdown with YAML front matter; every number in it was measured on the folder.

    Raises:
        DatasetError: The folder is not a published dataset.
    """
    published = Dataset(dataset, name=name)
    stats = measure(published)
    return compose_card(published, stats, draw_card(stats), draw_preview(published))


def compose_card(published: Dataset, stats: Stats, figures: Sequence[Figure], preview: Preview) -> str:
    """Return the card from numbers that were measured already; see `render_card`.

    Args:
        published: The dataset.
        stats: Statistics of the dataset.
        figures: What is shown; the files are `figures/NAME.png`.
        preview: Pictures and a sound, for the first look.
    """
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters |= {"plain": plain, "number": _number, "attribute": _attribute, "things": things}
    template = (files("leitmotif.data_cards") / "dataset_card.md.j2").read_text(encoding="utf-8")
    schema = published.schema
    stages = published.recipe.get("stages")
    tags = published.recipe.get("tags")
    given = published.recipe.get("license")
    licenses = given if isinstance(given, list) else [given]
    terms = model_licences(stats)
    columns = {field.name for field in schema or ()}
    meanings = meanings_of([*CLIPS, MIX])
    return environment.from_string(template).render(
        front_matter=yaml_text(front_matter(published, stats)),
        stats=stats,
        hours=stats["funnel"][-1]["hours"],
        video=bool(stats["sizes"]),
        figures=figures,
        preview=card_facts(preview),
        fields=[
            (column.name, describe_type(column.type), meanings.get(column.name, ""))
            for column in schema or ()
        ],
        columns=columns,
        stages=list(stages) if isinstance(stages, dict | list) else [],
        tag_settings=tags if isinstance(tags, dict) else {},
        given_licenses=[text for text in licenses if isinstance(text, str)],
        unknown_licenses=stats["licenses"].get("unknown", 0),
        terms=terms,
        research_only=research_only(terms),
        authors=authors(terms),
        leaks=leakage_table(stats)[1] if len(stats["rows"]) > 1 else [],
        key=re.sub(r"[^A-Za-z0-9]+", "-", published.name).strip("-") or "dataset",
        year=(stats["retrieved"][-1] if stats["retrieved"] else "")[:4],
    )


def plain(value: object) -> str:
    """Return a text that comes from outside as one line that Markdown shows as it is."""
    return (
        re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", _printable(value))
        .replace("\\<", "&lt;")
        .replace("\\>", "&gt;")
    )


def _attribute(value: str) -> str:
    """Return a text as it may stand between the quotes of an HTML attribute in Markdown."""
    line = _printable(value).replace("&", "&amp;").replace('"', "&quot;")
    return line.replace("<", "&lt;").replace(">", "&gt;")


def _printable(value: object) -> str:
    """Return a text in one line, without controls and marks that turn the order of letters around."""
    line = " ".join(str(value).split())
    return "".join(letter for letter in line if letter.isprintable())


def _number(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def describe_type(kind: pa.DataType) -> str:
    """Return an Arrow type as text that fits a table cell, such as `list<tag: string, score: float>`."""
    if pa.types.is_fixed_size_list(kind):
        return f"{kind.value_type}[{kind.list_size}]"
    if pa.types.is_list(kind):
        return f"list<{describe_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return "{" + ", ".join(f"{field.name}: {describe_type(field.type)}" for field in kind) + "}"
    return str(kind)
