"""Say for each backend whether it is ready, and if not, which command makes it so."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.extras import install_command
from leitmotif.phrases import count
from leitmotif.storage.errors import one_line

if TYPE_CHECKING:
    from leitmotif.pipelines.readiness import Readiness

EXAMPLE = "leitmotif doctor --profile paper"
WIDTH = 100
# What no profile uses, with what it is chosen by.
OTHERS, GENERATORS = "others", "generators"
HEADS = {
    OTHERS: "others, by --set STAGE.backend= or STAGE.model=",
    GENERATORS: "what makes sounds, by leitmotif generate --backend",
}
# Where the facts of a line begin: "missing  laion-clap       ".
INDENT = 25


@dataclass(frozen=True)
class Check:
    """One thing that this machine has or lacks, found by calling `look`, which raises where it is missing."""

    name: str
    needed: bool
    look: Callable[[], str]
    fix: str


@dataclass(frozen=True)
class Found:
    """What a check found."""

    name: str
    needed: bool
    ready: bool
    found: str
    fix: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--profile",
        metavar="PROFILE",
        help="look at this profile alone, embedded, paper or a YAML file, and exit with 2 unless it is ready "
        "(default: show all, and exit by embedded)",
    )


def run(options: argparse.Namespace) -> int:
    """Print what is ready and what is not; return 0 if the profile can run, else 2."""
    from leitmotif.pipelines.backends_in_use import generator_uses, other_uses, uses_of
    from leitmotif.pipelines.documents import PROFILES
    from leitmotif.pipelines.readiness import readiness

    profile = options.profile or "embedded"
    shown = [options.profile] if options.profile else list(PROFILES)
    uses = {name: uses_of(name) for name in shown}
    if not options.profile:
        uses |= {OTHERS: other_uses(), GENERATORS: generator_uses()}
    checks = [_look(check) for check in CHECKS]
    backends = {
        name: [readiness(use, None if name in HEADS else name) for use in used] for name, used in uses.items()
    }
    added = list(_plugins())
    ready = all(check.ready for check in checks if check.needed) and all(
        backend.usable for backend in backends[profile]
    )
    if options.json:
        listed = [backend.as_json() for part in backends.values() for backend in part]
        facts = {"profile": profile, "ready": ready, "checks": list(map(asdict, checks)), "backends": listed}
        facts["plugins"] = [asdict(plugin) for plugin in added]
        console.print_json(facts)
    else:
        _print_checks(checks)
        for name, part in backends.items():
            _print_backends(name, part)
        _print_plugins(added)
    return Exit.DONE if ready else Exit.USER


def _print_checks(checks: Sequence[Found]) -> None:
    print("this machine")
    for check in checks:
        _print_entry(check.ready, check.name, [check.found], check.fix)


def _print_backends(profile: str, backends: Sequence[Readiness]) -> None:
    missing = sum(not backend.usable for backend in backends)
    stood_in = sum(not backend.ready and backend.usable for backend in backends)
    state = f"{missing} of {len(backends)} backends not ready" if missing else "ready"
    state += f", {count(stood_in, 'backend')} with a stand-in" if stood_in else ""
    print(f"\n{HEADS.get(profile, f'profile {profile}: {state}')}")
    for backend in backends:
        _print_entry(backend.ready, backend.name, list(_lines(backend)), backend.fix)
    if profile not in HEADS and sum("fetch-models" in (backend.fix or "") for backend in backends) > 1:
        print(f"  all weights at once: leitmotif fetch-models --profile {profile}")


def _print_plugins(added: Sequence[Found]) -> None:
    if added:
        print("\nplugins")
    for plugin in added:
        _print_entry(plugin.ready, plugin.name, [plugin.found], plugin.fix)


def _plugins() -> Iterator[Found]:
    """Ask for everything that other distributions add, and yield what became of each plugin."""
    from leitmotif.collection.enrich.enrichment import known_enrichers
    from leitmotif.collection.sources.open import plugin_sources
    from leitmotif.evaluation.metric import find_metrics
    from leitmotif.filters import rule
    from leitmotif.pipelines.stages import STAGES
    from leitmotif.plugins import plugins, why_left_out
    from leitmotif.weights.adapters import KINDS, adapters

    groups: dict[str, Callable[[], object]] = {
        "rules": rule.discover,
        "stages": lambda: list(STAGES),
        "backends": lambda: [adapters(stage) for stage in KINDS],
        "metrics": find_metrics,
        "sources": plugin_sources,
        "enrichers": known_enrichers,
    }
    for group, ask in groups.items():
        if plugins(group):
            ask()
        for plugin in plugins(group):
            reason = why_left_out(plugin)
            found = f"leitmotif.{group} of {plugin.owner}{f': {reason}' if reason else ''}"
            yield Found(plugin.name, False, reason is None, found, None)


def _lines(backend: Readiness) -> Iterator[str]:
    """Yield what there is to say of a backend, a line each."""
    from leitmotif.weights.backend import short_revision, terms

    yield f"{', '.join(backend.stages)} on {backend.device}{', as a stand-in' if backend.stands_in else ''}"
    licence = terms(backend.licence, backend.commercial)
    yield f"{backend.model} @ {short_revision(backend.revision)}, {licence}"
    facts = [fact for fact in (backend.package, f"weights {backend.weights}") if fact]
    if backend.ready and backend.weights != "none needed":
        yield "; ".join(facts)
    yield from backend.problems
    if not backend.ready and backend.stand_ins:
        yield f"{' and '.join(backend.stand_ins)} in its place"


def _print_entry(ready: bool, name: str, lines: Sequence[str], fix: str | None) -> None:
    """Print one entry: its state, its name, lines wrapped to the width, and the command to copy."""
    head = f"  {'ready' if ready else 'missing':<9}{name:<{INDENT - 12}} "
    blank = " " * INDENT
    for number, line in enumerate(lines):
        print("\n".join(_wrap(line, head.ljust(INDENT) if number == 0 else blank, blank + "  ", WIDTH)))
    if fix and not ready:
        print(" \\\n".join(_wrap(f"fix: {fix}", blank, blank + "  ", WIDTH - 2)))


def _wrap(line: str, first: str, then: str, width: int) -> list[str]:
    return textwrap.wrap(
        line,
        width,
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _look(check: Check) -> Found:
    try:
        return Found(check.name, check.needed, True, check.look(), None)
    except Exception as error:  # a check fails in whatever way the thing it checks is broken
        found = one_line(error)
        return Found(check.name, check.needed, False, found, check.fix)


def _installed(*packages: str) -> Callable[[], str]:
    def look() -> str:
        from importlib.metadata import version

        for package in packages:
            if find_spec(package.replace("-", "_")) is None:
                raise LookupError(f"{package} is not installed")
        return ", ".join(f"{package} {version(package)}" for package in packages)

    return look


def _python() -> str:
    return sys.version.split()[0]


def _decoders() -> str:
    import av

    codecs = {"h264", "hevc", "vp9", "av1", "aac", "opus", "vorbis", "mp3float", "flac"}
    if missing := sorted(codecs - set(av.codecs_available)):
        raise LookupError(f"FFmpeg in PyAV {av.__version__} lacks {', '.join(missing)}")
    return f"PyAV {av.__version__}"


def _sandbox() -> str:
    from leitmotif.media.sandbox import SandboxedWorker
    from leitmotif.media.sandbox_child import given_up

    with SandboxedWorker() as worker:
        held = worker.run(given_up, limit_s=30)
    if missing := sorted({"the network", "writing elsewhere"} - set(held)):
        raise LookupError(
            f"decoders run under limits, but this system cannot take {' and '.join(missing)} from them"
        )
    return f"decoders run without {', '.join(held)}"


def _audio_in_datasets() -> str:
    """Let `datasets` decode a second of silence."""
    import io
    from importlib.metadata import version

    import numpy as np
    import soundfile
    from datasets import Audio

    file = io.BytesIO()
    soundfile.write(file, np.zeros((44100, 2)), 44100, format="FLAC")
    try:
        Audio().decode_example({"bytes": file.getvalue(), "path": None}).get_all_samples()
    except RuntimeError as error:  # pages of tracebacks, one for each release of FFmpeg
        raise LookupError("torchcodec finds no shared libraries of FFmpeg that it can load") from error
    return f"torchcodec {version('torchcodec')} decodes"


def _javascript() -> str:
    """Look for what yt-dlp runs YouTube's JavaScript with."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = f"yt-dlp {version('yt-dlp')}"
    except PackageNotFoundError as error:
        raise LookupError("yt-dlp is not installed") from error
    from yt_dlp.globals import supported_js_runtimes

    runtime = supported_js_runtimes.value["deno"]().info
    if runtime is None or not runtime.supported:
        state = "deno is not found" if runtime is None else f"deno {runtime.version} is too old"
        raise LookupError(
            f"{found}, but {state}: YouTube shows few formats or none without a JavaScript runtime"
        )
    if find_spec("yt_dlp_ejs") is None:
        raise LookupError(f"{found}, but yt-dlp-ejs, its scripts for YouTube, is not installed")
    return f"{found}, deno {runtime.version}, yt-dlp-ejs {version('yt-dlp-ejs')}"


def _cuda() -> str:
    import torch

    if not torch.cuda.is_available():
        raise LookupError(f"torch {torch.__version__} sees no CUDA device; models run on the CPU")
    return str(torch.cuda.get_device_name())


CHECKS = [
    Check("python", True, _python, "install Python 3.11"),
    Check("decoders", True, _decoders, "pip install --upgrade av"),
    Check("sandbox", False, _sandbox, "use Linux 5.13 or newer, with seccomp and Landlock"),
    Check("flows", True, _installed("prefect", "prefect-dask", "distributed"), "pip install leitmotif-av"),
    Check("demo corpus", False, _installed("pretty-midi"), install_command("demo")),
    Check("datasets", False, _installed("datasets"), install_command("datasets")),
    Check(
        "datasets audio",
        False,
        _audio_in_datasets,
        f"{install_command('datasets')} && apt-get install ffmpeg",
    ),
    Check("collect", False, _javascript, install_command("collect")),
    Check("GPU", False, _cuda, "install a CUDA build of torch on a machine with an NVIDIA GPU"),
]
