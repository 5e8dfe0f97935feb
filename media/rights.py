"""What a decoding child gives up before it opens a file, so that who takes it over gains little.

Memory, cores, descriptors and the size of files are bounded (`setrlimit`). On Linux it opens no socket
and looks into no other process (seccomp), and changes files only where it was told to (Landlock). What it
may read is all that its user may: it has libraries to load, and files lie anywhere. What a system does not
offer is left out; `leitmotif doctor` says so.

Reference: seccomp(2), landlock(7); numbers of Linux's headers.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

# 8K film of 10 bits takes less. A run with its models and one child stays below 2.5 GB.
MEMORY_BYTES = 1536 << 20
_FILE_BYTES = 32 << 30  # 24 hours of the FLAC that we write take 15 GB
_DESCRIPTORS = 256

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | 13, 0x80000000  # 13: EACCES
_LOAD, _IS, _FROM, _RETURN = 0x20, 0x15, 0x35, 0x06  # of classic BPF: a word, ==, >=, ret
# socket, ptrace, process_vm_readv and -writev, bpf, add_key, request_key, keyctl, io_uring_setup, pidfd_getfd
_REFUSED = {
    "x86_64": (0xC000003E, (41, 101, 310, 311, 321, 248, 249, 250, 425, 438)),
    "aarch64": (0xC00000B7, (198, 117, 270, 271, 280, 217, 218, 219, 425, 438)),
}
_X32 = 0x40000000  # another way to number the calls of x86_64

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_WRITE_FILE = 1 << 1
# Write a file, remove and make folders, files, links, pipes, sockets and devices; from ABI 3 on truncate.
_CHANGES = sum(1 << bit for bit in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12))
_TRUNCATE, _SIGNALS_AND_ABSTRACT_SOCKETS = 1 << 14, 3
_ANYWHERE = ("/dev/null",)


def give_up(memory_bytes: int, writable: Sequence[Path]) -> list[str]:
    """Give up what a decoder does not need, for ever, in this thread and all that it starts.

    Args:
        memory_bytes: The memory that it may have.
        writable: The folders in which it may make and change files.

    Returns:
        What was given up, in words.
    """
    # Where memory is short, the kernel ends a decoder, which is tried again.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, _FILE_BYTES)
    _limit(resource.RLIMIT_NOFILE, _DESCRIPTORS)
    _limit(resource.RLIMIT_DATA, memory_bytes)
    given = [f"memory beyond {memory_bytes / (1 << 30):g} GB"]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
            given += ["the network"] if _refuse_calls(libc) else []
            given += ["writing elsewhere"] if _refuse_changes(libc, writable) else []
    return given


def _limit(what: int, most: int) -> None:
    """Lower a limit; one that is lower already stays."""
    soft, hard = (
        most if value == resource.RLIM_INFINITY else min(value, most) for value in resource.getrlimit(what)
    )
    resource.setrlimit(what, (soft, hard))


def _refuse_calls(libc: ctypes.CDLL) -> bool:
    if platform.machine() not in _REFUSED:
        return False
    machine, numbers = _REFUSED[platform.machine()]
    last = len(numbers) + 1  # lines until the one that refuses
    program = [
        (_LOAD, 0, 0, 4),  # the architecture of the call
        (_IS, 1, 0, machine),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # its number
        (_FROM, last, 0, _X32),
        *((_IS, last - at, 0, number) for at, number in enumerate(numbers, start=1)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    head = struct.pack("HP", len(program), ctypes.addressof(code))
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, head, 0, 0) == 0)


def _refuse_changes(libc: ctypes.CDLL, writable: Sequence[Path]) -> bool:
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    handled = _CHANGES | (_TRUNCATE if version >= 3 else 0)
    attributes = struct.pack("QQQ", handled, 0, _SIGNALS_AND_ABSTRACT_SOCKETS)
    size = 24 if version >= 6 else 8
    rules = libc.syscall(_CREATE_RULESET, attributes[:size], ctypes.c_size_t(size), 0)
    if rules < 0:
        return False
    try:
        for path in (*map(str, writable), *_ANYWHERE):
            allowed = handled if Path(path).is_dir() else handled & (_WRITE_FILE | _TRUNCATE)
            with contextlib.suppress(OSError):  # a folder that is not there is not written to
                at = os.open(path, os.O_PATH)
                libc.syscall(_ADD_RULE, rules, 1, struct.pack("=Qi", allowed, at), 0)
                os.close(at)
        return bool(libc.syscall(_RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)
