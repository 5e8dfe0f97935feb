"""Which backends a profile uses, and for which stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from leitmotif.pipelines.chosen import backends_of, source_of
from leitmotif.pipelines.documents import PROFILES, read_document
from leitmotif.pipelines.settings import profile_settings
from leitmotif.pipelines.stand_ins import read_stand_ins
from leitmotif.weights.adapters import GENERATE
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
    own = profile_settings(profile)
    uses = _uses(own)
    for stage, settings in instead.items():
        replaced = uses[backends_of(stage, own)[0].name]
        name = "nothing"
        if backends := backends_of(stage, settings):
            backend = backends[0]
            use = BackendUse(backend, (stage,), settings[str(source_of(stage, settings))], stands_in=True)
            uses.setdefault(backend.name, use)
            name = backend.name
        uses[replaced.backend.name] = replace(replaced, stand_ins={**replaced.stand_ins, stage: name})
    order = {backend.name: number for number, backend in enumerate(known_backends())}
    return sorted(uses.values(), key=lambda use: order.get(use.backend.name, len(order)))


def _uses(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, BackendUse]:
    """Return the backends that the settings of all stages choose, by name."""
    uses: dict[str, BackendUse] = {}
    for stage in settings:
        source = str(source_of(stage, settings))
        for backend in backends_of(stage, settings):
            known = uses.get(backend.name, BackendUse(backend, (), settings[source]))
            stages = sorted({*known.stages, stage}, key=lambda name: (name != source, name))
            uses[backend.name] = replace(known, stages=tuple(stages))
    return uses


def other_uses() -> list[BackendUse]:
    """Return the backends of stages that no shipped profile uses."""
    used = {use.backend.name for profile in PROFILES for use in uses_of(profile)}
    return [
        BackendUse(backend, backend.stages, {})
        for backend in known_backends()
        if backend.name not in used and GENERATE not in backend.stages
    ]


def generator_uses() -> list[BackendUse]:
    """Return the backends of `leitmotif generate`, which no stage and no profile uses."""
    return [
        BackendUse(backend, backend.stages, {}) for backend in known_backends() if GENERATE in backend.stages
    ]
