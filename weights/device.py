"""Where models run: the device that was asked for, and what this machine has."""

from __future__ import annotations

import re

from leitmotif.storage.errors import UserError

AUTO = "auto"
_KNOWN = re.compile(r"auto|cpu|cuda(:\d+)?")


def check_device(device: str) -> str:
    """Return the name if it is one of a device: "cpu", "cuda", "cuda:N", or "auto".

    Raises:
        UserError: It is not.
    """
    if not _KNOWN.fullmatch(device):
        raise UserError(f"got device {device!r}; expected auto, cpu, cuda or cuda:N")
    return device


def resolve_device(device: str) -> str:
    """Return the torch device of this machine that a name stands for; "auto" is "cuda" where there is one.

    Raises:
        UserError: A GPU was asked for that this machine does not have.
    """
    if device == "cpu":
        return device
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == AUTO:
        return "cuda" if count else "cpu"
    number = int(device.partition(":")[2] or 0)
    if number >= count:
        raise UserError(
            f"got device {device!r}, and torch {torch.__version__} sees {count or 'no'} CUDA device"
            f"{'s' if count > 1 else ''} here; use --device auto or cpu, or install a CUDA build of torch"
        )
    return device


def checked_device(device: str, *, elsewhere: bool = False) -> str:
    """Return the name of a device that can be used.

    Args:
        device: "cpu", "cuda", "cuda:N" or "auto".
        elsewhere: Whether it is that of other machines, which ask for themselves.

    Raises:
        UserError: There is none of that name, or not here.
    """
    check_device(device)
    if device != AUTO and not elsewhere:
        resolve_device(device)
    return device
