"""Settings of a stage with a choice of backends, and those that only the chosen backend takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import ConfigDict, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from leitmotif.pipelines.stage import StageSettings
from leitmotif.weights.adapters import adapters, own_settings


class BackendSettings(StageSettings):
    """Settings of such a stage; those that only the chosen backend knows come behind the stage's own.

    Attributes:
        backend: One of `choices()`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    STAGE: ClassVar[str]

    backend: str

    @classmethod
    def choices(cls) -> list[str]:
        """Return what `backend` may be: the names of adapters."""
        return sorted(adapters(cls.STAGE))

    @classmethod
    def adapter_of(cls, backend: str) -> str:
        """Return the adapter that a backend stands for."""
        return backend

    @classmethod
    def beside(cls) -> Mapping[str, Any]:
        """Return the settings that only some backend takes, with their values where none is set."""
        found: dict[str, Any] = {}
        for name in adapters(cls.STAGE):
            found |= _beside(cls, name)
        return found

    @property
    def adapter(self) -> str:
        """The adapter that is chosen."""
        return self.adapter_of(self.backend)

    @property
    def own(self) -> dict[str, Any]:
        """The settings that only the chosen backend knows."""
        return dict(self.model_extra or {})

    @field_validator("backend")
    @classmethod
    def _known(cls, backend: str) -> str:
        if backend not in (names := cls.choices()):
            listed = [repr(name) for name in names]
            raise ValueError(f"expected {' or '.join(filter(None, (', '.join(listed[:-1]), listed[-1])))}")
        return backend

    @model_validator(mode="before")
    @classmethod
    def _with_own(cls, values: Any) -> Any:
        """Fill in the chosen backend's own settings; those of another one are left out."""
        if not isinstance(values, Mapping):
            return values
        backend = values.get("backend", cls.model_fields["backend"].default)
        own = _beside(cls, cls.adapter_of(str(backend)))
        others = cls.beside().keys() - own.keys()
        filled = own | {name: value for name, value in values.items() if name not in others}
        faults = [
            _fault(name, value, own)
            for name, value in filled.items()
            if name not in cls.model_fields and not _fits(name, value, own)
        ]
        if faults:
            raise ValidationError.from_exception_data(cls.__name__, faults)
        return filled


def _beside(settings: type[BackendSettings], adapter: str) -> dict[str, Any]:
    own = own_settings(settings.STAGE, adapter)
    return {name: value for name, value in own.items() if name not in settings.model_fields}


def _fits(name: str, value: Any, own: Mapping[str, Any]) -> bool:
    if name not in own:
        return False
    default = own[name]
    number = isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool)
    return default is None or value is None or number or type(value) is type(default)


def _fault(name: str, value: Any, own: Mapping[str, Any]) -> InitErrorDetails:
    if name not in own:
        return {"type": "extra_forbidden", "loc": (name,), "input": value}
    expected = PydanticCustomError("own_setting", f"expected a value like {own[name]!r}")
    return {"type": expected, "loc": (name,), "input": value}
