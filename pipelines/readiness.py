"""Whether a backend can run on this machine, and the one command that makes it so."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import httpx

from leitmotif.captioning.answers import SaidError, read_models
from leitmotif.captioning.connection import KEY_VARIABLES, read_key
from leitmotif.captioning.exchange import Reply, Unreadable, exchange, open_client, run
from leitmotif.captioning.server_settings import URL
from leitmotif.pipelines.backends_in_use import BackendUse
from leitmotif.storage.errors import UserError, one_line
from leitmotif.weights.backend import Backend, size_text
from leitmotif.weights.catalog import name_model
from leitmotif.weights.device import AUTO, resolve_device
from leitmotif.weights.published import USELESS
from leitmotif.weights.resolve import BadModel

# A server on this machine answers at once; one elsewhere within this many seconds.
SERVER_WAIT_S = 2.0


_GPU_MACHINE = "run it on a machine with an NVIDIA GPU and a CUDA build of torch"


@dataclass(frozen=True)
class Readiness:
    """What `doctor` tells of a backend.

    Attributes:
        name: Name of the backend.
        profile: The profile that uses it; None for one that is there to be chosen.
        stages: The stages that it serves.
        ready: Whether it can run now.
        model: The model behind it.
        revision: What pins the model.
        licence: Licence of the weights.
        commercial: Whether they may be used commercially.
        package: Packages that it needs with their versions; None if one is missing or none is needed.
        weights: What is missing of them, or that nothing is.
        device: Where it would run.
        fix: The command that makes it ready; None where it is.
        problems: What is amiss, each in a few words.
        stand_ins: What the profile takes in its place in all its stages, since its weights are not fetched.
        stands_in: Whether the profile only takes it in place of others.
    """

    name: str
    profile: str | None
    stages: tuple[str, ...]
    ready: bool
    model: str
    revision: str
    licence: str
    commercial: str
    package: str | None
    weights: str
    device: str
    fix: str | None
    problems: tuple[str, ...]
    stand_ins: tuple[str, ...] = ()
    stands_in: bool = False

    @property
    def usable(self) -> bool:
        """Whether the profile can run: the backend is ready, or something stands in for it."""
        return self.ready or bool(self.stand_ins)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; `stage` is the first of `stages`."""
        return {"stage": self.stages[0], **asdict(self)}


def readiness(use: BackendUse, profile: str | None) -> Readiness:
    """Look at what a backend needs: packages, weights, device, server. Nothing is loaded or downloaded.

    Args:
        use: The backend and its settings.
        profile: The profile that it belongs to, by the name that `--profile` takes.
    """
    backend = use.backend
    package, lacking = _packages(backend)
    weights, unfetched = _weights(backend)
    device, unfit = _device(use)
    served, silent = _ask_server(use) if backend.served else (None, None)
    problems = [f"package {name} is not installed" for name in lacking]
    steps = [backend.install_command] if lacking and backend.install_command else []
    if unfetched and not backend.served:
        shown = ", ".join(unfetched[:3]) + (f" and {len(unfetched) - 3} more" if len(unfetched) > 3 else "")
        problems.append(f"weights are missing: {shown} ({size_text(backend.size_bytes)})")
        steps.append("make mini" if backend.shipped else _fetch_command(backend, profile))
    if lacking and backend.brings_torchvision and not _is_cuda_build():
        problems.append(
            "what it needs brings torchvision, beside which this CPU build of torch loads no models"
        )
        steps = [_GPU_MACHINE]
    if silent:
        problems.append(silent)
        steps.append(f"vllm serve {backend.model_id} --revision {backend.revision}")
    if unfit:
        problems.append(unfit)
    if reason := USELESS.get(backend.model_id):
        problems.append(reason)
        steps = ["leitmotif curate … --set tagging.model=laion/larger_clap_general"]
    stood_in = bool(unfetched) and use.stand_ins.keys() >= set(use.stages)
    if problems and not steps:
        steps.append(_GPU_MACHINE)
    return Readiness(
        name=backend.name,
        profile=profile,
        stages=use.stages,
        ready=not problems,
        model=backend.model_id,
        revision=backend.revision,
        licence=backend.license,
        commercial=backend.commercial,
        package=package,
        weights=served or weights,
        device=device,
        fix=" && ".join(steps) or None,
        problems=tuple(problems),
        stand_ins=tuple(dict.fromkeys(use.stand_ins.values())) if stood_in else (),
        stands_in=use.stands_in,
    )


def _is_cuda_build() -> bool:
    import torch

    return torch.version.cuda is not None


def _packages(backend: Backend) -> tuple[str | None, list[str]]:
    """Return the packages with their versions, and those that are missing; none is imported."""
    lacking = [name for name in backend.packages if find_spec(name.replace("-", "_")) is None]
    if lacking or not backend.packages:
        return None, lacking
    return ", ".join(f"{name} {_version(name)}" for name in backend.packages), []


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of unknown version"


def _weights(backend: Backend) -> tuple[str, list[str]]:
    """Return a word on the weights, and the names of what is missing."""
    if backend.shipped:
        try:
            return name_model(backend.facts, {"model": backend.shipped}), []
        except BadModel as error:
            return "missing", [str(error)]
    if not backend.weights:
        return "none needed", []
    missing = backend.missing()
    return ("missing" if missing else "present"), missing


def _device(use: BackendUse) -> tuple[str, str | None]:
    """Return where it would run, and why it cannot where it cannot."""
    if use.backend.served:
        return "its server", None
    if not (use.backend.weights or use.backend.shipped):
        return "cpu", None
    asked = str(use.settings.get("device") or AUTO)
    try:
        # The stages' own default is the device of a run without --device auto.
        device = resolve_device(AUTO if asked == "cpu" else asked)
    except UserError as error:
        return asked, str(error)
    if device == "cpu":
        return device, "it needs a GPU, and torch sees none" if use.backend.needs_gpu else None
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})", None


def _ask_server(use: BackendUse) -> tuple[str | None, str | None]:
    """Ask an OpenAI-compatible server what it serves; return a word on it, and what is amiss."""
    url = str(use.settings.get("url") or URL).rstrip("/")
    try:
        names = read_models(run(_list_models(url)))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
        return None, f"no server answers at {url}"
    except UserError as error:
        return None, str(error)
    except (SaidError, Unreadable) as error:
        if isinstance(error, SaidError) and error.status in (401, 403):
            return None, f"the server at {url} wants another key in {' or '.join(KEY_VARIABLES)}"
        return None, f"what answers at {url} is no such server ({one_line(error, 200)})"
    model = str(use.settings.get("model") or use.backend.model_id)
    if model not in names:
        return None, f"the server at {url} serves {', '.join(names) or 'nothing'}, not {model}"
    return f"served at {url}", None


async def _list_models(url: str) -> Reply:
    async with open_client(url, read_key()) as client:
        return await exchange(client, "GET", "models", limit_s=SERVER_WAIT_S)


def _fetch_command(backend: Backend, profile: str | None) -> str:
    return f"leitmotif fetch-models {f'--profile {profile} ' if profile else ''}--only {backend.name}"
