"""What a backend is: one way to do a stage's work, the model behind it, what it needs, and its licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leitmotif.extras import install_command
from leitmotif.weights.adapters import constants_of
from leitmotif.weights.files import HubRepo, Weights, WheelFiles

# What a stage's setting `backend` says where no model is to run.
NOBODY = "none"
# What the stages `vocals` and `tagging` say behind the name of a tagger, which they hear beside CLAP.
BESIDE_CLAP = "+clap"


def clap_adapter(backend: str) -> str:
    """Return the CLAP adapter that tagging's `backend` names, by itself or behind a tagger."""
    return backend.rpartition("+")[2]


@dataclass(frozen=True)
class Backend:
    """One way to do a stage's work.

    What the adapter's file states (MODEL_ID, REVISION, LICENSE, RATE_HZ, REFERENCE) is read from there.

    Attributes:
        name: A name of its own: no two share one.
        stages: The stages that it serves.
        backend: What their setting `backend` says for it; behind a tagger's `vocals` says `BESIDE_CLAP`.
        module: The adapter's file, as imported.
        model: What their setting `model` says for it; None where there is one model only.
        title: The model as cards name it, where that is another.
        pinned: What pins the model, where neither a repository nor the adapter's file says it.
        license_of_weights: Where it is not what the adapter states.
        commercial: Whether the licence of the weights permits commercial use: "yes", "no", or the condition.
        packages: What must be installed, as the package index calls it.
        extra: The extra of `leitmotif` that installs them.
        install: The command that installs them, where the extra alone does not.
        weights: What is to be fetched; nothing for what ships or needs none.
        shipped: The folder of weights that comes with the repository, by the name that a setting gives it.
        served: The model runs in a server of its own, at the address in the stage's setting `url`.
        needs_gpu: Whether it cannot run on a CPU.
        brings_torchvision: Whether what installs it brings torchvision, which does not load beside a CPU
            build of torch from the package index, and keeps transformers from loading there.
    """

    name: str
    stages: tuple[str, ...]
    backend: str
    module: str
    model: str | None = None
    title: str | None = None
    pinned: str | None = None
    license_of_weights: str | None = None
    commercial: str = "yes"
    packages: tuple[str, ...] = ()
    extra: str | None = None
    install: str | None = None
    weights: tuple[Weights, ...] = ()
    shipped: str | None = None
    served: bool = False
    needs_gpu: bool = False
    brings_torchvision: bool = False

    def named(self, stage: str) -> str:
        """Return what the setting `backend` of a stage says for it."""
        beside = stage == "vocals" and "events" in self.stages
        return f"{self.backend}{BESIDE_CLAP}" if beside else self.backend

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the adapter's file states at its top."""
        return constants_of(self.module)

    @property
    def model_id(self) -> str:
        """The model, as cards name it."""
        return self.title or self.model or str(self.facts.get("MODEL_ID", self.name))

    @property
    def revision(self) -> str:
        """What pins the model: its commit, its package and version, or the adapter's own word for it."""
        first = self.weights[0] if self.weights else None
        if isinstance(first, HubRepo | WheelFiles):
            return first.revision
        return self.pinned or str(self.facts.get("REVISION", "unknown"))

    @property
    def license(self) -> str:
        """The licence of the weights, or of the code where there are none."""
        return self.license_of_weights or str(self.facts.get("LICENSE", "not stated"))

    @property
    def install_command(self) -> str | None:
        """The command that installs what it needs; None if it needs nothing."""
        return self.install or (install_command(self.extra) if self.extra else None)

    @property
    def free(self) -> bool:
        """Whether it may be used without asking anybody or reading terms first."""
        return self.commercial == "yes" and not any(getattr(item, "gated", False) for item in self.weights)

    def missing(self) -> list[str]:
        """Return what of its weights is not fetched, by name."""
        return [name for item in self.weights for name in item.missing()]

    @property
    def size_bytes(self) -> int | None:
        """What there is to fetch, about; None if that is not known."""
        sizes = [item.size_bytes for item in self.weights]
        return None if None in sizes else sum(size for size in sizes if size is not None)


def terms(license: str, commercial: str) -> str:
    """Return a licence with what it says of commercial use, where that is not simply yes."""
    if commercial == "yes":
        return license
    return f"{license}; {'no commercial use' if commercial == 'no' else f'commercial use: {commercial}'}"


def short_revision(revision: str) -> str:
    """Return a revision as people write it: a commit by its first 12 digits."""
    return revision[:12] if len(revision) == 40 else revision


def size_text(size_bytes: int | None) -> str:
    """Return a size as people write it: "312 MB"; "-" for nothing, "size unknown" for None."""
    if size_bytes is None:
        return "size unknown"
    if size_bytes < 1_000_000:
        return "-" if not size_bytes else f"{max(1, round(size_bytes / 1000))} kB"
    if size_bytes < 1_000_000_000:
        return f"{size_bytes / 1_000_000:.0f} MB"
    return f"{size_bytes / 1_000_000_000:.1f} GB"
