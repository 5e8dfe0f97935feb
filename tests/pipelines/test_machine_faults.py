"""What the machine refuses ends the run with one line, and no clip is blamed."""

import errno
import os
import resource
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from leitmotif.collection.run import _run_errors
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines import runner
from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.describing import one_line_errors
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.workspace import Stores, Workspace
from leitmotif.storage.errors import OutsideError
from tests.pipelines.test_bad_input import write_video


def test_a_file_that_may_not_grow_ends_the_run_and_blames_no_clip(
    tmp_path: Path, workspace: Workspace, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").mkdir()
    write_video(tmp_path / "source" / "a.mp4", seconds=4.0)
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    with SandboxedWorker() as decoder:
        monkeypatch.setattr(runner, "_decoder", lambda: decoder)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, former[1]))
        try:
            with pytest.raises(OutsideError, match=r"^File too large .*ulimit -f.* run again"):
                curate([tmp_path / "source"], workspace, plan)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, former)
            runner.close_stages()
    ledger = Ledger(*workspace.kinds(plan))
    ledger.decide()
    assert [entry.outcome.error for entry in ledger.entries] == [None]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ESTALE, "gone"),
        OSError(errno.ENOTCONN, "gone"),
        OSError(errno.EMFILE, "full"),
        MemoryError(),
    ],
)
def test_whatever_the_machine_refuses_a_stage_ends_the_run(
    error: Exception,
    catalogue: Callable[..., list[str]],
    measure: Callable[..., Stores],
    workspace: Workspace,
    plan: Plan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(SandboxedWorker, "run", refuse)
    ids = catalogue(a="one")
    with pytest.raises(
        OutsideError, match=f"{os.strerror(getattr(error, 'errno', errno.ENOMEM))}.*run again"
    ):
        curate([], workspace, plan)
    assert ids and workspace.stores(plan).store("probe").parts() == []


def test_an_error_that_nobody_foresaw_is_told_in_words(
    catalogue: Callable[..., list[str]], workspace: Workspace, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TypeError("unsupported operand type(s) for -: 'int' and 'NoneType'")

    monkeypatch.setattr(SandboxedWorker, "run", fail)
    catalogue(a="one")
    curate([], workspace, plan)
    ledger = Ledger(*workspace.kinds(plan))
    ledger.decide()
    outcome = ledger.entries[0].outcome
    assert outcome.error == "TypeError" and outcome.message is not None
    assert outcome.message.startswith(
        "probe failed over it in an unforeseen way (TypeError: unsupported operand"
    )
    assert outcome.message.endswith("leave it out and report this")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device.*; make room and "),
        (OSError(errno.EFBIG, "File too large"), r"File too large.*ulimit -f.* and "),
        (MemoryError("12 GB"), "12 GB.*; free memory, .* and "),
    ],
)
@pytest.mark.parametrize("door", [one_line_errors, lambda: _run_errors(Path("clips"))])
def test_describing_and_collecting_say_what_helps_against_each_refusal(
    door: Callable[[], AbstractContextManager[None]], error: Exception, said: str
) -> None:
    with pytest.raises(OutsideError, match=said), door():
        raise error
