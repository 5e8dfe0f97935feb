"""Starts a function of this package in a plain child process, with pipes for what is asked and answered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping

_BOOT = (
    "import importlib, json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "importlib.import_module(sys.argv[2]).serve(*sys.argv[3:])"
)


def start_child(
    module: str, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start `serve` of a module with this process's search path; its standard input and output are pipes.

    Args:
        module: Name of the module.
        *arguments: Passed to `serve`.
        env: Environment variables to change.
    """
    paths = json.dumps([os.path.abspath(entry) for entry in sys.path])  # noqa: PTH100 - '' is the cwd
    return subprocess.Popen(
        [sys.executable, "-c", _BOOT, paths, module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | dict(env or {}),
        start_new_session=True,  # an interrupt from the keyboard is the parent's to handle
    )
