"""What a run does: its stages with all settings, its rules with their thresholds, tags and splits."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from leitmotif.shards.licenses import known_license
from leitmotif.storage.documents import yaml_text
from leitmotif.tagging.select import TagSettings


class SplitSettings(BaseModel):
    """What validation and test get: below 1 a share of the clips, from 1 on a number; the rest is train.

    `uploader` keeps the clips of one uploader together as well. Where nobody is named as the artist the
    uploader stands in for one anyway; channels that carry many artists would tie most of a catalog together.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    validation: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    test: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    uploader: bool = False

    @field_validator("validation", "test")
    @classmethod
    def _share_or_number(cls, value: float) -> float:
        if value > 1 and value != int(value):
            raise ValueError("expected a share of the clips below 1, or a whole number of clips")
        return value

    @model_validator(mode="after")
    def _leave_some(self) -> Self:
        if max(self.validation, self.test) < 1 <= self.validation + self.test:
            raise ValueError("validation and test take everything; leave some for train")
        return self


class LicenseSettings(BaseModel):
    """Licences of which clips are kept, as `leitmotif.shards.licenses` names them; None keeps all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow: tuple[str, ...] | None = None

    @field_validator("allow", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value

    @field_validator("allow")
    @classmethod
    def _known(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is None:
            return None
        if not value:
            raise ValueError(
                "expected a licence at least, such as [cc-by, cc0-1.0]; without a value all are kept"
            )
        return tuple(dict.fromkeys(map(known_license, value)))


class Kind(BaseModel):
    """What is done with one kind of files: a recipe's stages and rules, in order, and its track.

    Its rules are those of the recipe and those that the user set and its stages measure the number of.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str
    track: str
    stages: tuple[str, ...]
    rules: tuple[str, ...]


class Plan(BaseModel):
    """A checked run: stages with all their settings, rules with their thresholds, tags and splits.

    A plan that takes each file by what it is has two `kinds`: that of files with a moving picture, and
    that of all others. Its stages and rules are those of both, and its tracks those of the kinds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str
    profile: str
    track: str = ""
    window_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    stages: dict[str, dict[str, Any]]
    rules: dict[str, Annotated[float, Field(allow_inf_nan=False)]]
    tags: dict[str, TagSettings]
    splits: SplitSettings = SplitSettings()
    licenses: LicenseSettings = LicenseSettings()
    # What the profile says of stages that the recipe leaves out: its datasets have the same columns.
    left_out: dict[str, dict[str, Any]] = {}
    # What the user set over recipe and profile, as `section.key=value`.
    settings: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    # Stages in which something stands in for the profile's backend, which had no weights here: that backend.
    stand_ins: dict[str, str] = {}

    def parts(self) -> list[Plan]:
        """Return the plan of each kind of files; of a plan without kinds itself alone."""
        return [self._part(kind) for kind in self.kinds] or [self]

    def _part(self, kind: Kind) -> Plan:
        changes = {
            "recipe": kind.recipe,
            "track": kind.track,
            "stages": {name: self.stages[name] for name in kind.stages},
            "rules": {name: self.rules[name] for name in kind.rules},
            "kinds": (),
        }
        return self.model_copy(update=changes)

    def facts(self) -> dict[str, Any]:
        """Return the plan as plain values, without what it has none of."""
        empty = {"kinds"} if not self.kinds else {"track"}
        empty |= set() if self.stand_ins else {"stand_ins"}
        empty |= set() if self.licenses.allow else {"licenses"}
        return self.model_dump(mode="json", exclude=empty)

    def save(self) -> str:
        """Return the plan as YAML text; `leitmotif.pipelines.saved_plan.load_plan` reads it."""
        return yaml_text(self.facts())
