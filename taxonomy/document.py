"""The shape of a label file: what may stand in the YAML, and what is said when something else does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from leitmotif.storage.documents import DocumentError, read_mapping
from leitmotif.storage.errors import UserError

KINDS = {"instruments": "instrument", "genres": "genre", "moods": "mood", "vocals": "vocal"}
MID = re.compile(r"^/[mtg]/[0-9a-z_]+$")

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Unit = Annotated[float, Field(ge=-1.0, le=1.0)]


class TaxonomyError(UserError):
    """A label file that cannot be used; the message is one line naming the file, the label and the field."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AudioSetText(_Strict):
    """The nearest AudioSet class."""

    mid: Text
    name: Text

    @field_validator("mid")
    @classmethod
    def _is_machine_id(cls, mid: str) -> str:
        if not MID.match(mid):
            raise ValueError(
                f"got {mid!r}, expected an AudioSet machine id such as '/m/05r5c' or '/t/dd00031'"
            )
        return mid


class LabelText(_Strict):
    """One label as written."""

    id: Text
    definition: Text
    synonyms: tuple[Text, ...] = ()
    folds: tuple[Text, ...] = ()
    audioset: AudioSetText | None = None
    mtg_jamendo: (
        Annotated[str, StringConstraints(pattern=r"^(genre|instrument|mood/theme)---[0-9a-z]+$")] | None
    ) = None


class InstrumentText(LabelText):
    """An instrument stands in a family."""

    family: Text


class MoodText(LabelText):
    """A mood lies somewhere between unpleasant and pleasant, still and excited."""

    valence: Unit
    arousal: Unit


class FamilyText(_Strict):
    """A family of instruments, and what it is called in a prompt."""

    id: Text
    names: Annotated[tuple[Text, ...], Field(min_length=1)]


class TemplatesText(_Strict):
    """Prompt templates of each kind; every one holds `{label}` once."""

    instrument: Annotated[tuple[Text, ...], Field(min_length=1)]
    genre: Annotated[tuple[Text, ...], Field(min_length=1)]
    mood: Annotated[tuple[Text, ...], Field(min_length=1)]
    vocal: Annotated[tuple[Text, ...], Field(min_length=1)]
    family: Annotated[tuple[Text, ...], Field(min_length=1)]

    @field_validator("*")
    @classmethod
    def _have_one_slot(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        for template in templates:
            if template.count("{label}") != 1 or re.search(r"[{}]", template.replace("{label}", "")):
                raise ValueError(f"got {template!r}, expected exactly one '{{label}}' and no other braces")
        return templates


Pairs = Annotated[tuple[tuple[Text, Text], ...], Field(min_length=1)]


class LabelDocument(_Strict):
    """A whole label file."""

    version: int = Field(ge=1)
    templates: TemplatesText
    families: tuple[FamilyText, ...]
    instruments: Annotated[tuple[InstrumentText, ...], Field(min_length=1)]
    genres: Annotated[tuple[LabelText, ...], Field(min_length=1)]
    moods: Annotated[tuple[MoodText, ...], Field(min_length=1)]
    vocals: Annotated[tuple[LabelText, ...], Field(min_length=1)]
    quality: Pairs
    voice: Pairs


def normalise(name: str) -> str:
    """Return the form under which names are compared: lower case, spaces for hyphens, single spaces."""
    return " ".join(re.sub(r"[-_]", " ", name.casefold()).split())


def read_document(path: Path) -> LabelDocument:
    """Read and check a label file.

    Args:
        path: A YAML file in UTF-8.

    Returns:
        The checked document.

    Raises:
        TaxonomyError: The file is missing, is not YAML, or breaks a rule, which one line names.
    """
    try:
        content = read_mapping(path)
    except OSError as error:
        raise TaxonomyError(
            f"{path}: cannot be read ({error.strerror}); give the path of a label file"
        ) from error
    except DocumentError as error:
        raise TaxonomyError(f"{path}: {error}") from error
    try:
        document = LabelDocument.model_validate(content)
    except ValidationError as error:
        raise TaxonomyError(f"{path.name}: {_describe(error, content)}") from error
    _check_across(path.name, document)
    return document


def _describe(error: ValidationError, content: Any) -> str:
    """Say in one line where the first thing wrong stands, and what it is."""
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    place = list(first["loc"])
    where = ""
    if len(place) >= 2 and place[0] in (*KINDS, "families") and isinstance(place[1], int):
        entry = content[place[0]][place[1]]
        name = entry.get("id") if isinstance(entry, dict) else None
        label = repr(name) if name else f"number {place[1] + 1}"
        where = f"{place[0]}, {'family' if place[0] == 'families' else 'label'} {label}, "
        place = place[2:]
    field = ".".join(str(part) for part in place) or "whole entry"
    if first["type"] == "extra_forbidden":
        message = "unknown key; expected one of the keys that the other entries have"
    elif first["type"] == "missing":
        message = "missing; every entry needs it"
    else:
        message = first["msg"].removeprefix("Value error, ")
        if not message.startswith("got "):
            message = f"got {first['input']!r:.60}, {message[:1].lower()}{message[1:]}"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where}field {field!r}: {message}{more}"


def _check_across(file_name: str, document: LabelDocument) -> None:
    """Check what no entry can see alone: families exist, and every name means one label."""
    families = [family.id for family in document.families]
    if len(set(families)) != len(families):
        repeated = next(name for name in families if families.count(name) > 1)
        raise TaxonomyError(
            f"{file_name}: families, family {repeated!r}, field 'id': given twice; ids are unique"
        )
    for instrument in document.instruments:
        if instrument.family not in families:
            raise TaxonomyError(
                f"{file_name}: instruments, label {instrument.id!r}, field 'family': "
                f"got {instrument.family!r}, expected one of {', '.join(families)}"
            )
    owners: dict[str, str] = {}
    for section in KINDS:
        for label in getattr(document, section):
            for field, name in _names(label):
                owner = owners.get(normalise(name))
                if owner is not None:
                    raise TaxonomyError(
                        f"{file_name}: {section}, label {label.id!r}, field {field!r}: "
                        f"{name!r} already names label {owner!r}; a name means one label, once"
                    )
                owners[normalise(name)] = label.id


def _names(label: LabelText) -> list[tuple[str, str]]:
    named = [("id", label.id)]
    named += [("synonyms", name) for name in label.synonyms]
    return named + [("folds", name) for name in label.folds]
