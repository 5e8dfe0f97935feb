"""Which backends a profile uses, and for which stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from leitmotif.pipelines.chosen import chosen_backend, source_of
from leitmotif.pipelines.documents import PROFILES, read_document
from leitmotif.pipelines.settings import profile_settings
from leitmotif.pipelines.stand_ins import read_stand_ins
from leitmotif.weights.backend import Backend
from leitmotif.weights.catalog import known_backends


@dataclass(frozen=True)
class BackendUse:
    """A backend at work.

    Attributes:
        backend: The backend.
        stages: The stages that it serves.
        settings: Settings of the first of them.
        stand_ins: What is taken in its place where its weights are not fetched: stage → backend.
        stands_in: Whether it is itself only taken in place of others.
    """

    backend: Backend
    stages: tuple[str, ...]
    settings: Mapping[str, Any]
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    stands_in: bool = False

    @property
    def served_elsewhere(self) -> bool:
        """Whether its model runs in a server on another machine."""
        host = urlsplit(str(self.settings.get("url", ""))).hostname
        return self.backend.served and host not in (None, "localhost", "127.0.0.1", "::1", "0.0.0.0")


def uses_of(profile: str) -> list[BackendUse]:
    """Return the backends of a profile, in the order of the table.

    Args:
        profile: A shipped profile's name, or a YAML file.

    Raises:
        UserError: The profile is not known, or wrong.
    """
    stated = read_stand_ins(read_document("profile", profile))
    instead = {stage: profile_settings(profile, stand_ins={stage}) for stage in stated}
    uses = _uses(profile_settings(profile))
    for stage, settings in instead.items():
        replaced = next(use for use in uses.values() if stage in use.stages and not use.stands_in)
        source, name = source_of(stage, settings), "nothing"
        if source is not None:
            backend = chosen_backend(source, settings[source])
            uses.setdefault(backend.name, BackendUse(backend, (stage,), settings[source], stands_in=True))
            name = backend.name
        uses[replaced.backend.name] = replace(replaced, stand_ins={**replaced.stand_ins, stage: name})
    order = {backend.name: number for number, backend in enumerate(known_backends())}
    return sorted(uses.values(), key=lambda use: order.get(use.backend.name, len(order)))


def _uses(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, BackendUse]:
    """Return the backends that the settings of all stages choose, by name."""
    uses: dict[str, BackendUse] = {}
    for stage in settings:
        source = source_of(stage, settings)
        if source is None:
            continue
        backend = chosen_backend(source, settings[source])
        known = uses.get(backend.name, BackendUse(backend, (), settings[source]))
        stages = sorted({*known.stages, stage}, key=lambda name: (name != source, name))
        uses[backend.name] = replace(known, stages=tuple(stages))
    return uses


def other_uses() -> list[BackendUse]:
    """Return the backends that no shipped profile uses."""
    used = {use.backend.name for profile in PROFILES for use in uses_of(profile)}
    return [
        BackendUse(backend, backend.stages, {}) for backend in known_backends() if backend.name not in used
    ]
