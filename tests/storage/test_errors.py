"""Whose fault an error is, and what of it is said in one line."""

import errno
import os

import av
import cv2
import pytest
import torch

from leitmotif.storage.errors import (
    MACHINE_ERRNOS,
    OutsideError,
    RunError,
    UserError,
    describe_machine_fault,
    first_line,
    is_machine_fault,
    lacks_memory,
    one_line,
)


@pytest.mark.parametrize("number", sorted(MACHINE_ERRNOS))
def test_a_disk_or_a_table_of_files_that_is_full_is_the_machines_fault(number: int) -> None:
    assert is_machine_fault(OSError(number, os.strerror(number)))


def test_pythons_number_of_an_error_is_not_said() -> None:
    assert one_line(FileNotFoundError(2, "No such file", "x")) == "No such file: 'x'"
    assert one_line("[Errno 2] as somebody wrote") == "[Errno 2] as somebody wrote"


@pytest.mark.parametrize("error", [MemoryError(), OutsideError("the server is gone")])
def test_memory_and_what_lies_outside_are_the_machines_fault(error: Exception) -> None:
    assert is_machine_fault(error)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "gone"),
        ValueError("No space left"),
        UserError("got 3"),
        OSError("odd"),
    ],
)
def test_what_is_wrong_with_the_input_is_not_the_machines_fault(error: Exception) -> None:
    assert not is_machine_fault(error)
    assert not is_machine_fault(error, writing=True)


def test_a_refused_permission_is_the_machines_fault_only_where_we_write() -> None:
    error = PermissionError(errno.EACCES, "Permission denied")
    assert not is_machine_fault(error)
    assert is_machine_fault(error, writing=True)


def test_a_full_disk_is_known_from_what_torch_and_safetensors_say_of_it() -> None:
    class SafetensorError(Exception):
        pass

    assert is_machine_fault(RuntimeError("[enforce fail] PytorchStreamWriter: file write failed"))
    assert is_machine_fault(SafetensorError('IoError(Os { code: 28, message: "No space left on device" })'))
    assert not is_machine_fault(RuntimeError("shapes cannot be multiplied"))


@pytest.mark.parametrize(
    "number",
    [
        errno.EFBIG,
        errno.ENOMEM,
        errno.ESTALE,
        errno.ENOTCONN,
        errno.EDQUOT,
        errno.EROFS,
        errno.EIO,
        errno.EMFILE,
    ],
)
def test_a_number_of_the_machine_is_known_in_whatever_library_raised_it(number: int) -> None:
    with pytest.raises(av.error.FFmpegError) as raised:
        av.error.err_check(-number)
    assert is_machine_fault(raised.value)


def test_memory_that_opencv_or_torch_lacks_is_the_machines_fault() -> None:
    cv2_error = cv2.error("(-4:Insufficient memory)")
    cv2_error.code = -4
    assert is_machine_fault(cv2_error)
    assert not is_machine_fault(cv2.error("(-215:Assertion failed)"))
    assert is_machine_fault(torch.OutOfMemoryError("CUDA out of memory"))


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] can't allocate memory: you tried"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("unable to mmap 9 bytes from file <m.bin>: Cannot allocate memory (12)"),
    ],
)
def test_memory_that_a_library_asked_for_without_python_is_said_as_such(error: Exception) -> None:
    assert lacks_memory(error) and is_machine_fault(error)
    said = describe_machine_fault(error, "/ws")
    assert said == "Cannot allocate memory while writing to '/ws'; free memory, or use fewer --workers"


def test_each_fault_of_the_machine_is_said_with_its_place_and_what_helps() -> None:
    assert describe_machine_fault(OSError(errno.EFBIG, "x", "/ws/a.flac"), "/ws") == (
        "File too large at '/ws/a.flac'; allow larger files (ulimit -f), or use a file system that holds them"
    )
    assert describe_machine_fault(MemoryError(), "/ws").startswith(
        "Cannot allocate memory while writing to '/ws'"
    )
    assert describe_machine_fault(OSError(errno.ENOSPC, "odd"), "/ws").endswith("; make room")
    assert "is the disk or share still mounted?" in describe_machine_fault(OSError(errno.ESTALE, ""), "/ws")


def test_whatever_ends_a_run_is_caught_as_one_kind() -> None:
    assert isinstance(UserError("got 3"), RunError | ValueError)
    assert OutsideError("full", {"kept": 3}).facts == {"kept": 3}


def test_an_error_is_said_in_one_line_however_many_it_has() -> None:
    error = KeyError("first\n   second\tthird")
    assert one_line(ValueError("first\n   second\tthird\n")) == "first second third"
    assert one_line(ValueError("first\nsecond"), 7) == "first s"
    assert one_line(ValueError()) == "ValueError"
    assert first_line(RuntimeError("\nMissing keys:\n  a\n  b")) == "Missing keys:"
    assert first_line(error).startswith("'first")
    assert first_line(MemoryError()) == "MemoryError"
