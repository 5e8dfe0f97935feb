"""Packages that only some tasks need: the one sentence that says how to get one that is missing."""

from __future__ import annotations


def install_command(extra: str) -> str:
    """Return the command that installs the packages of an extra."""
    return f"pip install 'leitmotif-av[{extra}]'"


def needs(task: str, package: str, extra: str) -> str:
    """Return what is said where a package is missing.

    Args:
        task: What needs it, such as "separation backend 'demucs'".
        package: As the package index or Python calls it.
        extra: The extra of `leitmotif-av` that installs it.
    """
    return f"{task} needs the package {package!r}, which is not installed; run `{install_command(extra)}`"
