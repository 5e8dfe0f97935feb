"""What a machine refuses: room on the disk, large files, writing at all, descriptors, memory."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos.kills import tidy, whole
from tests.chaos.lab import Fault, Lab, clean, expect, one_line, small_disk

NO_MOUNT = "file systems cannot be mounted here (run it as root to try these)"


def may_mount() -> bool:
    """Tell whether this process may mount a small disk."""
    done = subprocess.run(["unshare", "--mount", "true"], capture_output=True)
    return done.returncode == 0 and os.geteuid() == 0


def faults() -> Iterator[Fault]:
    """Yield them."""
    skip = "" if may_mount() else NO_MOUNT
    for size in ("64k", "256k", "512k", "1m", "2m", "3m", "4m"):
        yield Fault("disk full", f"at curate, {size}", _full_at_curate(size), skip)
    for size in ("64k", "1m", "2m", "3m"):
        yield Fault("disk full", f"at publish, {size}", _full_at_publish(size), skip)
    yield Fault("disk full", "at report", _full_at_report, skip)
    for kilobytes in (4, 12, 20, 60, 100, 150):
        yield Fault("files may not grow (EFBIG)", f"at curate, {kilobytes} kB", _small_at_curate(kilobytes))
    for kilobytes in (4, 60, 400):
        yield Fault("files may not grow (EFBIG)", f"at publish, {kilobytes} kB", _small_at_publish(kilobytes))
    yield Fault("files may not grow (EFBIG)", "at report", _small_at_report)
    for command in ("curate", "publish", "status", "report", "takedown"):
        yield Fault("workspace read-only", f"`{command}`", _read_only(command), skip)
    for number in (12, 16, 24, 40, 64):
        yield Fault("few file descriptors", f"{number} at curate", _few_files(number))
    yield Fault("few file descriptors", "16 at publish", _few_files_at_publish)
    for megabytes in (50, 150, 400, 800):
        yield Fault("memory runs out", f"{megabytes} MB left at curate", _little_memory(megabytes))


def _full_at_curate(size: str) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        with small_disk(place / "disk", size) as disk:
            one_line(lab.curate(disk / "ws"), 2, 3)
            shutil.copytree(disk / "ws", place / "ws", dirs_exist_ok=True)
        lab.rerun(place / "ws")

    return run


def _full_at_publish(size: str) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        with small_disk(place / "disk", size) as disk:
            one_line(lab.leitmotif("publish", lab.workspace, "--out", disk / "ds"), 3)
            left = [path.name for path in disk.iterdir()]
            expect(not left, f"left behind: {left}")

    return run


def _full_at_report(lab: Lab, place: Path) -> None:
    size = sum(path.stat().st_size for path in lab.dataset.rglob("*") if path.is_file())
    with small_disk(place / "disk", f"{size // 1024 + 700}k") as disk:
        dataset = lab.copy_dataset(disk)
        (disk / "filler").write_bytes(bytes(max(0, shutil.disk_usage(disk).free - 20_000)))
        one_line(lab.leitmotif("report", dataset), 3)
        (disk / "filler").unlink()
        tidy(dataset)
        whole(lab, dataset)


def _limit(kind: int, value: int) -> Callable[[], object]:
    return lambda: resource.setrlimit(kind, (value, value))


def _small_at_curate(kilobytes: int) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        ended = lab.curate(place / "ws", before=_limit(resource.RLIMIT_FSIZE, kilobytes << 10))
        one_line(ended, 2, 3)
        lab.rerun(place / "ws")

    return run


def _small_at_publish(kilobytes: int) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        dataset = lab.copy_dataset(place)
        limit = _limit(resource.RLIMIT_FSIZE, kilobytes << 10)
        one_line(lab.leitmotif("publish", lab.workspace, "--out", dataset, before=limit), 3)
        whole(lab, dataset)
        tidy(place)

    return run


def _small_at_report(lab: Lab, place: Path) -> None:
    dataset = lab.copy_dataset(place)
    one_line(lab.leitmotif("report", dataset, before=_limit(resource.RLIMIT_FSIZE, 4 << 10)), 3)
    whole(lab, dataset)
    tidy(place)


def _read_only(command: str) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        with small_disk(place / "disk", "64m") as disk:
            workspace = lab.copy(disk)
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            words = {
                "curate": ("curate", lab.videos, "--out", workspace),
                "publish": ("publish", workspace, "--out", disk / "ds"),
                "status": ("status", workspace),
                "report": ("report", workspace),
                "takedown": ("takedown", workspace, "clip-0001"),
            }[command]
            ended = lab.leitmotif(*words)
            clean(ended)
            if command != "status":
                one_line(ended, 2, 3)
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            shutil.copytree(workspace, place / "ws")
        lab.rerun(place / "ws")

    return run


def _few_files(number: int) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        ended = lab.curate(place / "ws", before=_limit(resource.RLIMIT_NOFILE, number))
        if ended.code:
            one_line(ended, 2, 3)
        clean(ended)
        lab.rerun(place / "ws")

    return run


def _few_files_at_publish(lab: Lab, place: Path) -> None:
    dataset = lab.copy_dataset(place)
    limit = _limit(resource.RLIMIT_NOFILE, 16)
    ended = lab.leitmotif("publish", lab.workspace, "--out", dataset, before=limit)
    clean(ended)
    whole(lab, dataset)
    tidy(place)


def _little_memory(megabytes: int) -> Callable[[Lab, Path], None]:
    """What is mapped already, and so much more: the libraries of the harness are loaded."""

    def limit() -> None:
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _limit(resource.RLIMIT_AS, mapped + (megabytes << 20))()

    def run(lab: Lab, place: Path) -> None:
        ended = lab.curate(place / "ws", before=limit)
        if ended.code > 0:
            one_line(ended, 3)
        lab.rerun(place / "ws")

    return run
