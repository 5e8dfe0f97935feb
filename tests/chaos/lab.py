"""Where faults are tried: commands in forked processes, and an undisturbed run to compare with."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import psutil
import pyarrow.parquet as pq

from leitmotif.demo.corpus import render_corpus
from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.workspace import Workspace
from leitmotif.taxonomy import labels

REPOSITORY = Path(__file__).resolve().parents[2]
TRACEBACK = "Traceback (most recent call last)"
# Of a command that should have taken seconds, on a busy machine.
LIMIT_S = 120.0
# Loaded before the first fork, so that a command takes its own time only.
LIBRARIES = (
    "torch",
    "transformers",
    "cv2",
    "soundfile",
    "scipy.signal",
    "leitmotif.cli.main",
    "leitmotif.cli.collect",
    "leitmotif.collection.collector",
    "leitmotif.encoders.clap",
    "leitmotif.pipelines.stages",
    "leitmotif.pipelines.takedown.run",
    "leitmotif.pipelines.validating",
    "leitmotif.reports.write",
    "leitmotif.train_mmdm.train",
)


class NotSurvived(Exception):  # noqa: N818 - what is said of a fault
    """A fault did damage; the text says which."""


def expect(holds: object, said: str) -> None:
    """Raise `NotSurvived` unless something holds."""
    if not holds:
        raise NotSurvived(said)


@dataclass
class Ended:
    """How a command ended: exit code (negative for a signal), what it printed, and how long it took."""

    code: int
    output: str
    seconds: float

    def last(self) -> str:
        """Return the last line."""
        return (self.output.strip().splitlines() or [""])[-1][:300]


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong: the row of the table it counts in, its own name, and what to do."""

    kind: str
    name: str
    run: Callable[[Lab, Path], None]
    skip: str = ""
    files: int = 0  # hostile ones that it tries


@dataclass
class Lab:
    """A small corpus, what an undisturbed run makes of it, and how commands are run.

    Attributes:
        root: Scratch folder.
        videos: The corpus; never changed.
        workspace: Curated without a disturbance; never changed.
        dataset: Published from it, with reports; never changed.
        curate_s: Seconds that took.
    """

    root: Path
    curate_s: float = 0.0
    publish_s: float = 0.0
    rows: dict[str, Any] = field(default_factory=dict)

    @property
    def videos(self) -> Path:
        return self.root / "videos"

    @property
    def workspace(self) -> Path:
        return self.root / "reference"

    @property
    def dataset(self) -> Path:
        return self.root / "reference-dataset"

    def prepare(self) -> None:
        """Render the corpus, and curate and publish it undisturbed, unless this version did so before."""
        times, commit = self.root / "times.json", _commit()
        if times.is_file() and json.loads(times.read_text())["commit"] == commit:
            facts = json.loads(times.read_text())
            self.curate_s, self.publish_s = facts["curate_s"], facts["publish_s"]
            self._tidy()
            self.rows = self.published(self.workspace)
            return
        self._tidy()
        for place in (self.videos, self.workspace, self.dataset):
            shutil.rmtree(place, ignore_errors=True)
        (self.root / "done.jsonl").unlink(missing_ok=True)
        self.root.mkdir(parents=True, exist_ok=True)
        render_corpus(self.videos, clips=12, seed=0, duration_s=3.0, size=(160, 90), fps=12.5)
        words = ["curate", str(self.videos), "--recipe", "music-video", "--out", str(self.workspace)]
        ended = self.leitmotif(*words)
        expect(ended.code == 0, f"the undisturbed run failed: {ended.output}")
        self.curate_s = ended.seconds
        ended = self.leitmotif("publish", str(self.workspace), "--out", str(self.dataset))
        expect(ended.code == 0, f"the undisturbed publication failed: {ended.output}")
        self.publish_s = ended.seconds
        self.rows = self.published(self.workspace)
        kept = sum(len(rows) for name, rows in self.rows.items() if name.startswith("data/"))
        expect(kept >= 5, f"the corpus keeps {kept} clips; expected 5 or more")
        facts = {"commit": commit, "curate_s": self.curate_s, "publish_s": self.publish_s}
        times.write_text(json.dumps(facts))

    def _tidy(self) -> None:
        """Remove what a call left that was killed."""
        for place in self.root.glob("fault-*"):
            if (place / "disk").is_dir():
                subprocess.run(["umount", "--lazy", str(place / "disk")], capture_output=True)
            shutil.rmtree(place, ignore_errors=True)

    # Commands

    def fork(
        self,
        work: Callable[[], int | None],
        *,
        during: Callable[[int], None] = lambda pid: None,
        limit_s: float = LIMIT_S,
    ) -> Ended:
        """Run a function in a forked process and return how that ended.

        Args:
            work: Returns the exit code.
            during: Called with the process id once it runs.
            limit_s: Seconds after which it counts as hanging.

        Raises:
            NotSurvived: It hangs.
        """
        log = self.root / f"output-{os.getpid()}"
        started = time.monotonic()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            _child(work, log)
        try:
            during(pid)
            while True:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    break
                if time.monotonic() - started > limit_s:
                    raise NotSurvived(f"hangs for {limit_s:g} s; last line: {_read(log)[-200:]!r}")
                time.sleep(0.01)
        except BaseException:
            for process in (*psutil.Process(pid).children(recursive=True), psutil.Process(pid)):
                with suppress(psutil.Error):
                    process.kill()
            os.waitpid(pid, 0)
            raise
        return Ended(os.waitstatus_to_exitcode(status), _read(log), time.monotonic() - started)

    def leitmotif(
        self,
        *words: object,
        before: Callable[[], object] = lambda: None,
        during: Callable[[int], None] = lambda pid: None,
        limit_s: float = LIMIT_S,
    ) -> Ended:
        """Run a command line in a forked process, without Prefect.

        Args:
            words: What stands behind `leitmotif`.
            before: Called in the process first, to set limits.
            during: Called here with the process id.
            limit_s: Seconds after which it counts as hanging.
        """

        def work() -> int:
            from leitmotif.cli.main import main

            before()
            return int(main([str(word) for word in words]))

        return self.fork(work, during=during, limit_s=limit_s)

    def command(
        self,
        *words: object,
        env: dict[str, str] | None = None,
        prefix: Sequence[str] = (),
        before: Callable[[], object] | None = None,
        during: Callable[[int], None] = lambda pid: None,
        limit_s: float = 2 * LIMIT_S,
    ) -> Ended:
        """Run a whole command in a new interpreter, with Prefect; arguments as of `leitmotif`."""
        started = time.monotonic()
        start = "from leitmotif.cli.main import command; command()"
        with subprocess.Popen(
            [*prefix, sys.executable, "-c", start, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | (env or {}),
            preexec_fn=before,
        ) as process:
            during(process.pid)
            try:
                output, _ = process.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise NotSurvived(f"the command hangs for {limit_s:g} s") from None
            return Ended(process.returncode, output, time.monotonic() - started)

    def curate(self, workspace: Path, *words: object, videos: Path | None = None, **how: Any) -> Ended:
        """Curate as the reference was."""
        source = self.videos if videos is None else videos
        return self.leitmotif("curate", source, "--recipe", "music-video", "--out", workspace, *words, **how)

    # What is compared

    def copy(self, place: Path) -> Path:
        """Return a copy of the reference workspace."""
        return Path(shutil.copytree(self.workspace, place / "ws"))

    def copy_dataset(self, place: Path) -> Path:
        """Return a copy of the reference dataset."""
        return Path(shutil.copytree(self.dataset, place / "ds"))

    def published(self, workspace: Path) -> dict[str, Any]:
        """Publish without reports and return all tables as plain values, media as hashes.

        Raises:
            NotSurvived: It cannot be published.
        """
        out = workspace.with_name(f"{workspace.name}-compared-{os.getpid()}")

        def work() -> None:
            publish(Workspace(workspace), out, Workspace(workspace).plan())

        ended = self.fork(work)
        expect(ended.code == 0, f"publish ends with {ended.code}: {ended.last()}")
        rows = {
            path.relative_to(out).as_posix(): plain(pq.ParquetFile(path).read().to_pylist())
            for path in sorted(out.rglob("*.parquet"))
        }
        shutil.rmtree(out)
        return rows

    def same(self, workspace: Path, *, but: Sequence[str] = ()) -> None:
        """Compare what a workspace publishes with the reference.

        Args:
            workspace: A curated one.
            but: Files that may differ.

        Raises:
            NotSurvived: A row, a column, a split or a table of what was left out differs.
        """
        found = self.published(workspace)
        for name in sorted({*found, *self.rows} - {*but}):
            theirs, ours = found.get(name), self.rows.get(name)
            expect(theirs is not None, f"{name} is missing")
            expect(ours is not None, f"{name} should not be there")
            if theirs != ours:
                raise NotSurvived(f"{name} differs: {difference(theirs, ours)}")

    def rerun(self, workspace: Path, *words: object, same: bool = True) -> None:
        """Curate again, plainly, and compare with the reference.

        Raises:
            NotSurvived: It fails, shows a traceback, leaves something behind or gives other rows.
        """
        ended = self.curate(workspace, *words)
        expect(ended.code == 0, f"the rerun ends with {ended.code}: {ended.last()}")
        clean(ended)
        if same:
            self.same(workspace)
        left = [path.name for path in hidden(workspace)]
        expect(not left, f"left behind: {left[:3]}")


def _commit() -> str:
    """Return which version of the code this is."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
    return subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True).stdout.strip()


def _child(work: Callable[[], int | None], log: Path) -> None:
    """Run, print a traceback where it raises, and end the process without the parent's exit handlers."""
    os.setpgid(0, 0)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.stdout = open(1, "w", closefd=False, errors="replace")  # noqa: SIM115 - as a new process has it
    sys.stderr = open(2, "w", closefd=False, errors="replace")  # noqa: SIM115
    code = 99
    try:
        code = work() or 0
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            from leitmotif.pipelines import runner

            runner._decoder.cache_info().currsize and runner._decoder().close()
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""


def load_libraries() -> None:
    """Import what commands use, and put a plain run in the place of the Prefect flow."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    flow = types.ModuleType("leitmotif.pipelines.flow")

    def run_flow(sources: Any, workspace: Any, plan: Any, **options: Any) -> Any:
        for name in ("workers", "scheduler"):
            options.pop(name, None)
        return curate(sources, workspace, plan, **options)

    flow.run_flow = run_flow  # type: ignore[attr-defined]
    sys.modules[flow.__name__] = flow
    for name in LIBRARIES:
        import_module(name)
    # A pool of OpenCV's threads does not come along into a fork, where it would be waited for without end.
    cv2.setNumThreads(1)
    labels.load()
    gc.freeze()  # pages stay shared by the forks


def plain(value: Any) -> Any:
    """Return a value with bytes as hashes, and NaN as a text, so that two can be compared."""
    if isinstance(value, bytes):
        return hashlib.blake2b(value, digest_size=8).hexdigest()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return "nan" if isinstance(value, float) and value != value else value


def difference(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> str:
    """Say in what two tables differ first."""
    if len(theirs) != len(ours):
        return f"{len(theirs)} rows, {len(ours)} expected; first extra: {_only(theirs, ours)}"
    for one, other in zip(theirs, ours, strict=True):
        for key in other:
            if one.get(key) != other[key]:
                return f"{one.get('clip_id')} {key}: {one.get(key)!r:.80}, {other[key]!r:.80} expected"
    return "columns"


def _only(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> str:
    known = {row["clip_id"] for row in ours}
    extra = [row for row in theirs if row["clip_id"] not in known]
    return (
        str({key: value for key, value in extra[0].items() if value is not None})[:200] if extra else "none"
    )


def hidden(folder: Path) -> list[Path]:
    """Return what killed commands left: hidden names, and files that are not whole."""
    return [
        path
        for path in folder.rglob("*")
        if (path.name.startswith(".") and path.name != ".lock") or path.parent.name == "scratch"
    ]


def clean(ended: Ended) -> None:
    """Expect no traceback and no signal.

    Raises:
        NotSurvived: There is one.
    """
    expect(TRACEBACK not in ended.output, f"traceback: {ended.last()}")
    expect(ended.code >= 0, f"died of signal {-ended.code}: {ended.last()}")


def one_line(ended: Ended, *codes: int) -> None:
    """Expect an end with one line of an error and one of these exit codes.

    Raises:
        NotSurvived: It ended otherwise.
    """
    clean(ended)
    expect(ended.code in codes, f"ends with {ended.code}, not with {codes}: {ended.last()}")
    lines = [line for line in ended.output.splitlines() if line.startswith("leitmotif: error: ")]
    expect(len(lines) == 1, f"{len(lines)} lines of errors: {ended.last()}")


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Mount a file system of a size.

    Raises:
        OSError: This machine does not let us.
    """
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, text=True
    )
    if done.returncode:
        raise OSError(done.stderr.strip())
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], capture_output=True)
