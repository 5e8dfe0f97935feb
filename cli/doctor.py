"""Say for each backend whether it is ready, and if not, which command makes it so."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments: there are none."""


def run(options: argparse.Namespace) -> int:
    """Print one line per check; return 0 if the default profile can run, else 2."""
    ready = True
    for name, needed, check, remedy in CHECKS:
        try:
            found, fine = check(), True
        except Exception as error:  # a check fails in whatever way the thing it checks is broken
            found, fine = " ".join(str(error).split()) or type(error).__name__, False
        ready &= fine or not needed
        print(f"{'ready  ' if fine else 'missing'}  {name:<22} {found}{'' if fine else f' -> {remedy}'}")
    return 0 if ready else 2


def _installed(*packages: str) -> Callable[[], str]:
    def check() -> str:
        for package in packages:
            if find_spec(package.replace("-", "_")) is None:
                raise LookupError(f"{package} is not installed")
        return ", ".join(f"{package} {version(package)}" for package in packages)

    return check


def _python() -> str:
    return sys.version.split()[0]


def _decoders() -> str:
    import av

    codecs = {"h264", "hevc", "vp9", "av1", "aac", "opus", "vorbis", "mp3float", "flac"}
    if missing := sorted(codecs - set(av.codecs_available)):
        raise LookupError(f"FFmpeg in PyAV {av.__version__} lacks {', '.join(missing)}")
    return f"PyAV {av.__version__}"


def _shipped_model(name: str) -> Callable[[], str]:
    def check() -> str:
        from pipelines.encoders_in_use import model_of

        return model_of(name, None)

    return check


def _cuda() -> str:
    import torch

    if not torch.cuda.is_available():
        raise LookupError("no CUDA device")
    return str(torch.cuda.get_device_name())


CHECKS: list[tuple[str, bool, Callable[[], str], str]] = [
    ("python", True, _python, "install Python 3.11"),
    ("decoders", True, _decoders, "pip install --upgrade av"),
    ("clap-mini", True, _shipped_model("clap-mini"), "make mini"),
    ("clip-mini", True, _shipped_model("clip-mini"), "make mini"),
    ("flows", True, _installed("prefect", "prefect-dask", "distributed"), "pip install leitmotif"),
    ("demo corpus", False, _installed("pretty-midi"), "pip install 'leitmotif[demo]'"),
    ("reading as trainers do", False, _installed("datasets"), "pip install 'leitmotif[datasets]'"),
    ("GPU", False, _cuda, "install a CUDA build of torch on a machine with an NVIDIA GPU"),
]
