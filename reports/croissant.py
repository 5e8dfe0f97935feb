"""Croissant metadata of a published dataset: what is in it, field by field, for machines.

Reference: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from leitmotif.phrases import count as things
from leitmotif.reports.statistics.measure import measure
from leitmotif.reports.statistics.model.stats import Stats
from leitmotif.shards.columns import (
    CLIPS,
    MEASURED_CLIPS,
    MEDIA,
    MIX,
    QUARANTINED_CLIPS,
    REJECTED_CLIPS,
    SOUNDS,
    meanings_of,
)
from leitmotif.shards.dataset import Dataset

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
# The context that the specification gives; a reader warns about any other.
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "description": {"@container": "@language"},
    "conformsTo": "dct:conformsTo",
} | {
    term: f"cr:{term}"
    for term in (
        *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field"),
        *("fileProperty", "fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset"),
        *("jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated"),
        *("replace", "samplingRate", "separator", "source", "subField", "transform"),
    )
}
_PARQUET = "application/x-parquet"
_SIDE_FILES = {
    "rejected.parquet": _PARQUET,
    "quarantine.parquet": _PARQUET,
    "measured.parquet": _PARQUET,
    "taxonomy.yaml": "application/yaml",
    "recipe.yaml": "application/yaml",
    "stats.json": "application/json",
}


def describe_croissant(dataset: Path, *, name: str | None = None) -> dict[str, Any]:
    """Return the Croissant metadata of a published dataset.

    Args:
        dataset: The dataset's folder; its small files are hashed, its shards are not read.
        name: What to call it; the folder's name by default.

    Returns:
        JSON-LD of Croissant 1.1.

    Raises:
        DatasetError: The folder is not a published dataset.
    """
    published = Dataset(dataset, name=name)
    return compose_croissant(published, measure(published))


def compose_croissant(
    published: Dataset, stats: Stats, *, fresh: Mapping[str, bytes] | None = None
) -> dict[str, Any]:
    """Return the metadata from numbers that were measured already; see `describe_croissant`.

    Args:
        published: The dataset.
        stats: Statistics of the dataset.
        fresh: Content of small files that are about to be written, by name.
    """
    day = _published_on(published.path)
    title = re.sub(r"[^\w .-]", "-", published.name)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": title,
        "description": _description(stats),
        "license": list(stats["licenses"]) or ["unknown"],
        "version": _semantic(stats["version"]),
        "datePublished": day.isoformat(),
        "citeAs": f"@misc{{{_slug(title)}, title = {{{title}}}, year = {{{day.year}}}}}",
        "keywords": ["music", "audio", "text", *(["video"] if _has_video(stats) else [])],
        "distribution": _distribution(published, fresh or {}),
        "recordSet": _record_sets(published),
    }


def _description(stats: Stats) -> str:
    made = f" by the recipe {stats['recipe']}" if stats["recipe"] else ""
    kept = things(stats["counts"]["kept"], "clip")
    text = (
        f"{kept} ({sum(stats['hours'].values()):.2f} hours) of music with tags and "
        f"captions, kept from {stats['counts']['catalogued']}{made}."
    )
    if stats["embedded_models"]:
        text += f" Made with embedded models ({', '.join(stats['embedded_models'])}): for demonstration."
    return text


def _distribution(published: Dataset, fresh: Mapping[str, bytes]) -> list[dict[str, Any]]:
    contents = {
        name: fresh[name] if name in fresh else (published.path / name).read_bytes()
        for name in _SIDE_FILES
        if name in fresh or (published.path / name).is_file()
    }
    files = [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "contentSize": f"{len(content)} B",
            "encodingFormat": _SIDE_FILES[name],
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name, content in contents.items()
    ]
    if not published.shards:
        return files
    shards = {
        "@type": "cr:FileSet",
        "@id": "shards",
        "name": "shards",
        "description": "One row is one clip; the split stands in front of a file's name.",
        "encodingFormat": _PARQUET,
        "includes": "data/*.parquet",
    }
    return [shards, *files]


def _record_sets(published: Dataset) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if published.schema is not None:
        found += [_splits(published), _clips(published, published.schema)]
    columns_of = {"rejected": REJECTED_CLIPS, "quarantine": QUARANTINED_CLIPS, "measured": MEASURED_CLIPS}
    for stem, columns in published.side_schemas().items():
        source = {"fileObject": {"@id": f"{stem}.parquet"}}
        judged = {name: f"The number that the rule {name} judges." for name in columns.names}
        fields = [_field(stem, column, source, judged | meanings_of(columns_of[stem])) for column in columns]
        found.append({"@type": "cr:RecordSet", "@id": stem, "name": stem, "field": fields})
    return found


def _splits(published: Dataset) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/split"},
        "field": [
            {"@type": "cr:Field", "@id": "splits/split", "name": "split", "dataType": "sc:Text"},
        ],
        "data": [{"splits/split": split} for split in published.shards],
    }


def _clips(published: Dataset, schema: pa.Schema) -> dict[str, Any]:
    source = {"fileSet": {"@id": "shards"}}
    names = "|".join(re.escape(split) for split in published.shards)
    split = {
        "@type": "cr:Field",
        "@id": "clips/split",
        "name": "split",
        "description": "The split that the clip belongs to.",
        "dataType": "sc:Text",
        "source": source
        | {"extract": {"fileProperty": "filename"}, "transform": {"regex": rf"^({names})(?:-.*)?$"}},
        "references": {"field": {"@id": "splits/split"}},
    }
    fields = [_field("clips", column, source, meanings_of([*CLIPS, MIX])) for column in schema]
    return {
        "@type": "cr:RecordSet",
        "@id": "clips",
        "name": "clips",
        "description": "One record is one clip.",
        "key": {"@id": "clips/clip_id"},
        "field": [split, *fields],
    }


def _field(
    records: str, column: pa.Field, source: Mapping[str, Any], meanings: Mapping[str, str]
) -> dict[str, Any]:
    """Describe one column; structs become sub-fields, media become media types."""
    kind = column.type
    identity = f"{records}/{column.name}"
    described: dict[str, Any] = {"@type": "cr:Field", "@id": identity, "name": column.name}
    if column.name in meanings:
        described["description"] = meanings[column.name]
    from_column = dict(source) | {"extract": {"column": column.name}}
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        length = kind.list_size if pa.types.is_fixed_size_list(kind) else -1
        described |= {"isArray": True, "arrayShape": str(length)}
        kind = kind.value_type
    if column.name in MEDIA:
        if "isArray" in described:
            described["repeated"] = True  # without the older word mlcroissant does not decode lists of images
        media = "sc:AudioObject" if column.name in SOUNDS else "sc:ImageObject"
        return described | {"dataType": media, "source": from_column | {"transform": {"jsonPath": "bytes"}}}
    if pa.types.is_struct(kind):
        described["subField"] = [
            {
                "@type": "cr:Field",
                "@id": f"{identity}/{part.name}",
                "name": part.name,
                "dataType": _data_type(part.type),
                "source": from_column | {"transform": {"jsonPath": part.name}},
            }
            for part in kind
        ]
        return described
    return described | {"dataType": _data_type(kind), "source": from_column}


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "sc:DateTime"
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_float32(kind):
        return "cr:Float32"
    if pa.types.is_floating(kind):
        return "cr:Float64"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Text"


def _has_video(stats: Stats) -> bool:
    return bool(stats["sizes"])


def _slug(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-") or "dataset"


def _semantic(version: str | None) -> str:
    """Return a version as MAJOR.MINOR.PATCH; 1.0.0 where the recipe gives none of that form."""
    return version if version and re.fullmatch(r"\d+(\.\d+){0,2}", version) else "1.0.0"


def _published_on(folder: Path) -> datetime.date:
    """Return the day on which the dataset was published: that of its recipe.yaml."""
    recipe = folder / "recipe.yaml"
    moment = (recipe if recipe.is_file() else folder).stat().st_mtime
    return datetime.datetime.fromtimestamp(moment, tz=datetime.UTC).date()
